"""`Rules`: the rules of a file, applied to documents that a model has tagged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from nerine.core.arguments import check_fields, check_type, checked
from nerine.core.display import counted
from nerine.core.document import Document, digest_of
from nerine.core.errors import SettingsError
from nerine.model.rules.choosing import Choice, RuleStep
from nerine.model.rules.matching import Matcher
from nerine.model.rules.reading import read_rules, rules_of
from nerine.model.rules.rule import Rule


@dataclass(frozen=True, repr=False)
class Rules:
    """Phrases and patterns with labels, which change what a model finds.

    They do not change, can be pickled, and are equal if their content is.

    ::

        rules = Rules.load("products.toml")
        tagger = Tagger.load("runs/wnut", rules=rules)

    Args:
        rules: The rules; an earlier one wins against a later one of the same length.
        source: The name of their file.

    Attributes:
        rules: The rules.
        source: The name of their file; empty if they are from none.

    Raises:
        SettingsError: If there is none, or a value has another type.
    """

    rules: tuple[Rule, ...]
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)
        if not self.rules:
            raise SettingsError("there is no rule", place="rules", expected="at least one")

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Rules:
        """Reads rules from a TOML file.

        Args:
            path: The file. Each of its tables `[[rule]]` has a `label`, `phrases` or a `file` with
                a phrase a line or both, `patterns`, a `mode` and a `case`.

        Raises:
            ArgumentError: If `path` is not a path.
            SettingsError: If the file cannot be read, or a rule is not valid; the message names the
                rule and the field.
        """
        file = Path(path).expanduser()
        return cls(read_rules(file), file.name)

    @classmethod
    @checked
    def parse(cls, mapping: Mapping[str, Any]) -> Rules:
        """Rules from a mapping such as `{"rule": [{"label": "product", "phrases": ["Nerine"]}]}`.

        Args:
            mapping: What the TOML file would hold. A `file` is relative to the working folder.

        Raises:
            ArgumentError: If it is not a mapping.
            SettingsError: If a rule is not valid; the message names the rule and the field.
        """
        return cls(rules_of(mapping, "", Path()))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the rules, each once."""
        return tuple(dict.fromkeys(rule.label for rule in self.rules))

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the content, in hexadecimal digits."""
        return digest_of(self._parts())

    def apply(self, document: Document) -> Document:
        """The document with the entities that the rules and the model find together.

        Entities of rules have no score. Everything else stays the same.

        Args:
            document: The document with the entities of the model.

        Raises:
            SettingsError: If a pattern takes too long on this text.
        """
        matches = self._matcher.matches(document.text)
        return Choice(document, matches).document() if matches else document

    def steps(self, document: Document) -> tuple[RuleStep, ...]:
        """Each match in a document with what becomes of it, in the order of the text.

        Args:
            document: The document with the entities of the model.

        Raises:
            SettingsError: If a pattern takes too long on this text.
        """
        return Choice(document, self._matcher.matches(document.text)).steps()

    @cached_property
    def _matcher(self) -> Matcher:
        """The compiled rules."""
        return Matcher(self.rules, self.source)

    def to_dict(self) -> dict[str, Any]:
        """File, fingerprint and counts, for JSON."""
        return {
            "source": self.source,
            "fingerprint": self.fingerprint,
            "rules": len(self.rules),
            "phrases": sum(len(rule.phrases) for rule in self.rules),
            "patterns": sum(len(rule.patterns) for rule in self.rules),
        }

    def __str__(self) -> str:
        counts = self.to_dict()
        phrases, patterns = (counted(counts[f"{name}s"], name) for name in ("phrase", "pattern"))
        of = f" of {self.source}" if self.source else ""
        return f"{counted(len(self.rules), 'rule')}{of}: {phrases}, {patterns}"

    def __repr__(self) -> str:
        return f"<Rules: {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        _known[self.fingerprint] = self
        return _restored, (self.fingerprint, self.rules, self.source)

    def _parts(self) -> Iterator[str]:
        for rule in self.rules:
            yield from (rule.label, rule.mode, rule.case, str(len(rule.phrases)))
            yield from (*rule.phrases, str(len(rule.patterns)), *rule.patterns)


def given_rules(rules: Rules | str | Path | None) -> Rules | None:
    """The rules themselves, or those of a file; raises `ArgumentError` for anything else."""
    check_type("rules", rules, Rules | str | Path | None, "Tagger.load")
    return Rules.load(rules) if isinstance(rules, str | Path) else rules


_known: WeakValueDictionary[str, Rules] = WeakValueDictionary()
"""The rules that were pickled or restored here: their automaton is made once a process."""


def _restored(fingerprint: str, rules: tuple[Rule, ...], source: str) -> Rules:
    known = _known.get(fingerprint)
    if known is None or known.source != source:
        known = _known[fingerprint] = Rules(rules, source)
    return known
