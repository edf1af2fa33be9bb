"""Statements: what only a person knows of a checkpoint, from options or from `card.toml`.

::

    license = "apache-2.0"
    language = ["en"]
    intended_use = "Names in short posts."

The card marks as open what is not stated. Nothing is guessed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import SettingsError
from nerine.core.filenames import STATEMENTS_FILE
from nerine.core.settings import with_changes, with_field_docs
from nerine.training.recipes import read_settings

_HUB_ID = re.compile(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*|multilingual")
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_LISTS = ("language", "authors")


def _statement(
    meaning: str, *, form: re.Pattern[str] | None = None, like: str = "", default: Any = None
) -> Any:
    """A field with its meaning, the pattern that the hub requires, and an example."""
    return dataclasses.field(
        default=default, metadata={"help": meaning, "form": form, "like": like}
    )


@with_field_docs
@dataclass(frozen=True, slots=True)
class Statements:
    """What a person states of a checkpoint; None or empty if it is not stated.

    `intended_use` and `limits` are Markdown.

    Raises:
        SettingsError: If the hub would not accept a value.
    """

    title: str | None = _statement("title of the card")
    license: str | None = _statement(
        "the hub's name of the licence", form=_LICENSE, like="mit or apache-2.0, or other"
    )
    license_name: str | None = _statement(
        "name of a licence that the hub does not know", form=_LICENSE, like="my-licence-1.0"
    )
    license_link: str | None = _statement("address or file of such a licence's text")
    language: tuple[str, ...] = _statement(
        "codes of the texts' languages", form=_LANGUAGE, like="en or de", default=()
    )
    dataset: str | None = _statement("hub id of the data set", form=_HUB_ID, like="owner/name")
    dataset_name: str | None = _statement("name of the data set")
    dataset_config: str | None = _statement("configuration of the data set")
    dataset_revision: str | None = _statement("commit of the data set")
    intended_use: str | None = _statement("what the checkpoint is for")
    limits: str | None = _statement("what it must not be used for, and where it is known to fail")
    authors: tuple[str, ...] = _statement("authors of the checkpoint", default=())
    base_model: str | None = _statement("hub id of the encoder", form=_HUB_ID, like="owner/name")

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value is None:
                continue
            if each.name in _LISTS and not isinstance(value, tuple):
                raise _invalid(each.name, value, "a list of strings")
            for text in value if each.name in _LISTS else (value,):
                if not isinstance(text, str) or not text.strip():
                    raise _invalid(each.name, text, "a text that is not empty")
                form, meaning = each.metadata["form"], each.metadata["help"]
                if form is not None and not form.fullmatch(text):
                    raise _invalid(each.name, text, f"{meaning}, such as {each.metadata['like']}")
        if (self.license == "other") != (self.license_name is not None):
            raise SettingsError(
                'license_name goes with license = "other", and only with it',
                place="license",
                expected='license = "other" with license_name, or another license without it',
            )

    def changed(self, changes: Mapping[str, Any]) -> Statements:
        """A copy with other values.

        Args:
            changes: New values by field name; lists become tuples.

        Raises:
            SettingsError: If a name is unknown, or the hub would not accept a value.
        """
        return with_changes(self, changes, "statement")


def read_statements(folder: Path) -> Statements:
    """The statements in a folder's `card.toml`; empty ones without such a file.

    Raises:
        SettingsError: If the file cannot be read, or a statement is invalid.
    """
    path = folder / STATEMENTS_FILE
    return read_settings(path, Statements()) if path.exists() else Statements()


def _invalid(name: str, value: Any, expected: str) -> SettingsError:
    return SettingsError(f"{value!r} cannot be stated", place=name, expected=expected)
