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

from collections.abc import Callable, Iterable, Sequence

from nerine.core.errors import FormatError
from nerine.data.formats.offset_evidence import (
    CANDIDATES,
    UNITS,
    Evidence,
    StatedRange,
    agrees,
    begins_and_ends_with_words,
    in_word,
    is_short,
)
from nerine.data.formats.offset_units import Counting
from nerine.data.formats.options import ReadLog, ReadOptions

__all__ = ["OffsetChecker", "StatedRange"]

_NAMES = {"code-points": "code points", "utf-16": "UTF-16 code units", "bytes": "bytes of UTF-8"}
_UNCLEAR = (
    "with offsets after an emoji whose unit nothing shows, read as code points "
    '(--offsets utf-16, offsets="utf-16", reads them otherwise)'
)
_INCLUSIVE_HINT = "--inclusive-ends (inclusive_ends=True) reads ends as the last character"
_MOST = 0.75
"""The least share of entities that begin and end with words, for a unit to be taken by it."""

_FEWEST, _MANY = 3, 10
"""Entities that all end one character before the end of a word, for a note and for an error."""

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
        self._log = log
        self._default = Counting(
            options.offsets or "code-points", inclusive or options.inclusive_ends
        )
        self._by_format = inclusive
        self._counting = self._default if options.offsets else None
        self._evidence = Evidence(self._default)
        self._is_unclear = False
        # of the records read before the decision: the entities that end before the end of a word,
        # or None if another one does not, and whether other countings would read some otherwise
        self._short: int | None = 0
        self._is_committed = False

    def ranges(self, text: str, stated: Sequence[StatedRange]) -> list[tuple[int, int]]:
        """The half-open ranges of code points of a record's entities.

        Raises `FormatError` if an entity's own text is not at its range, or the range is not in
        the text.
        """
        if not stated:
            return []
        if self._counting is None:
            plain = self._plain(text, stated)
            if plain is not None:
                return plain
            self._counting = self._default  # also if this raises: one decision for the file
            self._counting = self._decided()
        convert = self._counting.of(text)
        found = []
        for each in stated:
            start, end = convert(each.start, each.end)
            if not 0 <= start < end <= len(text):
                raise self._outside(text, each)
            if each.shown is not None and not agrees(each.shown, text[start:end]):
                raise self._contradiction(text, each, start, end)
            found.append((start, end))
        if self._is_unclear:
            other = Counting("utf-16", self._default.inclusive).of(text)
            if any(other(s.start, s.end) != pair for s, pair in zip(stated, found, strict=True)):
                self._log.add_remark(_UNCLEAR)
        return found

    def _plain(self, text: str, stated: Sequence[StatedRange]) -> list[tuple[int, int]] | None:
        """The ranges of a record that leaves nothing open; None if the file must be decided on."""
        is_ascii, length = text.isascii(), len(text)
        by_one = self._default.inclusive
        found = [(each.start, each.end + by_one) for each in stated]
        if not is_ascii and max(text) > "\uffff":
            return None
        for (start, end), each in zip(found, stated, strict=True):
            if not 0 <= start < end <= length:
                return None
            if each.shown is not None:
                if text[start:end] != each.shown:
                    return None
                self._short = None
            elif (start and text[start - 1] != " " and in_word(text[start - 1])) or (
                end < length and text[end] != " " and in_word(text[end])
            ):
                if not self._is_plain_inside(text, start, end):
                    return None
            else:
                self._short = None
        if not is_ascii or "\n" in text or "&" in text:
            self._is_committed |= any(each.shown is None for each in stated)
        return found

    def _is_plain_inside(self, text: str, start: int, end: int) -> bool:
        """Whether a range that may begin or end inside a word leaves nothing open."""
        if begins_and_ends_with_words(text, start, end):
            self._short = None
            return True
        if not text.isascii():
            return False
        if self._short is not None:
            self._short = self._short + 1 if is_short(text, start, end) else None
        return self._short != _FEWEST

    def _decided(self) -> Counting:
        """How the file counts, by a first pass over it."""
        evidence = self._evidence
        try:
            for text, stated in self._records():
                evidence.add(text, stated)
                if evidence.is_settled:
                    break
        except FormatError:
            pass  # raised again, at its place, by the pass that reads the documents
        default = self._default
        fitting = [
            each
            for each in CANDIDATES
            if each in evidence.alive
            and (each.form == "as-is" or evidence.shown)
            and (each.inclusive == default.inclusive or (self._by_format and evidence.shown))
        ]
        if not fitting:
            return default
        if evidence.shown:
            most = max(evidence.exact[each] for each in fitting)
            fitting = [each for each in fitting if evidence.exact[each] == most]
        # the default first, then what is like it but for the unit
        found = min(
            fitting, key=lambda each: (each != default, each.inclusive != default.inclusive)
        )
        if found == default:
            found = self._by_words([each for each in fitting if each.form == "as-is"])
        elif evidence.shown:
            self._log.add_note(f"{_described(found)}, as the entities' own texts show")
        if self._is_committed and (found.unit == "bytes" or found.form != "as-is"):
            raise FormatError(
                f"{_described(found)}, but the records before this one were read in code points",
                hint=f"{_option(found, default)} from the first record on"
                if found.form == "as-is"
                else None,
            )
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
            if evidence.unshown >= _FEWEST:
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
                    f"{_described(other)}: {clean} of {total} entities whose range depends on it "
                    f"begin and end with words so, {as_default} in code points "
                    '(--offsets code-points, offsets="code-points", states code points)'
                )
                return other
            if other.unit == "utf-16":
                self._is_unclear = clean >= as_default
        return self._default

    def _outside(self, text: str, stated: StatedRange) -> FormatError:
        hints = [
            f'--offsets {unit} (offsets="{unit}") counts {_NAMES[unit]}'
            for unit in UNITS
            if _fits(text, Counting(unit, self._default.inclusive), stated)
        ]
        if not self._default.inclusive and _fits(text, Counting(self._default.unit, True), stated):
            hints.append(_INCLUSIVE_HINT)
        return FormatError(
            f"{_named(stated)} has the range [{_number(stated.start)}, {_number(stated.end)})",
            expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
            hint=" or ".join(hints) or None,
        )

    def _contradiction(self, text: str, stated: StatedRange, start: int, end: int) -> FormatError:
        shown = stated.shown or ""
        counting = self._counting or self._default
        hints = []
        for other in CANDIDATES[: 2 * len(UNITS)]:
            if other == counting or other not in self._evidence.alive:
                continue  # the file as a whole does not count so
            if self._evidence.shown or _fits(text, other, stated):
                hints.append(_option(other, self._default))
        at = text.find(shown)
        return FormatError(
            f"{_named(stated)} [{stated.start}, {stated.end}) shows {shown[:60]!r}, "
            f"but the text there is {text[start:end][:60]!r}",
            expected=f"the range [{at}, {at + len(shown)}), where the text has it"
            if at >= 0
            else "a range of the text that an entity shows",
            hint=hints[0] if hints else None,
        )


def _fits(text: str, counting: Counting, stated: StatedRange) -> bool:
    """Whether a range is inside the text, and its own text there if it has one."""
    start, end = counting.of(text)(stated.start, stated.end)
    is_inside = 0 <= start < end <= len(text)
    return is_inside and (stated.shown is None or agrees(stated.shown, text[start:end]))


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


def _named(stated: StatedRange) -> str:
    return f"the entity {stated.label[:40]}" if stated.label else "an entity"
