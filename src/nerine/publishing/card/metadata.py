"""The YAML at the head of a card, which the hub reads: `ModelCardData` with a model-index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from nerine.core.display import visible
from nerine.core.errors import SettingsError
from nerine.model.provenance.sources import shown_name
from nerine.publishing.card.results import Result
from nerine.publishing.card.snippets import SENTENCE
from nerine.publishing.card.statements import Statements
from nerine.publishing.card.text import corpus_title
from nerine.publishing.roles import Role

TASK = "token-classification"
_METRICS = (("precision", "Precision"), ("recall", "Recall"), ("f1", "F1"))
_TAGS = ("nerine", "named-entity-recognition", TASK)
_FLATTERING = {
    Role.READ: ", on texts learned from without labels",
    Role.CHOSE: ", on the split that chose the checkpoint",
}
_STRICT = {"level": "entity"}
_APART = ("type", "config", "split", "revision")
"""What tells two data sets apart in a model-index."""

_NO_ID = re.compile(r"[^\w./-]+")
_AT = re.compile(r"@.*")


def metadata(
    name: str, info: Mapping[str, Any], results: Sequence[Result], statements: Statements
) -> ModelCardData:
    """What the hub reads of a checkpoint; nothing in it that nobody has recorded or stated."""
    reported = list(eval_results(results, statements))
    dataset = dataset_id(info, statements)
    return ModelCardData(
        language=list(statements.language) or None,
        license=statements.license,
        license_name=statements.license_name,
        license_link=statements.license_link,
        library_name="transformers",
        pipeline_tag=TASK,
        base_model=base_model(info, statements),
        datasets=[dataset] if dataset else None,
        metrics=[*(key for key, _ in _METRICS), "accuracy"] if reported else None,
        tags=[*_TAGS],
        widget=[{"text": SENTENCE}],
        model_name=visible(statements.title or name),
        eval_results=reported or None,
    )


def eval_results(results: Sequence[Result], statements: Statements) -> Iterator[EvalResult]:
    """The figures of what is reported first, and of others of its kind, in full precision.

    The model-index tells evaluations apart by data set and split alone: of several of one split,
    which differ in thresholds or in what ran the model, the first one counts. Scores of texts of
    which nobody knows whether the checkpoint has seen them are left out.
    """
    told = set()
    for result in results:
        dataset = _dataset(result, statements)
        place = tuple(dataset.get(f"dataset_{each}") for each in _APART)
        if result.role is results[0].role and result.role is not Role.UNKNOWN and place not in told:
            told.add(place)
            yield from _figures(result, dataset)


def _figures(result: Result, dataset: Mapping[str, Any]) -> Iterator[EvalResult]:
    flattering = _FLATTERING.get(result.role, "")
    common = {"task_type": TASK, "task_name": "Named-entity recognition", **dataset}
    for key, title in _METRICS:
        yield EvalResult(
            **common,
            metric_type=key,
            metric_name=f"{title} (strict, entities){flattering}",
            metric_value=result.overall[key],
            metric_args=_STRICT,
        )
    yield EvalResult(
        **common,
        metric_type="accuracy",
        metric_name=f"Accuracy (tokens){flattering}",
        metric_value=result.scores["accuracy"],
    )
    for label, scores in result.scores.get("labels", {}).items():
        yield EvalResult(
            **common,
            metric_type="f1",
            metric_name=f"F1 (strict, {visible(label)}){flattering}",
            metric_value=scores["f1"],
            # last stands a word of ours: the YAML's end loses all that counts as a space
            metric_args={"label": visible(label), **_STRICT},
        )


def _dataset(result: Result, statements: Statements) -> dict[str, Any]:
    """How the model-index names what was evaluated.

    Stated names are those of the corpus that the checkpoint was made from; another one that was
    evaluated keeps its own.
    """
    about: dict[str, Any] = {"dataset_split": visible(result.split)}
    if result.record is not None:
        about["dataset_args"] = {"sha256": result.record.texts}
    source = visible(_AT.sub("", result.source) if result.kind == "hub" else result.source)
    title = visible(corpus_title(source, result.kind))
    if not result.own:
        return {**about, "dataset_type": _slug(source), "dataset_name": title}
    return {
        **about,
        "dataset_type": statements.dataset or _slug(source),
        "dataset_name": visible(statements.dataset_name or statements.dataset or title),
        "dataset_config": statements.dataset_config,
        "dataset_revision": statements.dataset_revision,
    }


def _slug(source: str) -> str:
    """A source as an id: the hub asks for one where a corpus has a name alone."""
    return _NO_ID.sub("-", source).strip("-") or "corpus"


def base_model(info: Mapping[str, Any], statements: Statements) -> str | None:
    """The hub id of the encoder, or of a student's teacher; None where there is none.

    Raises `SettingsError` where another one is stated than was recorded.
    """
    provenance = info.get("provenance") or {}
    encoder, teacher = provenance.get("encoder") or {}, provenance.get("teacher") or {}
    recorded = None
    if encoder.get("kind") == "hub":
        recorded = _AT.sub("", str(encoder["name"]))
    elif teacher.get("kind") == "hub":
        recorded = _AT.sub("", str(teacher["source"]))
    if statements.base_model is not None and recorded not in (None, statements.base_model):
        raise SettingsError(
            f"{statements.base_model!r} is stated, and {recorded!r} was trained",
            place="base_model",
            expected="the recorded one, or no statement",
        )
    return recorded or statements.base_model


def dataset_id(info: Mapping[str, Any], statements: Statements) -> str | None:
    """The hub id of the data set that the checkpoint was trained on, as stated or recorded."""
    corpus = (info.get("provenance") or {}).get("corpus") or {}
    if statements.dataset is None and corpus.get("kind") == "hub":
        return _AT.sub("", shown_name(str(corpus["source"]), "hub"))
    return statements.dataset
