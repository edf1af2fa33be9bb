"""The names of a model's outputs → tags, name by name.

Models of other programs name their outputs in many ways: `B-PER`, `B_PER`, `PER-B`, `b-per`, `PER`
alone, `M-PER`, and names such as `X` or `[CLS]` for what bears no tag.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from nerine.core.tags.notation import AFFIXED, INNER, UNNAMED
from nerine.core.tags.tag import OUTSIDE, is_tag, parse_tag

_LETTER = re.compile(r"([BIESLUMW])[-_:|/.]?", re.IGNORECASE)
_GENERATED = re.compile(r"LABEL_\d+")  # transformers' name for an output that nobody has named
_NUMBER = re.compile(r"\d+")
_GAP = r"(?:\s*[\u2010-\u2015\u2212]\s*|\s+)"
_AFFIXED = (
    *(pattern for pattern, _ in AFFIXED),
    re.compile(rf"(?P<kind>[BIESLUMW]){_GAP}(?P<label>.+)", re.IGNORECASE),
)
_BRACKETS = "[]<>{}|/ "
_NO_TAGS = frozenset(
    [
        *("o", "x", "cls", "sep", "pad", "padding", "unk", "mask", "bos", "eos", "<s>", "</s>"),
        *("ignore", "ignored", "special", "none", "null", "nil", "outside", "out"),
        *("-", "_", "0", "-100", "<start>", "<stop>", "<end>", "[start]", "[stop]", "[end]"),
    ]
)
"""What stands for no entity, in lower case and mostly without brackets."""
_ELSE = frozenset(["other", "others", "negative", "no_entity", "not_entity", "non-entity", "neg"])
"""What stands for no entity if nothing else does."""


def are_generated(names: Sequence[str]) -> bool:
    """Whether all names are numbers, or those that transformers gives to outputs without names."""
    return any(all(map(form.fullmatch, names)) for form in (_GENERATED, _NUMBER))


def tags_from_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tag of each name, and notes on those that were not written as tags.

    Names that are not tags are read as `O`, and labels without a prefix as an `I-`. Several names
    may have one tag. Whether `O` is among the tags is left to the caller.

    Args:
        names: The names of a model's outputs, in order.
    """
    written = {name: name.strip() for name in names}
    tags = {name: OUTSIDE for name in names if _is_outside(name)}
    if not tags:
        tags = {name: OUTSIDE for name in names if name.lower() in _ELSE}
    outside = [name for name in written if name in tags and name.upper() != OUTSIDE]
    left = [name for name in written if name not in tags]
    found = _prefixed([written[name] for name in left])
    letters = {name: match[1] for name in left if (match := _LETTER.fullmatch(written[name]))}
    if len(letters) == len(left) or {"B"} < {*map(_kind, letters.values())}:
        found |= {written[name]: f"{_kind(letter)}-{UNNAMED}" for name, letter in letters.items()}
    else:
        letters = {}
    found = _united(found)
    alone = [name for name in left if written[name] not in found]
    tags |= {name: found.get(written[name], f"I-{written[name]}") for name in left}
    notes = []
    if outside:
        shown = f"{', '.join(outside[:6])}{_more(outside, 6)}"
        notes.append(f"outputs that are not tags are read as O: {shown}")
    if letters:
        notes.append(f"its tags are letters without a label; the label is {UNNAMED!r}")
    if changed := [name for name in left if tags[name] != name and name not in (*alone, *letters)]:
        pairs = ", ".join(f"{name} as {tags[name]}" for name in changed[:3])
        notes.append(f"its outputs are not written as tags: {pairs}{_more(changed)}")
    if alone:
        notes.append(f"labels without a prefix: {', '.join(alone[:3])}{_more(alone)}")
    return [tags[name] for name in names], notes


def _is_outside(name: str) -> bool:
    if name == OUTSIDE or _GENERATED.fullmatch(name):
        return True
    lowered = name.lower()
    return not lowered.strip() or bool({lowered, lowered.strip(_BRACKETS)} & _NO_TAGS)


def _prefixed(names: Sequence[str]) -> dict[str, str]:
    """The tags of the names that are written as tags, or with an affix as in `PER-B`.

    `E-mail` and `S-Bahn` are labels: an `E-` ends what another letter of its label begins, and an
    `S-` belongs to a head with a `B-` or to one with nothing else.
    """
    tags = {name: name for name in names if is_tag(name)}
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for tag in tags:
        kinds[tag[2:]].add(parse_tag(tag).kind)
    bounds = any("B" in own and own & {"E", "S"} for own in kinds.values())
    is_single = bounds or (len(tags) == len(names) and all(own == {"S"} for own in kinds.values()))
    for tag in [*tags]:
        if kinds[tag[2:]] == {"E"} or (kinds[tag[2:]] == {"S"} and not is_single):
            del tags[tag]
    return tags | _affixed([name for name in names if name not in tags], {t[2:] for t in tags})


def _affixed(names: Sequence[str], labels: set[str]) -> dict[str, str]:
    """The tags of names such as `B_PER` and `PER-B`.

    A way to write tags is one if some label has a `B` and another letter in it; then each label
    that has a `B`, or is one of `labels`, is written so.
    """
    found: dict[str, str] = {}
    for pattern in _AFFIXED:
        written: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for name in names:
            match = None if name in found or is_tag(name) else pattern.fullmatch(name)
            if match:
                written[match["label"]][name] = _kind(match["kind"])
        is_used = any({"B"} < {*kinds.values()} for kinds in written.values())
        for label, kinds in written.items():
            if label in labels or (is_used and "B" in kinds.values()):
                found |= {name: f"{kind}-{label}" for name, kind in kinds.items()}
    return found


def _united(tags: dict[str, str]) -> dict[str, str]:
    """The tags with one label for `B-PER` and `I-per`, where neither spelling has both letters."""
    kinds: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind, label in map(parse_tag, dict.fromkeys(tags.values())):
        kinds[label.casefold()][label].append(kind)
    labels: dict[str, str] = {}
    for spellings in kinds.values():
        letters = [kind for own in spellings.values() for kind in own]
        first = min(spellings, key=lambda label: "B" not in spellings[label])
        apart = len(letters) > len({*letters}) or "B" not in letters
        labels |= {label: label if apart else first for label in spellings}
    return {name: f"{tag[:2]}{labels[tag[2:]]}" for name, tag in tags.items()}


def _kind(letter: str) -> str:
    upper = letter.upper()
    return INNER.get(upper, upper)


def _more(names: Sequence[str], shown: int = 3) -> str:
    return f" and {len(names) - shown} more" if len(names) > shown else ""
