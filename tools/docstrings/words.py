"""What the rules look for in texts: units, shapes, and methods that have a source."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNITS = (
    # what is counted
    *("words?", "subwords?", "windows?", "code points?", "documents?", "texts?", "sentences?"),
    *("entit(?:y|ies)", "labels?", "tags?", "tokens?", "lines?", "rows?", "columns?", "files?"),
    *("epochs?", "steps?", "batch(?:es)?", "layers?", "threads?", "samples?", "bins?"),
    *("splits?", "pairs?", "spans?", "gaps?", "runs?", "records?"),
    *("findings", "outcomes", "times"),
    # what is measured
    *("seconds?", "milliseconds?", "bytes?", "[KMG]iB", "characters?"),
    *("probabilit(?:y|ies)", "share", "shares", "between 0 and 1", "from 0 to 1", "per cent"),
    *("factor", "ratio", "odds", "logits?", "temperature", "weight decay", "learning rate"),
    *("decay", "dropout", "norm", "loss", "F1", "precision", "recall"),
    # what only tells things apart
    *("seed", "random", "ids?", "index", "counted from [01]", "exit status"),
)
"""Words, as patterns, that say what a number counts or measures."""

_UNIT = re.compile(rf"\b(?:{'|'.join(UNITS)})\b", re.IGNORECASE)
_SHAPE = re.compile(r"`\([^\W\d][\w +-]*,(?:| [\w +-]+(?:, [\w +-]+)*)\)`")

METHODS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Viterbi's algorithm": (r"viterbi", ("Viterbi 1967", "Rabiner 1989")),
    "forward–backward": (r"forward.backward", ("Baum 1970", "Rabiner 1989")),
    "random fields": (r"random field|\bcrf\b", ("Lafferty 2001",)),
    "the bootstrap": (r"\bbootstrap", ("Efron 1979", "Efron 1993", "Berg-Kirkpatrick 2012")),
    "BCa intervals": (r"\bBCa\b", ("Efron 1987",)),
    "approximate randomisation": (r"approximate randomi[sz]ation", ("Noreen 1989",)),
    "Holm's procedure": (r"\bholm\b", ("Holm 1979",)),
    "partial scores of SemEval-2013": (r"semeval", ("Segura-Bedmar 2013",)),
    "MUC's counts": (r"\bMUC\b", ("Chinchor 1993",)),
    "conlleval": (r"conlleval", ("Tjong Kim Sang 2000",)),
    "BIO tags": (r"\bBIO tags", ("Ramshaw 1995",)),
    "BILOU tags": (r"\bbilou\b", ("Ratinov 2009",)),
    "WNUT's surface forms": (
        r"\bWNUT\b.{0,40}surface|surface.{0,40}\bWNUT\b|\bWNUT\b.{0,40}shared task",
        ("Derczynski 2017",),
    ),
    "calibration error": (r"calibration error", ("Guo 2017", "Naeini 2015")),
    "reliability diagrams": (r"reliability", ("DeGroot 1983",)),
    "temperature scaling": (r"temperature scaling", ("Guo 2017",)),
    "the Brier score": (r"\bbrier\b", ("Brier 1950",)),
    "Dinkelbach's method": (r"dinkelbach", ("Dinkelbach 1967",)),
    "cross-validation": (r"cross-validat", ("Stone 1974",)),
    "MinHash": (r"minhash|bottom-k|\bsketch(?:es)?\b", ("Broder 1997",)),
    "SimHash": (r"simhash", ("Charikar 2002",)),
    "distillation": (r"\bdistill", ("Hinton 2015",)),
    "confident learning": (r"confident learning", ("Northcutt 2021",)),
    "iterative stratification": (r"stratif", ("Sechidis 2011",)),
    "averaged weights": (
        r"mean of (?:the|its) weights|averaged weights|weight averag",
        ("Polyak 1992", "Izmailov 2018"),
    ),
    "layer-wise learning rates": (r"layer-wise|discriminative fine-tuning", ("Howard 2018",)),
    "focal loss": (r"\bfocal\b", ("Lin 2017",)),
    "SmoothQuant": (r"smoothquant", ("Xiao 2023",)),
    "AdamW": (r"\badamw\b", ("Loshchilov 2019",)),
    "score signatures": (r"sacrebleu", ("Post 2018",)),
    "edit distance": (r"levenshtein|edit distance", ("Levenshtein 1966",)),
}
"""Methods of the literature: where a text or a name speaks of one, and what may be cited for it."""

_METHODS = {name: re.compile(found, re.IGNORECASE) for name, (found, _) in METHODS.items()}
# from a name to its year: other names may stand between, in a form such as `Howard & Ruder, 2018`
_BETWEEN = r"\b[^.;()]{0,60}?(?: et al\.)?,? \(?"


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


def names_source(text: str, method: str) -> bool:
    """Whether a text cites what a method comes from.

    Args:
        text: A docstring.
        method: The method's name, a key of `METHODS`.

    Returns:
        True for one of the method's sources, such as `Post, 2018`, `Guo et al. (2017)` or
        `Howard & Ruder, 2018`.
    """
    spaced = " ".join(text.split())
    return any(_cites(spaced, source) for source in METHODS[method][1])


def _cites(text: str, source: str) -> bool:
    author, _, year = source.rpartition(" ")
    return re.search(rf"\b{re.escape(author)}{_BETWEEN}{year}\b", text) is not None
