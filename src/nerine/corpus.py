"""A corpus: documents in splits, and their labels."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from nerine.document import Document, labels_of
from nerine.errors import CorpusError
from nerine.formats import EXTENSIONS, ReadLog, ReadOptions, read_placed
from nerine.formats.folders import SPLITS, find_split_files, split_named
from nerine.formats.tables import hub_tables, is_saved_folder, saved_tables
from nerine.formats.words import TagTable
from nerine.schemes import TagScheme

SAMPLE = "sample"
EXAMPLES_PER_LABEL = 3

_DEFAULT_READ = ReadOptions()

Placed = Iterator[tuple[str, Document]]
SplitReader = Callable[[ReadLog], Placed]


@dataclass(frozen=True)
class Corpus:
    """Documents in the splits `train`, `validation` and `test`, or some of these.

    - `labels`: sorted, those of the training split, or of all where there is none.
    - `source`: what the corpus was loaded from.
    - `scheme`: the tag scheme of the first split that has one.
    - `logs`: for each split what happened while it was read.
    """

    splits: Mapping[str, tuple[Document, ...]]
    labels: tuple[str, ...]
    source: str
    scheme: TagScheme | None = None
    logs: Mapping[str, ReadLog] = field(default_factory=dict)

    @property
    def train(self) -> tuple[Document, ...]:
        """The training split."""
        return self.split("train")

    @property
    def validation(self) -> tuple[Document, ...]:
        """The validation split."""
        return self.split("validation")

    @property
    def test(self) -> tuple[Document, ...]:
        """The test split."""
        return self.split("test")

    def split(self, name: str) -> tuple[Document, ...]:
        """The split called `name`; raises `CorpusError` where there is none."""
        if name not in self.splits:
            raise CorpusError(
                f"there is no {name} split",
                place=self.source,
                expected=f"one of: {', '.join(self.splits)}",
            )
        return self.splits[name]

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the names of the splits, the texts and the entities, in hexadecimal.

        Tokens, ids, scores and `meta` do not count: a corpus has the same hash in every format
        that holds its texts.
        """
        digest = hashlib.sha256()
        for part in self._parts():
            encoded = part.encode("utf-8", "surrogatepass")
            # each part behind its length, so that no two lists of parts look alike
            digest.update(b"%d " % len(encoded) + encoded)
        return digest.hexdigest()

    def _parts(self) -> Iterator[str]:
        for name, documents in sorted(self.splits.items()):
            yield from (name, str(len(documents)))
            for document in documents:
                yield from (document.text, str(len(document.entities)))
                for entity in document.entities:
                    yield f"{entity.start} {entity.end} {entity.label}"

    def hold_out_validation(self, fraction: float = 0.1, seed: int = 0) -> Corpus:
        """The corpus with about `fraction` of its training documents as validation split.

        Sentences of one `-DOCSTART-` article stay together, and so do equal texts. The choice
        depends on `seed` and the texts only, not on their order. `labels` stay as they are.
        """
        if "validation" in self.splits:
            raise CorpusError("there is a validation split already", place=self.source)
        if not 0 < fraction < 1:
            raise CorpusError(
                f"the fraction to hold out is {fraction}", expected="a number between 0 and 1"
            )
        groups = _groups(self.train)
        if len(groups) < 2:
            raise CorpusError(
                f"the {len(self.train)} training documents cannot be divided",
                place=self.source,
                expected="two documents or more that do not belong together",
            )
        chosen = _choose(groups, self.train, fraction * len(self.train), seed)
        kept = tuple(each for index, each in enumerate(self.train) if index not in chosen)
        held = tuple(each for index, each in enumerate(self.train) if index in chosen)
        splits = {**self.splits, "train": kept, "validation": held}
        return replace(self, splits={name: splits[name] for name in SPLITS if name in splits})


def _groups(documents: Sequence[Document]) -> list[list[int]]:
    """Indices of documents that belong together: of one article, or of one text."""
    leader = list(range(len(documents)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    article: int | None = None
    first_with: dict[str, int] = {}
    for index, document in enumerate(documents):
        article = index if "docstart" in document.meta else article
        if article is not None:
            leader[find(index)] = find(article)
        leader[find(index)] = find(first_with.setdefault(document.text, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(documents)):
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())


def _choose(
    groups: list[list[int]], documents: Sequence[Document], target: float, seed: int
) -> set[int]:
    """Indices of whole groups: at most `target`, or else the smallest group."""

    def rank(group: list[int]) -> bytes:
        text = min(documents[index].text for index in group)
        return hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()

    ranked = sorted(groups, key=rank)
    chosen: set[int] = set()
    for group in ranked:
        if len(chosen) + len(group) <= target:
            chosen.update(group)
    smallest = min(ranked, key=len)
    return chosen or set(smallest)


def load_corpus(
    source: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT_READ,
    config: str | None = None,
    revision: str | None = None,
) -> Corpus:
    """The corpus at `source`.

    `source` is `"sample"` (bundled; `"./sample"` is a folder), a folder with a file for each
    split, a single file, a folder that `datasets` saved, or a hub id `owner/name`, of which
    `config` and `revision` say more. A single file is the split that its name tells, or `train`.

    Raises `CorpusError` for what is missing or does not agree, `FormatError` for a bad line,
    `HubError` for a hub out of reach.
    """
    path = Path(source).expanduser()
    if source == SAMPLE:
        with resources.as_file(resources.files("nerine") / SAMPLE) as folder:
            return _corpus(_folder_readers(folder, "spans", options), SAMPLE)
    if path.is_dir():
        if is_saved_folder(path):
            return _corpus(_table_readers(saved_tables(path, options)), str(source))
        return _corpus(_folder_readers(path, format, options), str(source))
    if path.is_file():
        split = split_named(path.name) or "train"
        return _corpus({split: _file_reader([path], format, options)}, str(source))
    if not _is_hub_id(source):
        raise CorpusError(
            "there is no such file or folder",
            place=str(source),
            expected="a folder, a file, 'sample', or a data set on the hub as owner/name",
        )
    return _corpus(_table_readers(hub_tables(str(source), config, revision, options)), str(source))


def _is_hub_id(source: str | Path) -> bool:
    """Whether `source`, which is no file, may be on the hub: `owner/name`, not like a path."""
    if isinstance(source, Path) or source.startswith((".", "~", "/")):
        return False
    owner, _, name = source.partition("/")
    is_path = "/" in name or "\\" in source or Path(name).suffix.lower() in EXTENSIONS
    return bool(owner and name) and not is_path


def _folder_readers(
    folder: Path, format_: str | None, options: ReadOptions
) -> dict[str, SplitReader]:
    if not folder.is_dir():
        raise CorpusError("there is no such folder", place=str(folder))
    files = find_split_files(folder, None if format_ else EXTENSIONS)
    return {split: _file_reader(paths, format_, options) for split, paths in files.items()}


def _file_reader(paths: list[Path], format_: str | None, options: ReadOptions) -> SplitReader:
    def read(log: ReadLog) -> Placed:
        for path in paths:
            yield from read_placed(path, format_, options, log)

    return read


def _table_readers(tables: Mapping[str, TagTable]) -> dict[str, SplitReader]:
    def reader(table: TagTable) -> SplitReader:
        def read(log: ReadLog) -> Placed:
            for number, document in table.documents(log):
                log.documents += 1
                yield table.place(number), document

        return read

    return {split: reader(table) for split, table in tables.items()}


def _corpus(readers: Mapping[str, SplitReader], source: str) -> Corpus:
    logs = {split: ReadLog() for split in readers}
    splits = {
        split: tuple(document for _, document in read(logs[split]))
        for split, read in readers.items()
    }
    for split, documents in splits.items():
        if not documents:
            raise CorpusError(
                f"the {split} split is empty", place=source, expected="at least one document"
            )
    deciding = [splits["train"]] if "train" in splits else list(splits.values())
    labels = labels_of(document for documents in deciding for document in documents)
    for split, documents in splits.items():
        if not set(labels_of(documents)) <= set(labels):
            raise _unknown_label(split, labels, readers[split])
    scheme = next((log.scheme for log in logs.values() if log.scheme), None)
    return Corpus(splits, labels, source, scheme, logs)


def _unknown_label(split: str, labels: tuple[str, ...], read: SplitReader) -> CorpusError:
    """The error for the first label that is not in `labels`: `read` says where it stands."""
    place, label = next(
        (place, entity.label)
        for place, document in read(ReadLog())
        for entity in document.entities
        if entity.label not in labels
    )
    same = [known for known in labels if known.casefold() == label.casefold()]
    near = difflib.get_close_matches(label, labels, n=1)
    hint = f"the nearest one is {near[0]!r}" if near else None
    return CorpusError(
        f"the label {label!r} of the {split} split is not in the training split",
        place=place,
        expected=f"one of the training labels: {', '.join(labels) or 'there are none'}",
        hint=f"{same[0]!r} differs only in upper and lower case" if same else hint,
    )


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
    known = _surfaces(corpus.splits["train"]) if "train" in corpus.splits else None
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
        seen_in_train=None if known is None else _share_seen(entities, known),
    )


def _share_seen(entities: Sequence[tuple[str, str]], known: set[str]) -> float | None:
    if not entities:
        return None
    return sum(surface.casefold() in known for surface, _ in entities) / len(entities)


def _surfaces(documents: Iterable[Document]) -> set[str]:
    return {each.surface(e).casefold() for each in documents for e in each.entities}


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
