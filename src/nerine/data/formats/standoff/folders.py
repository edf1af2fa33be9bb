"""Folders of files that are a document, or a few, each; together they are one split."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.data.split_files import is_unrelated


def files_of(path: Path, extensions: Collection[str]) -> list[Path]:
    """The files with these extensions in a folder, by name; a file itself.

    Raises:
        FormatError: If the folder has none, or folders inside have some.
    """
    if not path.is_dir():
        return [path]
    files = sorted(
        each
        for each in path.iterdir()
        if each.suffix.lower() in extensions and each.is_file() and not is_unrelated(each.name)
    )
    if not files:
        raise FormatError(
            f"the folder has no file called {' or '.join(f'*{each}' for each in extensions)}",
            place=str(path),
            expected="a folder of such files, each of them a part of one split",
        )
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        inside = [each for each in sorted(folder.glob("*.*")) if each.suffix in extensions]
        if inside and not is_unrelated(folder.name):
            raise FormatError(
                "a folder inside holds such files too",
                place=str(inside[0]),
                expected=f"all files of the split in {path} itself",
                hint="name one folder of files, or a folder with train, dev and test in it",
            )
    return files
