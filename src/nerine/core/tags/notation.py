"""Notations of tags in files other than `B-person`, and how a file's notation is found.

=============  ============================  ==================================================
notation       tags of one entity            read as
=============  ============================  ==================================================
`prefixed`     `B-person`, `I-person`        is
`affixed`      `B_person`, `person-B`, and   the letter before the label; `M` (BMES) is `I`,
               `M-` or `W-` for inner and    `W` is `S`
               single words
`unlabelled`   `B`, `I`                      the label `entity`
`IO`           `person`, `person`            IOB2: a run of one label is one entity; if IO is
                                             stated, also `I-person`, `I-person`
`brackets`     `(person*`, `*)`              ranges, which may be nested
=============  ============================  ==================================================
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nerine.core.errors import SchemeError
from nerine.core.tags.scheme import Fault, TagScheme, scheme_of
from nerine.core.tags.tag import OUTSIDE, Span

IO: Literal["IO"] = "IO"
ReadScheme = TagScheme | Literal["IO"]
"""How a file's tags can be stated to be written: a scheme, or IO, which only readers know."""

UNNAMED = "entity"
"""The label of entities whose tags have none."""

_MOST_PAIRS = 100_000
INNER = {"M": "I", "W": "S"}
"""Letters of BMES and their like, as those of BIOES."""
_PREFIXED = re.compile(r"[BIESLU]-.+", re.DOTALL)
AFFIXED = (
    (re.compile(r"(?P<kind>[BIESLUMW])-(?P<label>.+)"), ""),
    (re.compile(r"(?P<kind>[BIESLUMW])[_:|/.](?P<label>.+)"), "BI"),
    (re.compile(r"(?P<label>.+)[-_:|/.](?P<kind>[BIESLUMW])"), "BI"),
    (re.compile(r"(?P<kind>[bieslumw])[-_:|/.](?P<label>.+)"), "BI"),
)
_UNLABELLED = re.compile(r"(?P<kind>[BIESLUMW])(?P<label>)")
_INSIDE = re.compile(r"I-.+", re.DOTALL)
_NAME = re.compile(r"[^\W\d_][\w&.,:/+() -]*")
_STATED = re.compile(r"(?=.*[^\W\d_])(?:\S|\S.*\S)", re.DOTALL)
_LETTERED = re.compile(r"[BIESLUMW][-_:|/.].+", re.DOTALL)
_UNPREFIXED = re.compile(rf"(?![BIESLUMW](?:[-_:|/.].|\Z)){_STATED.pattern}", re.DOTALL)
_BRACKETS = re.compile(r"(?=.)(?:\([^\s()*|]+)*\*?\)*")
_LOOKS_AFFIXED = re.compile(r"[BIESLUMWbieslumw](?:[-_:|/.].*)?|.*[-_:|/.][BIESLUMW]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Notation:
    """How the tags of a file are written.

    Attributes:
        name: Its name in this module's table.
        pattern: The form of a tag, apart from `O`.
        outside: What stands for words outside entities.
        note: What the user is told about it; empty if nothing.
        is_sure: Whether tags in the file show the notation; if not, it may be another one.
    """

    name: Literal["prefixed", "affixed", "unlabelled", "IO", "brackets"]
    pattern: re.Pattern[str]
    outside: frozenset[str] = frozenset({OUTSIDE})
    note: str = ""
    is_sure: bool = True

    def is_tag(self, tag: str) -> bool:
        """Whether a tag has the form of this notation."""
        return tag in self.outside or self.pattern.fullmatch(tag) is not None

    def prefixed(self, tags: Sequence[str]) -> Sequence[str]:
        """The tags as in `B-person`; not for brackets."""
        if self.name == "prefixed":
            return tags
        if self.name == "IO":
            previous = OUTSIDE
            written = []
            for tag in tags:
                letter = "I" if tag == previous else "B"
                written.append(OUTSIDE if tag in self.outside else f"{letter}-{tag}")
                previous = tag
            return written
        return [self._prefixed(tag) for tag in tags]

    def _prefixed(self, tag: str) -> str:
        found = None if tag in self.outside else self.pattern.fullmatch(tag)
        if not found:
            return OUTSIDE
        kind = found["kind"].upper()
        return f"{INNER.get(kind, kind)}-{found['label'] or UNNAMED}"

    def scheme(self, tags: TagSurvey) -> TagScheme:
        """The scheme of the tags after they are read."""
        if self.name in ("IO", "brackets"):
            return TagScheme.IOB2
        valid = ((one, other) for one, other in tags.pairs if self.is_tag(other))
        return scheme_of((self._known(one), self._known(other)) for one, other in valid)

    def _known(self, tag: str) -> str:
        return self.prefixed([tag])[0] if self.is_tag(tag) else OUTSIDE


PREFIXED = Notation("prefixed", _PREFIXED)
LABELS = Notation(
    "IO",
    _NAME,
    note="tags: labels without a prefix (IO), so adjacent entities of one label are read as one",
)
_UNKNOWN = Notation("prefixed", _PREFIXED, is_sure=False)
BRACKETS = Notation("brackets", _BRACKETS, frozenset({"*"}), "tags: brackets, as in '(person*'")


@dataclass(slots=True)
class TagSurvey:
    """The different tags of a file.

    Attributes:
        has_outside: Whether `O` is among them.
        pairs: Pairs of a tag other than `O` and the different tag before it; the first word of a
            sequence comes after `O`. Of a file with very many not all are kept.
    """

    has_outside: bool = False
    pairs: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]]) -> TagSurvey:
        """The tags of these sequences."""
        survey = cls()
        for tags in sequences:
            survey.add(tags)
        return survey

    def add(self, tags: Sequence[str]) -> None:
        """Adds a sequence."""
        previous = OUTSIDE
        for tag in tags:
            if tag not in (previous, OUTSIDE) and len(self.pairs) < _MOST_PAIRS:
                self.pairs.add((previous, tag))
            previous = tag
        if not self.has_outside:
            self.has_outside = OUTSIDE in tags

    @property
    def tags(self) -> set[str]:
        """The tags other than `O`."""
        return {tag for _, tag in self.pairs}


def detect_notation(
    tags: Collection[str], *, has_outside: bool, stated: ReadScheme | None = None
) -> Notation:
    """The notation of a file's tags; `prefixed` if it is none that is beyond doubt.

    Args:
        tags: The different tags other than `O`.
        has_outside: Whether `O` is among them too. Labels without it may be parts of speech, and
            letters without it the ends of words.
        stated: What the user says of the tags; with a scheme, any of its letters shows affixes.
    """
    if stated == IO:
        return _stated_labels(tags, has_outside)
    if not tags or any(_PREFIXED.fullmatch(tag) for tag in tags):
        is_bmes = tags and all(AFFIXED[0][0].fullmatch(tag) for tag in tags)
        extended = is_bmes and any(tag[0] in "MW" for tag in tags)
        usual = PREFIXED if not tags or _have_prefixes(tags) else _UNKNOWN
        return _affixed(*AFFIXED[0], tags) or usual if extended else usual
    is_sure = has_outside or stated is not None
    if all(_UNLABELLED.fullmatch(tag) for tag in tags) and is_sure and set(tags) & {"B", "I"}:
        note = f"tags: letters without a label; the label is {UNNAMED!r}"
        return Notation("unlabelled", _UNLABELLED, note=note)
    for pattern, needed in AFFIXED:
        if found := _affixed(pattern, "" if stated else needed, tags):
            return found
    if all(BRACKETS.is_tag(tag) for tag in tags) and any("*" in tag for tag in tags):
        return BRACKETS
    is_io = has_outside and all(_NAME.fullmatch(tag) for tag in tags)
    return LABELS if is_io and not any(map(_LOOKS_AFFIXED.fullmatch, tags)) else _UNKNOWN


def _stated_labels(tags: Collection[str], has_outside: bool) -> Notation:
    """The notation of tags that are stated to be labels without prefixes.

    `I-` before every label is read as IOB1, which says the same. If other prefixes show that the
    statement is wrong, they do not have the form of the notation. A label has a letter: what has
    none may stand for words outside of entities.
    """
    if tags and all(_INSIDE.fullmatch(tag) for tag in tags):
        return PREFIXED
    are_letters = {"B", "I"} <= {*tags} and all(_UNLABELLED.fullmatch(tag) for tag in tags)
    pattern = _UNPREFIXED if _have_prefixes(tags) or are_letters else _STATED
    for affixes, _ in AFFIXED:
        if _affixed(affixes, "BI", tags):
            pattern = re.compile(rf"(?!(?:{affixes.pattern})\Z){_STATED.pattern}", re.DOTALL)
    without = "" if has_outside or not tags else "no tag is 'O', so every word is in an entity"
    return Notation("IO", pattern, note=without and f"tags: {without}")


def _affixed(pattern: re.Pattern[str], needed: str, tags: Collection[str]) -> Notation | None:
    """The notation of a pattern, if it is that of all tags and all `needed` letters are there."""
    outside = frozenset("Oo") if pattern is AFFIXED[-1][0] else frozenset("O")
    found = [pattern.fullmatch(tag) for tag in tags if tag not in outside]
    kinds = {match["kind"].upper() for match in found if match}
    inner = {INNER.get(kind, kind) for kind in kinds}
    if not found or not all(found) or not inner >= set(needed):
        return None
    example = next(match[0] for match in found if match)
    name = "BMES" if kinds & set("MW") and needed == "" else f"{example!r}"
    return Notation("affixed", pattern, outside, f"tags: written as {name}")


def _have_prefixes(tags: Collection[str]) -> bool:
    """Whether half of the tags or more have a prefix, and not only labels such as `E-mail`."""
    found = [tag[0] for tag in tags if _LETTERED.fullmatch(tag)]
    return 2 * len(found) >= len(tags) and not {"B", "I"}.isdisjoint(found)


def has_affix(tag: str) -> bool:
    """Whether a tag may have a letter such as `B` before or after its label, or is the letter."""
    return _LOOKS_AFFIXED.fullmatch(tag) is not None


def bracketed_spans(tags: Sequence[str]) -> tuple[list[Span], Fault | None]:
    """The entities in brackets, as in `(person*`, `*`, `*)`, inner ones before outer ones.

    Also the first place where a bracket closes that was not opened, or is left open.
    """
    spans: list[Span] = []
    opened: list[tuple[int, str]] = []
    for index, tag in enumerate(tags):
        opened += [(index, label) for label in re.findall(r"\(([^\s()*|]+)", tag)]
        for _ in range(tag.count(")")):
            if not opened:
                return spans, Fault(index, f"{tag!r} closes a bracket that is not open")
            start, label = opened.pop()
            spans.append(Span(start, index + 1, label))
    if opened:
        return spans, Fault(opened[-1][0], f"the bracket of {opened[-1][1]!r} is not closed")
    return spans, None


def read_scheme(name: str | TagScheme) -> ReadScheme:
    """The scheme with a name, as `TagScheme.named`, or IO.

    Raises `SchemeError` if no scheme has this name.
    """
    if isinstance(name, str) and name.upper() == IO:
        return IO
    try:
        return TagScheme.named(name)
    except SchemeError as error:
        raise SchemeError(error.found, expected=f"{error.expected}, IO") from None
