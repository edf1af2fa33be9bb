"""A conditional random field (CRF) on top of a model: scores of pairs of tags that are learned.

A sequence of tags y over a sentence's words is scored by their logits and by its pairs of
neighbours, with the edge of the sentence before the first word and after the last one::

    log p(y) = Σ_t logits[t, y_t] + Σ_t pairs[y_(t-1), y_t] - log Z

The loss is -log p(gold tags) of whole sentences (Lafferty, McCallum & Pereira, 2001; over the
outputs of a neural network: Lample et al., 2016). Z sums the sequences that the scheme allows, the
same as in `model.decoding`. Both are sums over paths, computed exactly and in logarithms, by one
forward pass; automatic differentiation gives the gradient, expected minus observed counts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from nerine.model.decoding.entities import EntityChain
from nerine.model.settings import ModelSettings, TransitionScores
from nerine.training.settings import RunSettings

CRF_LEARNING_RATE = 1e-2
"""The peak learning rate of the scores of pairs.

They are logits and begin at zero. A step of Adam moves a score by about the learning rate, so the
rate of an encoder would leave them near zero in the hundreds of steps of a run.
"""

NEVER = -1e30
"""The logarithm of an impossible event: finite, because inf - inf is not a number."""

_GROUP_WORDS = 100_000
"""Sentences are scored together while they have about so many words, padding included."""


class PairScores(torch.nn.Module):
    """Learned scores of a tag after another one, at the first word, and at the last one.

    `between` is `(tags, tags)`, of the tag of a row before that of a column; `start` and `end` are
    `(tags,)`. They begin with the transitions of the settings.
    """

    def __init__(
        self, settings: ModelSettings, *, learning_rate: float = CRF_LEARNING_RATE
    ) -> None:
        super().__init__()
        scores = settings.transitions or zero_scores(len(settings.tags))
        chain = EntityChain(settings.tags, settings.scheme, constrained=True, learned=scores)
        self.learning_rate = learning_rate
        self.between = torch.nn.Parameter(torch.tensor(scores.between))
        self.start = torch.nn.Parameter(torch.tensor(scores.start))
        self.end = torch.nn.Parameter(torch.tensor(scores.end))
        forbidden = torch.tensor(np.where(chain.allowed, 0.0, NEVER), dtype=torch.float32)
        self._forbidden: torch.Tensor
        self.register_buffer("_forbidden", forbidden, persistent=False)

    def forward(self) -> torch.Tensor:
        """The scores of all pairs, `(tags + 1, tags + 1)`; the last tag is a sentence's edge."""
        rows = torch.cat([self.between, self.start[None]])
        last = torch.cat([self.end, self.end.new_zeros(1)])
        return torch.cat([rows, last[:, None]], dim=1) + self._forbidden

    @torch.no_grad()
    def load(self, scores: TransitionScores) -> None:
        """Sets the scores."""
        for name in ("between", "start", "end"):
            getattr(self, name).copy_(torch.tensor(getattr(scores, name)))

    def scores(self) -> TransitionScores:
        """The scores as they are now."""
        return TransitionScores.from_dict(
            {name: values.detach().tolist() for name, values in self.named_parameters()}
        )


class CrfModel(torch.nn.Module):
    """A model and the scores of pairs, trained together as one module.

    Its outputs are the model's `logits` and `pairs`, the result of `PairScores`.
    """

    accepts_loss_kwargs = False  # for Trainer

    def __init__(self, model: Any, pairs: PairScores) -> None:
        super().__init__()
        self.model = model
        self.pairs = pairs

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The logits of the inputs, and the scores of pairs."""
        return {"logits": self.model(**inputs).logits, "pairs": self.pairs()}


def pair_scores(model: ModelSettings, settings: RunSettings) -> PairScores | None:
    """The scores of pairs that are trained with a model, if there are any.

    They begin with the model's own.
    """
    if not settings.crf:
        return None
    rate = settings.crf_learning_rate
    return PairScores(model, learning_rate=CRF_LEARNING_RATE if rate is None else rate)


def zero_scores(tags: int) -> TransitionScores:
    """Scores of no influence, for so many tags."""
    zeros = (0.0,) * tags
    return TransitionScores((zeros,) * tags, zeros, zeros)


def fixed_pairs(settings: ModelSettings) -> torch.Tensor:
    """The scores of pairs of a model with transitions, as from `PairScores`, not to be trained."""
    scores: torch.Tensor = PairScores(settings)()
    return scores.detach()


def sequence_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    lengths: torch.Tensor,
    borders: torch.Tensor,
    pairs: torch.Tensor,
) -> torch.Tensor:
    """-log p(targets), summed over sentences.

    A word whose tag is unknown may have any: the probabilities of all sequences that agree with
    the known tags are summed. The loss of a sentence without a known tag is 0.

    Args:
        logits: `(sentences, words, tags)`.
        targets: Indices of tags, `(sentences, words)`; below 0 for a word of unknown tag, and for
            padding.
        lengths: The number of each sentence's words, `(sentences,)`; may be 0.
        borders: Whether the sentence begins and ends with its words, 1 or 0, `(sentences, 2)`.
            Where it goes on, in a part of it that is not seen, any tag may stand.
        pairs: The result of `PairScores`, whose precision is used.
    """
    with torch.autocast(logits.device.type, enabled=False):
        values = logits.to(pairs.dtype)
        values = values - values.detach().amax(dim=-1, keepdim=True)  # changes no probability
        tags = torch.arange(values.shape[-1], device=values.device)
        wrong = (targets >= 0)[..., None] & (targets[..., None] != tags)
        known = values.masked_fill(wrong, NEVER)
        sums = log_partition(
            torch.cat([values, known]), lengths.repeat(2), borders.repeat(2, 1), pairs
        )
        of_all, of_known = sums.chunk(2)
        return (of_all - of_known).sum()


def log_partition(
    logits: torch.Tensor, lengths: torch.Tensor, borders: torch.Tensor, pairs: torch.Tensor
) -> torch.Tensor:
    """log Z, the summed weight of all sequences of tags of each sentence, `(sentences,)`.

    The arguments are those of `sequence_loss`. This is the forward algorithm (Rabiner, 1989).
    """
    to_tags, start, end = pairs[:-1, :-1].T, pairs[-1, :-1], pairs[:-1, -1]
    opens, closes = borders.to(pairs.dtype)[..., None].unbind(1)
    going = torch.arange(logits.shape[1], device=logits.device)[:, None, None] < lengths[:, None]
    alpha = logits[:, 0] + opens * start
    for word, goes_on in zip(logits.unbind(1)[1:], going.unbind(0)[1:], strict=True):
        following = (alpha[:, None, :] + to_tags).logsumexp(dim=2) + word
        alpha = torch.where(goes_on, following, alpha)
    return (alpha + closes * end).logsumexp(dim=1)


def documents_loss(
    logits: torch.Tensor, targets: torch.Tensor, lengths: list[int], settings: ModelSettings
) -> float:
    """`sequence_loss` of whole documents in double precision, with the scores of the settings.

    Args:
        logits: `(words, tags)` of all documents' words.
        targets: Indices of tags, `(words,)`, below 0 for a word of unknown tag.
        lengths: The documents' numbers of words.
        settings: The settings of a model with transitions.
    """
    pad = torch.nn.utils.rnn.pad_sequence
    pairs = fixed_pairs(settings).double()
    parts = zip(logits.double().split(lengths), targets.split(lengths), strict=True)
    found = sorted((part for part in parts if len(part[1])), key=lambda part: -len(part[1]))
    total, first = 0.0, 0
    while first < len(found):
        several = found[first : first + math.ceil(_GROUP_WORDS / len(found[first][1]))]
        first += len(several)
        loss = sequence_loss(
            pad([rows for rows, _ in several], batch_first=True),
            pad([tags for _, tags in several], batch_first=True, padding_value=-1),
            torch.tensor([len(tags) for _, tags in several]),
            torch.ones(len(several), 2),
            pairs,
        )
        total += float(loss)
    return total
