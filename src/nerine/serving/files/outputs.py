"""The outputs of a run, and the checks of them before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.data.formats.entity_table import TABLE_FORMATS
from nerine.serving.files.compression import check_compression, compression_of
from nerine.serving.files.inputs import STANDARD, InputFile, Inputs, format_named
from nerine.serving.files.options import Rows
from nerine.serving.files.remote import is_url

_OTHER_NAME = "name another output"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that a run writes.

    All of them are on the disk of `output`, so that a file is moved to its place in one step.

    Attributes:
        output: The output as it was named: a file or a folder.
        files: The output of each input, in order.
        failed: The file of the records that failed.
        parts: The hidden folder of unfinished work.
    """

    output: Path
    files: tuple[Path, ...]
    failed: Path
    parts: Path

    @property
    def existing(self) -> list[Path]:
        """Those of the files that exist."""
        return [path for path in (*self.files, self.failed) if path.exists()]


@dataclass(frozen=True, slots=True)
class ShardedOutputs:
    """The output of a run that writes a file for each shard.

    Attributes:
        output: The folder as it was named.
        folder: The folder.
        inputs: The names that the outputs of the inputs would have, if each were one file.
    """

    output: Path
    folder: Path
    inputs: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The folder."""
        return (self.folder,)

    @property
    def failed(self) -> Path:
        """The folder of the failures."""
        return failures_of(self.folder)


def failures_of(folder: Path) -> Path:
    """The folder of the failures of an output."""
    return folder.with_name(f"{folder.name}.failed")


def check_stream(inputs: Inputs, rows: Rows) -> None:
    """Raises `FormatError` if the one output of a run can't be a stream."""
    if inputs.several:
        raise FormatError(
            "several outputs cannot go to one stream", place=STANDARD, hint="name a folder with -o"
        )
    if inputs.files[0].format == "parquet" and rows != "entities":
        raise FormatError("Parquet cannot go to a stream", place=STANDARD, hint="name a file")


def local_output(name: str | Path) -> Path:
    """The path of an output. Raises `FormatError` for a URL."""
    if is_url(str(name)):
        raise FormatError(
            "an output cannot be at a URL",
            place=str(name),
            expected="a file or folder of this machine",
            hint="copy the output there when the run has ended",
        )
    return Path(name)


def plan_outputs(
    inputs: Inputs, output: Path, input_folders: Sequence[Path], rows: Rows = "records"
) -> Outputs:
    """The outputs of a run.

    Raises `FormatError` if one of them cannot be written, would replace an input, or would lie in
    one of `input_folders`.
    """
    final = _place(output, input_folders)
    files = (
        _outputs_in_folder(inputs.files, final, rows)
        if inputs.several
        else (_single_output(inputs.files[0], output, rows),)
    )
    outputs = Outputs(
        output,
        files,
        failed=final.with_name(f"{final.name}.failed.jsonl"),
        parts=final.with_name(f".{final.name}.tagging"),
    )
    places = {
        file.path.resolve(): file.place for file in inputs.files if isinstance(file.path, Path)
    }
    for path in (*files, outputs.failed):
        if path.resolve() in places:
            raise FormatError(
                "the output would replace this input",
                place=places[path.resolve()],
                hint=_OTHER_NAME,
            )
    for path in files:
        check_compression(compression_of(path))
    return outputs


def plan_sharded_outputs(
    inputs: Inputs, output: Path, input_folders: Sequence[Path]
) -> ShardedOutputs:
    """The output of a run with a file for each shard.

    Raises `FormatError` if it cannot be written, or would lie in one of `input_folders`.
    """
    final = _place(output, input_folders)
    if final.exists() and not final.is_dir():
        raise FormatError(
            "this is a file",
            place=str(output),
            expected="the name of a folder, for a file for each shard",
        )
    for file in inputs.files:
        if file.path is None:
            raise FormatError(
                "standard input cannot be divided into shards",
                place=file.place,
                hint="write it to a file first",
            )
        if isinstance(file.path, Path) and final in file.path.resolve().parents:
            raise FormatError(
                "this input lies in the folder of the output",
                place=file.place,
                hint=_OTHER_NAME,
            )
        check_compression(compression_of(Path(file.output_name)))
    return ShardedOutputs(output, final, tuple(file.output_name for file in inputs.files))


def _place(output: Path, input_folders: Sequence[Path]) -> Path:
    """The absolute path of an output, which is not in one of `input_folders`."""
    final = output.resolve()
    for folder in input_folders:
        if folder.resolve() == final or folder.resolve() in final.parents:
            raise FormatError(
                f"the output lies in {folder}, which is an input",
                place=str(output),
                hint="name an output outside of it",
            )
    if not final.parent.is_dir():
        raise FormatError("folder not found", place=str(output.parent))
    if not os.access(final.parent, os.W_OK):
        raise FormatError("this folder is not writable", place=str(final.parent))
    return final


def _single_output(file: InputFile, output: Path, rows: Rows) -> Path:
    if output.is_dir():
        raise FormatError("this is a folder", place=str(output), expected="the name of a file")
    if output.exists() and not output.is_file():
        raise FormatError(
            "this is not a regular file",
            place=str(output),
            hint="write to standard output, -, and redirect that",
        )
    named = format_named(output.name)
    if rows == "entities":
        written = named or file.output_format
        if written not in TABLE_FORMATS:
            raise FormatError(
                "a table of entities is not a text file",
                place=str(output),
                expected=f"a name that ends in {', '.join(f'.{each}' for each in TABLE_FORMATS)}",
            )
    else:
        written = file.format if rows == "redacted" else file.output_format
    if named not in (None, written):
        also = "" if rows == "redacted" else "; for texts, the output is JSON lines"
        raise FormatError(
            f"the output of {file.place} is {written}, but the name says {named}",
            place=str(output),
            expected=f"a name like that of the input{also}",
        )
    if written == "parquet" and compression_of(output):
        raise FormatError("Parquet is not compressed again", place=str(output), hint=_OTHER_NAME)
    return output.resolve()


def _outputs_in_folder(files: Sequence[InputFile], folder: Path, rows: Rows) -> tuple[Path, ...]:
    if folder.exists() and not folder.is_dir():
        raise FormatError(
            "this is a file",
            place=str(folder),
            expected="the name of a folder, as there may be several inputs",
        )
    named: dict[str, InputFile] = {}
    for file in files:
        name = file.name if rows == "redacted" else file.output_name
        other = named.setdefault(name, file)
        if other is not file:
            raise FormatError(
                f"the outputs of {other.place} and {file.place} have the same name",
                place=str(folder / name),
                hint="tag them one after another, into different folders",
            )
    return tuple(folder / name for name in named)
