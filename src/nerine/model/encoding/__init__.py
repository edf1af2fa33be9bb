"""Documents → words, subwords and windows of subwords.

The tokenizer sees a text once and whole. A subword belongs to the first word that it touches,
and a word is represented by the first subword that belongs to it; so leading spaces, byte-level
BPE, WordPiece and SentencePiece need no special case. Where one subword holds several whole words,
as a piece for 北京 holds both its characters, they count as one word, since the model cannot tell
them apart. Any other word without a subword is *blind*: it has no label and no logits, but it
keeps its place in the sequence that is decoded.

For a model whose words are not known, each subword is a word at first (`pieces`), and the model's
logits decide which of them belong together.

A text longer than the model takes becomes overlapping windows. Each word is *owned* by the one
window that sees most context around it. That window gives the word its label in training, and its
logits in scoring and use.
"""

from __future__ import annotations

from nerine.model.encoding.encoder import Encoder
from nerine.model.encoding.windows import Encoding, Window, Windows

__all__ = ["Encoder", "Encoding", "Window", "Windows"]
