"""Tag schemes: how a sequence of tags, one a word, writes down entities.

| scheme | an entity of one word, of two, of three | note |
|---|---|---|
| IOB1 | `I`, `I I`, `I I I` | `B` only where an entity follows another of its label at once |
| IOB2 | `B`, `B I`, `B I I` | called BIO in most places |
| BIOES | `S`, `B E`, `B I E` | |
| BILOU | `U`, `B L`, `B I L` | BIOES with other letters |

A tag is `O` or a prefix, a hyphen and a label: `B-creative-work`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal, NamedTuple

from nerine.errors import SchemeError

OUTSIDE = "O"
Reading = Literal["strict", "lenient"]


class Span(NamedTuple):
    """An entity as a half-open range of words."""

    start: int
    end: int
    label: str


class Tag(NamedTuple):
    """A tag taken apart. `kind` is one of O, B, I, E, S, whatever letters the scheme uses."""

    kind: str
    label: str


_OUTSIDE = Tag(OUTSIDE, "")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a tag sequence breaks its scheme: the tag at `index`, and what is wrong."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Transitions:
    """Which tag may follow which, for one list of tags.

    Each table is square and indexed `[previous][next]`; the places before the first word and
    after the last one count as `O`.

    - `allowed`: the pair may stand in a sequence.
    - `begins`: an entity begins at the next tag.
    - `continues`: both tags belong to the same entity.
    """

    tags: tuple[str, ...]
    allowed: tuple[tuple[bool, ...], ...]
    begins: tuple[tuple[bool, ...], ...]
    continues: tuple[tuple[bool, ...], ...]


class TagScheme(Enum):
    """A tag scheme. `TagScheme("IOB2")` finds one by its name."""

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"

    @classmethod
    def named(cls, name: str | TagScheme) -> TagScheme:
        """The scheme called `name`, in any case; `BIO` is IOB2 and `IOBES` is BIOES."""
        if isinstance(name, TagScheme):
            return name
        known = {scheme.value: scheme for scheme in cls}
        known |= {"BIO": cls.IOB2, "IOB": cls.IOB1, "IOBES": cls.BIOES, "BILUO": cls.BILOU}
        if name.upper() not in known:
            raise SchemeError(
                f"no tag scheme is called {name!r}", expected=f"one of {', '.join(known)}"
            )
        return known[name.upper()]

    @property
    def prefixes(self) -> str:
        """The letters that may stand before a label."""
        letters = {TagScheme.BIOES: "BIES", TagScheme.BILOU: "BILU"}
        return letters.get(self, "BI")

    @property
    def bounds_both_ends(self) -> bool:
        """Whether the last word of an entity has a letter of its own."""
        return self in (TagScheme.BIOES, TagScheme.BILOU)

    def tags(self, labels: Iterable[str]) -> tuple[str, ...]:
        """`O`, then each label's tags: the order of a model's outputs."""
        return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in self.prefixes))

    def encode(self, spans: Iterable[Span], length: int) -> list[str]:
        """Spans over `length` words → tags. Spans are ordered and do not overlap."""
        tags = [OUTSIDE] * length
        previous = Span(0, 0, "")
        for span in spans:
            if not previous.end <= span.start < span.end <= length:
                raise SchemeError(
                    f"span {tuple(span)} cannot be written as tags",
                    expected=f"ordered spans without overlap inside {length} words",
                )
            touches = previous.end == span.start and previous.label == span.label
            kinds = self._kinds(span.end - span.start, touches)
            tags[span.start : span.end] = [f"{kind}-{span.label}" for kind in kinds]
            previous = span
        return tags

    def _kinds(self, length: int, touches_its_like: bool) -> str:
        if not self.bounds_both_ends:
            first = "B" if self is TagScheme.IOB2 or touches_its_like else "I"
            return first + "I" * (length - 1)
        begin, inside, end, single = tuple(self.prefixes)
        return single if length == 1 else begin + inside * (length - 2) + end

    def decode(self, tags: Sequence[str], reading: Reading = "strict") -> list[Span]:
        """Tags → spans.

        The strict reading takes only entities that are written as the scheme demands, as
        seqeval's strict mode does. The lenient reading is that of conlleval: a tag that goes
        on where nothing began (an orphan `I-`) begins an entity.
        """
        if tags.count(OUTSIDE) == len(tags):
            return []
        if reading == "strict" and self is TagScheme.IOB2:
            return _decode_iob2(tags)
        parsed = [parse_tag(tag) for tag in tags]
        if reading == "lenient":
            return _decode_lenient(parsed)
        return _decode_bounded(parsed) if self.bounds_both_ends else self._decode_iob1(parsed)

    def _decode_iob1(self, tags: list[Tag]) -> list[Span]:
        """The strict reading of IOB1, whose entities end where nothing goes on."""
        spans = []
        start, label = -1, ""
        previous = _OUTSIDE
        for index, tag in enumerate([*tags, _OUTSIDE]):
            begins = self._begins(previous, tag)
            if start >= 0 and (begins or tag != ("I", label)):
                spans.append(Span(start, index, label))
                start = -1
            # After a `B-` that IOB1 does not allow there, an `I-` has nothing to go on with.
            if begins or (tag.kind == "I" and start < 0):
                start, label = index, tag.label
            previous = tag
        return spans

    def fault(self, tags: Sequence[str]) -> Fault | None:
        """The first place where `tags` break the scheme, or None."""
        return next(self.faults(tags), None)

    def faults(self, tags: Sequence[str]) -> Iterator[Fault]:
        """Every place where `tags` break the scheme. A tag is judged by the one before it."""
        previous = OUTSIDE
        for index, tag in enumerate(tags):
            if parse_tag(tag).kind != OUTSIDE and tag[0] not in self.prefixes:
                yield Fault(index, f"{tag!r} is no tag of {self.value}")
            elif not self._allows(parse_tag(previous), parse_tag(tag)):
                yield Fault(index, f"{tag!r} cannot follow {previous!r} in {self.value}")
            previous = tag
        if not self._allows(parse_tag(previous), Tag(OUTSIDE, "")):
            yield Fault(len(tags) - 1, f"{previous!r} cannot end a sequence in {self.value}")

    def repair(self, tags: Sequence[str]) -> tuple[list[str], int]:
        """`tags` as the lenient reading takes them, and how many tags that changed."""
        repaired = self.encode(self.decode(tags, "lenient"), len(tags))
        return repaired, sum(old != new for old, new in zip(tags, repaired, strict=True))

    def transitions(self, tags: Sequence[str], *, constrained: bool = True) -> Transitions:
        """The tables of `tags`, a model's outputs in order.

        `constrained=False` allows every pair and reads entities leniently: with it, the best
        sequence is the arg-max of each word.
        """
        if OUTSIDE not in tags:
            raise SchemeError(
                f"the tags {', '.join(tags)} lack {OUTSIDE!r}",
                expected="'O' for words outside of entities",
            )
        parsed = [parse_tag(tag) for tag in tags]
        begins = self._begins if constrained else _begins_leniently
        allows = self._allows if constrained else _allows_all
        starts = _table(parsed, begins)
        return Transitions(
            tags=tuple(tags),
            allowed=_table(parsed, allows),
            begins=starts,
            continues=_table(
                parsed,
                lambda previous, tag: (
                    tag.kind != OUTSIDE
                    and previous.kind != OUTSIDE
                    and previous.label == tag.label
                    and allows(previous, tag)
                    and not begins(previous, tag)
                ),
            ),
        )

    def _begins(self, previous: Tag, tag: Tag) -> bool:
        if self.bounds_both_ends:
            return tag.kind in "BS"
        if self is TagScheme.IOB2:
            return tag.kind == "B"
        inside_its_like = previous.kind != OUTSIDE and previous.label == tag.label
        return tag.kind == ("B" if inside_its_like else "I")

    def _allows(self, previous: Tag, tag: Tag) -> bool:
        inside_its_like = previous.kind != OUTSIDE and previous.label == tag.label
        if self.bounds_both_ends:
            if previous.kind in "BI":
                return tag.kind in "IE" and inside_its_like
            return tag.kind in "OBS"
        demanding = "I" if self is TagScheme.IOB2 else "B"
        return tag.kind != demanding or inside_its_like


@lru_cache(maxsize=10_000)
def parse_tag(tag: str) -> Tag:
    """Takes a tag apart; raises `SchemeError` on any other form."""
    if tag == OUTSIDE:
        return _OUTSIDE
    kind, hyphen, label = tag.partition("-")
    kind = {"L": "E", "U": "S"}.get(kind, kind)
    if kind not in ("B", "I", "E", "S") or not hyphen or not label:
        raise SchemeError(
            f"tag {tag!r} has an unknown form",
            expected="'O', or B-, I-, E-, S-, L- or U- before a label, as in 'B-person'",
            hint="name the column that holds the tags if it is not the last one; labels alone are "
            "IOB1 once each has I- before it",
        )
    return Tag(kind, label)


def detect_scheme(sequences: Iterable[Sequence[str]]) -> TagScheme:
    """The scheme that tag sequences are written in.

    Letters decide for BIOES and BILOU. Between the others, a file is IOB1 if entities begin
    with `I-` and every `B-` stands where IOB1 demands one; it is IOB2 otherwise.
    """
    letters: set[str] = set()
    starts_with_inside = starts_with_begin = False
    for tags in sequences:
        previous = Tag(OUTSIDE, "")
        for tag in tags:
            parsed = parse_tag(tag)
            letters.add(tag[0])
            apart = previous.label != parsed.label
            starts_with_inside |= parsed.kind == "I" and apart
            starts_with_begin |= parsed.kind == "B" and apart
            previous = parsed
    if letters & set("LU"):
        return TagScheme.BILOU
    if letters & set("ES"):
        return TagScheme.BIOES
    return TagScheme.IOB1 if starts_with_inside and not starts_with_begin else TagScheme.IOB2


def _table(tags: Sequence[Tag], holds: Callable[[Tag, Tag], bool]) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(holds(previous, tag) for tag in tags) for previous in tags)


def _decode_iob2(tags: Sequence[str]) -> list[Span]:
    """The strict reading of IOB2: an entity is a `B-` and the `I-` of its label that follow it.

    Most tags are `O` or go on with an entity: these are told by their letters alone.
    """
    spans = []
    start, label = -1, ""
    inside: str | None = None  # the tag that goes on with the entity before it
    for index, written in enumerate(tags):
        if written == inside:
            continue
        if start >= 0:
            spans.append(Span(start, index, label))
            start, inside = -1, None
        if written != OUTSIDE:
            kind, found = parse_tag(written)
            if kind == "B":
                start, label, inside = index, found, f"I-{found}"
    if start >= 0:
        spans.append(Span(start, len(tags), label))
    return spans


def _decode_bounded(tags: list[Tag]) -> list[Span]:
    """The strict reading of BIOES: an entity counts if it has both its ends."""
    spans = []
    start, label = -1, ""
    for index, tag in enumerate(tags):
        if tag.kind == "S":
            spans.append(Span(index, index + 1, tag.label))
        if tag.kind == "E" and start >= 0 and tag.label == label:
            spans.append(Span(start, index + 1, label))
        if tag.kind == "B":
            start, label = index, tag.label
        elif tag != Tag("I", label):
            start = -1
    return spans


def _decode_lenient(tags: list[Tag]) -> list[Span]:
    spans = []
    start = -1
    previous = Tag(OUTSIDE, "")
    for index, tag in enumerate([*tags, Tag(OUTSIDE, "")]):
        begins = _begins_leniently(previous, tag)
        if start >= 0 and (begins or tag.kind == OUTSIDE):
            spans.append(Span(start, index, previous.label))
            start = -1
        if begins:
            start = index
        previous = tag
    return spans


def _begins_leniently(previous: Tag, tag: Tag) -> bool:
    """The rule of conlleval (Tjong Kim Sang, 2000), which reads every scheme alike."""
    if tag.kind == OUTSIDE:
        return False
    return tag.kind in "BS" or previous.kind in "OES" or previous.label != tag.label


def _allows_all(previous: Tag, tag: Tag) -> bool:  # noqa: ARG001 - a relation takes both
    return True
