"""Entities that have a form: numbers of cards, IBANs, mail addresses and phone numbers.

Card numbers need the check digit of ISO/IEC 7812 and IBANs those of ISO 13616, which python-stdnum
checks. Phone numbers must be possible ones of their country, by phonenumbers (libphonenumber).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import regex

from nerine.core.document import Entity
from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra

Ranges = Iterator[tuple[int, int]]

EXTRA = "redact"
_PURPOSE = "finding what has a form"
_GROUPS = regex.compile(r"(?<!\w)\d++(?:[ -]\d++)*+(?!\w)")
_GROUP = regex.compile(r"\d+")
_CARD_DIGITS = range(13, 20)
_FIRST_OF_CARDS = "23456"  # the first digit of the numbers that payment networks give out
_IBAN_START = regex.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}+")
_LEAST_IBAN = 15
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]"
_MAIL = regex.compile(
    rf"(?<!{_ATOM}|\.){_ATOM}++(?:\.{_ATOM}++)*+@(?:\w(?:[\w-]{{0,61}}\w)?\.){{1,20}}[\w-]{{1,62}}\w"
)


def _cards(text: str, _: str | None) -> Ranges:
    """Groups of 13 to 19 digits together with a right check digit, the most groups first."""
    is_valid = import_extra("stdnum.luhn", EXTRA, _PURPOSE).is_valid
    for run in _GROUPS.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            sizes = itertools.accumulate(
                end - start for start, end in groups[first : first + _CARD_DIGITS.stop]
            )
            upto = itertools.takewhile(lambda size: size < _CARD_DIGITS.stop, sizes)
            start = groups[first][0]
            for last in reversed([first + n for n, size in enumerate(upto) if size >= 13]):
                end = groups[last][1]
                digits = text[start:end].replace(" ", "").replace("-", "")
                if digits[0] in _FIRST_OF_CARDS and digits.isascii() and is_valid(digits):
                    yield start, end
                    first = last
                    break
            first += 1


def _ibans(text: str, _: str | None) -> Ranges:
    """What begins like an IBAN, up to where its check digits are right."""
    is_valid = import_extra("stdnum.iban", EXTRA, _PURPOSE).is_valid
    for match in _IBAN_START.finditer(text, overlapped=True):
        start, end = match.span()
        for stop in range(end, start + _LEAST_IBAN - 1, -1):
            inside = text[stop - 1].isalnum() and (stop == len(text) or not text[stop].isalnum())
            if inside and is_valid(text[start:stop]):
                yield start, stop
                break


def _mails(text: str, _: str | None) -> Ranges:
    """Mail addresses without quotes and comments (RFC 5322, 3.4.1), in any script (RFC 6531)."""
    return (match.span() for match in _MAIL.finditer(text))


def _phones(text: str, region: str | None) -> Ranges:
    """Phone numbers: with the code of a country, and without it those of the region."""
    phones = import_extra("phonenumbers", EXTRA, _PURPOSE)
    return ((match.start, match.end) for match in phones.PhoneNumberMatcher(text, region))


_FINDERS: Mapping[str, Callable[[str, str | None], Ranges]] = {
    "email": _mails,
    "iban": _ibans,
    "card": _cards,
    "phone": _phones,
}
PATTERNS = tuple(sorted(_FINDERS))
"""The labels of what is found by its form."""


def find_patterns(text: str, labels: Sequence[str], region: str | None = None) -> list[Entity]:
    """Entities with a form, in order, none of them inside or over another one.

    Args:
        text: The text.
        labels: Some of `PATTERNS`. Of several that would overlap, a mail address comes before an
            IBAN, an IBAN before a card, and a card before a phone number.
        region: The country of phone numbers that have no code of a country, such as `"GB"`.

    Raises:
        MissingExtraError: Without the extra `redact`.
    """
    found: list[Entity] = []
    for label, finder in _FINDERS.items():
        if label not in labels or not _may_have(text, label):
            continue
        for start, end in finder(text, region):
            if all(end <= each.start or each.end <= start for each in found):
                found.append(Entity(start, end, label))
    return sorted(found, key=lambda each: each.start)


def _may_have(text: str, label: str) -> bool:
    """Whether a text may have such an entity, at a glance."""
    return "@" in text if label == "email" else any(map(str.isdecimal, text))


def check_patterns(labels: Sequence[str], region: str | None) -> None:
    """Raises `SettingsError` for unknown patterns or regions, `MissingExtraError` without them."""
    for label in labels:
        if label not in _FINDERS:
            raise SettingsError(
                f"{label!r} is not known",
                place="patterns",
                expected=f"some of {', '.join(PATTERNS)}",
            )
        list(_FINDERS[label]("", None))
    if region is not None and "phone" not in labels:
        raise SettingsError("no phone numbers are looked for", place="region")
    if region is not None and region not in _regions():
        raise SettingsError(
            f"{region!r} is not known", place="region", expected="a country's code, such as GB"
        )


@functools.cache
def _regions() -> frozenset[Any]:
    """The countries that have phone numbers, by ISO 3166."""
    return frozenset(import_extra("phonenumbers", EXTRA, _PURPOSE).SUPPORTED_REGIONS)
