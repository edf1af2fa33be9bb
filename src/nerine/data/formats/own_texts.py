"""The checker of offsets of all span formats: ranges against the entities' own texts.

Files with ranges often show the text of each entity too. A reader gives each record's text and its
ranges as the file has them (`StatedRange`) to one `OffsetChecker` for the whole file, and gets the
half-open ranges of code points back::

    checker = OffsetChecker(lambda: pairs_of_the_whole_file, options, log)
    for record in records:
        ranges = checker.ranges(text, [StatedRange(0, 4, "Mira", "person"), …])

How offsets count (`Counting`) is found out from the file as a whole and never mixed. The checker
calls its first argument at most once, for a first pass over the file, and only if a record leaves
something open. Then:

- `ReadOptions.offsets` and `inclusive_ends` state it.
- A unit with which every own text agrees is taken, and said in a note of the log.
- Without own texts, the edges of words tell: if in one unit all entities begin and end at the edge
  of a word, and in code points most do not, that unit is taken and said.
- What nothing shows is read as code points, with a remark that counts such documents.
- Ends that include the last character are an error that names the option, unless the format is
  defined so (`inclusive`).
- An own text that is not in the text at its range is an error.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from nerine.core.errors import FormatError
from nerine.data.formats.offset_units import Counting, Form
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions

_UNITS: tuple[Offsets, ...] = get_args(Offsets)
_NAMES = {"code-points": "code points", "utf-16": "UTF-16 code units", "bytes": "bytes of UTF-8"}
_UNCLEAR = (
    "with offsets after an emoji whose unit nothing shows, read as code points "
    '(--offsets utf-16, offsets="utf-16", reads them otherwise)'
)
_OTHER_FORMS: tuple[tuple[Offsets, Form], ...] = (
    *(("code-points", form) for form in ("crlf", "lf", "html")),
    ("utf-16", "crlf"),
)
_CANDIDATES = (
    *(Counting(unit, inclusive) for inclusive in (False, True) for unit in _UNITS),
    *(
        Counting(unit, inclusive, form)
        for inclusive in (False, True)
        for unit, form in _OTHER_FORMS
    ),
)
_INCLUSIVE_HINT = "--inclusive-ends (inclusive_ends=True) reads ends as the last character"
_MOST = 0.75
"""The least share of entities that begin and end with words, for a unit to be taken by it."""

_FEWEST, _MANY = 3, 10
"""Entities that all end one character before the end of a word, for a note and for an error."""


@dataclass(frozen=True, slots=True)
class StatedRange:
    """A range as a file states it.

    Attributes:
        start: Its first offset.
        end: Its second offset.
        shown: The entity's own text; None if the file does not show it.
        label: The entity's label, for errors.
    """

    start: int
    end: int
    shown: str | None = None
    label: str = "entity"


Records = Callable[[], Iterable[tuple[str, Sequence[StatedRange]]]]


class OffsetChecker:
    """Converts the ranges of a file to code points and compares them with its own texts.

    Args:
        records: Returns the texts and ranges of the whole file, from the first record at each
            call. It may raise `FormatError`, which ends the first pass.
        options: How to read.
        log: Gets the notes and remarks.
        inclusive: Whether the format defines ends as the last character.
    """

    def __init__(
        self, records: Records, options: ReadOptions, log: ReadLog, *, inclusive: bool = False
    ) -> None:
        self._records = records
        self._options = options
        self._log = log
        self._default = Counting(
            options.offsets or "code-points", inclusive or options.inclusive_ends
        )
        self._by_format = inclusive
        self._counting = self._default if options.offsets else None
        self._evidence = _Evidence(self._default)

    def ranges(self, text: str, stated: Sequence[StatedRange]) -> list[tuple[int, int]]:
        """The half-open ranges of code points of a record's entities.

        Raises `FormatError` if an entity's own text is not at its range, or the range is not in
        the text.
        """
        if not stated:
            return []
        if self._counting is None and not _is_plain(text, stated, self._default):
            self._counting = self._decided()
        counting = self._counting or self._default
        convert = counting.of(text)
        found = []
        for each in stated:
            start, end = convert(each.start, each.end)
            if not 0 <= start < end <= len(text):
                raise self._outside(text, each)
            if each.shown is not None and not _agrees(each.shown, text[start:end]):
                raise self._contradiction(text, each, start, end)
            found.append((start, end))
        if self._evidence.is_open and counting.unit == "code-points":
            other = Counting("utf-16", counting.inclusive).of(text)
            if any(other(s.start, s.end) != pair for s, pair in zip(stated, found, strict=True)):
                self._log.add_remark(_UNCLEAR)
        return found

    def _decided(self) -> Counting:
        """How the file counts, by a first pass over it."""
        evidence = self._evidence
        try:
            for text, stated in self._records():
                evidence.add(text, stated)
        except FormatError:
            pass  # raised again, at its place, by the pass that reads the documents
        allowed = [
            each
            for each in _CANDIDATES
            if each.inclusive == self._default.inclusive
            or (self._by_format and each.form == "as-is" and evidence.shown)
        ]
        fitting = [each for each in allowed if not evidence.differ[each]]
        if not fitting:
            return self._default
        if evidence.shown:
            most = max(evidence.exact[each] for each in fitting)
            fitting = [each for each in fitting if evidence.exact[each] == most]
        # the default first, then what is like it but for the unit
        found = min(
            fitting,
            key=lambda each: (each != self._default, each.inclusive != self._default.inclusive),
        )
        if found == self._default:
            found = self._by_words([each for each in fitting if each.form == "as-is"])
        elif evidence.shown:
            self._log.add_note(f"{_described(found)}, as the entities' own texts show")
        return found

    def _by_words(self, fitting: list[Counting]) -> Counting:
        """Which of several units is meant, by the edges of words."""
        evidence = self._evidence
        if not self._default.inclusive and evidence.ends_are_short():
            found = f"all {evidence.unshown} entities end one character before the end of a word"
            if evidence.unshown >= _MANY:
                raise FormatError(
                    found,
                    expected="an end after the last character",
                    hint=f"{_INCLUSIVE_HINT}; --offsets code-points "
                    '(offsets="code-points") reads the file as it is',
                )
            self._log.add_note(f"{found}: {_INCLUSIVE_HINT}")
        for other in fitting:
            total, clean = evidence.moved[other.unit], evidence.clean[other.unit]
            if other == self._default or not total or other.inclusive != self._default.inclusive:
                continue
            as_default = evidence.clean_default[other.unit]
            # ranges outside the text are in no unit that is meant
            is_refuted = evidence.outside[self._default.unit] > 0 and clean > as_default
            is_better = clean >= total * _MOST and as_default <= total / 2
            is_enough = other.unit == "utf-16" or total >= _MANY
            if (is_better or is_refuted) and is_enough and not evidence.outside[other.unit]:
                self._log.add_note(
                    f"{_described(other)}: of the {total} entities whose range depends on it, "
                    f"{clean} begin and end with words so, and {as_default} in code points "
                    '(--offsets code-points, offsets="code-points", states code points)'
                )
                return other
            if other.unit == "utf-16":
                evidence.is_open = clean >= as_default
        return self._default

    def _outside(self, text: str, stated: StatedRange) -> FormatError:
        hints = [
            f'--offsets {unit} (offsets="{unit}") counts {_NAMES[unit]}'
            for unit in _UNITS
            if _fits(text, Counting(unit, self._default.inclusive), stated)
        ]
        if not self._default.inclusive and _fits(text, Counting(self._default.unit, True), stated):
            hints.append(_INCLUSIVE_HINT)
        return FormatError(
            f"the {stated.label} has the range [{_number(stated.start)}, {_number(stated.end)})",
            expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
            hint=" or ".join(hints) or None,
        )

    def _contradiction(self, text: str, stated: StatedRange, start: int, end: int) -> FormatError:
        shown = stated.shown or ""
        counting = self._counting or self._default
        hints = []
        for other in _CANDIDATES[: 2 * len(_UNITS)]:
            if other == counting or self._evidence.differ[other]:
                continue  # the file as a whole does not count so
            if self._evidence.shown or _fits(text, other, stated):
                hints.append(_option(other, self._default))
        at = text.find(shown)
        return FormatError(
            f"the {stated.label} [{stated.start}, {stated.end}) shows {shown[:60]!r}, "
            f"but the text there is {text[start:end][:60]!r}",
            expected=f"the range [{at}, {at + len(shown)}), where the text has it"
            if at >= 0
            else "a range of the text that an entity shows",
            hint=hints[0] if hints else None,
        )


class _Evidence:
    """What the entities of a whole file show about how its offsets count.

    `differ` and `exact` count the own texts that are not, and are exactly, at their range. Of the
    ranges that depend on a unit, `moved` counts all, `clean` those that begin and end at the edge
    of a word in that unit, and `clean_default` those that do in the default. `outside` counts the
    ranges outside the text by unit.
    """

    def __init__(self, default: Counting) -> None:
        self._default = default
        self.shown = self.unshown = self.short = 0
        self.differ: Counter[Counting] = Counter()
        self.exact: Counter[Counting] = Counter()
        self.moved: Counter[str] = Counter()
        self.clean: Counter[str] = Counter()
        self.clean_default: Counter[str] = Counter()
        self.outside: Counter[str] = Counter()
        self.is_open = False

    def add(self, text: str, stated: Sequence[StatedRange]) -> None:
        """Adds the ranges of a record."""
        converters = {each: each.of(text) for each in _candidates_for(text)}
        for each in stated:
            found = {
                counting: convert(each.start, each.end) for counting, convert in converters.items()
            }
            for counting in _CANDIDATES:
                found.setdefault(counting, found[Counting(inclusive=counting.inclusive)])
            if each.shown is not None:
                self._add_shown(text, each.shown, found)
            else:
                self._add_unshown(text, found)

    def _add_shown(self, text: str, shown: str, found: dict[Counting, tuple[int, int]]) -> None:
        self.shown += 1
        for counting, (start, end) in found.items():
            if not 0 <= start < end <= len(text) or not _agrees(shown, text[start:end]):
                self.differ[counting] += 1
            else:
                self.exact[counting] += text[start:end] == shown

    def _add_unshown(self, text: str, found: dict[Counting, tuple[int, int]]) -> None:
        self.unshown += 1
        start, end = found[self._default]
        is_clean = _is_clean(text, start, end)
        if not is_clean and _is_clean(text, start, end + 1) and end < len(text):
            self.short += 1
        for unit in _UNITS:
            other = found[Counting(unit, self._default.inclusive)]
            self.outside[unit] += not 0 <= other[0] < other[1] <= len(text)
            if other != (start, end):
                self.moved[unit] += 1
                self.clean[unit] += _is_clean(text, *other)
                self.clean_default[unit] += is_clean

    def ends_are_short(self) -> bool:
        """Whether all entities end one character before the end of a word."""
        return self.short == self.unshown >= _FEWEST and not self.shown


def _candidates_for(text: str) -> Iterator[Counting]:
    """The countings that may differ for a text."""
    for inclusive in (False, True):
        yield Counting(inclusive=inclusive)
        if not text.isascii():
            yield from (Counting(unit, inclusive) for unit in _UNITS[1:])
    if "\n" in text or "&" in text:
        yield from (each for each in _CANDIDATES if each.form != "as-is")


def _is_plain(text: str, stated: Sequence[StatedRange], default: Counting) -> bool:
    """Whether a record reads the same in all units and leaves nothing open."""
    if not text.isascii():
        return False
    if ("\n" in text or "&" in text) and any(each.shown is None for each in stated):
        return False
    convert = default.of(text)
    for each in stated:
        start, end = convert(each.start, each.end)
        if not 0 <= start < end <= len(text):
            return False
        if each.shown is None:
            if not _is_clean(text, start, end):
                return False
        elif text[start:end] != each.shown:
            return False
    return True


def _agrees(shown: str, found: str) -> bool:
    """Whether an own text is the text found; without white space and case."""
    if shown == found:
        return True
    if "&" in found:  # a character reference, which the own text may have as its character
        found, shown = html.unescape(found), html.unescape(shown)
    parts = found.casefold().split()
    shown = shown.casefold()
    # an export may have line ends as a backslash and an n
    return shown.split() == parts or shown.replace("\\n", " ").split() == parts


def _is_clean(text: str, start: int, end: int) -> bool:
    """Whether a range begins and ends at the edge of a word and not with white space."""
    return (
        0 <= start < end <= len(text)
        and not text[start].isspace()
        and not text[end - 1].isspace()
        and not (start > 0 and _in_word(text[start - 1]) and _in_word(text[start]))
        and not (end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]))
    )


def _in_word(character: str) -> bool:
    """Whether a character is a letter or digit of a script with spaces between words."""
    return character.isalnum() and not (
        "\u0e00" <= character <= "\u0eff"  # Thai, Lao
        or "\u1000" <= character <= "\u109f"  # Burmese
        or "\u1780" <= character <= "\u17ff"  # Khmer
        or "\u2e80" <= character <= "\ud7ff"  # Chinese, Japanese, Korean
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _fits(text: str, counting: Counting, stated: StatedRange) -> bool:
    """Whether a range is inside the text, and its own text there if it has one."""
    start, end = counting.of(text)(stated.start, stated.end)
    is_inside = 0 <= start < end <= len(text)
    return is_inside and (stated.shown is None or _agrees(stated.shown, text[start:end]))


def _described(counting: Counting) -> str:
    if counting.form == "crlf":
        return "offsets count a line feed as two characters (CR LF)"
    if counting.form == "lf":
        return "offsets count CR LF as one character"
    if counting.form == "html":
        return "offsets count a character reference such as &amp; as one character"
    ends = ", with the end at the last character" if counting.inclusive else ""
    return f"offsets count {_NAMES[counting.unit]}{ends}"


def _option(counting: Counting, default: Counting) -> str:
    """The option that states a counting."""
    options = []
    if counting.inclusive and not default.inclusive:
        options.append(_INCLUSIVE_HINT)
    if counting.unit != default.unit:
        name = f'--offsets {counting.unit} (offsets="{counting.unit}")'
        options.append(f"{name} counts {_NAMES[counting.unit]}")
    return " and ".join(options)


def _number(value: int) -> str:
    return str(value) if value.bit_length() <= 64 else "a number of more than 64 bits"
