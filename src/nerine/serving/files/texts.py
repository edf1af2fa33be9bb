"""The texts of files, read as `nerine tag` reads them, for what learns from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.streams import Pause
from nerine.serving.files.inputs import find_inputs
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.parquet import ParquetReader
from nerine.serving.files.records import BEGIN
from nerine.serving.files.tables import CsvReader
from nerine.serving.files.text import TextReader


def texts_of_files(
    names: Sequence[str | Path], options: TaggingOptions | None = None
) -> Iterator[str]:
    """The texts of files, folders, patterns and URLs, or of standard input, in order.

    Everything that can be checked is checked at once; the texts are read when they are needed.
    Records without a text, such as a null or an empty line of JSON lines, are passed over.

    Args:
        names: The inputs, as in `tag_files`.
        options: The format and what else is needed to read them.

    Raises:
        FormatError: If an input cannot be read or has no text. While the texts are read, also for
            the first record that cannot be read.
    """
    # texts are only read, so that a field with entities is no obstacle
    options = dataclasses.replace(options or TaggingOptions(), rows="redacted")
    readers = [file.record_reader(options) for file in find_inputs(names, options.format).files]
    for reader in readers:
        reader.check()
    return _texts(readers)


def _texts(readers: Sequence[TextReader | CsvReader | ParquetReader]) -> Iterator[str]:
    for reader in readers:
        for record in reader.records(BEGIN):
            if isinstance(record, Pause):
                continue
            if record.error is not None:
                raise FormatError(record.error, place=f"{reader.name}:{record.number}")
            if record.text is not None:
                yield record.text
