"""Load a corpus: the bundled one, files, a folder, or a data set on the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerine.core.arguments import checked
from nerine.core.context import in_context
from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, HubError
from nerine.core.files import disk_errors
from nerine.data.corpus.corpus import Corpus
from nerine.data.corpus.notes import shared_prefix_note, unseen_label_notes
from nerine.data.corpus.saved_dataset import is_saved_dataset, open_saved_dataset
from nerine.data.formats import (
    EXTENSIONS,
    FORMATS,
    ReadLog,
    ReadOptions,
    is_folder_of,
    read_placed,
)
from nerine.data.formats.record_rows import RecordRows
from nerine.data.formats.registry import counted
from nerine.data.split_files import find_split_files, split_named

if TYPE_CHECKING:
    from nerine.data.hub_datasets.pulling import CorpusFiles

SAMPLE = "sample"

_DEFAULT_READ = ReadOptions()

SplitSource = Sequence[Path] | RecordRows
"""The files of a split, or its rows in a folder that `datasets` saved."""


@disk_errors(CorpusError)
@checked
def load_corpus(
    source: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the field's own name
    options: ReadOptions = _DEFAULT_READ,
    config: str | None = None,
    revision: str | None = None,
    splits: Mapping[str, str] | None = None,
    for_checking: bool = False,
) -> Corpus:
    """Loads a corpus from files or from the hub.

    A single file, or a single folder in a format whose files are documents (`brat`, `webanno`,
    `bioc`, `i2b2`), is the split that its name refers to, or else `train`. The files of a data set
    on the hub are read like those of a folder. No code of a repository is ever fetched or run.

    Args:
        source: `"sample"` (bundled; `"./sample"` is a folder), a folder with a file, or a folder
            of documents, for each split, a single file, a folder that `datasets` saved, or a data
            set on the hub: `owner/name` or `owner/name@revision`.
        format: The format of its files; detected by default.
        options: How to read them.
        config: The configuration of a data set on the hub.
        revision: Its branch, tag or commit.
        splits: For a data set on the hub or one that `datasets` saved, its name of each split that
            is wanted, as in `{"train": "train_2020"}`; others are not fetched.
        for_checking: Whether lines and records that cannot be read are left out and listed in the
            logs instead of an error, without notes on what the corpus holds.

    Returns:
        The corpus, with every split read and checked. A label that the training split lacks is
        noted: no model can learn it, and evaluation counts its entities as missed. Words that all
        begin alike are noted too.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If a file or split is missing or empty.
        FormatError: If a line or record cannot be read.
        SettingsError: If the format does not accept an option.
        HubError: If the data set cannot be reached.
        MissingExtraError: If a format needs an extra that is not installed: `datasets` for Parquet
            and saved folders, `spacy` for spaCy's files.
    """
    path = Path(source).expanduser()
    name, found_config = str(source), None
    notes: tuple[str, ...] = ()
    sources: Mapping[str, SplitSource]
    if source == SAMPLE:
        format = "spans"  # noqa: A001
        sources = find_split_files(Path(__file__).parents[1] / SAMPLE, EXTENSIONS)
    elif path.is_file() or is_folder_of(format, path):
        sources = {split_named(path.resolve().name) or "train": [path]}
    elif path.is_dir() and is_saved_dataset(path):
        sources, left_out = open_saved_dataset(path, options, splits)
        if left_out and not splits:
            notes = (f"{source}: splits that are not read: {', '.join(left_out)}",)
    elif path.is_dir():
        extensions = {None: EXTENSIONS, "brat": FORMATS["brat"].extensions}.get(format)
        sources = find_split_files(path, extensions, is_split=partial(is_folder_of, format))
    elif is_hub_id(source):
        found = _pull(name, revision, config=config, splits=splits, format_=format)
        options = replace(options, known_tag_names=found.tag_names)
        sources, name = found.splits, str(found.snapshot)
        found_config, notes = found.config, found.notes
    else:
        raise CorpusError(
            "there is no such file or folder",
            place=name,
            expected="a folder, a file, 'sample', or a data set on the hub as owner/name",
        )
    corpus = _read_corpus(sources, format, options, name, for_checking)
    if not for_checking:
        prefixes = (shared_prefix_note(corpus, split) for split in corpus.splits)
        notes += (*unseen_label_notes(corpus), *filter(None, prefixes))
    return replace(corpus, config=found_config, notes=notes)


def _pull(source: str, revision: str | None, **choice: Any) -> CorpusFiles:
    """Fetches the files of a data set on the hub."""
    from nerine.data.hub_datasets.pulling import pull_corpus
    from nerine.hub.errors import is_offline
    from nerine.hub.names import RepoName

    try:
        return pull_corpus(RepoName.parse(source, revision, "dataset"), **choice)
    except HubError as error:
        if not is_offline():
            raise
        hint = (
            "without the hub, a folder with train, dev and test files works, and so does 'sample'"
        )
        raise HubError(
            error.found,
            expected=error.expected,
            place=f"{error.place}, which is not a local folder",
            hint=f"{error.hint}; {hint}" if error.hint else hint,
        ) from error


def is_hub_id(source: str | Path) -> bool:
    """Whether `source`, if it is not a file, may be on the hub.

    It is if it has the form `owner/name` or `owner/name@revision` and does not look like a path.
    """
    if isinstance(source, Path) or source.startswith((".", "~", "/")):
        return False
    repo, _, _ = source.partition("@")
    owner, _, name = repo.partition("/")
    is_path = "/" in name or "\\" in repo or Path(name).suffix.lower() in EXTENSIONS
    return bool(owner and name) and not is_path


def _read_corpus(
    sources: Mapping[str, SplitSource],
    format_: str | None,
    options: ReadOptions,
    name: str,
    for_checking: bool,
) -> Corpus:
    logs = {split: ReadLog(unreadable=[] if for_checking else None) for split in sources}
    placed: dict[str, list[tuple[str, Document]]] = {split: [] for split in sources}
    for split, source in sources.items():
        if isinstance(source, RecordRows):
            found = counted(source.documents(logs[split]), options, logs[split])
            placed[split] += _in_context(found)
        else:
            for path in source:
                placed[split] += _in_context(read_placed(path, format_, options, logs[split]))
        if not placed[split] and not logs[split].unreadable:
            raise CorpusError(
                f"the {split} split is empty", place=name, expected="at least one document"
            )
    splits = {split: tuple(document for _, document in pairs) for split, pairs in placed.items()}
    places = {split: tuple(place for place, _ in pairs) for split, pairs in placed.items()}
    deciding = [splits["train"]] if "train" in splits else list(splits.values())
    labels = labels_of(document for documents in deciding for document in documents)
    scheme = next((log.scheme for log in logs.values() if log.scheme), None)
    rows = {split: tuple(log.first_rows) for split, log in logs.items() if log.first_rows}
    return Corpus(splits, labels, name, scheme, logs, places, rows)


def _in_context(placed: Iterable[tuple[str, Document]]) -> Iterator[tuple[str, Document]]:
    """The documents of a file with those around them, each with its place."""
    pairs = list(placed)
    documents = in_context(document for _, document in pairs)
    return ((place, each) for (place, _), each in zip(pairs, documents, strict=True))
