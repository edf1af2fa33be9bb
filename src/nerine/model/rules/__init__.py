"""Rules beside a model: phrases and patterns with a label, which change what the model finds.

| module | what is in it |
|---|---|
| `rule` | one rule: its phrases and patterns, its label, its mode |
| `matching` | a text → all matches of some rules |
| `choosing` | matches and the model's entities → which of both stay |
| `rules` | `Rules`: the rules of a file, applied to documents |
| `reading` | a mapping or a TOML file → rules |
"""

from __future__ import annotations

from nerine.model.rules.choosing import RuleStep
from nerine.model.rules.rules import Rules, given_rules

__all__ = ["RuleStep", "Rules", "given_rules"]
