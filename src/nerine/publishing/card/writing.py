"""`CardRecord` → `Card`: the same records always give the same text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nerine.core.display import escaped, escaped_line, visible
from nerine.core.errors import CheckpointError
from nerine.core.filenames import EVALUATIONS_FILE, INFO_FILE
from nerine.core.tags import TagScheme
from nerine.model.provenance.sources import without_paths
from nerine.publishing.card.making import making_sections
from nerine.publishing.card.metadata import base_model, dataset_id, metadata
from nerine.publishing.card.results import Result, results_of
from nerine.publishing.card.scores import score_sections
from nerine.publishing.card.snippets import by_hand, with_nerine, with_pipeline
from nerine.publishing.card.statements import Statements
from nerine.publishing.card.text import shown
from nerine.publishing.evaluations import EvaluationRecord

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CardRecord:
    """All that a card is written from.

    `repo_id` is where the checkpoint goes, `info` its `nerine.json`, `evaluations` what was
    measured of it, `statements` what a person says. With a `revision` the snippets load that one.
    """

    repo_id: str
    info: Mapping[str, Any]
    evaluations: tuple[EvaluationRecord, ...] = ()
    statements: Statements = field(default_factory=Statements)
    revision: str | None = None

    def __post_init__(self) -> None:
        if not _REPO_ID.fullmatch(self.repo_id):
            raise CheckpointError(
                f"{self.repo_id!r} is no id of a repository", expected="owner/name"
            )


@dataclass(frozen=True, slots=True)
class Card:
    """A model card.

    Attributes:
        text: The whole README.md.
        results: What it reports, the first one in full.
        open: What is marked as open because nobody has said it.
    """

    text: str
    results: tuple[Result, ...]
    open: tuple[str, ...]


def write_card(record: CardRecord) -> Card:
    """The card of a checkpoint.

    Raises `CheckpointError` where an evaluation is of texts that it was trained on, or where the
    records are not as Nerine writes them, and `SettingsError` where a statement contradicts them.
    """
    info = without_paths(record.info)
    name = record.repo_id.partition("/")[2]
    try:
        results = results_of(info, record.evaluations)
        head = metadata(name, info, results, record.statements).to_yaml()
        body = "\n".join(_body(record, info, results))
        left_open = _open(record, info, results)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"its records cannot be read: {error!r}",
            place=record.repo_id,
            expected=f"{INFO_FILE} and {EVALUATIONS_FILE} as Nerine wrote them",
        ) from error
    return Card(f"---\n{head}\n---\n\n{body}", results, left_open)


def _body(
    record: CardRecord, info: Mapping[str, Any], results: tuple[Result, ...]
) -> Iterator[str]:
    said = record.statements
    yield f"# {escaped(said.title or record.repo_id.partition('/')[2])}\n"
    yield from _introduction(said, info)
    yield from _use(record, info, results)
    yield from score_sections(results)
    yield from making_sections(info, said)
    yield from _stated("Intended use", said.intended_use, "what it is meant for")
    yield from _stated("Limits", said.limits, "what it must not be used for")
    yield from _licence(said)
    authors = ", ".join(escaped(each) for each in said.authors)
    yield from _stated("Authors", authors or None, "who made it")


def _introduction(said: Statements, info: Mapping[str, Any]) -> Iterator[str]:
    labels = [shown(label) for label in info["labels"]]
    listed = ", ".join(f"**{label}**" for label in labels) or "nothing yet"
    yield f"Finds names in texts and tells of each what it names: {listed}.\n"
    languages = ", ".join(shown(each) for each in said.language)
    yield f"Languages: {languages}.\n" if languages else "Open: the language of the texts.\n"


def _use(record: CardRecord, info: Mapping[str, Any], results: tuple[Result, ...]) -> Iterator[str]:
    scheme = str(info["settings"]["scheme"])
    place = record.repo_id, record.revision
    yield "## How to use it\n"
    yield "With Nerine: whole words, and the most probable of all valid sequences of tags.\n"
    yield _code(with_nerine(*place, thresholds=_with_thresholds(info, results)))
    yield f"With the pipeline of transformers. {_pipeline_note(scheme)}\n"
    yield _code(with_pipeline(*place, scheme))
    yield "By hand, subword by subword:\n"
    yield _code(by_hand(*place))


def _with_thresholds(info: Mapping[str, Any], results: tuple[Result, ...]) -> bool:
    """Whether what is reported first was scored with the thresholds that are saved."""
    first = results[0].record if results else None
    saved = info.get("thresholds")
    if first is None or not first.thresholds or not saved:
        return False
    return all(saved.get(name) == value for name, value in first.thresholds.items())


def _pipeline_note(scheme: str) -> str:
    if scheme in (TagScheme.IOB1.value, TagScheme.IOB2.value):
        return "Here each word's tag stands alone, so that results may differ."
    return f"It cannot join tags of {shown(scheme)} to entities, and shows them one by one."


def _code(code: str) -> str:
    return f"```python\n{code}```\n"


def _stated(title: str, text: str | None, missing: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{visible(text, lines=True).strip()}\n" if text else f"Open: {missing}.\n"


def _licence(said: Statements) -> Iterator[str]:
    named = said.license_name or said.license
    link = f", {escaped(said.license_link)}" if said.license_link else ""
    yield from _stated("Licence", f"{escaped_line(named)}{link}" if named else None, "the licence")


def _open(
    record: CardRecord, info: Mapping[str, Any], results: tuple[Result, ...]
) -> tuple[str, ...]:
    said = record.statements
    missing = {
        "license": said.license is None,
        "language": not said.language,
        "dataset": dataset_id(info, said) is None,
        "base_model": base_model(info, said) is None,
        "intended_use": said.intended_use is None,
        "limits": said.limits is None,
        "authors": not said.authors,
        "evaluation": not results,
    }
    return tuple(name for name, lacks in missing.items() if lacks)
