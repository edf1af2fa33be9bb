"""The metadata of a model card: the YAML that the hub reads, with a model-index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from nerine.core.display import visible
from nerine.core.errors import SettingsError
from nerine.evaluation.contamination import Role
from nerine.model.provenance.sources import shown_name
from nerine.publishing.card.results import Result, corpus_title
from nerine.publishing.card.statements import Statements

SENTENCE = "Mira Okonjo left Tandem Labs for Lisbon to build the Quill 3."
"""The text that the card's snippets and the hub's widget tag."""
_TASK = "token-classification"
_METRICS = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
_CAVEATS = {
    Role.READ: ", on texts learned from without labels",
    Role.CHOSE: ", on the split that chose the checkpoint",
}
_DATASET_KEY = ("type", "config", "split", "revision")
"""The fields by which a model-index tells data sets apart."""

_NOT_IN_ID = re.compile(r"[^\w./-]+")
_REVISION = re.compile(r"@.*")


def metadata(
    name: str, info: Mapping[str, Any], results: Sequence[Result], statements: Statements
) -> ModelCardData:
    """The metadata of a checkpoint, from what is recorded and stated only."""
    reported = list(_eval_results(results, statements))
    dataset = dataset_id(info, statements)
    return ModelCardData(
        language=list(statements.language) or None,
        license=statements.license,
        license_name=statements.license_name,
        license_link=statements.license_link,
        library_name="transformers",
        pipeline_tag=_TASK,
        base_model=base_model(info, statements),
        datasets=[dataset] if dataset else None,
        metrics=[*_METRICS, "accuracy"] if reported else None,
        tags=["nerine", "named-entity-recognition", _TASK],
        widget=[{"text": SENTENCE}],
        model_name=visible(statements.title or name),
        eval_results=reported or None,
    )


def _eval_results(results: Sequence[Result], statements: Statements) -> Iterator[EvalResult]:
    """The figures of the first result and of others with its role, in full precision.

    A model-index tells evaluations apart by data set and split only: of several on one split, with
    different thresholds or backends, the first one counts. Scores on texts that the checkpoint may
    have seen are left out.
    """
    strict = {"level": "entity"}
    reported = set()
    for result in results:
        dataset = _dataset(result, statements)
        key = tuple(dataset.get(f"dataset_{each}") for each in _DATASET_KEY)
        if result.role is not results[0].role or result.role is Role.UNKNOWN or key in reported:
            continue
        reported.add(key)
        figures: list[tuple[str, str, float, dict[str, Any] | None]] = [
            (metric, f"{title} (strict, entities)", result.overall[metric], strict)
            for metric, title in _METRICS.items()
        ]
        figures.append(("accuracy", "Accuracy (tokens)", result.scores["accuracy"], None))
        for label, scores in result.scores.get("labels", {}).items():
            # `level` comes last: the end of the YAML loses white space, also that of a label
            about = {"label": visible(label), **strict}
            figures.append(("f1", f"F1 (strict, {visible(label)})", scores["f1"], about))
        for metric, title, value, args in figures:
            yield EvalResult(
                **{"task_type": _TASK, "task_name": "Named-entity recognition", **dataset},
                metric_type=metric,
                metric_name=f"{title}{_CAVEATS.get(result.role, '')}",
                metric_value=value,
                metric_args=args,
            )


def _dataset(result: Result, statements: Statements) -> dict[str, Any]:
    """The data set of a result, for the model-index.

    Stated names are those of the corpus that the checkpoint was made from; other corpora keep
    their own names.
    """
    about: dict[str, Any] = {"dataset_split": visible(result.split)}
    if result.record is not None:
        about["dataset_args"] = {"sha256": result.record.texts}
    source = visible(_REVISION.sub("", result.source) if result.kind == "hub" else result.source)
    title = visible(corpus_title(source, result.kind))
    # the hub wants an id, also for a corpus that only has a name
    slug = _NOT_IN_ID.sub("-", source).strip("-") or "corpus"
    if not result.own:
        return {**about, "dataset_type": slug, "dataset_name": title}
    return {
        **about,
        "dataset_type": statements.dataset or slug,
        "dataset_name": visible(statements.dataset_name or statements.dataset or title),
        "dataset_config": statements.dataset_config,
        "dataset_revision": statements.dataset_revision,
    }


def base_model(info: Mapping[str, Any], statements: Statements) -> str | None:
    """The hub id of the encoder, or of the teacher whose layers a student has; None if unknown.

    Raises:
        SettingsError: If the stated id is not the recorded one.
    """
    provenance = info.get("provenance") or {}
    encoder, teacher = provenance.get("encoder") or {}, provenance.get("teacher") or {}
    recorded = None
    if encoder.get("kind") == "hub":
        recorded = _REVISION.sub("", str(encoder["name"]))
    elif not encoder and teacher.get("kind") == "hub":
        recorded = _REVISION.sub("", str(teacher["source"]))
    if statements.base_model is not None and recorded not in (None, statements.base_model):
        raise SettingsError(
            f"{statements.base_model!r} is stated, but {recorded!r} was trained",
            place="base_model",
            expected=f"{recorded!r}, or no statement",
        )
    return recorded or statements.base_model


def dataset_id(info: Mapping[str, Any], statements: Statements) -> str | None:
    """The hub id, stated or recorded, of the data set that the checkpoint was trained on."""
    corpus = (info.get("provenance") or {}).get("corpus") or {}
    if statements.dataset is None and corpus.get("kind") == "hub":
        return _REVISION.sub("", shown_name(str(corpus["source"]), "hub"))
    return statements.dataset
