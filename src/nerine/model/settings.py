"""How a model is used."""

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
    """How a model is to be used, in training as in scoring and tagging.

    Attributes:
        tags: The model's outputs, in order.
        scheme: The scheme that they are written in.
        words: What bears a tag: `rule`, words by Nerine's rule, or `tokens`, the corpus's own.
        decoding: `viterbi`, the best sequence that the scheme allows (Viterbi, 1967), or `argmax`,
            the best tag of each word.
        max_length: The most subwords of a window, special tokens included.
        overlap: How many subwords two neighbouring windows share.

    Raises:
        SettingsError: For a value of another kind, or out of its range.
    """

    tags: tuple[str, ...]
    scheme: TagScheme
    words: Words = "rule"
    decoding: Decoding = "viterbi"
    max_length: int = 256
    overlap: int = 64

    def __post_init__(self) -> None:
        if not self.tags or not all(isinstance(tag, str) for tag in self.tags):
            raise SettingsError("these are no tags", place="tags", expected="a list of strings")
        check("words", self.words, Words)
        check("decoding", self.decoding, Decoding)
        check("max_length", self.max_length, int, least=1)
        check("overlap", self.overlap, int, least=0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels behind the tags, in the order of their first tag.

        Raises:
            SchemeError: For a tag of an unknown form.
        """
        return tuple(dict.fromkeys(parse_tag(tag).label for tag in self.tags if tag != OUTSIDE))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "tags": list(self.tags), "scheme": self.scheme.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSettings:
        """The settings that `to_dict` gave.

        Args:
            values: The fields by their names, all of them.

        Returns:
            The settings.

        Raises:
            SettingsError: For a field that is missing, unknown or out of its range.
            SchemeError: For a scheme that there is not.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        if set(values) != known:
            raise SettingsError(
                f"the fields {', '.join(sorted(set(values) ^ known))} are unknown or missing",
                expected=", ".join(sorted(known)),
            )
        tags, scheme = values["tags"], values["scheme"]
        return cls(
            **{
                **values,
                "tags": tuple(tags) if isinstance(tags, list) else (),
                "scheme": TagScheme.named(str(scheme)),
            }
        )
