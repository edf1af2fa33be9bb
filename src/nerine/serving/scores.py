"""Scores of entities in contracts of other programs, where every entity has a number."""

from __future__ import annotations

from nerine.core.document import Entity


def score_or_one(entity: Entity) -> float:
    """The score of an entity; 1 if a rule found it, as a rule gives no probability."""
    return 1.0 if entity.score is None else entity.score
