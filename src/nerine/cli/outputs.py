"""Files that commands write: what is wrong with a name is said before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nerine.core.errors import CorpusError, FormatError
from nerine.data.formats import EXTENSIONS
from nerine.data.split_files import find_split_files


def check_output(output: Path, sources: Iterable[str | Path]) -> None:
    """Raises `FormatError` where `output` cannot become a file, or would replace what is read.

    `sources` are files, and folders whose splits are read; a name on the hub is passed over.
    """
    if output.is_dir():
        raise FormatError("this is a folder", place=str(output), expected="the name of a file")
    if not output.resolve().parent.is_dir():
        raise FormatError("there is no such folder", place=str(output.parent))
    final = output.resolve()
    if any(final == path.resolve() for source in sources for path in _files_of(Path(source))):
        raise FormatError(
            "this file is read, and the output would replace it",
            place=str(output),
            expected="the name of another file",
        )


def _files_of(source: Path) -> Iterator[Path]:
    """The files that are read; none where there are none, which is said when they are read."""
    path = source.expanduser()
    if not path.is_dir():
        yield path
        return
    try:
        found = find_split_files(path, EXTENSIONS)
    except CorpusError:
        return
    for files in found.values():
        yield from files
