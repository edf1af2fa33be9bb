"""What only a person can say of a checkpoint: said in options, or in `card.toml` beside it.

::

    license = "apache-2.0"
    language = ["en"]
    intended_use = "Names in short posts."

What is not said is marked as open on the card, and never guessed.
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


def _statement(meaning: str, *, form: re.Pattern[str] | None = None, like: str = "") -> Any:
    """A field with its meaning, the form that the hub asks for, and an example of it."""
    default: Any = None
    return dataclasses.field(
        default=default, metadata={"help": meaning, "form": form, "like": like}
    )


@with_field_docs
@dataclass(frozen=True, slots=True)
class Statements:
    """What a person states of a checkpoint; None, or nothing in a list, where they do not.

    `intended_use` and `limits` are Markdown.

    Raises:
        SettingsError: For what the hub would not take.
    """

    title: str | None = _statement("what the checkpoint is called on its card")
    license: str | None = _statement(
        "the hub's name of the licence", form=_LICENSE, like="mit or apache-2.0, or other"
    )
    license_name: str | None = _statement(
        "name of a licence that the hub does not know", form=_LICENSE, like="my-licence-1.0"
    )
    license_link: str | None = _statement("address or file of such a licence's text")
    language: tuple[str, ...] = dataclasses.field(
        default=(),
        metadata={"help": "codes of the texts' languages", "form": _LANGUAGE, "like": "en or de"},
    )
    dataset: str | None = _statement("hub id of the data set", form=_HUB_ID, like="owner/name")
    dataset_name: str | None = _statement("what the data set is called")
    dataset_config: str | None = _statement("configuration of the data set")
    dataset_revision: str | None = _statement("commit of the data set")
    intended_use: str | None = _statement("what the checkpoint is for")
    limits: str | None = _statement("what it must not be used for, and where it is known to fail")
    authors: tuple[str, ...] = dataclasses.field(
        default=(), metadata={"help": "who made it", "form": None, "like": ""}
    )
    base_model: str | None = _statement("hub id of the encoder", form=_HUB_ID, like="owner/name")

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value is None:
                continue
            if each.name in _LISTS and not isinstance(value, tuple):
                raise _wrong(each, value, "a list of strings")
            for text in value if each.name in _LISTS else (value,):
                _check(each, text)
        if (self.license == "other") != (self.license_name is not None):
            raise SettingsError(
                "license_name is for a license that is called other, and that needs one",
                place="license",
                expected='license = "other" with license_name, or another license without',
            )

    def changed(self, changes: Mapping[str, Any]) -> Statements:
        """These statements with others.

        Args:
            changes: New values by the fields' names; lists count as tuples.

        Raises:
            SettingsError: For a statement that does not exist, or a value that the hub would not
                take.
        """
        return with_changes(self, changes, "statement")


def read_statements(folder: Path) -> Statements:
    """What `card.toml` in a folder states; nothing where there is none.

    Raises `SettingsError` with its place.
    """
    path = folder / STATEMENTS_FILE
    return read_settings(path, Statements()) if path.exists() else Statements()


def _check(each: dataclasses.Field[Any], text: Any) -> None:
    if not isinstance(text, str) or not text.strip():
        raise _wrong(each, text, "a text that is not empty")
    form = each.metadata["form"]
    if form is not None and not form.fullmatch(text):
        raise _wrong(each, text, f"{each.metadata['help']}, such as {each.metadata['like']}")


def _wrong(each: dataclasses.Field[Any], value: Any, expected: str) -> SettingsError:
    return SettingsError(f"{value!r} cannot be stated", place=each.name, expected=expected)
