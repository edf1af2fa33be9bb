"""Word logits → entities and their probabilities.

A sequence of tags y over words 1…n is scored by the sum of its words' logits, and it is possible
only if the scheme allows each pair of neighbours::

    p(y) = exp(Σ_t logits[t, y_t]) · Π_t allowed[y_(t-1), y_t] / Z

This is a linear-chain random field (Lafferty, McCallum & Pereira, 2001) whose transitions are not
learned but given. Its best sequence is found by Viterbi's algorithm, and the probability of an
entity is the sum of p(y) over all sequences that hold exactly this entity, found by the
forward–backward algorithm (Rabiner, 1989).

Everything runs on flat arrays, the words of all sentences one after the other, and on all sentences
at once. Where Python loops, it loops over the places of a word in its sentence, not over words.

===========  ============================================================
module       what is in it
===========  ============================================================
`ragged`     sequences of different lengths, side by side without padding
`chain`      forward–backward, in logarithms
`viterbi`    the best possible sequence of tags
`entities`   which pairs of tags begin an entity, go on with it or end it
`spans`      entities as arrays
`posterior`  what one sentence's logits say of any span
`decoder`    all of it, for one model's tags
===========  ============================================================
"""

from nerine.model.decoding.decoder import Decoder
from nerine.model.decoding.posterior import Posterior
from nerine.model.decoding.spans import Places, ScoredSpan, Spans
from nerine.model.ragged import BoolArray, FloatArray, IntArray

__all__ = [
    "BoolArray",
    "Decoder",
    "FloatArray",
    "IntArray",
    "Places",
    "Posterior",
    "ScoredSpan",
    "Spans",
]
