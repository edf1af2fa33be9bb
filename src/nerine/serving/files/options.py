"""The options of a tagging run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nerine.core.arguments import check_fields
from nerine.core.errors import SettingsError
from nerine.core.settings import check

Format = Literal["text", "jsonl", "csv", "tsv", "parquet"]
Quoting = Literal["none", "csv"]
Start = Literal["new", "resume", "overwrite"]
Rows = Literal["records", "entities", "redacted"]

FORMATS: tuple[Format, ...] = get_args(Format)
QUOTINGS: tuple[Quoting, ...] = get_args(Quoting)
ROWS: tuple[Rows, ...] = ("records", "entities")
"""What `nerine tag` writes; redacted records are written by `nerine redact`."""
_INTO = "entities"
SHARD_BYTES = 1 << 20
USUAL_ID = "id"
"""The field or column of the record's id, if the input has it."""
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
        text_field: The field of JSON lines, or the column of tables, that holds the text.
        into: The field or column that receives the entities.
        separator: The character between the cells of CSV; None for a comma, or a TAB in TSV.
        quoting: `"csv"` if quotes surround cells of CSV and TSV, `"none"` if they are characters
            like any other; None for `"csv"` in CSV, and what the file shows in TSV.
        compact: Whether entities are written without their texts.
        rows: `"records"` if the output has the records, with their entities added; `"entities"` if
            it is a table with a row for each entity (`nerine.data.formats.entity_table`);
            `"redacted"` if it has the records without their names, which `redact_files` writes.
        id: The field or column that holds the record's id, for a table of entities; None for `id`,
            if there is one.
        document: The field or column that names the document of each sentence, for a model that
            sees the sentences around each one; None to tag each record alone.
        escape_formulas: Whether the table of entities, as CSV, has an apostrophe before cells that
            a spreadsheet would read as formulas.
        start: Start a new run, resume an interrupted one, or start and overwrite existing files.
        model: What identifies the model, such as hashes of its files; a run is resumed only with
            the same model.
        commit_seconds: How many seconds of work may have to be repeated after a kill.
        shard_bytes: About how many bytes of an input are a shard (`nerine.serving.files.shards`).
            Scores may differ in their last digits if it is another number.
        processes: The number of processes that tag shards, each with a tagger of its own.
        shards: Whether the output is a folder with a file for each shard.
        share: `(3, 64)` to tag only the third of 64 shares of the shards, as one of 64 processes
            that write the same `shards`; None for all of them.

    Raises:
        SettingsError: If an option has another type, the format, quoting or kind of rows is
            unknown, the separator has several characters, the entities would replace the text, or
            an option is for a table of entities and there is none.
    """

    format: Format | None = None
    text_field: str = "text"
    into: str = _INTO
    separator: str | None = None
    quoting: Quoting | None = None
    compact: bool = False
    rows: Rows = "records"
    id: str | None = None
    escape_formulas: bool = False
    start: Start = "new"
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    commit_seconds: float = 2.0
    shard_bytes: int = SHARD_BYTES
    processes: int = 1
    shards: bool = False
    share: tuple[int, int] | None = None
    document: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)
        for name in ("shard_bytes", "processes"):
            check(name, getattr(self, name), int, 1)
        if self.share is not None:
            self._check_share(*self.share)
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise SettingsError(
                f"{self.separator!r} is not a valid separator",
                place="separator",
                expected="one character, not a quote or line end",
            )
        if self.into == self.text_field:
            raise SettingsError(
                f"the entities would replace the text, as both are called {self.into!r}",
                place="into",
                expected="another name",
            )
        for name in ("id", "escape_formulas"):
            if self.rows != "entities" and getattr(self, name):
                raise SettingsError(
                    "this is an option of a table of entities",
                    place=name,
                    hint='--as entities (rows="entities") writes one',
                )
        if self.rows == "entities" and self.into != _INTO:
            raise SettingsError(
                "a table of entities has columns of its own",
                place="into",
                hint='leave it out, or tag without --as entities (rows="entities")',
            )
        if self.rows == "redacted" and self.into != _INTO:
            raise SettingsError("redacted records have no entities", place="into")
        if self.rows == "entities" and self.compact:
            raise SettingsError(
                "a table of entities has their texts",
                place="compact",
                hint="leave it out, or tag without --as entities",
            )

    def _check_share(self, number: int, of: int) -> None:
        if not 1 <= number <= of:
            raise SettingsError(
                f"{number}/{of} is not a share",
                place="share",
                expected="the number of the share, from 1, and how many there are, such as 3/64",
            )
        if not self.shards:
            raise SettingsError(
                "one output file cannot be shared out",
                place="share",
                hint="--shards (shards=True) writes a file for each shard",
            )
        if self.start == "overwrite":
            raise SettingsError(
                "processes that share out their work would remove the output of each other",
                place="overwrite",
                hint="delete the folder, or name another one",
            )

    @property
    def added(self) -> str | None:
        """The field or column that is added to each record; None if none is."""
        return self.into if self.rows == "records" else None

    def to_dict(self) -> dict[str, Any]:
        """The options that decide the output, for JSON."""
        aside = ("start", "model", "commit_seconds", "processes", "share")
        names = (each.name for each in dataclasses.fields(self) if each.name not in aside)
        return {name: getattr(self, name) for name in names}

    def model_identity(self) -> dict[str, Any]:
        """The model's part of a run's identity; empty if the model is unknown."""
        return {"the model": dict(self.model)} if self.model else {}
