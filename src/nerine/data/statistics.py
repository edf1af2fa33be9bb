"""What there is to know about a corpus: counts, lengths, repetition, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nerine.core.document import Document, surface_form, surface_forms
from nerine.data.corpus import Corpus

EXAMPLES_PER_LABEL = 3


@dataclass(frozen=True, slots=True)
class SplitDescription:
    """What there is to know about a split.

    - `tokens`: None unless every document has them.
    - `distinct_entities`: different pairs of surface and label.
    - `lengths`: quantiles of the documents' lengths in characters.
    - `duplicates`: documents whose text stands earlier in the split.
    - `seen_in_train`: the share of its entities whose surface, case-folded, is one of the training
      split too; None for that split, without one, and without entities.
    """

    documents: int
    tokens: int | None
    characters: int
    entities: int
    distinct_entities: int
    entities_by_label: Mapping[str, int]
    lengths: Mapping[str, int]
    duplicates: int
    seen_in_train: float | None


@dataclass(frozen=True, slots=True)
class CorpusDescription:
    """What there is to know about a corpus.

    `shared_texts` counts, for each pair of splits, the documents of the second one whose text
    stands in the first one. `examples` are the first few documents with each label.
    """

    source: str
    hash: str
    scheme: str | None
    labels: tuple[str, ...]
    splits: Mapping[str, SplitDescription]
    shared_texts: Mapping[tuple[str, str], int]
    examples: Mapping[str, tuple[Document, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it; pairs of splits as `"train, test"`."""
        return {
            "source": self.source,
            "hash": self.hash,
            "scheme": self.scheme,
            "labels": list(self.labels),
            "splits": {name: asdict(split) for name, split in self.splits.items()},
            "shared_texts": {", ".join(pair): n for pair, n in self.shared_texts.items()},
            "examples": {
                label: [
                    {"text": each.text, "entities": [asdict(e) for e in each.entities]}
                    for each in documents
                ]
                for label, documents in self.examples.items()
            },
        }


def describe_corpus(corpus: Corpus) -> CorpusDescription:
    """Counts, lengths, repetitions and examples of a corpus."""
    known = surface_forms(corpus.splits["train"]) if "train" in corpus.splits else None
    return CorpusDescription(
        source=corpus.source,
        hash=corpus.hash,
        scheme=corpus.scheme.value if corpus.scheme else None,
        labels=corpus.labels,
        splits={
            name: _describe(documents, None if name == "train" else known)
            for name, documents in corpus.splits.items()
        },
        shared_texts=_shared_texts(corpus.splits),
        examples={label: _examples(label, corpus.splits) for label in corpus.labels},
    )


def _describe(documents: Sequence[Document], known: set[str] | None) -> SplitDescription:
    entities = [(each.surface(e), e.label) for each in documents for e in each.entities]
    token_counts = [None if each.tokens is None else len(each.tokens) for each in documents]
    counts = [count for count in token_counts if count is not None]
    return SplitDescription(
        documents=len(documents),
        tokens=sum(counts) if len(counts) == len(documents) else None,
        characters=sum(len(each.text) for each in documents),
        entities=len(entities),
        distinct_entities=len(set(entities)),
        entities_by_label=dict(sorted(Counter(label for _, label in entities).items())),
        lengths=_quantiles([len(each.text) for each in documents]),
        duplicates=len(documents) - len({each.text for each in documents}),
        seen_in_train=None if known is None else _share_seen(documents, known),
    )


def _share_seen(documents: Sequence[Document], known: set[str]) -> float | None:
    forms = [surface_form(each, entity) for each in documents for entity in each.entities]
    return sum(form in known for form in forms) / len(forms) if forms else None


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Lengths that occur: each the smallest one that is not below its share of all."""
    ordered = sorted(lengths)
    percents = {"min": 0, "p50": 50, "p90": 90, "p99": 99, "max": 100}
    last = len(ordered) - 1
    return {name: ordered[-(-percent * last // 100)] for name, percent in percents.items()}


def _shared_texts(splits: Mapping[str, Sequence[Document]]) -> dict[tuple[str, str], int]:
    names = list(splits)
    texts = {name: {each.text for each in splits[name]} for name in names}
    return {
        (first, second): sum(each.text in texts[first] for each in splits[second])
        for index, first in enumerate(names)
        for second in names[index + 1 :]
    }


def _examples(label: str, splits: Mapping[str, Sequence[Document]]) -> tuple[Document, ...]:
    documents = (each for name in splits for each in splits[name])
    having = (each for each in documents if any(e.label == label for e in each.entities))
    return tuple(each for each, _ in zip(having, range(EXAMPLES_PER_LABEL), strict=False))
