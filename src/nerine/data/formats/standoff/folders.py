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


def exported_files(path: Path, extension: str, annotations: str) -> list[Path]:
    """The file of each document in the export of an annotation project.

    There a folder is a document, and a file in it is called like its annotator. `INITIAL_CAS` is
    the text as it was before annotation.

    Args:
        path: The folder of the documents' folders, such as `annotation` or `curation`.
        extension: The extension of files.
        annotations: Which annotator's file counts, as in `ReadOptions`: `"error"` allows one alone,
            `"first"` takes the first by name, `"by=NAME"` the one called so, if there is one.

    Raises:
        FormatError: If a document has several annotators, and none is chosen.
    """
    files = []
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        found = sorted(
            each
            for each in folder.iterdir()
            if each.suffix.lower() == extension
            and each.stem != "INITIAL_CAS"
            and not is_unrelated(each.name)
        )
        if annotations.startswith("by="):
            found = [each for each in found if each.stem == annotations.removeprefix("by=")]
        if len(found) > 1 and annotations != "first":
            names = [each.stem for each in found]
            raise FormatError(
                f"the document has {len(found)} annotators: {', '.join(names)}",
                place=str(folder),
                expected="one file in the folder of each document",
                hint=f"--annotations by={names[0]} (annotations=…) names one of them",
            )
        files += found[:1]
    return files
