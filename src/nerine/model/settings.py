"""The settings of a model, the same in training and in use."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nerine.core.errors import SettingsError
from nerine.core.settings import check
from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.core.words import Words

Decoding = Literal["viterbi", "argmax"]


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

    def __post_init__(self) -> None:
        if not self.tags or not all(isinstance(tag, str) for tag in self.tags):
            raise SettingsError("these are not tags", place="tags", expected="a list of strings")
        check("words", self.words, Words)
        check("decoding", self.decoding, Decoding)
        check("max_length", self.max_length, int, least=1)
        check("overlap", self.overlap, int, least=0)
        if self.outputs is not None and set(self.outputs) != set(self.tags):
            raise SettingsError(
                "these are not the tags of a model's outputs",
                place="outputs",
                expected=f"all of {', '.join(self.tags)}, and no other",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the tags, in the order of their first tag; raises `SchemeError`."""
        return tuple(dict.fromkeys(parse_tag(tag).label for tag in self.tags if tag != OUTSIDE))

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        values = {**dataclasses.asdict(self), "tags": list(self.tags), "scheme": self.scheme.value}
        del values["outputs"]
        return values if self.outputs is None else {**values, "outputs": list(self.outputs)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSettings:
        """The settings from the dictionary of `to_dict`.

        Raises:
            SettingsError: If a field is missing, unknown or out of its range.
            SchemeError: If the scheme is unknown.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        values = {"outputs": None, **values}
        if set(values) != known:
            raise SettingsError(
                f"the fields {', '.join(sorted(set(values) ^ known))} are unknown or missing",
                expected=", ".join(sorted(known)),
            )
        tags, scheme, outputs = values["tags"], values["scheme"], values["outputs"]
        return cls(
            **{
                **values,
                "tags": tuple(tags) if isinstance(tags, list) else (),
                "scheme": TagScheme.named(str(scheme)),
                "outputs": tuple(outputs) if isinstance(outputs, list) else None,
            }
        )
