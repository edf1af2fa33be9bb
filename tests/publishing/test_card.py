"""Model cards: what the hub reads, what a reader sees, and that both are what was recorded."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nerine.core.display import visible
from nerine.core.document import Document, Entity, digest_of, parts_of
from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.sketches import split_record
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.evaluation.contamination import Role
from nerine.evaluation.evaluate import evaluate_predictions
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.publishing.card import Card, Statements, read_statements, write_card
from nerine.publishing.card.metadata import SENTENCE
from nerine.publishing.card.writing import TEMPLATE
from nerine.publishing.evaluation_record import CorpusOrigin, EvaluationRecord, evaluation_record
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.settings import TrainingSettings
from tiny import LABELS, documents

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
REPO = "somebody/names"
END = ("open", "close")
NASTY = (
    "<script>alert(1)</script>",
    "a|b",
    "`code` ```",
    "two\nlines\r\n---\nmore",
    "]] [[x](javascript:alert(1))",
    "---",
    "{{ jinja }} {% x %}",
    "x" * 500,
    "- item: 'quoted' \"twice\" # no comment",
    "a\ud800\x1b[31m\u202e\u2028",
    "<!-- </details> &amp; *bold* _it_ ~~gone~~ $x$ @you #1 https://x.org www.x.org",
    "yes",
    "1e5",
    " lead",
)
SAID = Statements(
    title="Names in posts",
    license="apache-2.0",
    language=("en", "de"),
    dataset="somebody/posts",
    dataset_name="Posts of somebody",
    dataset_config="plain",
    dataset_revision="0" * 40,
    intended_use="Posts, short ones.\n\n- in English",
    limits="No decisions about people.",
    authors=("Ana Reyes", "J. <Lind>"),
    base_model="somebody/encoder",
)


def relabelled(documents: list[Document], labels: Mapping[str, str]) -> list[Document]:
    return [
        each.with_entities(
            dataclasses.replace(entity, label=labels.get(entity.label, entity.label))
            for entity in each.entities
        )
        for each in documents
    ]


def predicted(labels: tuple[str, str] = ("location", "person")) -> list[Document]:
    """The gold documents with some entities lost, some made up and some confused."""
    found = []
    for index, each in enumerate(relabelled(documents(), dict(zip(LABELS, labels, strict=True)))):
        entities = [*each.entities][: 1 if index % 3 else None]
        if index % 4 == 1 and entities:
            other = {labels[0]: labels[1], labels[1]: labels[0]}[entities[0].label]
            entities[0] = dataclasses.replace(entities[0], label=other)
        found.append(each.with_entities(entities))
    last = found[4]
    found[4] = last.with_entities([Entity(0, 6, labels[1])])
    return found


def evaluation(
    split: str = "test",
    *,
    labels: tuple[str, str] = ("location", "person"),
    source: str = "posts",
    **changes: Any,
) -> EvaluationRecord:
    gold = relabelled(documents(), dict(zip(LABELS, labels, strict=True)))
    corpus = Corpus({"test": tuple(gold)}, labels, source)
    train = gold[:3]
    made = evaluate_predictions(gold, predicted(labels), train=train, split=split, samples=19)
    record = evaluation_record(corpus, made, seconds=2.0)
    return dataclasses.replace(record, **{"when": "2026-01-01T00:00:00+00:00", **changes})


TRAIN = tuple(Document(f"train {n}") for n in range(3))
VALIDATION = tuple(Document(f"validation {n}") for n in range(2))


def provenance(**changes: Any) -> dict[str, Any]:
    splits = {"train": split_record(TRAIN), "validation": split_record(VALIDATION)}
    return {
        "corpus": {
            "source": "posts",
            "kind": "files",
            "hash": "c" * 64,
            "documents": {"train": 1234, "validation": 56, "test": 10},
            "given": Corpus({"test": tuple(documents())}, LABELS, "posts").hash,
        },
        "splits": splits,
        "settings": TrainingSettings(
            encoder="/home/ana/encoder", epochs=9, learning_rate=3e-4
        ).to_dict(),
        "encoder": {"name": "encoder", "kind": "folder"},
        "seed": 0,
        "began": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T01:00:00+00:00",
        "seconds": 3600.4,
        "hardware": {"processor": "A Chip", "cores": 2, "device": "cpu", "accelerator": None},
        "versions": {"python": "3.11.7", "nerine": "0.1.0"},
        **changes,
    }


NOTED = {"precision": 0.1234567, "recall": 0.2345678, "f1": 0.3456789, "accuracy": 0.9}


def info_of(labels: tuple[str, ...] = LABELS, scheme: str = "IOB2", **more: Any) -> dict[str, Any]:
    tags = TagScheme(scheme).tags(labels)
    return {
        "format": 1,
        "settings": ModelSettings(tags, TagScheme(scheme)).to_dict(),
        "labels": [*labels],
        "scores": {"validation": dict(NOTED)},
        "provenance": provenance(),
        "weights": {"file": "model.safetensors", "sha256": "a" * 64},
        **more,
    }


def card_of(
    *evaluations: EvaluationRecord,
    info: dict[str, Any] | None = None,
    statements: Statements = SAID,
    **options: Any,
) -> Card:
    return write_card(REPO, info or info_of(), evaluations, statements, **options)


def head_of(card: Card) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(card.text.split("\n---\n", 1)[0].removeprefix("---\n"))
    return found


def body_of(card: Card) -> str:
    return card.text.split("\n---\n", 1)[1]


def figures(card: Card) -> list[EvalResult]:
    found: list[EvalResult] = data_of(card).eval_results
    return found


def data_of(card: Card) -> Any:
    """The metadata as huggingface_hub reads it."""
    return ModelCard(card.text).data


# What the hub reads


def test_the_hub_reads_the_recorded_figures() -> None:
    record = evaluation()
    found = figures(card_of(record))
    scores, strict = record.scores, {"level": "entity"}
    expected = [
        *((name, strict) for name in ("precision", "recall", "f1")),
        ("accuracy", None),
        *(("f1", {"label": label, **strict}) for label in scores["labels"]),
    ]
    assert [(each.metric_type, each.metric_args) for each in found] == expected
    assert [each.metric_value for each in found] == [
        *(scores["overall"][name] for name in ("precision", "recall", "f1")),
        scores["accuracy"],
        *(each["f1"] for each in scores["labels"].values()),
    ]
    assert len({each.metric_value for each in found}) > 3
    for each in found:
        assert each.task_type == "token-classification"
        assert (each.dataset_type, each.dataset_name) == ("somebody/posts", "Posts of somebody")
        assert (each.dataset_config, each.dataset_split) == ("plain", "test")
        assert each.dataset_revision == "0" * 40
        assert each.dataset_args == {"sha256": record.texts}
        assert each.verified is None


def test_the_hub_reads_what_was_stated() -> None:
    data = data_of(card_of(evaluation()))
    assert (data.license, data.language) == ("apache-2.0", ["en", "de"])
    assert (data.library_name, data.pipeline_tag) == ("transformers", "token-classification")
    assert (data.base_model, data.datasets) == ("somebody/encoder", ["somebody/posts"])
    assert data.model_name == "Names in posts"
    assert data.widget == [{"text": SENTENCE}]
    assert "nerine" in data.tags


def test_what_nobody_said_is_open_and_not_in_the_metadata() -> None:
    card = card_of(evaluation(), statements=Statements())
    head = head_of(card)
    assert not {"license", "language", "base_model", "datasets"} & {*head}
    assert card.open == (
        *("license", "language", "dataset", "base_model", "intended_use", "limits", "authors"),
    )
    assert card.text.count("Open: ") == len(card.open)
    assert card_of(evaluation()).open == ()
    assert "Open: " not in card_of(evaluation()).text


@pytest.mark.parametrize(
    ("changes", "base"),
    [
        ({"encoder": {"name": "google/bert", "kind": "hub"}}, "google/bert"),
        ({"encoder": {"name": "google/bert@main", "kind": "hub"}}, "google/bert"),
        ({"encoder": {"name": "google/bert", "kind": "folder"}}, None),
        ({"encoder": {"name": "package:x", "kind": "package"}}, None),
        ({"encoder": None}, None),
        (
            {"teacher": {"source": "a/b", "kind": "hub", "f1": 0.5, "layers": 6}, "encoder": None},
            "a/b",
        ),
        ({"teacher": {"source": "a/b", "f1": 0.5, "layers": 6}, "encoder": None}, None),
        (
            {
                "teacher": {"source": "a/b", "kind": "hub", "f1": 0.5, "layers": 6},
                "encoder": {"name": "package:x", "kind": "package"},
            },
            None,
        ),
    ],
)
def test_a_base_model_is_a_hub_id_or_none(changes: dict[str, Any], base: str | None) -> None:
    info = info_of(provenance=provenance(**changes))
    card = card_of(evaluation(), info=info, statements=Statements())
    assert head_of(card).get("base_model") == base
    assert ("base_model" in card.open) is (base is None)


def test_a_statement_may_not_contradict_the_records() -> None:
    info = info_of(provenance=provenance(encoder={"name": "google/bert", "kind": "hub"}))
    with pytest.raises(SettingsError, match="was trained"):
        card_of(info=info, statements=Statements(base_model="google/other"))
    same = card_of(info=info, statements=Statements(base_model="google/bert"))
    assert head_of(same)["base_model"] == "google/bert"


def test_a_corpus_of_the_hub_is_its_data_set() -> None:
    about = {"source": "owner/posts@v1", "kind": "hub", "hash": "c" * 64, "documents": {}}
    info = info_of(provenance=provenance(corpus=about))
    record = evaluation(source="owner/posts@v1")
    card = card_of(record, info=info, statements=Statements())
    assert head_of(card)["datasets"] == ["owner/posts"]
    assert figures(card)[0].dataset_type == "owner/posts"
    assert "dataset" not in card.open


def test_another_corpus_keeps_its_own_name() -> None:
    card = card_of(evaluation(), evaluation(corpus=CorpusOrigin("other news", "d" * 64, "files")))
    assert {(each.dataset_type, each.dataset_name) for each in figures(card)} == {
        ("somebody/posts", "Posts of somebody"),
        ("other-news", "other news"),
    }


def test_the_name_of_a_licence_that_the_hub_does_not_know() -> None:
    said = Statements(license="other", license_name="mine-1.0", license_link="LICENSE.txt")
    data = data_of(card_of(statements=said))
    assert (data.license, data.license_name, data.license_link) == (
        *("other", "mine-1.0", "LICENSE.txt"),
    )


# What is reported


def test_texts_that_had_no_part_come_first_however_they_score() -> None:
    chose = evaluation("validation", texts=digest_of(parts_of(VALIDATION)))
    test = evaluation("test")
    fitted = evaluation("test", thresholds={"value": 0.5, "labels": {}})
    foreign = evaluation("test", corpus=CorpusOrigin("other", "d" * 64, "files"))
    for order in ((chose, foreign, fitted, test), (test, fitted, foreign, chose)):
        card = card_of(*order)
        assert [each.record for each in card.results] == [test, fitted, foreign, chose]
        assert [each.role for each in card.results] == [*[Role.UNSEEN] * 3, Role.CHOSE]
    assert {each.dataset_split for each in figures(card)} == {"test"}
    assert "These texts had no part" in body_of(card)
    assert "These texts chose" not in body_of(card)


def test_scores_of_the_split_that_chose_say_so() -> None:
    card = card_of(evaluation("test", texts=digest_of(parts_of(VALIDATION))))
    assert "**These texts chose the checkpoint:**" in body_of(card)
    assert all("chose the checkpoint" in str(each.metric_name) for each in figures(card))


def test_texts_learned_from_without_labels_are_told() -> None:
    about = provenance()
    about["splits"]["unlabelled"] = split_record(documents())
    card = card_of(evaluation(shared={"unlabelled": 0.75}), info=info_of(provenance=about))
    assert card.results[0].role is Role.READ
    assert "learned from these texts, without their labels" in body_of(card)
    assert "had no part" not in body_of(card)
    assert "75.0% are among the texts that it learned from without labels" in body_of(card)
    assert all("without labels" in str(each.metric_name) for each in figures(card))


def test_the_bundled_corpus_is_called_so() -> None:
    about = provenance()
    about["corpus"] |= {"source": "sample", "kind": "bundled"}
    card = card_of(
        evaluation(source="sample"), info=info_of(provenance=about), statements=Statements()
    )
    assert figures(card)[0].dataset_name == "sample, bundled with Nerine"
    assert figures(card)[0].dataset_type == "sample"
    assert body_of(card).count("sample, bundled with Nerine") == 4


def test_without_evaluations_the_scores_of_training_are_reported_as_what_they_are() -> None:
    card = card_of()
    assert "**These texts chose the checkpoint:**" in body_of(card)
    found = {each.metric_type: each.metric_value for each in figures(card)}
    assert found == NOTED
    assert {each.dataset_split for each in figures(card)} == {"validation"}
    assert "0.3457" in body_of(card)
    assert "interval" not in body_of(card)


def test_without_any_scores_the_card_says_so() -> None:
    card = card_of(info=info_of(scores={}))
    assert card.results == ()
    assert "evaluation" in card.open
    assert "it has not been evaluated" in body_of(card)
    assert "model-index" not in head_of(card)


def test_scores_of_training_texts_are_refused() -> None:
    trained = digest_of(parts_of(TRAIN))
    for record in (evaluation("test", texts=trained), evaluation("all", shared={"train": 0.9})):
        with pytest.raises(CheckpointError, match="was trained on the texts"):
            card_of(record, evaluation())


def test_scores_of_texts_of_which_nothing_is_known_are_not_in_the_metadata() -> None:
    card = card_of(evaluation(), info=info_of(provenance={}, scores={}))
    assert [each.role for each in card.results] == [Role.UNKNOWN]
    assert "model-index" not in head_of(card)
    assert "is not recorded" in body_of(card)
    assert "nothing is recorded of how it was made" in body_of(card)


def test_a_few_known_texts_are_told() -> None:
    card = card_of(evaluation(shared={"train": 0.125, "validation": 0.0}))
    assert "Of these texts 12.5% are in the training split as well." in body_of(card)
    assert "in the validation split as well" not in body_of(card)


def test_thresholds_and_what_ran_the_model_are_told() -> None:
    kept = {"value": 0.25, "labels": {"person": 0.75}}
    record = evaluation(thresholds=kept, backend="onnx-int8")
    saved = {**kept, "split": "validation", "corpus": "c" * 64}
    card = card_of(record, info=info_of(thresholds=saved))
    assert "below 0.7500 as person, below 0.2500 as anything else" in body_of(card)
    assert "run by onnx-int8" in body_of(card)
    assert 'Tagger.load("somebody/names", thresholds="saved")' in body_of(card)
    other = card_of(record, info=info_of(thresholds={**saved, "value": 0.5}))
    assert 'Tagger.load("somebody/names")' in body_of(other)


# What a reader sees


def numbers_in(values: Any) -> Iterator[float]:
    if isinstance(values, Mapping):
        values = [*values.values()]
    if isinstance(values, list | tuple):
        for each in values:
            yield from numbers_in(each)
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield float(values)


def tables_in(text: str) -> list[list[list[str]]]:
    """The tables as a Markdown reader sees them: rows of cells."""
    found: list[list[list[str]]] = []
    for token in READER.parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and found[-1] and token.level >= 4:
            children = token.children or []
            found[-1][-1].append("".join(child.content for child in children))
    return found


def test_every_number_in_a_table_is_a_recorded_one() -> None:
    records = (evaluation(), evaluation("validation", texts=digest_of(parts_of(VALIDATION))))
    info = info_of()
    told = [*numbers_in(info), *(n for each in records for n in numbers_in(each.to_dict()))]
    told += numbers_in(TrainingSettings().to_dict())
    # bounds, counts and settings as they are; scores to four places
    allowed = {f"{value:.4f}" for value in told} | {f"{value:g}" for value in told}
    rows = [row for table in tables_in(body_of(card_of(*records))) for row in table]
    shown = [
        number.replace(",", "")
        for row in rows
        if row[0] not in ("began", "ended", "versions", "time", "hardware") and row[0]
        for cell in row
        for number in re.findall(r"(?<!\w)\d[\d.,]*", cell)
    ]
    assert len(shown) > 50
    left = [each for each in shown if each not in allowed and f"{float(each):g}" not in allowed]
    assert left == []


def test_the_tables_hold_the_recorded_scores() -> None:
    record = evaluation()
    tables = {tuple(table[0]): table[1:] for table in tables_in(body_of(card_of(record)))}
    labels = tables["label", "precision", "recall", "F1", "F1 interval", "entities"]
    for row, (label, scores) in zip(labels, record.scores["labels"].items(), strict=True):
        bounds = record.scores["intervals"]["labels"][label]["f1"]
        assert row == [
            label,
            *(f"{scores[name]:.4f}" for name in ("precision", "recall", "f1")),
            f"{bounds['low']:.4f} to {bounds['high']:.4f}",
            str(scores["support"]),
        ]
    seen = tables["names", "precision", "recall", "F1", "entities"]
    kinds = record.scores["breakdowns"]["surface form in training"]
    assert [row[0] for row in seen] == ["seen", "unseen"]
    assert [row[-1] for row in seen] == [str(kinds[name]["support"]) for name in ("seen", "unseen")]
    confused = {
        (row["gold"], row["predicted"]): row["count"]
        for row in record.scores["analysis"]["confusion"]
        if row["gold"] and row["predicted"] and row["gold"] != row["predicted"]
    }
    rows = tables["gold", "predicted", "times"]
    assert {(gold, found): int(times) for gold, found, times in rows} == confused
    assert [int(row[-1]) for row in rows] == sorted(map(int, confused.values()), reverse=True)


def test_the_making_is_told() -> None:
    body = body_of(card_of(evaluation()))
    tables = {tuple(table[0]): table[1:] for table in tables_in(body)}
    assert tables["split", "in training", "documents"] == [
        ["train", "learned from", "1,234"],
        ["validation", "chose the epoch", "56"],
        ["test", "not looked at", "10"],
    ]
    other = {row[0]: row[1:] for row in tables["setting", "value", "default"]}
    assert other == {"epochs": ["9", "—"], "learning_rate": ["0.0003", "—"]}
    every = {row[0] for row in tables["setting", "value"]}
    assert every == {*TrainingSettings().to_dict()} - {"encoder", "revision"}
    conditions = dict(tables["", ""])
    assert conditions["time"] == "3,600 seconds"
    assert conditions["hardware"] == "A Chip, 2 cores"
    assert "c" * 64 in body
    assert "/home" not in body
    assert "the encoder encoder." in body


def test_transitions_are_told() -> None:
    info = info_of()
    said = "the most probable valid tag sequence is taken"
    learned = f"{said}, by learned scores of pairs of tags too (a conditional random field)"
    assert f"{said}. Longer" in body_of(card_of(evaluation(), info=info))
    zeros = {"between": [[0.0] * 5] * 5, "start": [0.0] * 5, "end": [0.0] * 5}
    info["settings"]["transitions"] = zeros
    assert f"{learned}. Longer" in body_of(card_of(evaluation(), info=info))


def test_a_student_names_its_teacher() -> None:
    teacher = {"source": "/home/ana/wnut", "kind": "folder", "f1": 0.51234, "layers": 6}
    settings = DistillationSettings(layers=2, keep_layers=(0, 1), epochs=3).to_dict()
    about = provenance(
        teacher=teacher, settings=settings, unlabelled={"documents": 77, "hash": "0"}, encoder=None
    )
    body = body_of(card_of(evaluation(), info=info_of(provenance=about)))
    assert "from the teacher wnut, of which it keeps 2 of 6 layers" in body
    assert "0.5123" in body
    assert "77 texts without labels" in body
    (other,) = [t for t in tables_in(body) if t[0] == ["setting", "value", "default"]]
    assert [row[0] for row in other[1:]] == ["epochs", "layers", "keep_layers"]


def test_a_student_with_an_encoder_of_its_own_names_both() -> None:
    teacher = {"source": "/home/ana/seed-0", "kind": "folder", "f1": 0.51234, "layers": 6}
    about = provenance(
        teacher=teacher,
        further_teachers=[{**teacher, "source": "seed-1"}],
        settings=DistillationSettings(encoder="package:x").to_dict(),
        encoder={"name": "package:x", "kind": "package"},
    )
    body = body_of(card_of(evaluation(), info=info_of(provenance=about)))
    assert "the predictions of seed-0, seed-1, fine-tuned from the encoder package:x. The" in body
    assert "/home" not in body


def test_an_older_checkpoint_has_a_card_too() -> None:
    about = provenance()
    for name in ("splits", "hardware", "seconds", "ended", "encoder"):
        del about[name]
    del about["corpus"]["kind"]
    about["corpus"]["source"] = "/home/ana/posts"
    body = body_of(card_of(info=info_of(provenance=about)))
    assert "/home" not in body
    assert "posts" in body
    assert "hardware" not in body
    assert "time" not in dict(tables_in(body)[-1])


def test_the_same_records_give_the_same_bytes() -> None:
    record = evaluation()
    again = EvaluationRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    info = json.loads(json.dumps(info_of()))
    assert card_of(record).text == card_of(again, info=info).text


def test_damaged_records_are_an_error() -> None:
    for info in (
        {**info_of(), "settings": {}},
        {**info_of(), "scores": {"validation": {"f1": 1}}},
        {**info_of(), "provenance": provenance(corpus={"documents": 3})},
        {**info_of(), "provenance": provenance(teacher=[1])},
    ):
        with pytest.raises(CheckpointError, match="cannot be read"):
            card_of(evaluation(), info=info)
    record = evaluation()
    for scores in ({**record.scores, "intervals": {"overall": 1}}, {**record.scores, "labels": 1}):
        with pytest.raises(CheckpointError, match="cannot be read"):
            card_of(dataclasses.replace(record, scores=scores))


@pytest.mark.parametrize("repo", ["names", "a/b/c", "a/b\n", "", "a/'b'"])
def test_a_card_is_for_a_repository(repo: str) -> None:
    with pytest.raises(CheckpointError, match="is not a valid repo_id"):
        write_card(repo, info_of())


# Strings of strangers


def visible_text(card: Card) -> str:
    return " ".join(
        child.content for token in READER.parse(body_of(card)) for child in token.children or []
    )


def nasty_card(nasty: str) -> tuple[Card, EvaluationRecord]:
    labels = (nasty, f"{nasty}2")
    about = provenance(
        versions={nasty: nasty}, hardware={"processor": nasty, "cores": 1}, began=nasty
    )
    about["corpus"] |= {"source": f"/home/ana/{nasty}", "documents": {nasty: 1}, "hash": nasty}
    about["settings"] |= {nasty: nasty, "words": nasty}
    about["encoder"] = {"name": nasty, "kind": "package"}
    record = evaluation(nasty, labels=labels, source=nasty, backend=nasty)
    info = info_of(provenance=about)
    info["labels"] = [*labels]
    info["settings"] |= {"scheme": nasty, "words": nasty, "decoding": nasty}
    said = Statements(title=nasty, authors=(nasty,), dataset_name=nasty)
    return card_of(record, evaluation(source="b"), info=info, statements=said), record


@pytest.mark.parametrize("nasty", NASTY)
def test_strings_of_strangers_are_shown_and_never_read(nasty: str) -> None:
    card, record = nasty_card(nasty)
    card.text.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", card.text)
    assert data_of(card).model_name == visible(nasty)
    values = [each.metric_value for each in figures(card)]
    assert record.scores["overall"]["f1"] in values
    tokens = READER.parse(body_of(card))
    if len(nasty) < 80:
        assert visible_text(card).count(visible(nasty).strip()) > 10
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "softbreak", "strong_open", "strong_close", "code_inline"}
    html = [token.content for token in tokens if token.type == "html_block"]
    assert html == ["<details>\n<summary>All settings</summary>\n", "</details>\n"]
    for table in tables_in(body_of(card)):
        assert len({len(row) for row in table}) == 1
    plain = card_of(evaluation(), evaluation(source="b"), statements=Statements(title="x"))
    headings = [token.markup for token in tokens if token.type == "heading_open"]
    expected = [t.markup for t in READER.parse(body_of(plain)) if t.type == "heading_open"]
    assert headings == expected


@settings(max_examples=40)
@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_label_stays_itself_in_the_metadata(label: str) -> None:
    record = evaluation()
    scores = {**record.scores, "labels": {label: record.scores["overall"]}}
    scores["intervals"] = None
    card = card_of(dataclasses.replace(record, scores=scores))
    card.text.encode()
    found = figures(card)[-1]
    assert found.metric_value == record.scores["overall"]["f1"]
    assert found.metric_args == {"label": visible(label), "level": "entity"}
    assert yaml.safe_dump(head_of(card))


@settings(max_examples=40)
@given(st.floats(0, 1))
def test_figures_keep_their_full_precision(value: float) -> None:
    record = evaluation()
    scores = {**record.scores, "accuracy": value}
    found = figures(card_of(dataclasses.replace(record, scores=scores)))
    (accuracy,) = [each for each in found if each.metric_type == "accuracy"]
    assert math.isclose(accuracy.metric_value, value, rel_tol=0, abs_tol=0)


# Snippets


def snippets(card: Card) -> list[str]:
    return [token.content for token in READER.parse(body_of(card)) if token.type == "fence"]


def output_of(code: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    exec(compile(code, "snippet", "exec"), {})
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def folder(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


def test_the_snippets_run(folder: Path, tagger: Tagger, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [code.replace(REPO, str(folder)) for code in snippets(card_of(evaluation()))]
    assert len(codes) == 3
    ours, theirs, by_hand = (output_of(code, capsys) for code in codes)
    document = tagger(SENTENCE)
    assert ours.splitlines() == [
        f"{each.label} {document.surface(each)} {round(each.score or 0, 4)}"
        for each in document.entities
    ]
    assert document.entities
    assert theirs
    assert {line.split()[0] for line in theirs.splitlines()} <= {*LABELS}
    pieces = "".join(line.split(" ")[1] for line in by_hand.splitlines())
    assert pieces == SENTENCE.replace(" ", "")
    assert {line.split()[0] for line in by_hand.splitlines()} <= {*tagger.settings.tags}


def test_the_snippets_of_other_schemes_run(
    checkpoint_of: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoint_of("bert", scheme="BIOES")
    card = card_of(evaluation(), info=info_of(scheme="BIOES"))
    tags = {*TagScheme.BIOES.tags(LABELS)}
    output = output_of(snippets(card)[1].replace(REPO, str(folder)), capsys)
    assert {line.split()[0] for line in output.splitlines()} <= tags
    assert "cannot join tags of BIOES" in body_of(card)


def test_the_snippets_load_the_revision_that_is_asked_for() -> None:
    revision = "v1'\"```\n"
    calls = [line for code in snippets(card_of(revision=revision)) for line in code.splitlines()]
    assert sum(f"revision={json.dumps(revision)}" in line for line in calls) == 4
    assert "revision=" not in body_of(card_of())


# Templates


def test_a_template_of_the_users_changes_the_cards_form(tmp_path: Path) -> None:
    place = tmp_path / "card.md"
    place.write_text("---\n{{ card_data }}\n---\n\n{{ title }} für {{ language }}\n", "utf-8")
    card = card_of(evaluation(), template=place)
    assert body_of(card) == "\nNames in posts für en, de\n"
    assert head_of(card) == head_of(card_of(evaluation()))


@pytest.mark.parametrize("nasty", NASTY)
def test_the_facts_of_a_template_are_escaped(nasty: str, tmp_path: Path) -> None:
    place = tmp_path / "card.md"
    place.write_text("---\n{{ card_data }}\n---\n\n# {{ title }}\n\nBy {{ authors }}.\n")
    card = card_of(statements=Statements(title=nasty, authors=(nasty,)), template=place)
    kinds = {token.type for token in READER.parse(body_of(card))}
    assert kinds == {"inline", *(f"{k}_{e}" for k in ("heading", "paragraph") for e in END)}
    assert visible_text(card).count(visible(nasty).strip()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ card_data }}\n{% if %}", "card.md:2: this is not a Jinja template"),
        ("{{ card_data }} {{ titel }}", "'titel', which is not a fact of a card"),
        ("# {{ title }}", "does not use card_data"),
        ("{{ card_data }} {{ evaluation.scores.f1.value }}", "cannot be rendered"),
        ("{{ card_data }} {{ labels + 1 }}", "cannot be rendered"),
        (None, "the template cannot be read"),
    ],
)
def test_a_bad_template_is_an_error_with_its_place(
    text: str | None, message: str, tmp_path: Path
) -> None:
    place = tmp_path / "card.md"
    if text is not None:
        place.write_text(text)
    with pytest.raises(SettingsError) as caught:
        card_of(evaluation(), template=place)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(place))


def test_the_bundled_template_is_a_template_of_the_users_too(tmp_path: Path) -> None:
    place = tmp_path / "card.md"
    place.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    assert card_of(evaluation(), template=place).text == card_of(evaluation()).text


# Statements and folders


def test_statements_are_read_from_toml(tmp_path: Path) -> None:
    place = tmp_path / "card.toml"
    place.write_text('license = "mit"\nlanguage = ["en"]\nlimits = """\none\ntwo"""\n')
    expected = Statements(license="mit", language=("en",), limits="one\ntwo")
    assert read_statements(tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('licence = "mit"', "unknown statement 'licence'"),
        ('license = "My Licence"', "license: 'My Licence' cannot be stated"),
        ('license = "other"', "license_name"),
        ('license_name = "mine"', "license_name"),
        ('language = "en"', "a list of strings"),
        ('language = ["English"]', "codes of the texts' languages"),
        ('dataset = "a/b/c"', "hub id of the data set"),
        ('base_model = "../x"', "hub id of the encoder"),
        ("title = 3", "a text that is not empty"),
        ('limits = " "', "a text that is not empty"),
        ("title = ", "not valid TOML"),
    ],
)
def test_bad_statements_are_errors_with_their_place(
    text: str, message: str, tmp_path: Path
) -> None:
    place = tmp_path / "card.toml"
    place.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_statements(tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(place))


def test_nothing_is_stated_without_a_file_and_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    assert read_statements(tmp_path) == Statements()
    (tmp_path / "card.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read_statements(tmp_path)
