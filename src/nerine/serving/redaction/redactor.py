"""Texts without the names that a tagger finds.

::

    redact = Redactor(tagger, how={"person": "number", "place": "keep"})
    for each in redact.pipe(texts):
        each.text  # [person 1] left Lisbon.
        each.restored()  # Mira Okonjo left Lisbon.

What a tagger misses stays: measure its recall on labelled texts of the same kind first.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import regex

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.errors import SettingsError
from nerine.model.given import CheckpointLike, as_tagger
from nerine.serving.files.written import Change
from nerine.serving.redaction.patterns import check_patterns, find_patterns
from nerine.serving.redaction.stand_ins import StandIns, keyed, kind_of, same

How = Literal["label", "number", "hash", "stand-in", "mask", "remove", "keep"]
"""What becomes of an entity."""

MASK = "█"
_WHOLE = r"(?:(?<!\w)|(?!\w))\L<news>(?:(?!\w)|(?<!\w))"
"""Texts that no letter or digit continues."""
_LEAST_KEY = 16
_DIGITS = 16
"""Digits of a hash: 64 bits."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A part of a redacted text that stands for something else.

    Attributes:
        start: Its first code point in the redacted text, counted from 0.
        end: The code point after its last one; equal to `start` if it was removed.
        label: The label of the entity.
        original: What it stands for; it is not shown.
        score: The probability of the entity; None for another place with the same name.
    """

    start: int
    end: int
    label: str
    original: str = field(repr=False)
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Redacted:
    """A redacted text.

    Attributes:
        text: The text.
        replacements: Its parts that stand for something else, in order.
        id: The name of the document, if it had one. Its meta is left away: it may hold names.
    """

    text: str
    replacements: tuple[Replacement, ...] = ()
    id: str | None = None

    def restored(self) -> str:
        """The text as it was."""
        parts, before = [], 0
        for each in self.replacements:
            parts += [self.text[before : each.start], each.original]
            before = each.end
        return "".join([*parts, self.text[before:]])

    def restored_in(self, answer: str) -> str:
        """Another text, such as what a language model made of this one, with the names put back.

        What stands for a name is replaced wherever it stands as a whole word.

        Args:
            answer: The text.

        Raises:
            SettingsError: If something stands for several names, as `[person]` may.
        """
        names: dict[str, str] = {}
        for each in self.replacements:
            new = self.text[each.start : each.end]
            if same(names.setdefault(new, each.original)) != same(each.original):
                raise SettingsError(
                    f"{new!r} stands for several names",
                    place="how",
                    expected="number, hash or stand-in, which tell names apart",
                )
        names.pop("", None)
        if not names:
            return answer
        pattern = regex.compile(_WHOLE, news=list(names), cache_pattern=False)
        return str(pattern.sub(lambda match: names[match[0]], answer))


_Place = tuple[int, int, str, float | None, bool]


class Redactor:
    """Replaces the entities of texts.

    ==============  ===============================================================================
    how             the name becomes
    ==============  ===============================================================================
    `"label"`       `[person]`
    `"number"`      `[person 1]`, the same for the same name in all texts of this redactor
    `"hash"`        `[person 3f9a1c2b4d5e6f70]`, the same for the same name wherever the key is the
                    same: HMAC with SHA-256 (RFC 2104), its first 64 bits
    `"stand-in"`    an invented name, the same for the same name, also elsewhere where the key is
                    the same; for labels that are not persons, locations or organizations, a hash
    `"mask"`        `███`, as many as it has code points
    `"remove"`      nothing
    `"keep"`        itself
    ==============  ===============================================================================

    Names are the same if they have the same label and differ only in case, white space or Unicode's
    compatible forms (NFKC). `Okonjo` and `Mira Okonjo` are two names.

    A redactor that numbers or invents keeps each name in memory. It is used by one thread at a
    time. It can be pickled if its tagger can; the pickle holds the key and those names.

    Args:
        tagger: A tagger, or what `Tagger.load` loads. Its thresholds say what is replaced.
        how: What becomes of all entities, or of those of each label; labels that are not named are
            treated as `"label"`.
        key: The key of `"hash"` and `"stand-in"`, 16 bytes or more that only you know; a text is
            read as UTF-8. By default, stand-ins have one that is thrown away.
        everywhere: Whether a name that was found is also replaced at other places of the same text
            where it stands as a whole word, in the same letters, and was not found.
        patterns: What is also found by its form, each with this label: some of `"card"`, `"email"`,
            `"iban"` and `"phone"`.
        region: The country of phone numbers without the code of a country, such as `"GB"`; by
            default only those with a code are found.
        locale: Where stand-ins come from, such as `"de_DE"`, as Faker calls it.

    Attributes:
        tagger: The tagger.
        labels: The labels of the tagger and of the patterns.
        how: What becomes of the entities of each label.
        key: The key; empty if there is none.

    Raises:
        ArgumentError: If an argument has another type.
        NerineError: As `Tagger.load` does.
        SettingsError: If the tagger has no such label, a way, a pattern, a region or a locale is
            unknown, or the key is missing or too short.
        MissingExtraError: If stand-ins or patterns are asked for without the extra `redact`.
    """

    @checked
    def __init__(
        self,
        tagger: CheckpointLike,
        *,
        how: str | Mapping[str, str] = "label",
        key: str | bytes | None = None,
        everywhere: bool = True,
        patterns: Sequence[str] = (),
        region: str | None = None,
        locale: str = "en_US",
    ) -> None:
        self.tagger = as_tagger(tagger)
        self.everywhere = everywhere
        check_patterns(patterns, region)
        self.labels = tuple(dict.fromkeys([*self.tagger.labels, *patterns]))
        self.how = _ways(how, self.labels)
        self.key = _checked_key(key, self.how.values())
        self.stand_ins: StandIns | None = None
        self._patterns, self._region = tuple(patterns), region
        self._secret = self.key or secrets.token_bytes(32)
        self._numbers: dict[str, dict[str, int]] = {}
        if "stand-in" in self.how.values():
            self.stand_ins = StandIns(self._secret, locale, strict=not self.key)

    def __call__(self, text: str | Document) -> Redacted:
        """Redacts one text.

        Args:
            text: A text, or a document, whose own entities are not looked at.

        Raises:
            CheckpointError: If the model fails on it.
            DocumentError: If it is neither.
        """
        return next(self.pipe([text]))

    def pipe(self, texts: Iterable[str | Document]) -> Iterator[Redacted]:
        """Redacts a stream of texts, in order.

        Args:
            texts: The texts; they are read ahead.

        Raises:
            CheckpointError: If the model fails on one.
            DocumentError: If an item is not a text.
        """
        return map(self.redacted, self.tagger.pipe(texts))

    def redacted(self, document: Document) -> Redacted:
        """A document with its entities replaced, also those that another program has found.

        Args:
            document: The document. If entities overlap, what they cover together is replaced as the
                first of them.
        """
        parts: list[str] = []
        found: list[Replacement] = []
        before = length = 0
        for each in self.changes(document):
            length += each.start - before
            parts += [document.text[before : each.start], each.new]
            end = length + len(each.new)
            name = document.text[each.start : each.end]
            found.append(Replacement(length, end, each.label, name, each.score))
            length = end
            before = each.end
        parts.append(document.text[before:])
        return Redacted("".join(parts), tuple(found), document.id)

    def changes(self, document: Document) -> list[Change]:
        """What `redacted` changes, in order.

        Args:
            document: As for `redacted`.

        :meta private:
        """
        return [
            Change(start, end, label, self._new(label, document.text[start:end]), score, is_found)
            for start, end, label, score, is_found in self._places(document)
        ]

    def _new(self, label: str, name: str) -> str:
        """What takes the place of a name."""
        match self.how.get(label, "label"):
            case "number":
                return self._numbered(label, name)
            case "hash":
                return self._hashed(label, name)
            case "stand-in":
                return self._invented(label, name)
            case "mask":
                return MASK * len(name)
            case "remove":
                return ""
        return f"[{label}]"

    def _places(self, document: Document) -> list[_Place]:
        """What is replaced: ranges that do not overlap, in order."""
        entities: Sequence[Entity] = document.entities
        if self._patterns:
            formed = find_patterns(document.text, self._patterns, self._region)
            entities = sorted([*formed, *entities], key=lambda each: (each.start, -each.end))
        replaced = [each for each in entities if self.how.get(each.label) != "keep"]
        places: list[_Place] = []
        for each in replaced:
            if places and each.start < places[-1][1]:
                start, end, label, score, is_found = places[-1]
                places[-1] = start, max(end, each.end), label, score, is_found
            else:
                places.append((each.start, each.end, each.label, each.score, True))
        if self.everywhere and places:
            places += self._elsewhere(document, entities, replaced)
        return sorted(places, key=lambda place: place[0])

    def _elsewhere(
        self, document: Document, entities: Sequence[Entity], replaced: Sequence[Entity]
    ) -> list[_Place]:
        """Other places of the names of a document, as whole words outside of its entities."""
        labels: dict[str, str] = {}
        for each in replaced:
            name = document.surface(each)
            if sum(map(str.isalnum, name)) > 1:
                labels.setdefault(name, each.label)
        if not labels:
            return []
        pattern = regex.compile(r"(?<!\w)\L<names>(?!\w)", names=list(labels), cache_pattern=False)
        taken = deque((each.start, each.end) for each in entities)
        found: list[_Place] = []
        for match in pattern.finditer(document.text):
            start, end = match.span()
            while taken and taken[0][1] <= start:
                taken.popleft()
            if not taken or end <= taken[0][0]:
                found.append((start, end, labels[match[0]], None, False))
        return found

    def _numbered(self, label: str, name: str) -> str:
        numbers = self._numbers.setdefault(label, {})
        return f"[{label} {numbers.setdefault(same(name), len(numbers) + 1)}]"

    def _hashed(self, label: str, name: str) -> str:
        return f"[{label} {keyed(self._secret, label, same(name)).hex()[:_DIGITS]}]"

    def _invented(self, label: str, name: str) -> str:
        if self.stand_ins is None or kind_of(label) is None:
            return self._hashed(label, name)
        return self.stand_ins.of(label, same(name))


@checked
def redact(
    tagger: CheckpointLike,
    texts: Iterable[str | Document],
    *,
    how: str | Mapping[str, str] = "label",
    key: str | bytes | None = None,
    everywhere: bool = True,
    patterns: Sequence[str] = (),
    region: str | None = None,
    locale: str = "en_US",
) -> list[Redacted]:
    """Replaces the entities of texts; what the tagger misses stays.

    Args:
        tagger: A tagger, or what `Tagger.load` loads.
        texts: The texts.
        how: As for `Redactor`.
        key: As for `Redactor`.
        everywhere: As for `Redactor`.
        patterns: As for `Redactor`.
        region: As for `Redactor`.
        locale: As for `Redactor`.

    Returns:
        A redacted text for each text, in order.

    Raises:
        ArgumentError: If an argument has another type.
        NerineError: As `Redactor` and its `pipe` do.
    """
    redactor = Redactor(
        tagger,
        how=how,
        key=key,
        everywhere=everywhere,
        patterns=patterns,
        region=region,
        locale=locale,
    )
    return list(redactor.pipe(texts))


def _ways(how: str | Mapping[str, str], labels: Sequence[str]) -> dict[str, str]:
    """What becomes of the entities of each label."""
    ways = dict.fromkeys(labels, how) if isinstance(how, str) else dict(how)
    for label, way in ways.items():
        if label not in labels:
            raise SettingsError(
                f"the label {label!r} is not known",
                place="how",
                expected=f"some of {', '.join(map(repr, labels))}",
            )
        if way not in get_args(How):
            raise SettingsError(
                f"{way!r} is not known", place="how", expected=f"one of {', '.join(get_args(How))}"
            )
    return {**dict.fromkeys(labels, "label"), **ways}


def _checked_key(key: str | bytes | None, ways: Collection[str]) -> bytes:
    """The key as bytes; empty if there is none."""
    content = key.encode() if isinstance(key, str) else key or b""
    if len(content) < _LEAST_KEY and (key is not None or "hash" in ways):
        raise SettingsError(
            "there is no key" if key is None else f"the key has {len(content)} bytes",
            place="key",
            expected=f"{_LEAST_KEY} bytes or more, that nobody else knows",
            hint="secrets.token_hex() makes one",
        )
    return content
