"""The model card of a checkpoint, from its records and a Jinja template.

The same records give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.filenames import EVALUATIONS_FILE, INFO_FILE
from nerine.model.provenance.sources import without_paths
from nerine.publishing.card.facts import card_facts
from nerine.publishing.card.metadata import metadata
from nerine.publishing.card.results import Result, results_of
from nerine.publishing.card.statements import Statements
from nerine.publishing.evaluation_record import EvaluationRecord

TEMPLATE = Path(__file__).parent / "model_card_template.md"
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_OPEN = (
    *("license", "language", "dataset", "base_model", "intended_use", "limits", "authors"),
    "evaluation",
)
"""Facts that the card marks as open if they are unknown."""


@dataclass(frozen=True, slots=True)
class Card:
    """A model card.

    Attributes:
        text: The whole README.md.
        results: The reported results, the first one in full.
        open: Names of the facts that are unknown and marked as open.
    """

    text: str
    results: tuple[Result, ...]
    open: tuple[str, ...]


def write_card(
    repo_id: str,
    info: Mapping[str, Any],
    evaluations: Sequence[EvaluationRecord] = (),
    statements: Statements | None = None,
    *,
    revision: str | None = None,
    template: str | Path | None = None,
) -> Card:
    """The model card of a checkpoint.

    Args:
        repo_id: The repository that the checkpoint goes to, `owner/name`.
        info: The checkpoint's `nerine.json`.
        evaluations: The checkpoint's evaluations.
        statements: What a person states of the checkpoint.
        revision: The revision that the card's snippets load; None for the default one.
        template: A Jinja template to use instead of `model_card_template.md`, which shows all
            facts by name. It has to begin with `card_data`, the metadata that the hub reads. A
            template runs code: use only your own.

    Raises:
        CheckpointError: If an evaluation is of texts that the checkpoint was trained on, or the
            records are not as Nerine writes them.
        SettingsError: If a statement contradicts the records, or the template cannot be used.
    """
    if not _REPO_ID.fullmatch(repo_id):
        raise CheckpointError(f"{repo_id!r} is not a valid repo_id", expected="owner/name")
    said = statements or Statements()
    public = without_paths(info)
    try:
        results = results_of(public, evaluations)
        data = metadata(repo_id.partition("/")[2], public, results, said)
        facts = card_facts(repo_id, public, results, said, revision)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"its records cannot be read: {error!r}",
            place=repo_id,
            expected=f"{INFO_FILE} and {EVALUATIONS_FILE} as Nerine wrote them",
        ) from error
    source = _read_template(Path(template or TEMPLATE), facts)
    try:
        card = ModelCard.from_template(data, template_str=source, **facts)
    except Exception as error:  # a template may raise whatever Python can
        raise SettingsError(
            f"the template cannot be rendered: {error!r}", place=str(template or TEMPLATE)
        ) from error
    left_open = tuple(name for name in _OPEN if not facts[name])
    return Card(card.content.rstrip("\n") + "\n", results, left_open)


def _read_template(path: Path, facts: Mapping[str, Any]) -> str:
    """The text of a template that uses known facts only.

    Raises:
        SettingsError: If the file cannot be read, is not a Jinja template, uses an unknown fact, or
            does not use `card_data`.
    """
    from jinja2 import Environment, TemplateSyntaxError, meta, nodes

    try:
        source = path.read_text(encoding="utf-8")
        tree = Environment(autoescape=True).parse(source)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the template cannot be read: {error}", place=str(path)) from error
    except TemplateSyntaxError as error:
        raise SettingsError(
            f"this is not a Jinja template: {error.message}", place=f"{path}:{error.lineno}"
        ) from error
    used = meta.find_undeclared_variables(tree)
    assigned = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
    unknown = sorted(used - assigned - {*facts, "card_data"})
    if unknown:
        raise SettingsError(
            f"the template uses {unknown[0]!r}, which is not a fact of a card",
            place=str(path),
            expected=f"card_data, {', '.join(facts)}",
        )
    if "card_data" not in used:
        raise SettingsError(
            "the template does not use card_data, so the hub would read no metadata",
            place=str(path),
            expected="the lines ---, {{ card_data }} and --- at the start",
        )
    return source
