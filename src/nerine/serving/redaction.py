"""Texts without the names that a tagger finds.

::

    redact = Redactor(tagger, how={"person": "number", "place": "keep"})
    for each in redact.pipe(texts):
        each.text  # [person 1] left Lisbon.
        each.restored()  # Mira Okonjo left Lisbon.

What a tagger misses stays: measure its recall on labelled texts of the same kind first.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import regex

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.errors import SettingsError
from nerine.model.given import CheckpointLike, as_tagger
from nerine.model.tagger import Tagger

How = Literal["remove", "mask", "label", "number", "hash", "keep"]
"""What becomes of an entity."""

MASK = "█"
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


class Redactor:
    """Replaces the entities of texts.

    ============  =================================================================================
    how           the name becomes
    ============  =================================================================================
    `"label"`     `[person]`
    `"number"`    `[person 1]`, the same for the same name in all texts of this redactor
    `"hash"`      `[person 3f9a1c2b4d5e6f70]`, the same for the same name wherever the key is the
                  same: HMAC with SHA-256 (RFC 2104), its first 64 bits
    `"mask"`      `███`, as many as it has code points
    `"remove"`    nothing
    `"keep"`      itself
    ============  =================================================================================

    Names are the same if they have the same label and differ only in case, white space or Unicode's
    compatible forms (NFKC). `Okonjo` and `Mira Okonjo` are two names.

    A redactor that numbers keeps each name in memory. It is used by one thread at a time.

    Args:
        tagger: A tagger, or what `Tagger.load` loads. Its thresholds say what is replaced.
        how: What becomes of all entities, or of those of each label; labels that are not named are
            treated as `"label"`.
        key: The key of `"hash"`, 16 bytes or more that only you know; a text is read as UTF-8.
        everywhere: Whether a name that was found is also replaced at other places of the same text
            where it stands as a whole word, in the same letters, and was not found.

    Raises:
        ArgumentError: If an argument has another type.
        NerineError: As `Tagger.load` does.
        SettingsError: If the tagger has no such label, a way is unknown, or the key is missing, too
            short, or of no use.
    """

    @checked
    def __init__(
        self,
        tagger: CheckpointLike,
        *,
        how: str | Mapping[str, str] = "label",
        key: str | bytes | None = None,
        everywhere: bool = True,
    ) -> None:
        self.tagger = as_tagger(tagger)
        self.everywhere = everywhere
        self._how = _ways(how, self.tagger)
        self._key = _checked_key(key, "hash" in self._how.values())
        self._numbers: dict[str, dict[str, int]] = {}
        self._replace: Mapping[str, Callable[[str, str], str]] = {
            "label": lambda label, _: f"[{label}]",
            "number": self._numbered,
            "hash": self._hashed,
            "mask": lambda _, name: MASK * len(name),
            "remove": lambda _label, _name: "",
        }

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
        for start, end, label, score in self._places(document):
            name = document.text[start:end]
            new = self._replace[self._how.get(label, "label")](label, name)
            length += start - before
            parts += [document.text[before:start], new]
            found.append(Replacement(length, length + len(new), label, name, score))
            length += len(new)
            before = end
        parts.append(document.text[before:])
        return Redacted("".join(parts), tuple(found), document.id)

    def _places(self, document: Document) -> list[tuple[int, int, str, float | None]]:
        """What is replaced: ranges that do not overlap, in order."""
        replaced = [each for each in document.entities if self._how.get(each.label) != "keep"]
        places: list[tuple[int, int, str, float | None]] = []
        for each in replaced:
            if places and each.start < places[-1][1]:
                start, end, label, score = places[-1]
                places[-1] = start, max(end, each.end), label, score
            else:
                places.append((each.start, each.end, each.label, each.score))
        if self.everywhere and places:
            places += self._elsewhere(document, replaced)
        return sorted(places)

    def _elsewhere(
        self, document: Document, replaced: Sequence[Entity]
    ) -> list[tuple[int, int, str, float | None]]:
        """Other places of the names of a document, as whole words outside of its entities."""
        labels: dict[str, str] = {}
        for each in replaced:
            name = document.surface(each)
            if sum(map(str.isalnum, name)) > 1:
                labels.setdefault(name, each.label)
        if not labels:
            return []
        pattern = regex.compile(r"(?<!\w)\L<names>(?!\w)", names=list(labels), cache_pattern=False)
        taken = deque((each.start, each.end) for each in document.entities)
        found: list[tuple[int, int, str, float | None]] = []
        for match in pattern.finditer(document.text):
            start, end = match.span()
            while taken and taken[0][1] <= start:
                taken.popleft()
            if not taken or end <= taken[0][0]:
                found.append((start, end, labels[match[0]], None))
        return found

    def _numbered(self, label: str, name: str) -> str:
        numbers = self._numbers.setdefault(label, {})
        return f"[{label} {numbers.setdefault(_same(name), len(numbers) + 1)}]"

    def _hashed(self, label: str, name: str) -> str:
        digest = hmac.digest(self._key, f"{label}\0{_same(name)}".encode(), "sha256")
        return f"[{label} {digest.hex()[:_DIGITS]}]"


@checked
def redact(
    tagger: CheckpointLike,
    texts: Iterable[str | Document],
    *,
    how: str | Mapping[str, str] = "label",
    key: str | bytes | None = None,
    everywhere: bool = True,
) -> list[Redacted]:
    """Replaces the entities of texts; what the tagger misses stays.

    Args:
        tagger: A tagger, or what `Tagger.load` loads.
        texts: The texts.
        how: As for `Redactor`.
        key: As for `Redactor`.
        everywhere: As for `Redactor`.

    Returns:
        A redacted text for each text, in order.

    Raises:
        ArgumentError: If an argument has another type.
        NerineError: As `Redactor` and its `pipe` do.
    """
    return list(Redactor(tagger, how=how, key=key, everywhere=everywhere).pipe(texts))


def _ways(how: str | Mapping[str, str], tagger: Tagger) -> dict[str, str]:
    """What becomes of the entities of each label."""
    ways = dict.fromkeys(tagger.labels, how) if isinstance(how, str) else dict(how)
    for label, way in ways.items():
        if label not in tagger.labels:
            raise SettingsError(
                f"the model has no label {label!r}",
                place="how",
                expected=f"some of {', '.join(map(repr, tagger.labels))}",
            )
        if way not in get_args(How):
            raise SettingsError(
                f"{way!r} is not known", place="how", expected=f"one of {', '.join(get_args(How))}"
            )
    return {**dict.fromkeys(tagger.labels, "label"), **ways}


def _checked_key(key: str | bytes | None, is_used: bool) -> bytes:
    """The key as bytes."""
    content = key.encode() if isinstance(key, str) else key or b""
    if is_used and len(content) < _LEAST_KEY:
        raise SettingsError(
            "there is no key" if key is None else f"the key has {len(content)} bytes",
            place="key",
            expected=f"{_LEAST_KEY} bytes or more, that nobody else knows",
            hint="secrets.token_hex() makes one",
        )
    if key is not None and not is_used:
        raise SettingsError("no entity is hashed", place="key", expected='how="hash"')
    return content


def _same(name: str) -> str:
    """What names have in common that are the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
