"""Where outputs go, and what must not stand there. Everything is looked at before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.serving.files.compression import check_compression, compression_of
from nerine.serving.files.inputs import Found, Input, format_named, output_name

_ELSEWHERE = "name another output"


@dataclass(frozen=True, slots=True)
class Targets:
    """The files that a run makes: one for each input in order, one for what failed.

    `journal` is the folder of the work that is not done yet. All of it lies beside `output`, on
    the same disk, so that a file is moved to its place in one step.
    """

    output: Path
    files: tuple[Path, ...]
    failed: Path
    journal: Path

    @property
    def standing(self) -> list[Path]:
        """Those that are there already."""
        return [path for path in (*self.files, self.failed) if path.exists()]


def targets_of(found: Found, output: Path) -> Targets:
    """The targets of a run; raises `FormatError` where one of them cannot be."""
    final = output.resolve()
    if not final.parent.is_dir():
        raise FormatError("there is no such folder", place=str(output.parent))
    if not os.access(final.parent, os.W_OK):
        raise FormatError("nothing can be written into this folder", place=str(final.parent))
    files = _in_folder(found.inputs, final) if found.several else (_alone(found.inputs[0], output),)
    targets = Targets(
        output,
        files,
        failed=final.with_name(f"{final.name}.failed.jsonl"),
        journal=final.with_name(f".{final.name}.tagging"),
    )
    _check_apart(found.inputs, targets)
    for path in files:
        check_compression(compression_of(path))
    return targets


def _alone(given: Input, output: Path) -> Path:
    if output.is_dir():
        raise FormatError("this is a folder", place=str(output), expected="the name of a file")
    if output.exists() and not output.is_file():
        raise FormatError(
            "this is no regular file", place=str(output), hint="write to -, and send that there"
        )
    written = "jsonl" if given.format == "text" else given.format
    named = format_named(output.name)
    if named is not None and named != written:
        raise FormatError(
            f"the output of {given.place} is {written}, which this name does not tell",
            place=str(output),
            expected="a name like that of the input; the output of texts are JSON lines",
        )
    if written == "parquet" and compression_of(output):
        raise FormatError("Parquet is not compressed again", place=str(output), hint=_ELSEWHERE)
    return output.resolve()


def _in_folder(inputs: Sequence[Input], final: Path) -> tuple[Path, ...]:
    if final.exists() and not final.is_dir():
        raise FormatError(
            "this is a file",
            place=str(final),
            expected="the name of a folder, as there may be several inputs",
        )
    sources: dict[str, Input] = {}
    for each in inputs:
        name = output_name(each)
        if name in sources:
            raise FormatError(
                f"the outputs of {sources[name].place} and {each.place} have the same name",
                place=str(final / name),
                hint="tag them one after another, into different folders",
            )
        sources[name] = each
    return tuple(final / name for name in sources)


def _check_apart(inputs: Sequence[Input], targets: Targets) -> None:
    """Raises `FormatError` where something that is read would be replaced, or read again."""
    read = {each.path.resolve(): each.place for each in inputs if each.path is not None}
    for path in (*targets.files, targets.failed):
        if path.resolve() in read:
            raise FormatError(
                "this file is read, and the output would replace it",
                place=read[path.resolve()],
                hint=_ELSEWHERE,
            )


def check_outside(folders: Sequence[Path], output: Path) -> None:
    """Raises `FormatError` where the output would lie in a folder that is read."""
    final = output.resolve()
    for folder in folders:
        if folder.resolve() == final or folder.resolve() in final.parents:
            raise FormatError(
                f"the output lies in {folder}, which is read",
                place=str(output),
                hint="name an output outside of it",
            )
