"""The card's section on how a checkpoint was made: from what, with which settings, on what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nerine.core.display import counted, escaped, markdown_table
from nerine.model.provenance.sources import shown_name
from nerine.publishing.card.metadata import base_model, dataset_id
from nerine.publishing.card.statements import Statements
from nerine.publishing.card.text import corpus_title, shown, value_shown
from nerine.training.settings import DistillationSettings, RunSettings, TrainingSettings

_SETTING = re.compile("[a-z_]{1,40}")
_ELSEWHERE = ("encoder", "revision")


def making_sections(info: Mapping[str, Any], said: Statements) -> Iterator[str]:
    """All that `nerine.json` tells of the making, and what a person says of its sources."""
    provenance = info.get("provenance") or {}
    yield "## How it was made\n"
    if not provenance:
        yield "Open: nothing is recorded of how it was made.\n"
        return
    yield from _model(provenance, base_model(info, said))
    yield from _use(info["settings"])
    yield from _corpus(provenance, said, dataset_id(info, said))
    yield from _settings(provenance)
    yield from _conditions(provenance)


def _model(provenance: Mapping[str, Any], base: str | None) -> Iterator[str]:
    teacher = provenance.get("teacher")
    if teacher:
        name = shown_name(str(teacher.get("source", "")), teacher.get("kind"))
        yield (
            f"A student that learned from the teacher {shown(name)}, of which it keeps "
            f"{len(provenance['settings'].get('keep', ()))} of {teacher.get('layers')} layers. "
            f"The teacher's F1 on the validation split is {teacher['f1']:.4f}.\n"
        )
    else:
        settings, encoder = provenance.get("settings") or {}, provenance.get("encoder") or {}
        revision = encoder.get("commit") or settings.get("revision")
        at = f" at {shown(str(revision))}" if revision else ""
        yield f"Fine-tuned from the encoder {shown(_encoder(provenance))}{at}.\n"
    if base is None:
        yield "Open: the base model's id on the hub.\n"
    else:
        yield f"Base model on the hub: [{escaped(base)}](https://huggingface.co/{base}).\n"


def _use(settings: Mapping[str, Any]) -> Iterator[str]:
    """How texts become tags, and tags entities."""
    words = {"rule": "words, which Nerine's rule cuts", "tokens": "the tokens of the corpus"}
    decoding = {
        "viterbi": "the most probable valid sequence of them is taken",
        "argmax": "the most probable one of each word is taken",
    }
    yield (
        f"Tags of the scheme {shown(str(settings['scheme']))} stand on "
        f"{words.get(settings['words'], shown(str(settings['words'])))}; "
        f"{decoding.get(settings['decoding'], shown(str(settings['decoding'])))}. Longer texts are "
        f"read in windows of {settings['max_length']} subwords, of which neighbours share "
        f"{settings['overlap']}.\n"
    )


def _encoder(provenance: Mapping[str, Any]) -> str:
    encoder = provenance.get("encoder")
    if encoder:
        return str(encoder["name"])
    return shown_name(str((provenance.get("settings") or {}).get("encoder", "unknown")))


def _corpus(provenance: Mapping[str, Any], said: Statements, dataset: str | None) -> Iterator[str]:
    corpus = provenance.get("corpus") or {}
    if not corpus:
        yield "Open: the corpus is not recorded.\n"
        return
    name = shown_name(str(corpus["source"]), corpus.get("kind"))
    yield "### Corpus\n"
    called = f" ({shown(said.dataset_name)})" if said.dataset_name else ""
    title = shown(corpus_title(name, corpus.get("kind")))
    digest = shown(str(corpus["hash"]))
    yield f"{title}{called}. The SHA-256 of its texts and entities is {digest}.\n"
    yield _on_hub(said, dataset)
    uses = {"train": "learned from", "validation": "chose the epoch"}
    rows = [
        (shown(split), uses.get(split, "not looked at"), f"{number:,}")
        for split, number in (corpus.get("documents") or {}).items()
    ]
    yield markdown_table(("split", "in training", "documents"), rows, texts=2)
    unlabelled = (provenance.get("unlabelled") or {}).get("documents")
    if unlabelled:
        yield f"It also learned from {counted(unlabelled, 'text')} without labels.\n"


def _on_hub(said: Statements, dataset: str | None) -> str:
    if dataset is None:
        return "Open: the data set's id on the hub.\n"
    more = [
        f"{name} {escaped(value)}"
        for name, value in (
            ("configuration", said.dataset_config),
            ("revision", said.dataset_revision),
        )
        if value
    ]
    link = f"[{escaped(dataset)}](https://huggingface.co/datasets/{dataset})"
    return f"Data set on the hub: {', '.join([link, *more])}.\n"


def _settings(provenance: Mapping[str, Any]) -> Iterator[str]:
    given = {
        name: value
        for name, value in (provenance.get("settings") or {}).items()
        if name not in _ELSEWHERE
    }
    if not given:
        return
    default: RunSettings = TrainingSettings()
    if "teacher" in provenance:
        default = DistillationSettings()
    usual = default.to_dict()
    other = {name: value for name, value in given.items() if usual.get(name) != value}
    yield "### Settings\n"
    if other:
        yield "Those that differ from Nerine's defaults:\n"
        yield markdown_table(
            ("setting", "value", "default"),
            [
                (_name(name), value_shown(value), value_shown(usual.get(name)))
                for name, value in other.items()
            ],
        )
    yield "<details>\n<summary>All settings</summary>\n"
    yield markdown_table(
        ("setting", "value"), [(_name(name), value_shown(value)) for name, value in given.items()]
    )
    yield "</details>\n"


def _name(setting: str) -> str:
    """A setting's name as code, if it looks like one of ours."""
    return f"`{setting}`" if _SETTING.fullmatch(setting) else shown(setting)


def _conditions(provenance: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        ("seed", value_shown(provenance.get("seed"))),
        ("began", value_shown(provenance.get("began"))),
        ("ended", value_shown(provenance.get("ended"))),
        ("time", _time(provenance.get("seconds"))),
        ("hardware", shown(_hardware(provenance.get("hardware") or {}))),
        ("versions", escaped(_versions(provenance.get("versions") or {}))),
    ]
    told = [(name, value) for name, value in rows if value not in ("", "—")]
    if told:
        yield "### Conditions\n"
        yield markdown_table(("", ""), told, texts=2)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.0f} seconds"


def _hardware(found: Mapping[str, Any]) -> str:
    parts = [str(found[key]) for key in ("accelerator", "processor") if found.get(key)]
    if found.get("cores"):
        parts.append(counted(int(found["cores"]), "core"))
    return ", ".join(parts)


def _versions(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())
