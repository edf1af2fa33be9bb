"""Teacher → student: a smaller checkpoint that says what a larger one says.

A student is made of some of its teacher's layers, and learns the teacher's probabilities for each
word (Hinton, Vinyals & Dean, 2015), of texts with labels and of texts without. Student and teacher
see the same windows, which are those of tagging, so that long texts are learned from as they are
tagged.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from nerine.core.display import counted
from nerine.core.document import Document, digest_of
from nerine.core.errors import SettingsError, TrainingError
from nerine.data.corpus import Corpus
from nerine.model.backends.pytorch import default_device
from nerine.model.batching import look_aheads
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.pretrained import quiet, width_of
from nerine.model.provenance.sketches import split_record, used_splits
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener
from nerine.training.dataset import make_examples
from nerine.training.distillation.lessons import Lesson
from nerine.training.distillation.students import lowest, number_of_layers, student_of
from nerine.training.loop import validation_of
from nerine.training.run import Start, TrainingRun, carry_out
from nerine.training.settings import DistillationSettings
from nerine.training.start import adapt, provenance, rate_for_width

__all__ = ["distill"]

_RATES = 4e-4, 1e-4
"""Peak learning rates for a small teacher and for a base-sized one."""


def distill(
    teacher: str | Path,
    corpus: Corpus,
    *,
    output: str | Path,
    settings: DistillationSettings | None = None,
    unlabelled: Iterable[str | Document] = (),
    revision: str | None = None,
    scheme: str | None = None,
    tags: Sequence[str] | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    **changes: Any,
) -> TrainingRun:
    """Teaches some layers of a teacher what all of them say, and keeps the best epoch.

    The student learns the teacher's probabilities (Hinton, Vinyals & Dean, 2015) on `corpus.train`
    and on texts without labels. `corpus.validation` chooses the epoch, by strict F1 against its
    labels; the test split is not looked at.

    Args:
        teacher: A folder or hub id of a token-classification checkpoint, made by Nerine or not.
        corpus: The corpus.
        output: The folder of the run; the checkpoint is written there.
        settings: How it learns; by default `DistillationSettings()`.
        unlabelled: Texts without labels, all of which are held in memory.
        revision: The teacher's branch, tag or commit on the hub.
        scheme: The scheme of a foreign teacher's tags, as for `Tagger.load`.
        tags: Its tags by their numbers, likewise.
        resume: Whether to go on from the last whole state in `output`.
        listener: Whoever shows the progress.
        changes: Fields of `settings` by name, which they replace, as in `layers=3`.

    Returns:
        What the run did, and where it is.

    Raises:
        TrainingError: Where the run cannot start, go on, or diverges.
        SettingsError: For a setting that does not exist, or does not fit the teacher.
        CorpusError: For a corpus without a training split.
        CheckpointError: For a teacher that cannot be used, or whose architecture cannot be cut.
        DocumentError: For an item of `unlabelled` that is no text.
        EncodingError: For a tokenizer that cannot be used.
        SchemeError: For a tag scheme that there is not, or tags of an unknown form.
        HubError: For a teacher that cannot be reached.
        MissingExtraError: For a teacher of a package that is not installed.
    """
    with quiet():
        loaded = load_checkpoint(teacher, revision=revision, scheme=scheme, tags=tags)
    chosen = _resolved((settings or DistillationSettings()).changed(changes), loaded)
    _check_labels(loaded, corpus)
    student = student_of(loaded, chosen.keep)
    texts = [document for ahead in look_aheads(unlabelled) for document in ahead]
    about = {
        "corpus": corpus.hash,
        "teacher": _digest(loaded),
        "unlabelled text": digest_of(document.text for document in texts),
        "settings": chosen.to_dict(),
    }
    source = {
        "source": str(loaded.source),
        "kind": "hub" if loaded.source and loaded.source.snapshot else "folder",
        "revision": revision,
        "sha256": about["teacher"],
    }
    return carry_out(
        corpus,
        chosen,
        lambda split: _start(split, texts, loaded, student, source, chosen),
        output=output,
        about=about,
        resume=resume,
        listener=listener,
    )


def _resolved(settings: DistillationSettings, teacher: Checkpoint) -> DistillationSettings:
    """Settings that name the layers and the learning rate, whatever they left open."""
    layers = number_of_layers(teacher)
    keep = settings.keep or lowest(settings.layers or max(1, layers // 2), layers)
    if keep[-1] >= layers or len(keep) == layers:
        raise SettingsError(
            f"the layers {', '.join(map(str, keep))} of a teacher that has {layers}",
            place="keep" if settings.keep else "layers",
            expected=f"fewer than {layers} of the layers 0 to {layers - 1}",
        )
    rate = settings.learning_rate
    if rate is None:
        rate = rate_for_width(width_of(teacher.model.config), *_RATES)
    return dataclasses.replace(settings, layers=len(keep), keep=tuple(keep), learning_rate=rate)


def _check_labels(teacher: Checkpoint, corpus: Corpus) -> None:
    unknown = [label for label in corpus.labels if label not in teacher.settings.labels]
    if unknown:
        raise TrainingError(
            f"the corpus has the label {unknown[0]!r}, which the teacher has not",
            place=corpus.source,
            expected=f"labels of the teacher: {', '.join(teacher.settings.labels)}",
            hint="a student knows its teacher's labels: train a teacher on this corpus first",
        )


def _digest(teacher: Checkpoint) -> str:
    """SHA-256 over the teacher's weights, by name, and its settings, in hexadecimal."""
    digest = hashlib.sha256(repr(teacher.settings).encode())
    for name, values in sorted(teacher.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _start(
    corpus: Corpus,
    texts: Sequence[Document],
    teacher: Checkpoint,
    student: Checkpoint,
    source: dict[str, Any],
    settings: DistillationSettings,
) -> Start:
    """The student as it is before it learns, and what it is to learn."""
    set_seed(settings.seed)
    tagger = Tagger.from_checkpoint(teacher)
    adapt(student.model, settings)
    inference = tagger.inference
    examples = make_examples(corpus.train, inference.encoder, inference.head, texts)
    scored, _ = validation_of(tagger, corpus.validation)
    kept, layers = ", ".join(map(str, settings.keep)), number_of_layers(teacher)
    unlabelled = {"unlabelled": split_record(texts)} if texts else {}
    about = {
        "splits": {**used_splits(corpus), **unlabelled},
        "teacher": {**source, "layers": layers, "f1": scored.overall.f1},
        "unlabelled": {
            "documents": len(texts),
            "hash": digest_of(document.text for document in texts),
        },
    }
    return Start(
        dataclasses.replace(student, provenance={**provenance(corpus, settings), **about}),
        examples,
        _lesson(teacher, settings),
        notes=(
            f"the student keeps {len(settings.keep)} of the teacher's {layers} layers: {kept}",
            f"the teacher's validation F1 is {scored.overall.f1:.4f}",
            *_overlap(corpus, texts),
        ),
    )


def _lesson(teacher: Checkpoint, settings: DistillationSettings) -> Lesson:
    tokenizer = teacher.tokenizer
    special = {*tokenizer.all_special_ids}
    ordinary = [index for index in tokenizer.get_vocab().values() if index not in special]
    return Lesson(
        teacher.model.to(default_device()).eval(),
        settings,
        tokenizer.mask_token_id,
        torch.tensor(sorted(ordinary)),
    )


def _overlap(corpus: Corpus, texts: Sequence[Document]) -> list[str]:
    """What is to be said of unlabelled texts that a score will be counted on."""
    known = {document.text for document in texts}
    counts = {
        name: sum(document.text in known for document in corpus.splits[name])
        for name in ("validation", "test")
        if name in corpus.splits
    }
    return [
        f"{counted(count, 'text')} of the {name} split also unlabelled: its scores will flatter"
        for name, count in counts.items()
        if count
    ]
