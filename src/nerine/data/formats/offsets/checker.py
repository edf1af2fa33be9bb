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
- A unit with which every own text agrees is taken, and said in a note of the log. If own texts
  contradict all of them, it is the one with which most agree.
- Without own texts, the edges of words tell: if in one unit, or form of line ends, most entities
  begin and end at the edge of a word, and in code points most do not, it is taken and said.
- What nothing shows is read as code points, with a remark that counts such documents.
- Ends that include the last character are an error that names the option, unless the format is
  defined so (`inclusive`).
- An own text that is not in the text at its range is an error.
- A range of no characters is an error, or skipped, of the kind `empty`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nerine.core.errors import FormatError
from nerine.core.json_values import Refuse
from nerine.data.formats.offsets.counting import Counting
from nerine.data.formats.offsets.evidence import (
    BY_WORDS,
    CANDIDATES,
    UNITS,
    Evidence,
    StatedRange,
    agrees,
    begins_and_ends_with_words,
    fits,
    in_word,
    is_short,
)
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.unusual import treat

_NAMES = {"code-points": "code points", "utf-16": "UTF-16 code units", "bytes": "bytes of UTF-8"}
_UNCLEAR = (
    "with offsets after an emoji whose unit nothing shows, read as code points "
    '(--offsets utf-16, offsets="utf-16", reads them otherwise)'
)
_INCLUSIVE_HINT = "--inclusive-ends (inclusive_ends=True) reads ends as the last character"
_AS_IT_IS = '--offsets code-points (offsets="code-points") reads the file as it is'
_MOST = 0.75
"""The least share of entities that begin and end with words, for a unit to be taken by it."""

_FEWEST, _MANY = 3, 10
"""Entities that all end one character before the end of a word, for a note and for an error."""

Records = Callable[[], Iterable[tuple[str, Sequence[StatedRange]]]]


class OffsetChecker:
    """Converts the ranges of a file to code points, and compares them with its own texts.

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
        self._evidence: Evidence | None = None
        self._is_unclear = False
        # of the records read before the decision: the entities that end before the end of a word,
        # or None if another one does not, and whether other countings would read some otherwise
        self._short: int | None = 0
        self._is_committed = False

    @property
    def counting(self) -> Counting:
        """How the ranges so far were read."""
        return self._counting or self._default

    def ranges(
        self, text: str, stated: Sequence[StatedRange], refuse: Refuse | None = None
    ) -> list[tuple[int, int] | None]:
        """The half-open ranges of code points of a record's entities.

        None stands for one without characters that is skipped, and for one whose error went to
        `refuse`.

        Raises:
            FormatError: If an entity's own text is not at its range, or the range is not in the
                text, unless `refuse` takes the error.
        """
        if not stated:
            return []
        if self._counting is None:
            plain = self._plain(text, stated)
            if plain is not None:
                return plain
            try:
                self._counting = self._default  # also if this raises: one decision for the file
                self._counting = self._decided()
            except FormatError as error:
                _refuse(error, stated[0], refuse)
        convert = self.counting.of(text)
        found: list[tuple[int, int] | None] = []
        for each in stated:
            try:
                found.append(self._located(text, each, convert(each.start, each.end)))
            except FormatError as error:
                _refuse(error, each, refuse)
                found.append(None)
        if self._is_unclear:
            other = Counting("utf-16", self._default.inclusive).of(text)
            pairs = zip(stated, found, strict=True)
            if any(pair and other(each.start, each.end) != pair for each, pair in pairs):
                self._log.add_remark(_UNCLEAR)
        return found

    def _located(
        self, text: str, stated: StatedRange, found: tuple[int, int]
    ) -> tuple[int, int] | None:
        """The range `found`, if it is one of the text and the entity's own text is there."""
        start, end = found
        if 0 <= start == end <= len(text):
            inclusive = Counting(self.counting.unit, True)
            treat(
                "empty",
                f"{_named(stated)} has the range {_shown(stated)}, which has no characters",
                self._options,
                self._log,
                expected="ranges of one character or more",
                other_hint=_INCLUSIVE_HINT if self._may_count(text, inclusive, stated) else None,
            )
            return None
        if not 0 <= start < end <= len(text):
            raise self._outside(text, stated)
        if stated.shown is not None and not agrees(stated.shown, text[start:end]):
            raise self._contradiction(text, stated, text[start:end])
        return found

    def _plain(
        self, text: str, stated: Sequence[StatedRange]
    ) -> list[tuple[int, int] | None] | None:
        """The ranges of a record that leaves nothing open; None if the file must be decided on."""
        is_ascii, length = text.isascii(), len(text)
        by_one = self._default.inclusive
        units = None
        if not is_ascii and max(text) > "\uffff":
            if any(each.shown is None for each in stated):
                return None
            units = Counting("utf-16", by_one).of(text)
        found: list[tuple[int, int] | None] = []
        for each in stated:
            start, end = each.start, each.end + by_one
            found.append((start, end))
            if not 0 <= start < end <= length:
                return None
            if each.shown is not None:
                if text[start:end] != each.shown or (
                    units and _is_other(text, each.shown, units(each.start, each.end), start)
                ):
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
            first = text.find("\n") if is_ascii and "&" not in text else 0
            self._is_committed |= any(each.shown is None and each.end > first for each in stated)
        return found

    def _is_plain_inside(self, text: str, start: int, end: int) -> bool:
        """Whether a range that may begin or end inside a word leaves nothing open."""
        if begins_and_ends_with_words(text, start, end):
            self._short = None
            return True
        if not text.isascii() or "\n" in text[:end]:
            return False
        if self._short is not None:
            self._short = self._short + 1 if is_short(text, start, end) else None
        return self._short != _FEWEST

    def _file(self) -> Evidence:
        """What the whole file shows, by a first pass over it."""
        if self._evidence is None:
            self._evidence = Evidence(self._default)
            try:
                for text, stated in self._records():
                    self._evidence.add(text, stated)
                    if self._evidence.is_settled:
                        break
            except FormatError:
                pass  # raised again, at its place, by the pass that reads the documents
        return self._evidence

    def _decided(self) -> Counting:
        """How the file counts."""
        evidence, default = self._file(), self._default
        fitting = [
            each
            for each in CANDIDATES
            if each in evidence.alive
            and (evidence.shown or (each.unit, each.form) in BY_WORDS)
            and (each.inclusive == default.inclusive or (self._by_format and evidence.shown))
        ]
        if evidence.shown and not evidence.alive:
            fitting = [each for each in CANDIDATES if each.inclusive == default.inclusive]
            most = max(map(evidence.agreeing, fitting))
            fitting = [each for each in fitting if evidence.agreeing(each) == most > 0]
        if not fitting:
            return default
        if evidence.shown:
            fitting = evidence.most_exact(fitting)
        # the default first, then what is like it but for the unit
        found = min(
            fitting, key=lambda each: (each != default, each.inclusive != default.inclusive)
        )
        if found == default:
            other = Counting("utf-16", default.inclusive)
            self._is_unclear = evidence.shown > 0 and other in fitting
            found = self._by_words(fitting, evidence)
        elif evidence.shown:
            whose = "the entities'" if evidence.alive else "most of the entities'"
            self._log.add_note(f"{_described(found)}, as {whose} own texts show")
        if self._is_committed and (found.unit == "bytes" or found.form != "as-is"):
            raise FormatError(
                f"{_described(found)}, but the records before this one were read in code points",
                hint=f"{_option(found, default)} from the first record on"
                if found.form == "as-is"
                else None
                if evidence.shown
                else _AS_IT_IS,
            )
        return found

    def _by_words(self, fitting: list[Counting], evidence: Evidence) -> Counting:
        """Which of several units is meant, by the edges of words."""
        if not self._default.inclusive and evidence.ends_are_short():
            found = f"all {evidence.unshown} entities end one character before the end of a word"
            if evidence.unshown >= _MANY:
                raise FormatError(
                    found,
                    expected="an end after the last character",
                    hint=f"{_INCLUSIVE_HINT}; {_AS_IT_IS}",
                )
            if evidence.unshown >= _FEWEST:
                self._log.add_note(f"{found}: {_INCLUSIVE_HINT}")
        for other in fitting:
            total, clean = evidence.moved[other], evidence.clean[other]
            if other == self._default or not total or other.inclusive != self._default.inclusive:
                continue
            as_default = evidence.clean_default[other]
            # ranges outside the text are in no unit that is meant
            is_refuted = evidence.outside[self._default] > 0 and clean > as_default
            is_better = clean >= total * _MOST and as_default <= total / 2
            is_enough = total >= {"utf-16": 1, "bytes": _MANY}.get(other.unit, _FEWEST)
            is_sound = evidence.may_be_meant(other) and not evidence.outside[other]
            if (is_better or is_refuted) and is_enough and is_sound:
                self._log.add_note(
                    f"{_described(other)}: {clean} of {total} entities whose range depends on it "
                    f"begin and end with words so, {as_default} in code points "
                    '(--offsets code-points, offsets="code-points", states code points)'
                )
                return other
            if other.unit == "utf-16" and other.form == "as-is":
                self._is_unclear = clean >= as_default
        return self._default

    def _may_count(self, text: str, counting: Counting, stated: StatedRange) -> bool:
        """Whether a range is one of the text so, and nothing in the file contradicts it."""
        evidence = self._file()
        return (
            evidence.shown + evidence.unshown > 0
            and counting in evidence.alive
            and fits(text, counting, stated)
            and (
                counting.inclusive == self._default.inclusive
                or evidence.clean_inclusive == evidence.unshown
            )
        )

    def _outside(self, text: str, stated: StatedRange) -> FormatError:
        default = self._default
        hints = [
            _option(each, default)
            for each in (
                *(Counting(unit, default.inclusive) for unit in UNITS),
                *([] if default.inclusive else [Counting(default.unit, True)]),
            )
            if self._may_count(text, each, stated)
        ]
        own = f" and shows {stated.shown[:60]!r}" if stated.shown else ""
        return FormatError(
            f"{_named(stated)} has the range {_shown(stated)}{own}",
            expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
            hint=" or ".join(hints) or self._of_two_units(text, stated),
        )

    def _contradiction(self, text: str, stated: StatedRange, there: str) -> FormatError:
        shown = stated.shown or ""
        hints = [
            _option(each, self._default)
            for each in CANDIDATES[: 2 * len(UNITS)]
            if each != self.counting
            and self._may_count(text, each, stated)
            and self._file().exact(each) >= self._file().exact(self.counting)
        ]
        at = text.find(shown)
        return FormatError(
            f"{_named(stated)} {_shown(stated)} shows {shown[:60]!r}, "
            f"but the text there is {there[:60]!r}",
            expected=f"the range [{at}, {at + len(shown)}), where the text has it"
            if at >= 0
            else "a range of the text that an entity shows",
            hint=hints[0] if hints else self._of_two_units(text, stated),
        )

    def _of_two_units(self, text: str, stated: StatedRange) -> str | None:
        """The way through for an entity that counts otherwise than others of its file."""
        if self._file().alive:
            return None
        for each in CANDIDATES:
            if each.inclusive == self._default.inclusive and fits(text, each, stated):
                return (
                    f"it agrees if {_described(each)}, unlike others: move the records that count "
                    "so to a file of their own"
                )
        return None


def _refuse(error: FormatError, stated: StatedRange, refuse: Refuse | None) -> None:
    """Gives the error to `refuse`, with the place of its entity if that is known, or raises it."""
    placed = FormatError.placed(error, stated.place) if stated.place else error
    if refuse is None:
        raise placed from None
    refuse(placed)


def _is_other(text: str, shown: str, found: tuple[int, int], start: int) -> bool:
    """Whether an own text that begins at `start` is at another range too."""
    return found[0] != start and 0 <= found[0] < found[1] and shown == text[slice(*found)]


def _described(counting: Counting) -> str:
    units = _NAMES[counting.unit]
    if counting.form == "html":
        return f"offsets count {units}, and a character reference such as &amp; as one"
    forms = {"crlf": ", and a line feed as two (CR LF)", "lf": ", and CR LF as one"}
    ends = ", with the end at the last character" if counting.inclusive else ""
    return f"offsets count {units}{forms.get(counting.form, '')}{ends}"


def _option(counting: Counting, default: Counting) -> str:
    """The option that states a counting."""
    options = []
    if counting.inclusive and not default.inclusive:
        options.append(_INCLUSIVE_HINT)
    if counting.unit != default.unit:
        name = f'--offsets {counting.unit} (offsets="{counting.unit}")'
        options.append(f"{name} counts {_NAMES[counting.unit]}")
    return " and ".join(options)


def _shown(stated: StatedRange) -> str:
    """The range, without numbers that nobody reads."""
    bounds = [
        str(each) if each.bit_length() <= 64 else "a number of more than 64 bits"
        for each in (stated.start, stated.end)
    ]
    return f"[{', '.join(bounds)})"


def _named(stated: StatedRange) -> str:
    return f"the entity {stated.label[:40]}" if stated.label else "an entity"
