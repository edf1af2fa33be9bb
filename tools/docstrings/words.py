"""What the rules look for in texts: units, shapes, and methods that have a source."""

from __future__ import annotations

import re

UNITS = (
    # what is counted
    *("words?", "subwords?", "windows?", "code points?", "documents?", "texts?", "sentences?"),
    *("entit(?:y|ies)", "labels?", "tags?", "tokens?", "lines?", "rows?", "columns?", "files?"),
    *("epochs?", "steps?", "batch(?:es)?", "passes", "layers?", "threads?", "samples?", "bins?"),
    *(
        "splits?",
        "parts?",
        "pairs?",
        "spans?",
        "errors?",
        "gaps?",
        "readings?",
        "runs?",
        "records?",
    ),
    *("tests?", "findings?", "places?", "copies", "levels?", "outcomes?", "shards?", "times"),
    # what is measured
    *("seconds?", "milliseconds?", "bytes?", "[KMG]iB", "characters?"),
    *("probabilit(?:y|ies)", "share", "shares", "between 0 and 1", "from 0 to 1", "per cent"),
    *("factor", "ratio", "odds", "logits?", "temperature", "weight decay", "learning rate"),
    *("decay", "dropout", "norm", "loss", "p-value", "F1", "precision", "recall"),
    # what only tells things apart
    *("seed", "random", "ids?", "index", "counted from [01]", "exit status"),
)
"""Words, as patterns, that say what a number counts or measures."""

_UNIT = re.compile(rf"\b(?:{'|'.join(UNITS)})\b", re.IGNORECASE)
_SHAPE = re.compile(r"`\([^\W\d][\w +-]*,(?:| [\w +-]+(?:, [\w +-]+)*)\)`")

METHODS = {
    "Viterbi's algorithm": r"viterbi",
    "forward–backward": r"forward.backward",
    "random fields": r"random field|\bcrf\b",
    "the bootstrap": r"\bbootstrap",
    "BCa intervals": r"\bBCa\b",
    "approximate randomisation": r"approximate randomi[sz]ation|permutation test",
    "Holm's procedure": r"\bholm\b",
    "SemEval-2013": r"semeval",
    "MUC's counts": r"\bMUC\b",
    "conlleval": r"conlleval",
    "WNUT's surface forms": r"wnut.*surface|surface.*wnut",
    "calibration error": r"calibration error|reliability",
    "the Brier score": r"\bbrier\b",
    "Dinkelbach's method": r"dinkelbach",
    "cross-validation": r"cross-validat",
    "MinHash": r"minhash|\bsketch(?:es)?\b",
    "SimHash": r"simhash",
    "distillation": r"\bdistill",
    "confident learning": r"confident learning",
    "iterative stratification": r"stratif",
    "averaged weights": r"mean of (?:the|its) weights|averaged weights|weight averag",
    "layer-wise learning rates": r"layer-wise|discriminative fine-tuning",
    "focal loss": r"\bfocal\b",
    "SmoothQuant": r"smoothquant",
    "AdamW": r"\badamw\b",
    "BIOES and BILOU": r"\bbilou\b",
    "Levenshtein's distance": r"levenshtein|edit distance",
}
"""Methods of the literature, each with a pattern for where a text or a name speaks of it."""

_METHODS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in METHODS.items()}
_NAME = r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,3}"
_SOURCE = re.compile(
    rf"{_NAME}(?:(?:, {_NAME})* (?:&|and) {_NAME}| et al\.)?,? \(?(?:1[89]|20)\d\d\b"
)


def names_unit(text: str) -> bool:
    """Whether a text says what a number counts or measures.

    Args:
        text: What is said of a parameter, a field or a return.

    Returns:
        True where one of `UNITS` occurs.
    """
    return _UNIT.search(text) is not None


def names_shape(text: str) -> bool:
    """Whether a text gives an array's shape.

    Args:
        text: What is said of a parameter, a field or a return.

    Returns:
        True for a shape in the one form there is: between backticks, as `.shape` shows it, with
        names for sizes. A vector's has a comma as well.
    """
    return _SHAPE.search(" ".join(text.split())) is not None


def methods_named(text: str) -> list[str]:
    """The methods of the literature that a text speaks of.

    Args:
        text: A docstring, or a name from the code.

    Returns:
        Their names, keys of `METHODS`.
    """
    spaced = re.sub(r"[_\s]+", " ", text)
    return [name for name, pattern in _METHODS.items() if pattern.search(spaced)]


def names_source(text: str) -> bool:
    """Whether a text cites something.

    Args:
        text: A docstring.

    Returns:
        True for names before a year, such as `Post, 2018`, `Guo et al. (2017)` or
        `Howard & Ruder, 2018`.
    """
    return _SOURCE.search(" ".join(text.split())) is not None
