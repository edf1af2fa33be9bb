"""A mapping or a TOML file → rules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nerine.core.display import visible
from nerine.core.errors import FormatError, NerineError, SettingsError
from nerine.core.files import read_lines, read_text
from nerine.core.settings import check_names
from nerine.model.rules.rule import Rule, check_phrase

_KEYS = (*(field.name for field in fields(Rule)), "file")
_EXAMPLE = '[[rule]] with label = "product" and phrases = ["Nerine"]'


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a TOML file; raises `SettingsError` with its name."""
    try:
        mapping = tomllib.loads(read_text(path).removeprefix("\ufeff"))
    except FormatError as error:
        raise SettingsError.placed(error, str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"this is not valid TOML: {visible(str(error))}",
            place=str(path),
            expected=_EXAMPLE,
            hint=r"single quotes keep the backslashes of patterns: '\d{6}'",
        ) from None
    return rules_of(mapping, str(path), path.parent)


def rules_of(mapping: Mapping[str, Any], place: str, folder: Path) -> tuple[Rule, ...]:
    """The rules of a mapping from the file `place`, if any; files are relative to `folder`."""
    try:
        check_names(map(str, mapping), ["rule"], "key")
        tables = mapping.get("rule", [])
        if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
            raise SettingsError("rule is not a list of tables", expected=_EXAMPLE)
        if not tables:
            raise SettingsError("there is no rule", expected=_EXAMPLE)
    except NerineError as error:
        raise (error.at(place) if place else error) from None
    lead = f"{place}: " if place else ""
    return tuple(
        _rule(table, f"{lead}rule {number}", folder) for number, table in enumerate(tables, start=1)
    )


def _rule(table: Mapping[str, Any], place: str, folder: Path) -> Rule:
    values = dict(table)
    try:
        check_names(map(str, values), _KEYS, "key")
        if "label" not in values:
            raise SettingsError("there is no label", expected='label = "product" or the like')
        listed = _phrases_in(values.pop("file"), folder) if "file" in values else []
        given = values.get("phrases", [])
        values["phrases"] = [*given, *listed] if isinstance(given, list | tuple) else given
        return Rule(**values)
    except NerineError as error:
        raise SettingsError.placed(error, error.at(place).place or place) from None


def _phrases_in(name: Any, folder: Path) -> list[str]:
    """The phrases of a file: its lines without white space at their ends; empty ones are none."""
    if not isinstance(name, str):
        raise SettingsError(f"{name!r} is not the name of a file", place="file", expected="a text")
    path = folder / Path(name).expanduser()
    found = []
    try:
        for number, line in read_lines(path):
            if phrase := line.strip():
                check_phrase(phrase, f"file, {path}:{number}")
                found.append(phrase)
    except FormatError as error:
        raise SettingsError.placed(error, f"file, {error.place or path}") from None
    if not found:
        raise SettingsError("the file has no phrase", place=f"file, {path}")
    return found
