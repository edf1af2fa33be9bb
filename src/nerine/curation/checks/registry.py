"""All rules by their names, and which of them are to run."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from nerine.core.errors import SettingsError
from nerine.curation.checks import (
    characters,
    coverage,
    duplicates,
    entities,
    proportions,
    surfaces,
    tags,
)
from nerine.curation.checks.findings import Rule

RULES = {
    rule.name: rule
    for module in (tags, duplicates, surfaces, entities, proportions, characters, coverage)
    for rule in module.RULES
}


def chosen_rules(
    off: Collection[str], only: Collection[str], *, has_encoder: bool
) -> tuple[Rule, ...]:
    """The rules to run, in their order. Raises `SettingsError` for a name that is no rule's."""
    _check_names([*off, *only])
    for name in only:
        if RULES[name].needs_encoder and not has_encoder:
            raise SettingsError(
                f"the rule {name!r} looks at subwords, and no encoder is named",
                hint="--encoder (encoder=…) names one",
            )
    return tuple(
        rule
        for name, rule in RULES.items()
        if name not in off
        and (name in only or not only)
        and (has_encoder or not rule.needs_encoder)
    )


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in RULES:
            near = difflib.get_close_matches(name, RULES, n=1, cutoff=0)
            raise SettingsError(
                f"no rule is called {name!r}",
                expected=f"one of {', '.join(RULES)}",
                hint=f"the nearest one is {near[0]!r}" if near else None,
            )
