"""Records and annotations of an unusual kind: an error, skipped or accepted, and counted."""

from __future__ import annotations

from nerine.core.errors import FormatError
from nerine.data.formats.options import NEVER_ACCEPTED, UNUSUAL, ReadLog, ReadOptions, Unusual

TWICE = "with an entity that is listed twice, read once"
"""A remark of several formats."""


def treat(
    kind: Unusual,
    found: str,
    options: ReadOptions,
    log: ReadLog,
    *,
    expected: str | None = None,
    place: str | None = None,
    other_hint: str | None = None,
) -> bool:
    """Whether something unusual is accepted; counts it, or raises `FormatError`."""
    treatment = options.treatment(kind)
    if treatment == "error":
        ways = [f'--skip {kind} (skip={{"{kind}"}}) skips and counts {UNUSUAL[kind][1]}']
        if kind not in NEVER_ACCEPTED:
            ways.append(f'--accept {kind} (accept={{"{kind}"}}) reads them like any other')
        if other_hint:
            ways.append(other_hint)
        raise FormatError(found, expected=expected, place=place, hint="; ".join(ways))
    if treatment == "skip":
        log.skip(kind)
    else:
        log.accept(kind)
    return treatment == "accept"
