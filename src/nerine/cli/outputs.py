"""Checks of the files that commands write, before any work is done."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable
from pathlib import Path

import click

from nerine.core.errors import CorpusError, FormatError, TrainingError
from nerine.core.filenames import ADAPTATION_FILE, INFO_FILE, RUN_FILE, STUDY_FILE
from nerine.core.files import disk_errors
from nerine.data.formats import EXTENSIONS
from nerine.data.split_files import find_split_files

_MARKS = (RUN_FILE, INFO_FILE, ADAPTATION_FILE, STUDY_FILE)

compact_option = click.option(
    "--compact", is_flag=True, help="Leave the text of each entity out: its range tells it."
)
as_option = click.option(
    "--as",
    "rows",
    type=click.Choice(["records", "entities"]),
    default="records",
    show_default=True,
    help="A row of the output is a record with its entities, or an entity with its record's number "
    "and id. Tables of entities are CSV, TSV, JSON lines or Parquet.",
)
escape_option = click.option(
    "--escape-formulas",
    is_flag=True,
    help="In a table of entities as CSV, write an apostrophe before cells that begin with one of "
    "= + - @, which a spreadsheet reads as formulas.",
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Start again, and replace the earlier run in the folder."
)


def check_start(*, resume: bool, overwrite: bool) -> None:
    """Raises `UsageError` if a run should be both resumed and replaced."""
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite are both given")


def remove_run(folder: Path, sources: Iterable[str]) -> None:
    """Removes an earlier run or search, so that a new one can take its folder.

    Raises `TrainingError` if the folder holds something else, or one of the `sources`, which are
    read.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    for source in sources:
        if Path(source).expanduser().resolve().is_relative_to(folder.resolve()):
            raise TrainingError(
                "this is read, and --overwrite would remove it",
                place=source,
                hint="name another folder to write",
            )
    if not any((folder / name).is_file() for name in _MARKS):
        raise TrainingError(
            "this is not the folder of a run, so it is not replaced",
            place=str(folder),
            expected=f"a folder with one of {', '.join(_MARKS)}",
            hint="name another folder, or move this one away",
        )
    with disk_errors(TrainingError):
        shutil.rmtree(folder)


def check_output(output: Path, sources: Iterable[str | Path]) -> None:
    """Raises `FormatError` if `output` cannot be a file, or would replace one that is read.

    `sources` are files, and folders whose splits are read; names on the hub have no effect.
    """
    final = output.resolve()
    if output.is_dir():
        raise FormatError("this is a folder", place=str(output), expected="the name of a file")
    if not final.parent.is_dir():
        raise FormatError("the folder does not exist", place=str(output.parent))
    for source in sources:
        path = Path(source).expanduser()
        files = [path]
        if path.is_dir():
            files = []
            with contextlib.suppress(CorpusError):  # reported when the folder is read
                files = [*itertools.chain(*find_split_files(path, EXTENSIONS).values())]
        if any(final == file.resolve() for file in files):
            raise FormatError(
                "this file is read, and the output would replace it",
                place=str(output),
                expected="the name of another file",
            )
