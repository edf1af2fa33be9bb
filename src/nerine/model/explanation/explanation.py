"""The steps from a text to its entities, as data and as tables.

The steps are those of tagging: subwords, windows, logits, probabilities, tags, entities.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.shown import Grid, Passage, Shown
from nerine.model.batching import document_of
from nerine.model.decoding.entities import EntityChain
from nerine.model.encoding import Windows
from nerine.model.explanation.steps import (
    ContextStep,
    Side,
    SubwordStep,
    TransitionStep,
    WindowStep,
    WordStep,
)
from nerine.model.given import CheckpointLike, as_tagger
from nerine.model.logits import WordLogits
from nerine.model.rules import RuleStep
from nerine.model.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of strings, for a terminal or a page.

    Attributes:
        title: The heading.
        columns: The heads of the columns.
        rows: One string a column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation(Shown):
    """Every step from a text to its entities.

    `str`, and a notebook, show the text and the tables of the steps.

    Attributes:
        document: The text with its predicted entities.
        tags: The model's tags, in order.
        subwords: The subwords of the text.
        windows: The windows that go through the model.
        words: The words with their logits, probabilities and tags.
        rules: The matches of the tagger's rules, if it has some, with what became of each.
        transitions: The learned scores of pairs of tags, of a model that was trained with a CRF.
        outside_bias: The number that was added to the model's logit of `O` of each word.
        context: The subwords of the sentences around the text that the model sees, too.
    """

    document: Document
    tags: tuple[str, ...]
    subwords: tuple[SubwordStep, ...]
    windows: tuple[WindowStep, ...]
    words: tuple[WordStep, ...]
    rules: tuple[RuleStep, ...] = ()
    transitions: tuple[TransitionStep, ...] = ()
    outside_bias: float = 0.0
    context: tuple[ContextStep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The text, the tags and the steps as plain values, for JSON."""
        context = [dataclasses.asdict(step) for step in self.context]
        return {
            "text": self.document.text,
            "tags": list(self.tags),
            "subwords": [dataclasses.asdict(step) for step in self.subwords],
            "windows": [dataclasses.asdict(step) for step in self.windows],
            "words": [dataclasses.asdict(step) for step in self.words],
            "transitions": [dataclasses.asdict(step) for step in self.transitions],
            "rules": [dataclasses.asdict(step) for step in self.rules],
            "outside_bias": self.outside_bias,
            "entities": [dataclasses.asdict(entity) for entity in self.document.entities],
            **({"context": context} if context else {}),
        }

    def shown_parts(self) -> list[Grid | Passage]:
        """The text with its entities, and the tables of the steps."""
        return [
            Passage(self.document.text, self.document.entities),
            *(Grid(each.title, each.columns, each.rows, texts=2) for each in self.tables()),
        ]

    def tables(self) -> list[Table]:
        """The steps as tables, in their order."""
        return [
            dataclasses.replace(each, title=f"{number}. {each.title}")
            for number, each in enumerate(self._tables(), start=1)
        ]

    def _tables(self) -> list[Table]:
        text, words, entities = self.document.text, self.words, self.document.entities
        bias = f", and {self.outside_bias:+.1f} for O" if self.outside_bias else ""
        first_of = [
            "" if each.word is None else f"{each.word} {words[each.word].text}"
            for each in self.subwords
        ]
        return [
            _table(
                "Subwords: what the tokenizer makes of the text",
                ("#", "piece", "id", "start", "end", "text", "first of word"),
                [
                    *self._context_rows("before"),
                    *(
                        (s.index, s.piece, s.id, s.start, s.end, text[s.start : s.end], first)
                        for s, first in zip(self.subwords, first_of, strict=True)
                    ),
                    *self._context_rows("after"),
                ],
            ),
            _table(
                "Windows: what goes through the model in one piece",
                ("#", "subwords", "input_ids", "words whose logits are taken"),
                [
                    (
                        w.index,
                        f"{w.first} to {w.last - 1}",
                        " ".join(map(str, w.input_ids)),
                        _ranges(w.words),
                    )
                    for w in self.windows
                ],
            ),
            _table(
                f"Logits: the model's scores of each word's first subword{bias}",
                ("word", "text", *self.tags),
                [(w.index, w.text, *(f"{value:.3f}" for value in w.logits)) for w in words],
            ),
            _table(
                "Probabilities: softmax of each word's logits",
                ("word", "text", *self.tags),
                [(w.index, w.text, *(f"{value:.3f}" for value in w.probs)) for w in words],
            ),
            *([_transition_table(self.transitions, self.tags)] if self.transitions else []),
            _tag_table(words, is_learned=bool(self.transitions)),
            *([_rule_table(self.rules)] if self.rules else []),
            _table(
                "Entities",
                ("start", "end", "label", "text", "probability"),
                [
                    (e.start, e.end, e.label, text[e.start : e.end], _probability(e))
                    for e in entities
                ],
            ),
        ]

    def _context_rows(self, side: Side) -> list[tuple[object, ...]]:
        """The subwords of context on a side, as rows of the subwords' table."""
        return [
            ("", each.piece, each.id, "", "", "", f"context {side} the text")
            for each in self.context
            if each.side == side
        ]


@checked
def explain(tagger: CheckpointLike, text: str | Document) -> Explanation:
    """Tags a text and returns every step.

    Args:
        tagger: The tagger, or what `Tagger.load` loads: a folder or a hub id.
        text: A text, or a document, whose entities are replaced.

    Raises:
        ArgumentError: If an argument has another type.
        DocumentError: If `text` is neither.
        CheckpointError: If a logit is infinite or not a number.
        SettingsError: If a pattern of a rule takes too long on this text.
    """
    tagger = as_tagger(tagger)
    document = document_of(text)
    inference, tags = tagger.inference, tagger.settings.tags
    logits = inference.word_logits([document])
    encoding = logits.encoding
    pieces = inference.encoder.encode([document])
    windows = inference.encoder.windows(pieces)
    owned = [
        np.flatnonzero(np.isin(encoding.word_starts, pieces.word_starts[window.words])).tolist()
        for window in windows
    ]
    ids = encoding.input_ids.tolist()
    names = inference.tokenizer.convert_ids_to_tokens(ids)
    word_of = {start: word for word, start in enumerate(encoding.word_starts.tolist())}
    best = inference.head.decoder.best_tags(logits.values, encoding.lengths)
    found = tagger.filtered(next(inference.head.decode([document], logits)))
    transitions = _transitions(tagger.settings)
    return Explanation(
        document=found if tagger.rules is None else tagger.rules.apply(found),
        tags=tags,
        subwords=tuple(
            SubwordStep(index, piece, ids[index], start, end, word_of.get(index))
            for index, (piece, (start, end)) in enumerate(
                zip(names, encoding.offsets.tolist(), strict=True)
            )
        ),
        windows=tuple(
            WindowStep(n, w.first, w.last, tuple(w.input_ids.tolist()), tuple(owned[n]))
            for n, w in enumerate(windows)
        ),
        words=_words(document, logits, best.tolist(), owned, tags, transitions),
        rules=() if tagger.rules is None else tagger.rules.steps(found),
        transitions=transitions,
        outside_bias=tagger.settings.outside_bias,
        context=_context(windows, inference.tokenizer),
    )


def _context(windows: Windows, tokenizer: Any) -> tuple[ContextStep, ...]:
    steps: list[ContextStep] = []
    for index, window in enumerate(windows):
        before, after = (ids.tolist() for ids in window.context)
        own = len(windows.before) + len(before) + window.last - window.first
        parts: tuple[tuple[Side, int, list[int]], ...] = (
            ("before", len(windows.before), before),
            ("after", own, after),
        )
        for side, begin, ids in parts:
            names = tokenizer.convert_ids_to_tokens(ids)
            steps += (
                ContextStep(index, begin + place, side, names[place], ids[place])
                for place in range(len(ids))
            )
    return tuple(steps)


def _words(
    document: Document,
    logits: WordLogits,
    decoded: Sequence[int],
    owned: Sequence[Sequence[int]],
    tags: Sequence[str],
    transitions: Sequence[TransitionStep],
) -> tuple[WordStep, ...]:
    owner = {word: index for index, words in enumerate(owned) for word in words}
    values = logits.values.astype(np.float64)
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    probs = weights / weights.sum(axis=1, keepdims=True)
    return tuple(
        WordStep(
            index=index,
            start=word.start,
            end=word.end,
            text=document.surface(word),
            subword=int(logits.encoding.word_starts[index]) if index in owner else None,
            window=owner.get(index),
            logits=tuple(logits.values[index].tolist()),
            probs=tuple(probs[index].tolist()),
            best=tags[int(logits.values[index].argmax())],
            tag=tags[tag],
            transition=transitions[before + 1].scores[tag] if transitions else None,
        )
        for index, (word, before, tag) in enumerate(
            zip(logits.encoding.words, (-1, *decoded), decoded, strict=False)
        )
    )


def _transitions(settings: ModelSettings) -> tuple[TransitionStep, ...]:
    """The learned scores of pairs of tags, those of the text's beginning first."""
    learned = settings.learned
    if learned is None:
        return ()
    chain = EntityChain(settings.tags, settings.scheme, constrained=True, learned=learned)
    allowed = np.roll(chain.allowed, 1, axis=0).tolist()  # the edge of the text first
    befores = (None, *settings.tags)
    rows = zip(
        befores, (learned.start, *learned.between), (0.0, *learned.end), allowed, strict=True
    )
    return tuple(
        TransitionStep(
            before,
            tuple(score if may else None for score, may in zip(scores, marks, strict=False)),
            end if marks[-1] and before is not None else None,
        )
        for before, scores, end, marks in rows
    )


def _transition_table(steps: Sequence[TransitionStep], tags: Sequence[str]) -> Table:
    return _table(
        "Transitions: the learned scores of a tag (column) after another one (row)",
        ("after", *tags, "the end"),
        [
            (
                step.before or "the beginning",
                *("" if score is None else f"{score:.3f}" for score in (*step.scores, step.end)),
            )
            for step in steps
        ],
    )


def _tag_table(words: Sequence[WordStep], *, is_learned: bool) -> Table:
    return _table(
        "Tags: the best of each word, and the best sequence that the scheme allows",
        ("word", "text", "arg-max", "decoded", *(["transition"] if is_learned else []), ""),
        [
            (
                *(w.index, w.text, w.best, w.tag),
                *([] if w.transition is None else [f"{w.transition:.3f}"]),
                "" if w.best == w.tag else "changed",
            )
            for w in words
        ],
    )


def _rule_table(steps: Sequence[RuleStep]) -> Table:
    return _table(
        "Rules: what they match, and what becomes of it",
        ("start", "end", "label", "text", "rule", "found by", "mode", "outcome"),
        [(s.start, s.end, s.label, s.text, s.rule, s.found_by, s.mode, s.outcome) for s in steps],
    )


def _probability(entity: Entity) -> str:
    return "of a rule" if entity.score is None else f"{entity.score:.4f}"


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Table:
    return Table(title, columns, tuple(tuple(map(str, row)) for row in rows))


def _ranges(numbers: Sequence[int]) -> str:
    """`0 1 2 5 6` as `0 to 2, 5 to 6`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a} to {b}" if a < b else str(a) for a, b in runs)
