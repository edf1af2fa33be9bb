"""Documents → windows of subwords, with the place of every word.

The tokenizer sees a text once and whole. A subword belongs to the first word that it touches,
and a word is represented by the first subword that belongs to it; so leading spaces, byte-level
BPE, WordPiece and SentencePiece need no special case. Where one subword holds several words whole,
as a piece for 北京 holds both its characters, they are one word: nothing could tell them apart. A
word to which no subword belongs otherwise is *blind*: it bears no label and sends no logits, but it
keeps its place in the sequence that is decoded.

A text longer than the model takes becomes overlapping windows. Each word is *owned* by the one
window that sees most context around it: there it bears its label in training, and from there its
logits come in scoring and use.
"""

from __future__ import annotations

from nerine.model.encoding.encoder import Encoder
from nerine.model.encoding.windows import (
    IGNORED,
    Encoding,
    Encodings,
    IntArray,
    Window,
    Windows,
    window_labels,
)

__all__ = [
    "IGNORED",
    "Encoder",
    "Encoding",
    "Encodings",
    "IntArray",
    "Window",
    "Windows",
    "window_labels",
]
