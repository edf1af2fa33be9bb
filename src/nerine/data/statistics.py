"""Statistics of a corpus: counts, lengths, repeated texts, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, islice
from typing import Any

from nerine.core.arguments import checked
from nerine.core.document import Document, labels_of, surface_form, surface_forms
from nerine.data.corpus.given import CorpusLike, as_corpus

EXAMPLES_PER_LABEL = 3
_PERCENTILES = {"min": 0, "p50": 50, "p90": 90, "p99": 99, "max": 100}


@dataclass(frozen=True, slots=True)
class SplitStatistics:
    """Statistics of a split.

    Attributes:
        documents: Number of documents.
        tokens: Number of tokens; None unless every document has tokens.
        characters: Number of code points.
        entities: Number of entities.
        distinct_entities: Number of different pairs of surface and label.
        entities_by_label: Number of entities with each label.
        lengths: Percentiles of the documents' lengths in code points.
        duplicates: Number of documents whose text occurs earlier in the split.
        seen_in_train: Share of entities whose case-folded surface is an entity of the training
            split; None for that split, without one, and without entities.
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
class CorpusStatistics:
    """Statistics of a corpus.

    Attributes:
        source: The source of the corpus.
        hash: Its hash.
        scheme: The name of its tag scheme, if any.
        labels: The labels of all its splits.
        splits: The statistics of each split.
        shared_texts: For each pair of splits, the number of documents of the second one whose text
            is in the first one.
        examples: The first few documents with each label.
    """

    source: str
    hash: str
    scheme: str | None
    labels: tuple[str, ...]
    splits: Mapping[str, SplitStatistics]
    shared_texts: Mapping[tuple[str, str], int]
    examples: Mapping[str, tuple[Document, ...]]

    def to_dict(self) -> dict[str, Any]:
        """All statistics as JSON values; pairs of splits as `"train, test"`."""
        return asdict(self) | {
            "labels": list(self.labels),
            "shared_texts": {", ".join(pair): n for pair, n in self.shared_texts.items()},
            "examples": {
                label: [
                    {"text": each.text, "entities": [asdict(e) for e in each.entities]}
                    for each in documents
                ]
                for label, documents in self.examples.items()
            },
        }


@checked
def describe_corpus(corpus: CorpusLike) -> CorpusStatistics:
    """Counts, lengths, repeated texts and examples of a corpus.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.

    Raises:
        ArgumentError: If `corpus` is neither.
        CorpusError: If a file or split is missing or empty.
        FormatError: If a line or record cannot be read.
        HubError: If a data set on the hub cannot be reached.
        MissingExtraError: If a format needs an extra that is not installed.
    """
    corpus = as_corpus(corpus)
    splits = corpus.splits
    known = surface_forms(splits["train"]) if "train" in splits else None
    texts = {name: {each.text for each in split} for name, split in splits.items()}
    documents = [document for split in splits.values() for document in split]
    examples = {}
    labels = labels_of(documents)
    for label in labels:
        having = (each for each in documents if any(e.label == label for e in each.entities))
        examples[label] = tuple(islice(having, EXAMPLES_PER_LABEL))
    return CorpusStatistics(
        source=corpus.source,
        hash=corpus.hash,
        scheme=corpus.scheme.value if corpus.scheme else None,
        labels=labels,
        splits={
            name: split_statistics(split, None if name == "train" else known)
            for name, split in splits.items()
        },
        shared_texts={
            (first, second): sum(each.text in texts[first] for each in splits[second])
            for first, second in combinations(splits, 2)
        },
        examples=examples,
    )


def split_statistics(documents: Sequence[Document], known: set[str] | None) -> SplitStatistics:
    """Statistics of a split; `known` are the surface forms of the training split's entities."""
    entities = [(each, entity) for each in documents for entity in each.entities]
    token_counts = [len(each.tokens) for each in documents if each.tokens is not None]
    lengths = sorted(len(each.text) for each in documents)
    last = len(lengths) - 1
    seen_in_train = None
    if known is not None and entities:
        seen_in_train = sum(surface_form(*each) in known for each in entities) / len(entities)
    return SplitStatistics(
        documents=len(documents),
        tokens=sum(token_counts) if len(token_counts) == len(documents) else None,
        characters=sum(lengths),
        entities=len(entities),
        distinct_entities=len({(each.surface(entity), entity.label) for each, entity in entities}),
        entities_by_label=dict(sorted(Counter(entity.label for _, entity in entities).items())),
        # each percentile is a length that occurs, rounded up
        lengths={
            name: lengths[-(-percent * last // 100)] for name, percent in _PERCENTILES.items()
        },
        duplicates=len(documents) - len({each.text for each in documents}),
        seen_in_train=seen_in_train,
    )
