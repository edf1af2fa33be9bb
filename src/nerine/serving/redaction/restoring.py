"""Redacted files get their names back, by the mapping of their redaction."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.arguments import checked
from nerine.core.errors import FormatError, TaggingError
from nerine.core.extras import import_extra
from nerine.core.files import disk_errors, opened, replacing
from nerine.serving.files.compression import DATA_ERRORS, compressed, compression_of, decompressed
from nerine.serving.files.lines import read_error
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.parquet import ParquetReader, codec_of
from nerine.serving.redaction.mapping import read_mapping
from nerine.serving.redaction.rendering import framed, with_texts

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Restoration:
    """Files that were restored.

    Attributes:
        outputs: The files that were written.
        parts: How many parts of texts were put back.
    """

    outputs: tuple[str, ...]
    parts: int

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        return {"outputs": list(self.outputs), "parts": self.parts}


@disk_errors(TaggingError)
@checked
def restore_files(
    redacted: str | Path, mapping: str | Path, output: str | Path, *, key: str | bytes | None = None
) -> Restoration:
    """Puts back what `redact_files` replaced: the bytes of the records are those of the input.

    Compressed files are compressed again, and Parquet has the same texts. Records that failed are
    not in the redacted files, and so not restored.

    Args:
        redacted: The file or folder that `redact_files` wrote, unchanged.
        mapping: The mapping that it wrote.
        output: The file or folder to write; it must not exist.
        key: The key, if the mapping is encrypted.

    Returns:
        What was written.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If the mapping is damaged or the key is wrong, or a file is missing or is not
            the one that was redacted.
        MissingExtraError: If a package is missing that the files need.
        TaggingError: If the output exists or cannot be written.
    """
    source, target = Path(redacted), Path(output)
    if target.exists():
        raise TaggingError(
            "this output exists", place=str(output), expected="a name that is not in use"
        )
    if not source.exists():
        raise FormatError("file not found", place=str(source))
    content = key.encode() if isinstance(key, str) else key or b""
    outputs: list[Path] = []
    parts = 0
    try:
        with contextlib.closing(read_mapping(Path(mapping), content)) as lines:
            for head in lines:
                path, into = source, target
                if source.is_dir():
                    path, into = source / _safe(head["file"], mapping), target / head["file"]
                elif outputs:
                    raise FormatError(
                        "this is one file", place=str(source), expected="the folder of all files"
                    )
                into.parent.mkdir(parents=True, exist_ok=True)
                parts += _restore(path, head, lines, into)
                outputs.append(into)
    except BaseException:
        _remove(outputs, target)
        raise
    return Restoration(tuple(map(str, outputs)), parts)


def _remove(outputs: Iterable[Path], target: Path) -> None:
    """Removes what was written before an error."""
    for path in outputs:
        path.unlink(missing_ok=True)
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)


def _safe(name: str, mapping: str | Path) -> str:
    """The name of a file below the folder."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise FormatError(f"{name!r} leads out of the folder", place=str(mapping))
    return name


class _Edits:
    """The lines of a mapping that belong to one file, and the hashes after them."""

    def __init__(self, lines: Iterator[Mapping[str, Any]]) -> None:
        self.hashes: Mapping[str, str] = {}
        self.parts = 0
        self._lines = lines

    def records(self) -> Iterator[tuple[int, list[tuple[int, int, str]]]]:
        """The number of each record, and its parts: where they begin, their sizes and originals."""
        for line in self._lines:
            if "record" not in line:
                self.hashes = line
                return
            parts = [(at, size, original) for at, size, _, original in line["parts"]]
            self.parts += len(parts)
            yield line["record"], parts


def _restore(
    path: Path, head: Mapping[str, Any], lines: Iterator[Mapping[str, Any]], output: Path
) -> int:
    """Restores one file; returns the number of parts."""
    edits = _Edits(lines)
    with replacing(output, TaggingError) as stream:
        if head["format"] == "parquet":
            before, after = _restore_table(path, edits, stream, head["column"])
        else:
            before, after = _restore_lines(path, edits, stream, compression_of(output))
        if (before, after) != (edits.hashes.get("redacted"), edits.hashes.get("restored")):
            raise _changed(path)
    return edits.parts


def _changed(path: Path) -> FormatError:
    return FormatError(
        "this is not the file that was redacted",
        place=str(path),
        expected="the output of the redaction, unchanged, and its own mapping",
    )


def _restore_lines(path: Path, edits: _Edits, stream: BinaryIO, suffix: str) -> tuple[str, str]:
    """Restores a file of lines; returns the hashes of what was read and written."""
    with opened(path) as raw:
        copy = _Copy(path, decompressed(raw, compression_of(path)), stream, suffix)
        for _, parts in edits.records():
            for at, size, original in parts:
                copy.up_to(at)
                copy.replace(size, original.encode())
        copy.rest()
    return copy.before.hexdigest(), copy.after.hexdigest()


class _Copy:
    """Copies a stream with changes, in bounded memory."""

    def __init__(self, path: Path, source: BinaryIO, target: BinaryIO, suffix: str) -> None:
        self.before, self.after = hashlib.sha256(), hashlib.sha256()
        self._path, self._suffix = path, suffix
        self._source, self._target = source, target
        self._position = 0
        self._held: list[bytes] = []
        self._size = 0

    def up_to(self, position: int) -> None:
        """Copies what lies before a position."""
        while self._position < position:
            content = self._read(min(_CHUNK, position - self._position))
            if not content:
                break
            self._write(content)
        if self._position != position:
            raise _changed(self._path)

    def replace(self, size: int, content: bytes) -> None:
        """Writes other content in the place of the next bytes."""
        self._read(size)
        self._write(content)

    def rest(self) -> None:
        """Copies the rest."""
        while content := self._read(_CHUNK):
            self._write(content)
        self._flush()

    def _read(self, size: int) -> bytes:
        try:
            content = self._source.read(size)
        except (OSError, *DATA_ERRORS) as error:
            raise read_error(error, str(self._path)) from error
        self.before.update(content)
        self._position += len(content)
        return content

    def _write(self, content: bytes) -> None:
        self._held.append(content)
        self._size += len(content)
        if self._size >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        content = b"".join(self._held)
        self.after.update(content)
        self._target.write(compressed(content, self._suffix))
        self._held, self._size = [], 0


def _restore_table(
    path: Path,
    edits: _Edits,
    stream: BinaryIO,
    column: str,
) -> tuple[str, str]:
    """Restores the texts of a Parquet file; returns the hashes of those read and written."""
    parquet = import_extra("pyarrow.parquet", "datasets", "restoring Parquet")
    before, after = hashlib.sha256(), hashlib.sha256()
    reader = ParquetReader(path, TaggingOptions(text_field=column, rows="redacted"))
    reader.check()
    records = edits.records()
    row, parts = next(records, (0, []))
    number = 0
    with reader.open() as file:
        schema, codec = file.schema_arrow, codec_of(file.metadata)
        with parquet.ParquetWriter(stream, schema, compression=codec) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                texts = table.column(column).to_pylist()
                for index, text in enumerate(texts):
                    before.update(framed(text))
                    number += 1
                    if number == row:
                        texts[index] = _edited(text, parts, path)
                        row, parts = next(records, (0, []))
                    after.update(framed(texts[index]))
                table = with_texts(table, column, texts)
                writer.write_table(table, row_group_size=max(1, table.num_rows))
    if row:
        raise _changed(path)
    return before.hexdigest(), after.hexdigest()


def _edited(text: str | None, parts: list[tuple[int, int, str]], path: Path) -> str:
    """A text with its parts put back; where they begin is counted in bytes of UTF-8."""
    content, restored, position = (text or "").encode(), [], 0
    for at, size, original in parts:
        restored += [content[position:at], original.encode()]
        position = at + size
    try:
        return b"".join([*restored, content[position:]]).decode()
    except UnicodeDecodeError:
        raise _changed(path) from None
