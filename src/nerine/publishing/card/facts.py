"""The facts of a model card: one dictionary of Markdown, for the card's template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from nerine.core.display import counted, escaped, escaped_line, markdown_table, visible
from nerine.evaluation.contamination import Role
from nerine.evaluation.significance.intervals import FEW_DOCUMENTS
from nerine.model.provenance.sources import shown_name
from nerine.publishing.card.metadata import SENTENCE, base_model, dataset_id
from nerine.publishing.card.results import Result, corpus_title
from nerine.publishing.card.statements import Statements
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.settings import RunSettings, TrainingSettings

_SCORES = {"precision": "precision", "recall": "recall", "f1": "F1"}
_LONGEST = 80
_MOST_ROWS = 10
_NOTHING = "—"
_SETTING = re.compile("[a-z_]{1,40}")
_ROLES = {
    Role.UNSEEN: "no part in the making",
    Role.READ: "learned from without labels",
    Role.CHOSE: "chose the checkpoint",
    Role.UNKNOWN: "not recorded",
}
_USES = {"train": "learned from", "validation": "chose the epoch"}


def card_facts(
    repo_id: str,
    info: Mapping[str, Any],
    results: Sequence[Result],
    said: Statements,
    revision: str | None,
) -> dict[str, Any]:
    """The facts of a card. All texts are Markdown that shows names and values as they are.

    Facts that are unknown are empty or None: `language`, `base_model`, `dataset`, `evaluation`,
    `making`, `intended_use`, `limits`, `license` and `authors` may be.

    Args:
        repo_id: `owner/name`.
        info: `nerine.json`, without paths.
        results: The reported results, the first one in full.
        said: What a person states of the checkpoint.
        revision: The revision that the snippets load; None for the default one.
    """
    base, dataset = base_model(info, said), dataset_id(info, said)
    record = results[0].record if results else None
    thresholds, saved = (record.thresholds if record else None) or {}, info.get("thresholds") or {}
    licence = said.license_name or said.license
    link = f", {escaped(said.license_link)}" if said.license_link else ""
    more = {"configuration": said.dataset_config, "revision": said.dataset_revision}
    about = "".join(f", {name} {escaped(value)}" for name, value in more.items() if value)
    return {
        "title": escaped(said.title or repo_id.partition("/")[2]),
        "labels": [shown(label) for label in info["labels"]],
        "language": ", ".join(map(shown, said.language)),
        "checkpoint": f'"{repo_id}"' + (f", revision={json.dumps(revision)}" if revision else ""),
        "sentence": SENTENCE,
        "saved_thresholds": bool(thresholds)
        and all(saved.get(name) == value for name, value in thresholds.items()),
        "scheme": shown(str(info["settings"]["scheme"])),
        "base_model": base and _hub_link("", base),
        "dataset": dataset and _hub_link("datasets/", dataset) + about,
        "evaluation": _evaluation(results) if results else None,
        "making": _making(info, said),
        "intended_use": _stated(said.intended_use),
        "limits": _stated(said.limits),
        "license": f"{escaped_line(licence)}{link}" if licence else "",
        "authors": escaped_line(visible(", ".join(said.authors)).strip()),
    }


def _hub_link(folder: str, repo_id: str) -> str:
    return f"[{escaped(repo_id)}](https://huggingface.co/{folder}{quote(repo_id)})"


def _stated(text: str | None) -> str:
    """Markdown that a person wrote."""
    return visible(text, lines=True).strip() if text else ""


def _evaluation(results: Sequence[Result]) -> dict[str, Any]:
    """The first result in full, and the table of all."""
    first, record, scores = results[0], results[0].record, results[0].scores
    intervals, analysis = scores.get("intervals") or {}, scores.get("analysis")
    is_mostly_new = record is not None and first.role in (Role.UNSEEN, Role.READ)
    known = sorted(record.shared.items()) if record and is_mostly_new else []
    thresholds = record.thresholds if record else None
    outcomes = analysis["outcomes"].items() if analysis else ()
    wrong = [f"{shown(kind)} {n:,}" for kind, n in outcomes if kind != "correct" and n]
    confusion = [
        (str(row["gold"]), str(row["predicted"]), int(row["count"]))
        for row in (analysis["confusion"] if analysis else ())
    ]
    confused = sorted(
        ((gold, other, n) for gold, other, n in confusion if gold and other and gold != other),
        key=lambda each: (-each[2], each),
    )
    return {
        "split": shown(first.split),
        "corpus": shown(corpus_title(first.source, first.kind)),
        "role": first.role.value,
        "size": record
        and f"{counted(record.documents, 'document')} with "
        f"{counted(int(first.overall['support']), 'entity', 'entities')}",
        "known": [(f"{share:.1%}", shown(split)) for split, share in known if share],
        "threshold": thresholds and f"{thresholds['value']:.4f}",
        "label_thresholds": thresholds
        and [(shown(label), f"{value:.4f}") for label, value in thresholds["labels"].items()],
        "backend": shown(record.backend) if record and record.backend != "pytorch" else "",
        **_score_tables(first),
        "resamplings": intervals and counted(intervals["samples"], "resampling"),
        "few_documents": intervals and intervals["documents"] < FEW_DOCUMENTS,
        "mistakes": ", ".join(wrong) if analysis else None,
        "confusions": _table(
            ("gold", "predicted", "times"),
            [(shown(gold), shown(other), f"{n:,}") for gold, other, n in confused[:_MOST_ROWS]],
            texts=2,
        ),
        "all": _table(
            ("corpus", "split", "run with", "these texts", *_SCORES.values()),
            [
                (
                    *(shown(corpus_title(each.source, each.kind)), shown(each.split)),
                    *(shown(each.way or "pytorch"), _ROLES[each.role]),
                    *_three(each.overall),
                )
                for each in results
                if len(results) > 1
            ],
            texts=4,
        ),
    }


def _score_tables(result: Result) -> dict[str, str]:
    """Tables of the scores over all labels, by label, and of seen and unseen names."""
    scores, intervals = result.scores, result.scores.get("intervals")
    columns = ["", "score"]
    rows = [[name, f"**{result.overall[key]:.4f}**"] for key, name in _SCORES.items()]
    rows.append(["token accuracy", f"{scores['accuracy']:.4f}"])
    if intervals:
        columns.append(f"{intervals['level']:.0%} interval")
        bounds = [*(_bounds(intervals["overall"][key]) for key in _SCORES), ""]
        rows = [[*row, bound] for row, bound in zip(rows, bounds, strict=True)]
    labels = [
        (
            shown(label),
            *_three(each),
            *([_bounds(intervals["labels"][label]["f1"])] if intervals else []),
            f"{each['support']:,}",
        )
        for label, each in (scores.get("labels") or {}).items()
    ]
    label_columns = ("label", *_SCORES.values(), *(["F1 interval"] if intervals else []))
    kinds = (scores.get("breakdowns") or {}).get("surface form in training") or {}
    names = [(shown(name), *_three(each), f"{each['support']:,}") for name, each in kinds.items()]
    return {
        "scores": _table(columns, rows),
        "labels": _table((*label_columns, "entities"), labels),
        "names": _table(("names", *_SCORES.values(), "entities"), names),
    }


def _making(info: Mapping[str, Any], said: Statements) -> dict[str, Any] | None:
    """What `nerine.json` records of the making."""
    provenance = info.get("provenance") or {}
    if not provenance:
        return None
    settings, encoder = provenance.get("settings") or {}, provenance.get("encoder") or {}
    teacher, corpus = provenance.get("teacher"), provenance.get("corpus") or {}
    revision = encoder.get("commit") or settings.get("revision")
    name = encoder.get("name") or shown_name(str(settings.get("encoder", "unknown")))
    source = shown_name(str(corpus["source"]), corpus.get("kind")) if corpus else ""
    splits = [
        (shown(split), _USES.get(split, "not looked at"), f"{number:,}")
        for split, number in (corpus.get("documents") or {}).items()
    ]
    texts = (provenance.get("unlabelled") or {}).get("documents")
    return {
        "teacher": teacher
        and {
            "name": ", ".join(
                shown(shown_name(str(each.get("source", "")), each.get("kind")))
                for each in (teacher, *provenance.get("further_teachers", ()))
            ),
            "kept": len(settings.get("keep_layers", ())),
            "layers": shown(str(teacher.get("layers"))),
            "f1": f"{teacher['f1']:.4f}",
        },
        "encoder": shown(str(name)),
        "is_encoder_its_own": bool(encoder),
        "revision": revision and shown(str(revision)),
        **{
            name: shown(str(info["settings"][name]))
            for name in ("words", "decoding", "max_length", "overlap")
        },
        "transitions": "transitions" in info["settings"],
        "corpus": corpus
        and {
            "title": shown(corpus_title(source, corpus.get("kind"))),
            "name": said.dataset_name and shown(said.dataset_name),
            "hash": shown(str(corpus["hash"])),
            "splits": _table(("split", "in training", "documents"), splits, texts=2),
            "unlabelled": texts and counted(texts, "text"),
        },
        **_setting_tables(provenance),
    }


def _setting_tables(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Tables of all settings, of those that differ from the defaults, and of the conditions."""
    settings, hardware = provenance.get("settings") or {}, provenance.get("hardware") or {}
    default: RunSettings = TrainingSettings()
    if provenance.get("teacher"):
        default = DistillationSettings()
    usual = default.to_dict()
    rows = {
        name: (f"`{name}`" if _SETTING.fullmatch(name) else shown(name), _value(value))
        for name, value in settings.items()
        if name not in ("encoder", "revision")
    }
    changed = [
        (*row, _value(usual.get(name)))
        for name, row in rows.items()
        if usual.get(name) != settings[name]
    ]
    parts = [str(hardware[key]) for key in ("accelerator", "processor") if hardware.get(key)]
    if hardware.get("cores"):
        parts.append(counted(int(hardware["cores"]), "core"))
    seconds, versions = provenance.get("seconds"), provenance.get("versions") or {}
    conditions = {
        **{name: _value(provenance.get(name)) for name in ("seed", "began", "ended")},
        "time": "" if seconds is None else f"{seconds:,.0f} seconds",
        "hardware": shown(", ".join(parts)),
        "versions": escaped(", ".join(f"{name} {number}" for name, number in versions.items())),
    }
    known = [(name, value) for name, value in conditions.items() if value not in ("", _NOTHING)]
    return {
        "settings": _table(("setting", "value"), [*rows.values()]),
        "changed_settings": _table(("setting", "value", "default"), changed),
        "conditions": _table(("", ""), known, texts=2),
    }


def shown(value: str) -> str:
    """A name as Markdown inside a line or a cell, cut to 80 characters."""
    return escaped(value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…")


def _value(value: Any) -> str:
    """A setting's value: text as it is, anything else as JSON."""
    if value is None or value == [] or value == "":
        return _NOTHING
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _three(scores: Mapping[str, Any]) -> list[str]:
    return [f"{scores[key]:.4f}" for key in _SCORES]


def _bounds(interval: Mapping[str, float]) -> str:
    return f"{interval['low']:.4f} to {interval['high']:.4f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """A table of Markdown cells; empty without rows."""
    return markdown_table(columns, rows, texts=texts).rstrip("\n") if rows else ""
