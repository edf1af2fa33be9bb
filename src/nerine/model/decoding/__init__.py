"""Word logits → entities and their probabilities.

A sequence of tags y over words 1…n is scored by the sum of its words' logits, and it is possible
only if the scheme allows each pair of neighbours::

    p(y) = exp(Σ_t logits[t, y_t]) · Π_t allowed[y_(t-1), y_t] / Z

This is a linear-chain random field (Lafferty, McCallum & Pereira, 2001) whose transitions are not
learned but given. A checkpoint that was trained with a CRF brings learned scores of its transitions
as well: they are added to the logits, and the scheme still forbids what it forbids.

The best sequence is found by Viterbi's algorithm, and the probability of an entity is the sum of
p(y) over all sequences that hold exactly this entity, found by the forward–backward algorithm
(Rabiner, 1989).

Everything runs on flat arrays, the words of all sentences one after another, and on all sentences
at once. Python loops run over the positions of words in sentences, not over words.

===========  ==========================================================
module       contents
===========  ==========================================================
`chain`      forward–backward, in logarithms
`viterbi`    the best allowed sequence of tags
`entities`   the pairs of tags that begin, continue and end an entity
`spans`      entities as arrays
`posterior`  the probability of any span of one sentence
`decoder`    all of it, for one model's tags
===========  ==========================================================
"""

from nerine.model.decoding.decoder import Decoder
from nerine.model.decoding.posterior import Posterior
from nerine.model.decoding.spans import ScoredSpan, ScoredSpans, Spans

__all__ = ["Decoder", "Posterior", "ScoredSpan", "ScoredSpans", "Spans"]
