"""Invented names in the place of real ones, the same for the same name."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra

EXTRA = "redact"
_PURPOSE = "inventing names"

_METHODS = {
    "person": "first_name last_name",
    "location": "city",
    "organization": "company",
    "email": "safe_email",
    "phone": "phone_number",
    "iban": "iban",
    "card": "credit_card_number",
}
_OF_WORDS = ("person", "location", "organization")
_NAMES_AS_ONE = ("ja", "ko", "zh")
"""Languages whose names have no space in them; Faker's whole names have titles elsewhere."""
_KINDS: Mapping[str, str] = {
    **{kind: kind for kind in _METHODS},
    **dict.fromkeys(("per", "persons", "people", "name"), "person"),
    **dict.fromkeys(("loc", "gpe", "city", "place"), "location"),
    **dict.fromkeys(("org", "organisation", "company", "corporation"), "organization"),
}
_TRIES = 50
_WORD = re.compile(r"\w+")


def same(name: str) -> str:
    """What names have in common that are the same.

    >>> same("Mira  OKONJO") == same("mira okonjo")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def keyed(key: bytes, *parts: str) -> bytes:
    """The HMAC of some texts by SHA-256 (RFC 2104)."""
    return hmac.digest(key, "\0".join(parts).encode("utf-8", "surrogatepass"), "sha256")


def kind_of(label: str) -> str | None:
    """The kind of names that stand in for those of a label; None if none is known.

    >>> kind_of("PER"), kind_of("creative-work")
    ('person', None)
    """
    return _KINDS.get(label.casefold())


def _words(kind: str, name: str) -> set[str]:
    """The words of a name that would show it; what has a form shows itself only as a whole."""
    return {*_WORD.findall(same(name))} if kind in _OF_WORDS else set()


class StandIns:
    """Invents a name for each name, by a key: the same key gives the same names.

    A name is never taken that has a word of the name that it stands for. One that is taken already,
    by another name or by a real one, is drawn again, so that two names never share one.

    Args:
        key: The key.
        locale: Where the names come from, such as `"de_DE"`, as Faker calls it.
        strict: Whether a name is also drawn again if one of its words is a real name. Then it
            depends on all real names, not on the key alone.

    Attributes:
        again: How many names were drawn again; with the same key, other texts may have given them
            another name.

    Raises:
        MissingExtraError: Without the extra `redact`.
        SettingsError: If the locale is unknown.
    """

    def __init__(self, key: bytes, locale: str, *, strict: bool) -> None:
        faker = import_extra("faker", EXTRA, _PURPOSE)
        try:
            self._faker: Any = faker.Faker(locale, use_weighting=False)
        except (AttributeError, ValueError, ImportError):
            raise SettingsError(
                f"{locale!r} is not known",
                place="locale",
                expected="a language and a country as Faker knows them, such as en_US or de_DE",
            ) from None
        self.again = 0
        self._key = key
        self._locale = locale
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._real: set[str] = set()
        self._strict = strict

    def avoid(self, names: Collection[str]) -> None:
        """Never gives one of these names, which are in the form of `same`."""
        self._taken.update(names)
        self._real.update(names)

    def of(self, label: str, name: str) -> str:
        """The name that stands in for a name of a label.

        Args:
            label: The label, which `kind_of` knows.
            name: The name in the form of `same`.
        """
        kind = kind_of(label) or ""
        given = self._given.get((kind, name))
        if given is None:
            self.avoid([name])
            given = self._given[kind, name] = self._drawn(kind, name)
        return given

    def _drawn(self, kind: str, name: str) -> str:
        own, drawn, again = _words(kind, name), "", 0
        for attempt in range(_TRIES):
            seed = keyed(self._key, "stand-in", kind, name, str(attempt))
            self._faker.seed_instance(int.from_bytes(seed[:8]))
            drawn = " ".join(str(getattr(self._faker, each)()) for each in self._methods(kind))
            drawn = drawn.replace("\n", " ")
            words = _words(kind, drawn)
            if words & own:
                continue
            is_strict = self._strict and attempt < _TRIES / 2  # there may be too few others
            if not (is_strict and words & self._real) and self._take(drawn):
                self.again += again
                return drawn
            again = 1
        self.again += 1  # there are not enough of this kind
        number = 2
        while not self._take(f"{drawn} {number}"):
            number += 1
        return f"{drawn} {number}"

    def _methods(self, kind: str) -> list[str]:
        """The methods of Faker whose results are the parts of a name."""
        if kind == "person" and self._locale.startswith(_NAMES_AS_ONE):
            return ["name"]
        return _METHODS[kind].split()

    def _take(self, name: str) -> bool:
        """Whether a name was free; now it is taken."""
        if same(name) in self._taken:
            return False
        self._taken.add(same(name))
        return True
