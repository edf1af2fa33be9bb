"""What a score was counted over, in one line, so that two scores can be compared when they may be.

After sacrebleu's signatures (Post, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nerine.core.document import Document, digest_of, parts_of

_SHOWN_OF_HASH = 12


@dataclass(frozen=True, slots=True)
class Signature:
    """The conditions of a score. Scores may be compared if their signatures are equal.

    Attributes:
        metric: What is counted.
        scheme: The tag scheme; `ranges` where no tags were read.
        reading: How tags were read, `strict` or `lenient`.
        split: The name of the split.
        documents: The hash of the gold texts and entities.
        gold: How many gold entities there are.
        version: Nerine's version.
    """

    metric: str
    scheme: str
    reading: str
    split: str
    documents: str
    gold: int
    version: str

    @classmethod
    def of(
        cls,
        gold: Sequence[Document],
        *,
        split: str = "all",
        scheme: str | None = None,
        reading: str = "strict",
        metric: str = "entity",
        version: str | None = None,
    ) -> Signature:
        """The signature of scores.

        Args:
            gold: The documents with the right entities.
            split: The name of their split.
            scheme: The tag scheme; None where no tags were read.
            reading: How tags were read.
            metric: What is counted.
            version: Nerine's version; by default the one that is installed.
        """
        if version is None:
            from importlib.metadata import version as installed  # takes time to import

            version = installed("nerine")
        return cls(
            metric=metric,
            scheme=scheme or "ranges",
            reading=reading,
            split=split,
            documents=digest_of(parts_of(gold))[:_SHOWN_OF_HASH],
            gold=sum(len(each.entities) for each in gold),
            version=version,
        )

    def __str__(self) -> str:
        fields = {name: str(value) for name, value in asdict(self).items()}
        return "|".join(f"{name}:{value.replace('|', '/')}" for name, value in fields.items())
