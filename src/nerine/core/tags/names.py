"""The names of a model's outputs → tags, name by name.

Models of other programs name their outputs in many ways: `B-PER`, `B_PER`, `PER-B`, `b-per`, `PER`
alone, `M-PER`, and names such as `X` or `[CLS]` for what bears no tag.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from nerine.core.tags.notation import AFFIXED, INNER, UNNAMED
from nerine.core.tags.tag import OUTSIDE, is_tag

_LETTER = re.compile(r"[BIESLUMW]", re.IGNORECASE)
_GENERATED = re.compile(r"LABEL_\d+")  # transformers' name for an output that nobody has named
_BRACKETS = "[]<>{}|/ "
_NO_TAGS = frozenset(
    [
        *("o", "x", "cls", "sep", "pad", "padding", "unk", "mask", "bos", "eos", "<s>", "</s>"),
        *("ignore", "ignored", "special", "none", "null", "nil", "outside", "out"),
        *("-", "_", "0", "-100"),
    ]
)
"""What stands for no entity, in lower case and mostly without brackets."""
_ELSE = frozenset(["other", "others", "negative", "no_entity", "not_entity", "non-entity", "neg"])
"""What stands for no entity if nothing else does."""


def are_generated(names: Sequence[str]) -> bool:
    """Whether all names are those that transformers gives to outputs without names."""
    return all(_GENERATED.fullmatch(name) for name in names)


def tags_from_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tag of each name, and notes on those that were not written as tags.

    Names that are no tags are read as `O`, and labels without a prefix as an `I-`. Several names
    may have one tag. Whether `O` is among the tags is left to the caller.

    Args:
        names: The names of a model's outputs, in order.
    """
    tags = {name: OUTSIDE for name in names if _is_outside(name)}
    if not tags:
        tags = {name: OUTSIDE for name in names if name.lower() in _ELSE}
    left = [name for name in names if name not in tags]
    outside = [name for name in names if name in tags and name.upper() != OUTSIDE]
    tags |= {name: name for name in left if is_tag(name)}
    tags |= _affixed(left, {tag[2:] for tag in tags.values()})
    alone = [name for name in left if name not in tags]
    if alone and all(_LETTER.fullmatch(name) for name in alone) and len(alone) == len(left):
        tags |= {name: f"{_kind(name)}-{UNNAMED}" for name in alone}
        return [tags[name] for name in names], [
            *_outside_notes(outside),
            f"its tags are letters without a label; the label is {UNNAMED!r}",
        ]
    tags |= {name: f"I-{name}" for name in alone}
    changed = [name for name in left if tags[name] != name and name not in alone]
    notes = _outside_notes(outside)
    if changed:
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


def _affixed(names: Sequence[str], labels: set[str]) -> dict[str, str]:
    """The tags of names such as `B_PER` and `PER-B`.

    A way to write tags is one if some label has a `B` and another letter in it; then each label
    that has a `B`, or is one of `labels`, is written so.
    """
    found: dict[str, str] = {}
    for pattern, _ in AFFIXED:
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


def _kind(letter: str) -> str:
    upper = letter.upper()
    return INNER.get(upper, upper)


def _outside_notes(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"outputs that are not tags are read as O: {', '.join(names[:6])}{_more(names, 6)}"]


def _more(names: Sequence[str], shown: int = 3) -> str:
    return f" and {len(names) - shown} more" if len(names) > shown else ""
