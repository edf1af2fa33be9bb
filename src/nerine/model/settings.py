"""The settings of a model, the same in training and in use."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nerine.core.arguments import check_fields
from nerine.core.context import MOST_CONTEXT
from nerine.core.errors import SettingsError
from nerine.core.settings import check
from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.core.words import Words

Decoding = Literal["viterbi", "argmax"]

MOST_BIAS = 100.0
"""The largest size of a bias of `O`: far more than any difference of logits that matters."""


@dataclass(frozen=True, slots=True)
class TransitionScores:
    """The learned scores of a CRF (Lafferty, McCallum & Pereira, 2001) for pairs of tags.

    Attributes:
        between: `between[i][j]` is the score of tag `j` after tag `i`, `(tags, tags)`.
        start: The score of each tag at the first word, `(tags,)`.
        end: The score of each tag at the last word, `(tags,)`.

    Raises:
        SettingsError: If the sizes differ, or a score is not a finite number.
    """

    between: tuple[tuple[float, ...], ...]
    start: tuple[float, ...]
    end: tuple[float, ...]

    def __post_init__(self) -> None:
        rows = (*self.between, self.start, self.end)
        scores = [score for row in rows for score in row]
        if {len(row) for row in rows} != {len(self.between)} or not all(
            type(score) is float and math.isfinite(score) for score in scores
        ):
            raise SettingsError(
                "these are not the scores of a CRF",
                place="transitions",
                expected="finite numbers: between (tags, tags), start (tags) and end (tags)",
            )

    @classmethod
    def from_dict(cls, values: Any) -> TransitionScores:
        """The scores from lists of numbers; raises `SettingsError` for anything else."""
        try:
            between, start, end = values["between"], values["start"], values["end"]
            return cls(
                tuple(tuple(map(float, row)) for row in between),
                tuple(map(float, start)),
                tuple(map(float, end)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                "these are not the scores of a CRF",
                place="transitions",
                expected="the lists of numbers between, start and end",
            ) from error


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The settings of a model, the same in training, scoring and tagging.

    Attributes:
        tags: The tags of the model's outputs, in order.
        scheme: The tag scheme.
        words: The units that bear a tag: `rule`, words by Nerine's rule, or `tokens`, the corpus's
            own.
        decoding: `viterbi`, the best sequence that the scheme allows, or `argmax`, the best tag of
            each word.
        max_length: The most subwords of a window, special tokens included.
        overlap: The number of subwords that two neighbouring windows share.
        outputs: The tag of each output of a model that Nerine did not train, where several outputs
            may have one tag; None for a model whose outputs are `tags`.
        transitions: The scores of the CRF that the model was trained with, for `viterbi`; None for
            a model without one.
        outside_bias: A number that is added to the logit of `O` of each word; below 0 for more
            entities.
        context: The most subwords of the sentences around a document that its window holds, on
            each side; 0 for a model that sees the document alone.

    Raises:
        SettingsError: If a value has another type or is out of its range.
    """

    tags: tuple[str, ...]
    scheme: TagScheme
    words: Words = "rule"
    decoding: Decoding = "viterbi"
    max_length: int = 256
    overlap: int = 64
    outputs: tuple[str, ...] | None = None
    transitions: TransitionScores | None = None
    outside_bias: float = 0.0
    context: int = 0

    def __post_init__(self) -> None:
        check("words", self.words, Words)
        check("decoding", self.decoding, Decoding)
        check_fields(self, SettingsError)
        if not self.tags:
            raise SettingsError("these are not tags", place="tags", expected="a list of strings")
        check("max_length", self.max_length, int, least=1)
        check("overlap", self.overlap, int, least=0)
        check("outside_bias", self.outside_bias, float, least=-MOST_BIAS, most=MOST_BIAS)
        check("context", self.context, int, least=0, most=MOST_CONTEXT)
        if self.outputs is not None and set(self.outputs) != set(self.tags):
            raise SettingsError(
                "these are not the tags of a model's outputs",
                place="outputs",
                expected=f"all of {', '.join(self.tags)}, and no other",
            )
        if self.transitions is not None and len(self.transitions.start) != len(self.tags):
            raise SettingsError(
                f"transitions of {len(self.transitions.start)} tags",
                place="transitions",
                expected=f"those of the model's {len(self.tags)} tags",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the tags, in the order of their first tag; raises `SchemeError`."""
        return tuple(dict.fromkeys(parse_tag(tag).label for tag in self.tags if tag != OUTSIDE))

    @property
    def learned(self) -> TransitionScores | None:
        """The transitions, if decoding uses them."""
        return self.transitions if self.decoding == "viterbi" else None

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        values = {**dataclasses.asdict(self), "tags": list(self.tags), "scheme": self.scheme.value}
        values["outputs"] = self.outputs and list(self.outputs)
        if not self.outside_bias:  # earlier versions refuse a field that they do not know
            del values["outside_bias"]
        values["context"] = self.context or None
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSettings:
        """The settings from the dictionary of `to_dict`.

        Raises:
            SettingsError: If a field is missing, unknown or out of its range.
            SchemeError: If the scheme is unknown.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        required = known - {"outputs", "transitions", "outside_bias", "context"}
        if wrong := (set(values) - known) | (required - set(values)):
            raise SettingsError(
                f"the fields {', '.join(sorted(wrong))} are unknown or missing",
                expected=", ".join(sorted(known)),
            )
        tags, scheme = values["tags"], values["scheme"]
        outputs, transitions = values.get("outputs"), values.get("transitions")
        return cls(
            **{
                **values,
                "tags": tuple(tags) if isinstance(tags, list) else (),
                "scheme": TagScheme.named(str(scheme)),
                "outputs": tuple(outputs) if isinstance(outputs, list) else None,
                "transitions": None
                if transitions is None
                else TransitionScores.from_dict(transitions),
            }
        )
