"""Teachers: checkpoints that agree on words and tags, and what they say of a batch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from nerine.core.errors import SettingsError
from nerine.model.backends.lean import takes_mask
from nerine.model.backends.pytorch import TorchBackend, default_device
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.pretrained import quiet
from nerine.model.loading.sources import Source
from nerine.model.loading.usage import Usage
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.training.initialization import MIXED, failure_in
from nerine.training.losses import Batch
from nerine.training.settings import Precision

Columns = tuple[tuple[int, ...], ...]
"""For each tag, the outputs of a model whose probabilities are summed."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A checkpoint that teaches, and its tagger.

    `checkpoint` has the scheme that the tagger has found.
    """

    checkpoint: Checkpoint
    tagger: Tagger

    @property
    def settings(self) -> ModelSettings:
        """How the teacher is used."""
        return self.checkpoint.settings

    @property
    def name(self) -> str:
        """The folder or hub id of the teacher, for messages."""
        return str(self.checkpoint.source or "the teacher")

    def in_precision(self, precision: Precision | None) -> Teacher:
        """The same teacher, tagging in `precision` if it is a mixed one that the model can use."""
        model = self.checkpoint.model
        if precision not in MIXED or failure_in(model, precision) is not None:
            return self
        backend = TorchBackend.of(model, mixed=MIXED[precision])
        return dataclasses.replace(self, tagger=Tagger.of(backend, self.checkpoint))

    @property
    def hash(self) -> str:
        """The SHA-256 of its settings and weights, in hexadecimal."""
        digest = hashlib.sha256(repr(self.settings).encode())
        for name, values in sorted(self.checkpoint.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(values.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def load_teacher(
    name: str | Path | Source,
    *,
    revision: str | None,
    scheme: str | None,
    tags: TagNames | None,
    usage: Usage | None,
) -> Teacher:
    """The teacher at a folder or hub id, with the scheme that its tagger has found.

    It teaches without its bias of `O`, which was fitted for its own weights.
    """
    with quiet():
        loaded = load_checkpoint(name, revision=revision, scheme=scheme, tags=tags, usage=usage)
        unbiased = dataclasses.replace(loaded.settings, outside_bias=0.0)
        loaded = dataclasses.replace(loaded, settings=unbiased)
        tagger = Tagger.from_checkpoint(loaded)
    found = dataclasses.replace(loaded, settings=tagger.settings, scheme_from="record")
    return Teacher(found, tagger)


def check_agreement(teachers: Sequence[Teacher]) -> None:
    """Raises `SettingsError` unless all teachers have the same words, scheme and tags.

    The tags may be in another order. Words have to come from the text, not from a tokenizer.
    """
    first = teachers[0]
    if first.settings.words in ("tokenizer", "subwords"):
        raise SettingsError(
            f"the words of the teacher {first.name} are those of its tokenizer",
            place="words",
            expected="words by Nerine's rule, which are the same for all tokenizers",
            hint="state --words rule if it was trained on whole words",
        )
    for other in teachers[1:]:
        for name, mine, theirs in (
            ("words", first.settings.words, other.settings.words),
            ("scheme", first.settings.scheme.value, other.settings.scheme.value),
            ("tags", sorted(first.settings.tags), sorted(other.settings.tags)),
        ):
            if mine != theirs:
                raise SettingsError(
                    f"the teachers have other {name}: {_shown(theirs)} in {other.name}",
                    place="teacher",
                    expected=f"those of {first.name}: {_shown(mine)}",
                    hint="teach with checkpoints that were trained on the same labels",
                )


def _shown(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def columns_of(settings: ModelSettings, tags: Sequence[str]) -> Columns:
    """For each of `tags` the outputs of a model with these settings that have this tag."""
    outputs = settings.outputs or settings.tags
    return tuple(
        tuple(index for index, output in enumerate(outputs) if output == tag) for tag in tags
    )


def in_columns(logits: torch.Tensor, columns: Columns) -> torch.Tensor:
    """The logits of tags, `(words, tags)`, from those of a model's outputs, `(words, outputs)`."""
    return torch.stack([logits[:, list(own)].logsumexp(dim=1) for own in columns], dim=1)


class Teaching(Protocol):
    """What the teachers say of the words of a batch."""

    @property
    def sees_changes(self) -> bool:
        """Whether it is said of the batch as it was changed, or of the texts as they are."""
        ...

    def __call__(self, batch: Batch, words: torch.Tensor) -> torch.Tensor:
        """Logits of the tags of the positions `words`, `(positions, tags)`.

        They are NaN where the teachers say nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneTeacher:
    """The logits of a single teacher, which is run on each batch."""

    model: Any
    sees_changes: bool = True

    def __call__(self, batch: Batch, words: torch.Tensor) -> torch.Tensor:
        """The teacher's logits at the positions `words`, `(positions, outputs)`."""
        with torch.no_grad():
            mask = {"attention_mask": batch["attention_mask"]} if takes_mask(self.model) else {}
            logits: torch.Tensor = self.model(input_ids=batch["input_ids"], **mask).logits[words]
        return logits


@dataclass(frozen=True, slots=True)
class TeachersTogether:
    """The mean of the probabilities of several teachers, which are run on each batch.

    The mean is arithmetic, as in deep ensembles (Lakshminarayanan, Pritzel & Blundell, 2017): a
    tag that one teacher holds to be impossible keeps what the others give it, and the scales of
    their logits do not matter. Each teacher has `columns`, which bring its outputs into the order
    of the student's tags.
    """

    teachers: Sequence[tuple[OneTeacher, Columns]]
    sees_changes: bool = True

    def __call__(self, batch: Batch, words: torch.Tensor) -> torch.Tensor:
        """The logarithms of the mean probabilities at the positions `words`."""
        logits = [in_columns(each(batch, words).float(), own) for each, own in self.teachers]
        log_probs = torch.stack([each.log_softmax(dim=1) for each in logits])
        return log_probs.logsumexp(dim=0) - math.log(len(logits))


def run_on_batches(teachers: Sequence[Teacher], student: Checkpoint) -> Teaching | None:
    """The teachers as they are run on the student's batches; None if they cannot be.

    They can if they have the student's tokenizer and take windows of its length, and their tags do
    not depend on each other by the scores of a CRF.
    """
    own = _description(student.tokenizer)
    able = all(
        _description(each.checkpoint.tokenizer) == own
        and each.settings.max_length >= student.settings.max_length
        and each.settings.transitions is None
        for each in teachers
    )
    if not able:
        return None
    tags = student.settings.tags
    return TeachersTogether(
        [(one_teacher(each), columns_of(each.settings, tags)) for each in teachers]
    )


def one_teacher(teacher: Teacher) -> OneTeacher:
    """The teacher on the device of the training."""
    return OneTeacher(teacher.checkpoint.model.to(default_device()).eval())


def _description(tokenizer: Any) -> tuple[Any, ...]:
    """What is the same for tokenizers that make the same subwords of every text."""
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = {key: value for key, value in parts.items() if key not in ("truncation", "padding")}
    return parts, tokenizer.mask_token_id
