"""The steps from a text to its entities, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class SubwordStep:
    """A subword of the text.

    Attributes:
        index: Its index in the text, from 0.
        piece: The subword as the tokenizer writes it.
        id: Its id in the vocabulary.
        start: The first code point that it covers.
        end: The code point after the last one.
        word: The index of the word whose first subword it is; None if it is not a first one.
    """

    index: int
    piece: str
    id: int
    start: int
    end: int
    word: int | None


@dataclass(frozen=True, slots=True)
class WindowStep:
    """A window: subwords that go through the model together.

    Attributes:
        index: Its index in the text, from 0.
        first: The index of its first subword.
        last: The index after its last one.
        input_ids: The ids of its subwords, with special tokens.
        words: The indices of the words that it owns, whose logits are taken from here.
    """

    index: int
    first: int
    last: int
    input_ids: tuple[int, ...]
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContextStep:
    """A subword of a sentence around the text, which a window holds next to those of the text.

    Attributes:
        window: The index of the window.
        place: Its place in the window's `input_ids`.
        side: `before` or `after` the text.
        piece: The subword as the tokenizer writes it.
        id: Its id in the vocabulary.
    """

    window: int
    place: int
    side: Side
    piece: str
    id: int


@dataclass(frozen=True, slots=True)
class WordStep:
    """A word with its logits, probabilities and tag.

    Attributes:
        index: Its index in the text, from 0.
        start: Its first code point.
        end: The code point after its last one.
        text: The text from `start` to `end`.
        subword: The index of its first subword, which gives its logits; None for a word without
            subwords.
        window: The index of the window that they come from; None likewise.
        logits: The model's logits, in the order of the tags.
        probs: The softmax of the logits, in the same order.
        best: The tag with the highest logit.
        tag: The tag in the best sequence.
        transition: The learned score of this tag after the one before it in that sequence, or at
            the text's beginning; None for a model without learned transitions.
    """

    index: int
    start: int
    end: int
    text: str
    subword: int | None
    window: int | None
    logits: tuple[float, ...]
    probs: tuple[float, ...]
    best: str
    tag: str
    transition: float | None = None


@dataclass(frozen=True, slots=True)
class TransitionStep:
    """The learned scores of what may follow a tag.

    Attributes:
        before: The tag; None for the beginning of the text.
        scores: The score of each tag after it, in the order of the tags; None if the scheme forbids
            it.
        end: The score of the end of the text after it; None likewise.
    """

    before: str | None
    scores: tuple[float | None, ...]
    end: float | None
