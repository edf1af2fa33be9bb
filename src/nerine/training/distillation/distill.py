"""Distillation: trains a smaller model to predict what a larger one predicts.

The student is made of some of its teacher's layers, and learns the teacher's probabilities for each
word (Hinton, Vinyals & Dean, 2015) in texts with labels and in texts without. Both see the windows
that are used in tagging, so that the student learns from long texts as it will tag them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Unpack

import torch
from transformers import set_seed

from nerine.core.arguments import checked
from nerine.core.display import counted
from nerine.core.document import Document, digest_of
from nerine.core.errors import SettingsError, TrainingError
from nerine.core.sketches import split_record
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.model.batching import look_aheads
from nerine.model.given import CheckpointLike, name_of
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.pretrained import quiet, width_of
from nerine.model.loading.sources import Source
from nerine.model.loading.usage import Usage
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener, make_callbacks
from nerine.training.changes import DistillationChanges
from nerine.training.dataset import context_notes, make_examples
from nerine.training.distillation.loss import DistillationLoss
from nerine.training.distillation.student import count_layers, lowest_layers, make_student
from nerine.training.initialization import (
    learning_rate_for,
    prepare_model,
    run_provenance,
    usable_precision,
)
from nerine.training.loop import NerTrainer
from nerine.training.parallel.launch import check_processes
from nerine.training.plan import check_labels, with_validation
from nerine.training.run import TrainingRun, open_run
from nerine.training.settings import DistillationSettings
from nerine.training.validation import validate

_SMALL_TEACHER_RATE, _BASE_TEACHER_RATE = 4e-4, 1e-4


@checked
def distill(
    teacher: CheckpointLike,
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
    """Trains some layers of a teacher to predict what all of them predict; keeps the best epoch.

    The student learns the teacher's probabilities on `corpus.train` and on unlabelled texts. The
    best epoch is the one with the highest strict F1 on `corpus.validation`; the test split is not
    read.

    Args:
        teacher: The folder or hub id of a token-classification checkpoint, made by Nerine or not,
            or a tagger that was loaded from one.
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        output: The run's folder, in which the checkpoint is written.
        settings: The settings; by default `DistillationSettings()`.
        unlabelled: Texts without labels; all are kept in memory.
        revision: The teacher's branch, tag or commit on the hub.
        scheme: The tag scheme of a teacher not made by Nerine, as in `Tagger.load`.
        tags: The tags of such a teacher, as in `Tagger.load`.
        usage: The words, decoding and windows of the teacher and its student; by default the
            teacher's, as in `Tagger.load`.
        resume: Whether to resume from the last complete state in `output`.
        listener: Receives the progress.
        changes: Settings by name that replace those in `settings`, such as `layers=3`.

    Returns:
        The run's folder, epochs and notes.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If the run cannot start or resume, or the loss is not finite.
        SettingsError: If a setting is unknown, invalid, or does not fit the teacher.
        CorpusError: If the corpus has no training split.
        CheckpointError: If the teacher cannot be used, or its architecture cannot be cut.
        DocumentError: If an item of `unlabelled` is not a text.
        EncodingError: If the tokenizer cannot be used.
        SchemeError: If the tag scheme is unknown, or tags have an unknown form.
        HubError: If the teacher cannot be reached.
        MissingExtraError: If the teacher's package is not installed.
    """
    corpus = as_corpus(corpus)
    loaded, tagger = _load_teacher(name_of(teacher), revision, scheme, tags, usage)
    settings = _resolve((settings or DistillationSettings()).changed(changes), loaded)
    check_processes(1, settings.batch_size)
    _check_known_labels(corpus, loaded)
    student = make_student(loaded, settings.keep_layers)
    texts = [document for ahead in look_aheads(unlabelled) for document in ahead]
    conditions = _conditions(corpus, loaded, settings, texts)
    with open_run(output, conditions, resume=resume) as run:
        corpus = with_validation(corpus, settings, run.notes, loaded.settings.context)
        run.notes += [*check_labels(corpus), *context_notes(corpus.train, loaded.settings.context)]
        set_seed(settings.seed)
        prepare_model(student.model, settings)
        settings = usable_precision(student.model, settings, run.notes)
        inference = tagger.inference
        examples = make_examples(corpus.train, inference.encoder, inference.head, texts)
        scores, _ = validate(inference, corpus.validation)
        layers, f1 = count_layers(loaded.model), scores.overall.f1
        run.notes += (*tagger.notes, *examples.notes())
        run.notes += _student_notes(corpus, texts, settings.keep_layers, layers, f1)
        made = run_provenance(corpus, settings, conditions["corpus"], loaded.provenance)
        provenance = {
            **made,
            "splits": made["splits"] | ({"unlabelled": split_record(texts)} if texts else {}),
            "teacher": {
                "source": str(loaded.source),
                "kind": "hub" if loaded.source and loaded.source.snapshot else "folder",
                "revision": revision,
                "sha256": conditions["teacher"],
                "layers": layers,
                "f1": f1,
            },
            "unlabelled": {"documents": len(texts), "hash": conditions["unlabelled text"]},
        }
        trainer = NerTrainer(
            dataclasses.replace(student, provenance=provenance),
            settings,
            examples=examples,
            loss=DistillationLoss.of(loaded, settings),
            validation=corpus.validation,
            states=run.states,
            callbacks=make_callbacks(settings, run.interruption, listener),
        )
        trainer.train(resume_from_checkpoint=run.resume_from)
        return run.finish(trainer, corpus)


def _load_teacher(
    name: str | Path | Source,
    revision: str | None,
    scheme: str | None,
    tags: TagNames | None,
    usage: Usage | None,
) -> tuple[Checkpoint, Tagger]:
    """The teacher, with the scheme that its tagger has found."""
    with quiet():
        loaded = load_checkpoint(name, revision=revision, scheme=scheme, tags=tags, usage=usage)
        tagger = Tagger.from_checkpoint(loaded)
    return dataclasses.replace(loaded, settings=tagger.settings, scheme_from="record"), tagger


def _conditions(
    corpus: Corpus,
    teacher: Checkpoint,
    settings: DistillationSettings,
    texts: Sequence[Document],
) -> dict[str, Any]:
    """The conditions of a run, which is resumed only with the same ones."""
    return {
        "corpus": corpus.hash,
        "source": corpus.source,
        "teacher": _checkpoint_hash(teacher),
        "unlabelled text": digest_of(document.text for document in texts),
        "settings": settings.to_dict(),
    }


def _resolve(settings: DistillationSettings, teacher: Checkpoint) -> DistillationSettings:
    """The settings with the layers and the learning rate filled in."""
    layers = count_layers(teacher.model)
    keep = settings.keep_layers or lowest_layers(settings.layers or max(1, layers // 2), layers)
    if keep[-1] >= layers or len(keep) == layers:
        raise SettingsError(
            f"layers {', '.join(map(str, keep))} of a teacher that has {layers}",
            place="keep_layers" if settings.keep_layers else "layers",
            expected=f"fewer than {layers} of the layers 0 to {layers - 1}",
        )
    rate = settings.learning_rate
    if rate is None:
        width = width_of(teacher.model.config)
        rate = learning_rate_for(width, small=_SMALL_TEACHER_RATE, base=_BASE_TEACHER_RATE)
    return dataclasses.replace(
        settings, layers=len(keep), keep_layers=tuple(keep), learning_rate=rate
    )


def _check_known_labels(corpus: Corpus, teacher: Checkpoint) -> None:
    unknown = [label for label in corpus.labels if label not in teacher.settings.labels]
    if unknown:
        raise TrainingError(
            f"the corpus has the label {unknown[0]!r}, which the teacher lacks",
            place=corpus.source,
            expected=f"labels of the teacher: {', '.join(teacher.settings.labels)}",
            hint="a student has its teacher's labels: train a teacher on this corpus first",
        )


def _checkpoint_hash(checkpoint: Checkpoint) -> str:
    """The SHA-256 of a checkpoint's settings and weights, in hexadecimal."""
    digest = hashlib.sha256(repr(checkpoint.settings).encode())
    for name, values in sorted(checkpoint.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _student_notes(
    corpus: Corpus, texts: Sequence[Document], keep: Sequence[int], layers: int, f1: float
) -> list[str]:
    kept = ", ".join(map(str, keep))
    notes = [
        f"the student keeps {len(keep)} of the teacher's {layers} layers: {kept}",
        f"the teacher's validation F1 is {f1:.4f}",
    ]
    unlabelled = {document.text for document in texts}
    for name in ("validation", "test"):
        split = corpus.splits.get(name, ())
        count = sum(document.text in unlabelled for document in split) if unlabelled else 0
        if count:
            notes.append(
                f"{counted(count, 'text')} of the {name} split also unlabelled: scores on this "
                "split will be too high"
            )
    return notes
