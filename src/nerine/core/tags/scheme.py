"""The four tag schemes: tags ↔ spans, and the transitions between tags that each one allows."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from nerine.core.arguments import checked
from nerine.core.errors import SchemeError
from nerine.core.tags.reading import (
    Reading,
    begins_leniently,
    decode_bounded,
    decode_iob2,
    decode_lenient,
)
from nerine.core.tags.tag import OUTSIDE, Span, Tag, parse_tag

_Holds = Callable[[Tag, Tag], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a tag sequence breaks its scheme.

    Attributes:
        index: The index of the wrong tag.
        reason: The problem, for a message.
    """

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Transitions:
    """The allowed transitions between the tags of one list.

    Each table is square and indexed `[previous][next]`; the places before the first word and
    after the last one count as `O`.

    Attributes:
        tags: The tags, in the order of the tables' rows and columns.
        allowed: Whether the pair may stand in a sequence.
        begins: Whether an entity begins at the next tag.
        continues: Whether both tags belong to the same entity.
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
    @checked
    def named(cls, name: str | TagScheme) -> TagScheme:
        """The scheme with a name, in any case; `BIO` is IOB2 and `IOBES` is BIOES.

        Args:
            name: The name, or a scheme, which is returned unchanged.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If no scheme has this name.
        """
        if isinstance(name, TagScheme):
            return name
        known = {scheme.value: scheme for scheme in cls}
        known |= {"BIO": cls.IOB2, "IOB": cls.IOB1, "IOBES": cls.BIOES, "BILUO": cls.BILOU}
        if name.upper() not in known:
            raise SchemeError(f"unknown tag scheme {name!r}", expected=f"one of {', '.join(known)}")
        return known[name.upper()]

    @property
    def prefixes(self) -> str:
        """The letters before a label, the one that begins an entity first."""
        letters = {TagScheme.BIOES: "BIES", TagScheme.BILOU: "BILU"}
        return letters.get(self, "BI")

    @property
    def bounds_both_ends(self) -> bool:
        """Whether the last word of an entity has a letter of its own."""
        return self in (TagScheme.BIOES, TagScheme.BILOU)

    @checked
    def tags(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The tags of labels, in the order of a model's outputs: `O`, then those of each label.

        Args:
            labels: The labels, in order.

        Raises:
            ArgumentError: If an argument has another type.
        """
        return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in self.prefixes))

    @checked
    def encode(self, spans: Iterable[Span], length: int) -> list[str]:
        """Spans → tags.

        Args:
            spans: Spans in order, without overlap.
            length: The number of words.

        Returns:
            One tag a word.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If a span overlaps the one before, or is outside the words.
        """
        tags = [OUTSIDE] * length
        previous = Span(0, 0, "")
        for span in spans:
            if not previous.end <= span.start < span.end <= length:
                raise SchemeError(
                    f"span {tuple(span)} cannot be written as tags",
                    expected=f"ordered spans without overlap inside {length} words",
                )
            touches = previous.end == span.start and previous.label == span.label
            inner = span.end - span.start - 1
            if self.bounds_both_ends:
                begin, inside, end, single = tuple(self.prefixes)
                kinds = begin + inside * (inner - 1) + end if inner else single
            else:
                kinds = ("B" if self is TagScheme.IOB2 or touches else "I") + "I" * inner
            tags[span.start : span.end] = [f"{kind}-{span.label}" for kind in kinds]
            previous = span
        return tags

    @checked
    def decode(self, tags: Sequence[str], reading: Reading = "strict") -> list[Span]:
        """Tags → spans.

        The strict reading takes only entities that obey the scheme, like seqeval's strict mode.
        In the lenient reading a tag that continues no entity (an orphan `I-`) begins one, like in
        seqeval's default mode. For tags with `B-` and `I-` it is that of conlleval.pl (Tjong Kim
        Sang & Buchholz, 2000), which does not know the letters `S`, `L` and `U`.

        Args:
            tags: One tag a word.
            reading: `strict` or `lenient`.

        Returns:
            The spans, in order.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If a tag has an unknown form.
        """
        if tags.count(OUTSIDE) == len(tags):
            return []
        if reading == "strict" and self is TagScheme.IOB2:
            return decode_iob2(tags)
        parsed = [parse_tag(tag) for tag in tags]
        if reading == "lenient":
            return decode_lenient(parsed)
        return decode_bounded(parsed) if self.bounds_both_ends else self._decode_iob1(parsed)

    def _decode_iob1(self, tags: list[Tag]) -> list[Span]:
        """The strict reading of IOB1: an entity ends before a tag that does not continue it."""
        spans = []
        start, label = -1, ""
        previous = Tag(OUTSIDE, "")
        for index, tag in enumerate([*tags, Tag(OUTSIDE, "")]):
            begins = self._begins(previous, tag)
            if start >= 0 and (begins or tag != ("I", label)):
                spans.append(Span(start, index, label))
                start = -1
            # after a `B-` that IOB1 does not allow there, an `I-` begins an entity
            if begins or (tag.kind == "I" and start < 0):
                start, label = index, tag.label
            previous = tag
        return spans

    @checked
    def fault(self, tags: Sequence[str]) -> Fault | None:
        """The first place where tags break the scheme; None if they obey it.

        Args:
            tags: One tag a word.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If a tag has an unknown form.
        """
        return next(self.faults(tags), None)

    @checked
    def faults(self, tags: Sequence[str]) -> Iterator[Fault]:
        """Every place, in order, where a tag must not follow the tag before it.

        Args:
            tags: One tag a word.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If a tag has an unknown form.
        """
        previous = OUTSIDE
        for index, tag in enumerate(tags):
            if tag == previous == OUTSIDE:
                continue
            if parse_tag(tag).kind != OUTSIDE and tag[0] not in self.prefixes:
                yield Fault(index, f"{tag!r} is not a tag of {self.value}")
            elif not self._allows(parse_tag(previous), parse_tag(tag)):
                yield Fault(index, f"{tag!r} cannot follow {previous!r} in {self.value}")
            previous = tag
        if not self._allows(parse_tag(previous), Tag(OUTSIDE, "")):
            yield Fault(len(tags) - 1, f"{previous!r} cannot end a sequence in {self.value}")

    @checked
    def repair(self, tags: Sequence[str]) -> tuple[list[str], int]:
        """Changes tags into a sequence of the scheme with the entities of the lenient reading.

        Args:
            tags: One tag a word.

        Returns:
            One tag a word, and the number of changed tags.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If a tag has an unknown form.
        """
        repaired = self.encode(self.decode(tags, "lenient"), len(tags))
        return repaired, sum(old != new for old, new in zip(tags, repaired, strict=True))

    @checked
    def transitions(self, tags: Sequence[str], *, constrained: bool = True) -> Transitions:
        """The allowed transitions between tags.

        Args:
            tags: The tags of a model's outputs, in order.
            constrained: False allows every pair and reads entities leniently: the best sequence is
                then the arg-max of each word.

        Raises:
            ArgumentError: If an argument has another type.
            SchemeError: If `O` is not among the tags, or a tag has an unknown form.
        """
        if OUTSIDE not in tags:
            raise SchemeError(
                f"the tags {', '.join(tags)} lack {OUTSIDE!r}",
                expected="'O' for words outside entities",
            )
        parsed = [parse_tag(tag) for tag in tags]
        begins, allows = self._pairs_of(parsed)
        if not constrained:
            begins, allows = begins_leniently, lambda previous, tag: True  # noqa: ARG005
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

    def _pairs_of(self, tags: Sequence[Tag]) -> tuple[_Holds, _Holds]:
        """Whether an entity begins at the second tag of a pair, and whether the pair is allowed.

        A label that lacks tags of the scheme is written with those that it has: without a `B-` its
        entities begin with `I-`, without an `E-` they end anywhere, and without an `S-` a single
        word has the tag of a first one.
        """
        if self is TagScheme.IOB1:
            return self._begins, self._allows
        kinds: defaultdict[str, str] = defaultdict(str)
        for kind, label in tags:
            kinds[label] += kind

        def first(label: str) -> str:
            return next((kind for kind in "BIE" if kind in kinds[label]), "S")

        def continues(previous: Tag, tag: Tag) -> bool:
            return previous.label == tag.label and previous.kind in "BI" and tag.kind in "IE"

        def begins(previous: Tag, tag: Tag) -> bool:
            starts = tag.kind != OUTSIDE and tag.kind in f"S{first(tag.label)}"
            return starts and not continues(previous, tag)

        def allows(previous: Tag, tag: Tag) -> bool:
            own, label = kinds[previous.label], previous.label
            ends = (
                previous.kind in "OES"
                or "E" not in own
                or ("S" not in own and previous.kind == first(label))
            )
            starts = tag.kind == OUTSIDE or begins(previous, tag)
            return continues(previous, tag) or (ends and starts)

        return begins, allows

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


def detect_scheme(sequences: Iterable[Sequence[str]]) -> TagScheme:
    """The scheme of tag sequences; raises `SchemeError` if a tag has an unknown form."""
    return scheme_of(pair for tags in sequences for pair in _pairs(tags))


def _pairs(tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each tag after the one before it; the first one comes after `O`."""
    for pair in itertools.pairwise((OUTSIDE, *tags)):
        parse_tag(pair[1])
        yield pair


def scheme_of(pairs: Iterable[tuple[str, str]]) -> TagScheme:
    """The scheme of pairs of a tag and the one after it, both in the form `B-person` or `O`.

    BIOES and BILOU have letters of their own. Otherwise it is IOB1 if entities begin with `I-` and
    every `B-` is one that IOB1 demands, and IOB2 if not.
    """
    letters: set[str] = set()
    starts_with_inside = starts_with_begin = False
    for previous, tag in pairs:
        letters.add(tag[0])
        apart = previous[2:] != tag[2:]
        starts_with_inside |= tag[0] == "I" and apart
        starts_with_begin |= tag[0] == "B" and apart
    iob = TagScheme.IOB1 if starts_with_inside and not starts_with_begin else TagScheme.IOB2
    return bounding_scheme(letters) or iob


def bounding_scheme(letters: Set[str]) -> TagScheme | None:
    """BILOU or BIOES, if some letters before labels are theirs alone."""
    if letters & set("LU"):
        return TagScheme.BILOU
    return TagScheme.BIOES if letters & set("ES") else None


def _table(tags: Sequence[Tag], holds: _Holds) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(holds(previous, tag) for tag in tags) for previous in tags)
