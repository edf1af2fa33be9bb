"""Signature of a score: its conditions in one line, after sacrebleu (Post, 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nerine.core.document import Document, digest_of, parts_of

_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Signature:
    """The conditions of a score. Scores are comparable if their signatures are equal.

    Attributes:
        metric: The counted unit.
        scheme: The tag scheme; `ranges` if no tags were read.
        reading: How tags were read, `strict` or `lenient`.
        split: The name of the split.
        documents: The hash of the gold texts and entities.
        gold: The number of gold entities.
        version: Nerine's version.
        rules: The hash of rules that changed the predictions; None for a model alone, or if it is
            not known.
    """

    metric: str
    scheme: str
    reading: str
    split: str
    documents: str
    gold: int
    version: str
    rules: str | None = None

    @classmethod
    def of(
        cls,
        gold: Sequence[Document],
        *,
        split: str = "all",
        scheme: str | None = None,
        reading: str = "strict",
        version: str | None = None,
        rules: str | None = None,
    ) -> Signature:
        """The signature of scores against `gold`; see the attributes for the arguments.

        `scheme` is None if no tags were read; `version` is the installed one by default.
        """
        if version is None:
            from importlib.metadata import version as installed  # takes time to import

            version = installed("nerine")
        return cls(
            metric="entity",
            scheme=scheme or "ranges",
            reading=reading,
            split=split,
            documents=digest_of(parts_of(gold))[:_HASH_LENGTH],
            gold=sum(len(each.entities) for each in gold),
            version=version,
            rules=rules and rules[:_HASH_LENGTH],
        )

    def __str__(self) -> str:
        fields = {name: str(value) for name, value in asdict(self).items() if value is not None}
        return "|".join(f"{name}:{value.replace('|', '/')}" for name, value in fields.items())
