"""The options of a tagging run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nerine.core.arguments import check_fields
from nerine.core.errors import SettingsError

Format = Literal["text", "jsonl", "csv", "tsv", "parquet"]
Quoting = Literal["none", "csv"]
Start = Literal["new", "resume", "overwrite"]

FORMATS: tuple[Format, ...] = get_args(Format)
QUOTINGS: tuple[Quoting, ...] = get_args(Quoting)
EXTENSIONS: Mapping[Format, tuple[str, ...]] = {
    "text": (".txt",),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
}
"""File name suffixes of each format; a suffix of compression may follow."""


@dataclass(frozen=True, slots=True)
class TaggingOptions:
    """How files are tagged.

    Attributes:
        format: The format of the inputs; None to tell it from their names.
        field: The field of JSON lines that holds the text.
        column: The column of tables that holds the text.
        into: The field or column that receives the entities.
        delimiter: The character between the cells of CSV; None for a comma, or a TAB in TSV.
        quoting: `"csv"` if quotes surround cells of CSV and TSV, `"none"` if they are characters
            like any other; None for `"csv"` in CSV, and what the file shows in TSV.
        start: Start a new run, resume an interrupted one, or start and overwrite existing files.
        model: What identifies the model, such as hashes of its files; a run is resumed only with
            the same model.
        commit_seconds: How many seconds of work may have to be repeated after a kill.

    Raises:
        SettingsError: If an option has another type, the format or quoting is unknown, the
            delimiter has several characters, or the entities would replace the text.
    """

    format: Format | None = None
    field: str = "text"
    column: str = "text"
    into: str = "entities"
    delimiter: str | None = None
    quoting: Quoting | None = None
    start: Start = "new"
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    commit_seconds: float = 2.0

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)
        if self.format is not None and self.format not in FORMATS:
            raise SettingsError(
                f"the format {self.format!r} is unknown",
                place="format",
                expected=", ".join(FORMATS),
            )
        if self.quoting is not None and self.quoting not in QUOTINGS:
            raise SettingsError(
                f"the quoting {self.quoting!r} is unknown",
                place="quoting",
                expected=", ".join(QUOTINGS),
            )
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise SettingsError(
                f"{self.delimiter!r} is not a valid delimiter",
                place="delimiter",
                expected="one character, not a quote or line end",
            )
        if self.into in (self.field, self.column):
            raise SettingsError(
                f"the entities would replace the text, as both are called {self.into!r}",
                place="into",
                expected="another name",
            )

    def to_dict(self) -> dict[str, Any]:
        """The options that decide the output, for JSON."""
        names = ("format", "field", "column", "into", "delimiter", "quoting")
        return {name: getattr(self, name) for name in names}

    def model_identity(self) -> dict[str, Any]:
        """The model's part of a run's identity; empty if the model is unknown."""
        return {"the model": dict(self.model)} if self.model else {}
