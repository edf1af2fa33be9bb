"""Word logits → entities and their probabilities.

A sequence of tags y over words 1…n is scored by the sum of its words' logits, and it is possible
only if the scheme allows each pair of neighbours:

    p(y) = exp(Σ_t logits[t, y_t]) · Π_t allowed[y_(t-1), y_t] / Z

This is a linear-chain random field (Lafferty, McCallum & Pereira, 2001) whose transitions are not
learned but given. Its best sequence is found by Viterbi's algorithm, and the probability of an
entity is the sum of p(y) over all sequences that hold exactly this entity, found by the
forward–backward algorithm (Rabiner, 1989). Both run over a batch of sentences at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nerine.schemes import OUTSIDE, Span, TagScheme, parse_tag

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# What a blind word says, in nats against `O`: it is rather no part of an entity, but it does not
# break one whose words stand on both its sides, and nothing begins with it.
_BLIND_INSIDE = -5.0
_BLIND_BEGINNING = -10.0
_IMPOSSIBLE = -1e30
# Below this, in nats against a word's best tag, a logit counts as this: exp() stays above zero.
_LOWEST = -600.0
# Sentences are decoded together up to this many words, padding included.
_GROUP_WORDS = 50_000


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """An entity as a half-open range of words, and its probability."""

    start: int
    end: int
    label: str
    probability: float


class Decoder:
    """Viterbi and forward–backward for one model's tags.

    `constrained=False` allows every pair of tags: each word then takes its own best tag, as the
    arg-max does, and entities are read leniently.
    """

    def __init__(self, tags: Sequence[str], scheme: TagScheme, *, constrained: bool = True) -> None:
        self.tags = tuple(tags)
        table = scheme.transitions(self.tags, constrained=constrained)
        self._outside = self.tags.index(OUTSIDE)
        self._allowed = np.array(table.allowed, dtype=np.bool_)
        self._begins = np.array(table.begins, dtype=np.bool_) & self._allowed
        self._continues = np.array(table.continues, dtype=np.bool_)
        self._labels = np.array([parse_tag(tag).label for tag in self.tags])

    @property
    def blind_logits(self) -> FloatArray:
        """The logits of a word that the model does not see, (tags)."""
        kinds = [parse_tag(tag).kind for tag in self.tags]
        values = {OUTSIDE: 0.0, "B": _BLIND_BEGINNING, "S": _BLIND_BEGINNING}
        return np.array([values.get(kind, _BLIND_INSIDE) for kind in kinds])

    def best_tags(self, sentences: Sequence[FloatArray]) -> list[npt.NDArray[np.int64]]:
        """The most probable possible tag sequence of each sentence.

        `sentences` are arrays (words × tags), none of them empty; the results are arrays
        (words) of tag indices.
        """
        logits, lengths = _stack(sentences)
        penalty = np.where(self._allowed, 0.0, _IMPOSSIBLE)
        came_from = np.zeros(logits.shape, dtype=np.int64)
        score = logits[:, 0] + penalty[self._outside]
        for word in range(1, logits.shape[1]):
            paths = score[:, :, None] + penalty
            came_from[:, word] = paths.argmax(axis=1)
            following = paths.max(axis=1) + logits[:, word]
            score = np.where((word < lengths)[:, None], following, score)
        last = (score + penalty[:, self._outside]).argmax(axis=1)
        return _trace_back(came_from, last, lengths)

    def spans(self, tags: Sequence[int] | npt.NDArray[np.int64]) -> list[Span]:
        """The entities of one sequence of tag indices, as ranges of words."""
        spans = []
        start = -1
        previous = self._outside
        for word, tag in enumerate([*tags, self._outside]):
            if start >= 0 and not self._continues[previous, tag]:
                spans.append(Span(start, word, str(self._labels[previous])))
                start = -1
            if self._begins[previous, tag]:
                start = word
            previous = tag
        return spans

    def decode(self, sentences: Sequence[FloatArray]) -> list[list[ScoredSpan]]:
        """The entities of each sentence, (words × tags) logits, with their probabilities."""
        scored: list[list[ScoredSpan]] = [[] for _ in sentences]
        for group in _groups([len(sentence) for sentence in sentences]):
            members = [sentences[index] for index in group]
            for index, found in zip(group, self._decode_group(members), strict=True):
                scored[index] = found
        return scored

    def _decode_group(self, sentences: Sequence[FloatArray]) -> list[list[ScoredSpan]]:
        spans = [self.spans(tags) for tags in self.best_tags(sentences)]
        probabilities = self.probabilities(sentences, spans)
        return [
            [ScoredSpan(*span, value) for span, value in zip(found, values, strict=True)]
            for found, values in zip(spans, probabilities, strict=True)
        ]

    def probabilities(
        self, sentences: Sequence[FloatArray], spans: Sequence[Sequence[Span]]
    ) -> list[list[float]]:
        """The exact probability of each span: that this entity, with these ends, is there."""
        holding = [index for index, found in enumerate(spans) if found]
        values: list[list[float]] = [[] for _ in spans]
        if not holding:
            return values
        logits, lengths = _stack([sentences[index] for index in holding])
        emissions = _emissions(logits)
        forward = self._forward(emissions)
        backward = self._backward(emissions, lengths)
        for row, index in enumerate(holding):
            words = emissions[row, : lengths[row]]
            values[index] = [
                self._probability(words, forward[row], backward[row], span) for span in spans[index]
            ]
        return values

    def posteriors(self, sentences: Sequence[FloatArray]) -> list[Posterior]:
        """What each sentence's logits, (words × tags), say of any span."""
        found = [self._posterior(np.zeros((0, len(self.tags)))) for _ in sentences]
        for group in _groups([len(sentence) for sentence in sentences]):
            logits, lengths = _stack([sentences[index] for index in group])
            emissions = _emissions(logits)
            ahead = emissions * self._backward(emissions, lengths)[:, 1:]
            for row, index in enumerate(group):
                found[index] = self._posterior(ahead[row, : lengths[row]])
        return found

    def _posterior(self, ahead: FloatArray) -> Posterior:
        end = np.zeros((1, len(self.tags)))
        end[0, self._outside] = 1.0
        return Posterior(
            weights=np.concatenate([ahead, end]),
            allowed=self._allowed,
            begins=self._begins,
            continues=self._continues,
            labels=self._labels,
            outside=self._outside,
        )

    def _forward(self, emissions: FloatArray) -> FloatArray:
        """(batch × words + 1 × tags): at `t` the tag before word `t`, each row summing to 1."""
        batch, words, tags = emissions.shape
        forward = np.zeros((batch, words + 1, tags))
        forward[:, 0, self._outside] = 1.0
        allowed = self._allowed.astype(np.float64)
        for word in range(words):
            step = (forward[:, word] @ allowed) * emissions[:, word]
            forward[:, word + 1] = step / step.sum(axis=1, keepdims=True)
        return forward

    def _backward(self, emissions: FloatArray, lengths: npt.NDArray[np.int64]) -> FloatArray:
        """(batch × words + 1 × tags): at `t` what follows, given the tag before word `t`.

        Each row is scaled to a sum of 1; only its proportions matter.
        """
        batch, words, tags = emissions.shape
        backward = np.zeros((batch, words + 1, tags))
        allowed = self._allowed.astype(np.float64)
        end = allowed[:, self._outside] / allowed[:, self._outside].sum()
        backward[:, words] = end
        for word in range(words - 1, -1, -1):
            step = (emissions[:, word] * backward[:, word + 1]) @ allowed.T
            step /= step.sum(axis=1, keepdims=True)
            backward[:, word] = np.where((word < lengths)[:, None], step, end)
        return backward

    def _probability(
        self, emissions: FloatArray, forward: FloatArray, backward: FloatArray, span: Span
    ) -> float:
        """The share of all sequences' weight that holds `span` as an entity.

        The weight goes through the span twice: once by every allowed pair of tags, once only by
        pairs that begin the entity, go on with it, and end it. Everything outside is the same.
        """
        every = within = forward[span.start]
        of_label = (self._labels == span.label).astype(np.float64)
        inside = self._begins * of_label
        for word in range(span.start, span.end):
            every = (every @ self._allowed) * emissions[word]
            within = (within @ inside) * emissions[word]
            scale = every.sum()
            every, within = every / scale, within / scale
            inside = self._continues * of_label
        ends = self._allowed & ~self._continues
        if span.end < len(emissions):
            after = emissions[span.end] * backward[span.end + 1]
        else:
            after = np.eye(len(self.tags))[self._outside]  # the end counts as `O`
        total = every @ self._allowed @ after
        return float(min(1.0, (within @ ends @ after) / total))


@dataclass(frozen=True)
class Posterior:
    """What a sentence's logits say of any span of its words.

    Given the logits, the tags are a Markov chain whose steps differ from word to word: from tag
    `i` before word `t` to tag `j` at it, the step has a probability in proportion to
    `allowed[i, j] · weights[t, j]`. `weights` (words + 1 × tags) hold a word's own weight times
    that of all that may follow; the last row is the end, which counts as `O`.
    """

    weights: FloatArray
    allowed: BoolArray
    begins: BoolArray
    continues: BoolArray
    labels: npt.NDArray[np.str_]
    outside: int

    def spans(self, least: float) -> list[ScoredSpan]:
        """Every span with a probability of `least` or more, above 0, by its place.

        They may overlap, and need not be on the best path. All beginnings grow by a word at a
        time; one is given up when the entities that go on from it weigh less than `least`.
        """
        names = np.unique(self.labels[self.labels != ""])
        of_label = (self.labels[:, None] == names).astype(np.float64)
        _, growing = self._walk
        starts = np.arange(len(growing))
        ends = starts + 1
        found = []
        while len(starts):
            kept = (growing @ of_label).max(axis=1, initial=0.0) >= least
            growing, starts, ends = growing[kept], starts[kept], ends[kept]
            steps = self._steps(ends)
            values = (growing * (steps * ~self.continues).sum(axis=2)) @ of_label
            for row, name in zip(*np.nonzero(values >= least), strict=True):
                span = int(starts[row]), int(ends[row]), str(names[name])
                found.append(ScoredSpan(*span, min(1.0, float(values[row, name]))))
            growing = np.einsum("si,sij->sj", growing, steps * self.continues)
            ends = ends + 1
        return sorted(found, key=lambda span: (span.start, span.end, span.label))

    def probability(self, span: Span) -> float:
        """The probability that this entity, with these ends, is there."""
        _, beginnings = self._walk
        growing = beginnings[span.start] * (self.labels == span.label)
        for step in self._steps(np.arange(span.start + 1, span.end)):
            growing = growing @ (step * self.continues)
        (last,) = self._steps(np.array([span.end]))
        return float(min(1.0, (growing @ (last * ~self.continues)).sum()))

    def nothing(self, start: int, end: int) -> float:
        """The probability that no entity touches the words from `start` up to `end`."""
        tags, _ = self._walk
        stays = self._steps(np.arange(start + 1, end))[:, self.outside, self.outside]
        return float(min(1.0, tags[start, self.outside] * stays.prod()))

    @cached_property
    def _walk(self) -> tuple[FloatArray, FloatArray]:
        """The probability of each tag at each word, and that an entity begins there with it.

        Both are (words × tags).
        """
        tags = np.zeros((len(self.weights) - 1, len(self.labels)))
        beginnings = np.zeros_like(tags)
        before = np.eye(len(self.labels))[self.outside]
        for word in range(len(tags)):
            (step,) = self._steps(np.array([word]))
            beginnings[word] = before @ (step * self.begins)
            before = tags[word] = before @ step
        return tags, beginnings

    def _steps(self, words: npt.NDArray[np.int64]) -> FloatArray:
        """(words × tags × tags): the steps that lead to `words`, each row summing to 1 or 0."""
        steps = self.allowed * self.weights[words][:, None, :]
        total = steps.sum(axis=2, keepdims=True)
        result: FloatArray = np.divide(steps, total, out=np.zeros_like(steps), where=total > 0)
        return result


def _emissions(logits: FloatArray) -> FloatArray:
    """Weights of words' tags, each word's best being 1."""
    return np.asarray(np.exp(np.maximum(logits - logits.max(axis=2, keepdims=True), _LOWEST)))


def _stack(sentences: Sequence[FloatArray]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Sentences padded with zeros to one array (batch × words × tags), and their lengths."""
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    tags = sentences[0].shape[1]
    stacked = np.zeros((len(sentences), int(lengths.max()), tags))
    for row, sentence in enumerate(sentences):
        stacked[row, : len(sentence)] = sentence
    return stacked, lengths


def _groups(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of sentences of like length, in groups of bounded size. Empty ones are left out."""
    groups: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if not lengths[index]:
            break
        if not room:
            groups.append([])
            room = max(1, _GROUP_WORDS // lengths[index])
        groups[-1].append(index)
        room -= 1
    return groups


def _trace_back(
    came_from: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
) -> list[npt.NDArray[np.int64]]:
    rows = np.arange(len(last))
    best = np.zeros(came_from.shape[:2], dtype=np.int64)
    tag = last
    for word in range(came_from.shape[1] - 1, -1, -1):
        inside = word < lengths
        best[:, word] = tag
        tag = np.where(inside, came_from[rows, word, tag], tag)
    return [best[row, :length] for row, length in enumerate(lengths)]
