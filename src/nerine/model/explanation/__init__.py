"""How a text becomes entities, step by step."""

from nerine.model.explanation.explanation import Explanation, Table, explain
from nerine.model.explanation.steps import (
    ContextStep,
    SubwordStep,
    TransitionStep,
    WindowStep,
    WordStep,
)

__all__ = [
    "ContextStep",
    "Explanation",
    "SubwordStep",
    "Table",
    "TransitionStep",
    "WindowStep",
    "WordStep",
    "explain",
]
