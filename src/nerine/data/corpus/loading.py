"""Reads a corpus: the bundled one, files, a folder, or a data set on the hub."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, HubError
from nerine.data.corpus.splits import Corpus
from nerine.data.formats import EXTENSIONS, FORMATS, ReadLog, ReadOptions, read_placed
from nerine.data.formats.folders import find_split_files, is_pair_folder, split_named
from nerine.data.formats.tables import is_saved_folder, saved_tables
from nerine.data.formats.words import TagTable

SAMPLE = "sample"
_WITHOUT_HUB = (
    "without the hub, a folder with train, dev and test files works, and so does 'sample'"
)

_DEFAULT_READ = ReadOptions()

Placed = Iterator[tuple[str, Document]]
SplitReader = Callable[[ReadLog], Placed]


def load_corpus(
    source: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT_READ,
    config: str | None = None,
    revision: str | None = None,
    splits: Mapping[str, str] | None = None,
    known_labels_only: bool = True,
) -> Corpus:
    """Loads a corpus from files or from the hub.

    A single file, or a single folder of brat's, is the split that its name tells, or `train`. The
    files of a data set on the hub are read as those of a folder are. No code of a repository is
    ever fetched or run.

    Args:
        source: `"sample"` (bundled; `"./sample"` is a folder), a folder with a file for each split
            (or a folder of brat's), a single file, a folder that `datasets` saved, or a data set on
            the hub: `owner/name`, or `owner/name@revision`.
        format: The format of its files; by default it is found.
        options: How to read them.
        config: One of the configurations of a data set on the hub.
        revision: Its branch, tag or commit.
        splits: Which of its splits, or of those that `datasets` saved, is which of ours, as in
            `{"train": "train_2020"}`; others are not fetched then.
        known_labels_only: Whether a label that other splits have and training lacks is an error.
            False is for those who look for what is wrong with a corpus; training would stumble over
            it.

    Returns:
        The corpus, every split of it read and checked.

    Raises:
        CorpusError: For what is missing, empty or does not agree.
        FormatError: For a line or record that cannot be read, with its place.
        SettingsError: For an option that the format cannot take.
        HubError: For a data set that cannot be reached.
        MissingExtraError: Where a format needs an extra that is not installed: Parquet and saved
            folders `datasets`, spaCy's files `spacy`.
    """
    path = Path(source).expanduser()
    strict = known_labels_only
    if source == SAMPLE:
        with resources.as_file(resources.files("nerine.data") / SAMPLE) as folder:
            return _corpus(_folder_readers(folder, "spans", options), SAMPLE, strict)
    if path.is_file() or (is_pair_folder(path) and format in (None, "brat")):
        split = split_named(path.resolve().name) or "train"
        return _corpus({split: _file_reader([path], format, options)}, str(source), strict)
    if path.is_dir():
        if is_saved_folder(path):
            return _from_saved(path, str(source), options, splits, strict)
        return _corpus(_folder_readers(path, format, options), str(source), strict)
    if not is_hub_id(source):
        raise CorpusError(
            "there is no such file or folder",
            place=str(source),
            expected="a folder, a file, 'sample', or a data set on the hub as owner/name",
        )
    corpus = _HubCorpus(str(source), revision, config, splits, format)
    return corpus.read(options, strict)


def _from_saved(
    path: Path, source: str, options: ReadOptions, splits: Mapping[str, str] | None, strict: bool
) -> Corpus:
    tables, left_out = saved_tables(path, options, splits)
    corpus = _corpus(_table_readers(tables), source, strict)
    note = f"{source}: splits that are not read: {', '.join(left_out)}"
    return replace(corpus, notes=(note,) if left_out and not splits else ())


@dataclass(frozen=True, slots=True)
class _HubCorpus:
    """What is asked of the hub."""

    source: str
    revision: str | None
    config: str | None
    splits: Mapping[str, str] | None
    format: str | None

    def read(self, options: ReadOptions, strict: bool) -> Corpus:
        """Files in the hub's cache, read as those of a folder."""
        from nerine.data.hub_datasets.pulling import pull_corpus
        from nerine.hub.errors import is_offline
        from nerine.hub.names import RepoName

        try:
            found = pull_corpus(
                RepoName.parse(self.source, self.revision, "dataset"),
                config=self.config,
                splits=self.splits,
                format_=self.format,
            )
        except HubError as error:
            if not is_offline():
                raise
            hint = "; ".join(each for each in (error.hint, _WITHOUT_HUB) if each)
            place = f"{error.place}, which is no folder here"
            raise HubError(error.found, expected=error.expected, place=place, hint=hint) from error
        options = replace(options, known_tag_names=found.tag_names)
        readers = {
            split: _file_reader([*paths], self.format, options)
            for split, paths in found.splits.items()
        }
        corpus = _corpus(readers, str(found.snapshot), strict)
        return replace(corpus, config=found.config, notes=found.notes)


def is_hub_id(source: str | Path) -> bool:
    """Whether `source`, which is no file, may be on the hub.

    It is `owner/name`, perhaps with `@revision` behind it, and not like a path.
    """
    if isinstance(source, Path) or source.startswith((".", "~", "/")):
        return False
    repo, _, _ = source.partition("@")
    owner, _, name = repo.partition("/")
    is_path = "/" in name or "\\" in repo or Path(name).suffix.lower() in EXTENSIONS
    return bool(owner and name) and not is_path


def _folder_readers(
    folder: Path, format_: str | None, options: ReadOptions
) -> dict[str, SplitReader]:
    if not folder.is_dir():
        raise CorpusError("there is no such folder", place=str(folder))
    extensions = {None: EXTENSIONS, "brat": FORMATS["brat"].extensions}.get(format_)
    files = find_split_files(folder, extensions, pairs=format_ in (None, "brat"))
    return {split: _file_reader(paths, format_, options) for split, paths in files.items()}


def _file_reader(paths: list[Path], format_: str | None, options: ReadOptions) -> SplitReader:
    def read(log: ReadLog) -> Placed:
        for path in paths:
            yield from read_placed(path, format_, options, log)

    return read


def _table_readers(tables: Mapping[str, TagTable]) -> dict[str, SplitReader]:
    def reader(table: TagTable) -> SplitReader:
        def read(log: ReadLog) -> Placed:
            for place, document in table.documents(log):
                log.documents += 1
                yield place, document

        return read

    return {split: reader(table) for split, table in tables.items()}


def _corpus(readers: Mapping[str, SplitReader], source: str, known_labels_only: bool) -> Corpus:
    logs = {split: ReadLog() for split in readers}
    placed = {split: tuple(read(logs[split])) for split, read in readers.items()}
    splits = {split: tuple(document for _, document in pairs) for split, pairs in placed.items()}
    places = {split: tuple(place for place, _ in pairs) for split, pairs in placed.items()}
    for split, documents in splits.items():
        if not documents:
            raise CorpusError(
                f"the {split} split is empty", place=source, expected="at least one document"
            )
    deciding = [splits["train"]] if "train" in splits else list(splits.values())
    labels = labels_of(document for documents in deciding for document in documents)
    for split, documents in splits.items():
        if known_labels_only and not set(labels_of(documents)) <= set(labels):
            raise _unknown_label(split, labels, readers[split])
    scheme = next((log.scheme for log in logs.values() if log.scheme), None)
    rows = {split: tuple(log.first_rows) for split, log in logs.items() if log.first_rows}
    return Corpus(splits, labels, source, scheme, logs, places, rows)


def _unknown_label(split: str, labels: tuple[str, ...], read: SplitReader) -> CorpusError:
    """The error for the first label that is not in `labels`: `read` says where it stands."""
    place, label = next(
        (place, entity.label)
        for place, document in read(ReadLog())
        for entity in document.entities
        if entity.label not in labels
    )
    return CorpusError(
        f"the label {label!r} of the {split} split is not in the training split",
        place=place,
        expected=f"one of the training labels: {', '.join(labels) or 'there are none'}",
        hint=near_miss(label, labels),
    )


def near_miss(label: str, labels: Iterable[str]) -> str | None:
    """Which one of `labels` may be meant by `label`, in words."""
    known = list(labels)
    same = [each for each in known if each.casefold() == label.casefold()]
    if same:
        return f"{same[0]!r} differs only in upper and lower case"
    near = difflib.get_close_matches(label, known, n=1)
    return f"the nearest one is {near[0]!r}" if near else None
