"""What the caller of a run chooses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nerine.core.errors import SettingsError

Format = Literal["text", "jsonl", "csv", "tsv", "parquet"]
Start = Literal["new", "resume", "overwrite"]

FORMATS: tuple[Format, ...] = get_args(Format)
EXTENSIONS: Mapping[Format, tuple[str, ...]] = {
    "text": (".txt",),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
}
"""The names of files by format; a suffix of compression may follow."""


@dataclass(frozen=True, slots=True)
class TaggingOptions:
    """How files are to be tagged.

    Attributes:
        format: That of the inputs; None where their names tell.
        field: The field of JSON lines that holds the text.
        column: The column of tables that holds the text.
        into: The field or column that the entities are put into.
        delimiter: What stands between the cells of CSV; None for a comma, or a TAB in TSV.
        start: Begin, go on with a run that was interrupted, or begin and replace what is there.
        model: What tells the model from others, such as hashes of its files; a run is resumed only
            with the same.
        commit_seconds: How many seconds of work may have to be done again after a kill.

    Raises:
        SettingsError: For a format that there is not, a delimiter of several characters, and for
            entities that would replace the text.
    """

    format: Format | None = None
    field: str = "text"
    column: str = "text"
    into: str = "entities"
    delimiter: str | None = None
    start: Start = "new"
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    commit_seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise SettingsError(
                f"{self.format!r} is not known", place="format", expected=", ".join(FORMATS)
            )
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise SettingsError(
                f"{self.delimiter!r} is no delimiter", place="delimiter", expected="one character"
            )
        if self.into in (self.field, self.column):
            raise SettingsError(
                f"the entities would replace the text, as both are called {self.into!r}",
                place="into",
                expected="another name",
            )

    def to_dict(self) -> dict[str, Any]:
        """What decides the output, for JSON.

        Returns:
            The values of those options, by name.
        """
        names = ("format", "field", "column", "into", "delimiter")
        return {name: getattr(self, name) for name in names}

    def model_identity(self) -> dict[str, Any]:
        """What tells the model; nothing where nobody has said."""
        return {"the model": dict(self.model)} if self.model else {}
