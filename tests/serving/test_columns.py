"""Columns of texts: batches of Arrow, lists and arrays get a column of entities."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import assert_same, expected_of
from forking import TEXTS
from hub import Hub
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, FormatError, NerineError, SettingsError
from nerine.evaluation.calibration import Thresholds
from nerine.model.tagger import Tagger
from nerine.serving.arrow import entities_type
from nerine.serving.columns import ColumnTagger
from nerine.serving.ray import TagTexts

pa = pytest.importorskip("pyarrow", reason="needs the extra datasets")

BATCHES = (pa.table, pa.RecordBatch.from_pydict)
TEXT_TYPES = (
    *(pa.string(), pa.large_string(), pa.string_view()),
    pa.dictionary(pa.int32(), pa.large_string()),
)
cells = st.lists(st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=12)), max_size=5)


# --- batches


@pytest.mark.parametrize("make", BATCHES)
@given(texts=cells)
def test_a_batch_keeps_its_rows_and_columns_and_gets_the_entities(
    tagger: Tagger, make: Callable[..., Any], texts: list[str | None]
) -> None:
    columns = {"id": list(range(len(texts))), "text": pa.array(texts, pa.string()), "end": texts}
    batch = make(columns)
    tagged = ColumnTagger(tagger)(batch)
    assert type(tagged) is type(batch)
    assert tagged.schema.names == [*columns, "entities"]
    assert tagged.select(list(columns)).equals(batch)
    assert tagged.schema.field("entities").type == entities_type()
    assert_same(tagged.column("entities").to_pylist(), expected_of(tagger, texts))


@given(texts=cells)
def test_lists_and_arrays_give_what_a_table_gives(tagger: Tagger, texts: list[str | None]) -> None:
    tag = ColumnTagger(tagger, text="body")
    expected = tag(pa.table({"body": pa.array(texts, pa.string())})).column("entities").to_pylist()
    lists: dict[str, Any] = {"id": [None] * len(texts), "body": texts}
    arrays = {"body": np.array(texts, dtype=object), "pixels": np.zeros((len(texts), 2, 2))}
    for batch in (lists, arrays):
        tagged = tag(batch)
        assert list(tagged) == [*batch, "entities"]
        assert all(tagged[name] is column for name, column in batch.items())
        if batch is arrays:
            assert tagged["entities"].type == entities_type()
            tagged["entities"] = tagged["entities"].to_pylist()
        assert tagged["entities"] == expected


def test_the_type_is_the_one_that_is_documented() -> None:
    kind = "list<item: struct<start: int64, end: int64, label: string, score: double>>"
    assert str(entities_type()) == kind


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_each_type_of_text_is_read(tagger: Tagger, kind: Any) -> None:
    texts = [*TEXTS, None, "😀 Mira"]
    column = pa.array(texts, pa.string()).cast(kind if kind != pa.string_view() else pa.string())
    tagged = ColumnTagger(tagger)(pa.table({"text": column.cast(kind)}))
    assert_same(tagged.column("entities").to_pylist(), expected_of(tagger, texts))


def test_a_column_of_nulls_and_an_array_of_fixed_width_are_read(tagger: Tagger) -> None:
    tag = ColumnTagger(tagger)
    assert tag(pa.table({"text": pa.nulls(2)})).column("entities").to_pylist() == [None, None]
    tagged = tag({"text": np.array(TEXTS)})["entities"]
    assert_same(tagged.to_pylist(), expected_of(tagger, TEXTS))


def test_metadata_of_a_table_and_its_chunks_stay(tagger: Tagger) -> None:
    field = pa.field("text", pa.string(), nullable=False, metadata={"a": "b"})
    schema = pa.schema([field], metadata={"huggingface": "{}"})
    parts = [pa.table({"text": [text]}, schema=schema) for text in TEXTS]
    tagged = ColumnTagger(tagger)(pa.concat_tables(parts))
    assert tagged.schema.metadata == schema.metadata
    assert tagged.schema.field("text").equals(field, check_metadata=True)
    apart = pa.concat_tables(ColumnTagger(tagger).pipe(parts))
    assert apart.schema.equals(tagged.schema, check_metadata=True)
    assert_same(tagged["entities"].to_pylist(), apart["entities"].to_pylist())


def test_labels_and_thresholds_choose_entities(tagger: Tagger) -> None:
    def found(**options: Any) -> list[Any]:
        tagged = ColumnTagger(tagger, **options)(pa.table({"text": TEXTS}))
        return [each for row in tagged["entities"].to_pylist() for each in row]

    everything = found()
    assert {each["label"] for each in everything} == {"location", "person"}
    assert found(labels=["person"]) == [e for e in everything if e["label"] == "person"]
    assert found(labels=[]) == []
    middle = sorted(each["score"] for each in everything)[len(everything) // 2]
    assert found(thresholds=middle) == [e for e in everything if e["score"] >= middle]
    assert found(thresholds=Thresholds(1.0)) == []
    assert tagger.thresholds is None


def test_it_is_pickled_with_its_options(tagger: Tagger) -> None:
    table = pa.table({"body": [*TEXTS, None]})
    tag = ColumnTagger(tagger, text="body", into="names", errors="why", labels=["person"])
    pickled = pickle.dumps(tag)
    assert len(pickled) < 10_000
    assert pickle.loads(pickled)(table).equals(tag(table))


# --- what is wrong


@pytest.mark.parametrize("cell", [7, b"Mira", ["Mira"], {"text": "Mira"}, object()], ids=type)
def test_a_cell_that_is_no_text_is_an_error_with_its_row(tagger: Tagger, cell: Any) -> None:
    batch = {"text": ["Mira left.", cell, None]}
    with pytest.raises(FormatError, match=f"the cell is of type {type(cell).__name__}") as caught:
        ColumnTagger(tagger)(batch)
    assert caught.value.place == "row 2 of a batch, in the column 'text'"
    assert (caught.value.hint or "").startswith("errors=")
    tagged = ColumnTagger(tagger, errors="error")(batch)  # as the hint says
    assert tagged["error"] == [None, f"the cell is of type {type(cell).__name__}", None]
    assert [each is None for each in tagged["entities"]] == [False, True, True]


@pytest.mark.parametrize("null", [None, math.nan, np.float64("nan")])
def test_what_pandas_takes_for_null_is_null(tagger: Tagger, null: Any) -> None:
    tagged = ColumnTagger(tagger)({"text": ["Mira left.", null]})
    assert tagged["entities"][1] is None


def test_the_null_of_pandas_itself_is_null(tagger: Tagger) -> None:
    pandas = pytest.importorskip("pandas", reason="needs the extra datasets")
    tagged = ColumnTagger(tagger)({"text": np.array(["Mira left.", pandas.NA], dtype=object)})
    assert tagged["entities"].to_pylist()[1] is None


@pytest.mark.parametrize(
    "column",
    [pa.array([1, 2]), pa.array([b"Mira", b""]), pa.array([["Mira"], []]), np.array([1, 2])],
    ids=type,
)
def test_a_column_of_another_type_is_refused_whole(tagger: Tagger, column: Any) -> None:
    batch = {"text": column} if isinstance(column, np.ndarray) else pa.table({"text": column})
    with pytest.raises(FormatError, match="the column 'text' is of type"):
        ColumnTagger(tagger, errors="error")(batch)


def test_bytes_that_are_no_text_are_an_error_of_their_row(tagger: Tagger) -> None:
    column = pa.array([b"Mira left.", b"Mir\xe4", b"Oslo"], pa.binary()).view(pa.string())
    with pytest.raises(FormatError, match=r"not UTF-8: .* at byte 3") as caught:
        ColumnTagger(tagger)(pa.table({"text": column}))
    assert caught.value.place == "row 2 of a batch, in the column 'text'"
    tagged = ColumnTagger(tagger, errors="why")(pa.table({"text": column}))
    assert [each is None for each in tagged["why"].to_pylist()] == [True, False, True]
    assert [each is None for each in tagged["entities"].to_pylist()] == [False, True, False]


def test_a_text_on_which_the_model_fails_is_an_error_of_its_row(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = tagger.inference.head.decode

    def poisoned(documents: Sequence[Document], logits: Any) -> Any:
        if any("poison" in each.text for each in documents):
            raise ValueError("poisoned")
        return decode(documents, logits)

    monkeypatch.setattr(type(tagger.inference.head), "decode", lambda _, *rest: poisoned(*rest))
    table = pa.table({"text": [*TEXTS, "a poison", *TEXTS]})
    with pytest.raises(FormatError, match="ValueError: poisoned") as caught:
        ColumnTagger(tagger)(table)
    assert caught.value.place == "row 4 of a batch, in the column 'text'"
    tagged = ColumnTagger(tagger, errors="why")(table)
    reasons = [None] * 3 + ["ValueError: poisoned"] + [None] * 3
    assert tagged["why"].to_pylist() == reasons
    assert [each is None for each in tagged["entities"].to_pylist()] == [bool(r) for r in reasons]


@pytest.mark.parametrize("make", [*BATCHES, dict])
def test_names_of_columns_are_checked(tagger: Tagger, make: Callable[..., Any]) -> None:
    with pytest.raises(FormatError, match="no column called 'text'") as caught:
        ColumnTagger(tagger)(make({"body": ["Mira"]}))
    assert (caught.value.expected, caught.value.hint) == ("one of 'body'", "text=… names it")
    for option in ("into", "errors"):
        named: dict[str, Any] = {option: "taken"}
        with pytest.raises(FormatError, match="the column 'taken' exists already") as caught:
            ColumnTagger(tagger, **named)(make({"text": ["Mira"], "taken": [1]}))
        assert caught.value.hint == f"{option}=… names it"


def test_two_columns_of_texts_are_refused(tagger: Tagger) -> None:
    twice = pa.table([pa.array(["Mira"]), pa.array(["Oslo"])], names=["text", "text"])
    with pytest.raises(FormatError, match="several columns called 'text'"):
        ColumnTagger(tagger)(twice)


def test_other_batches_are_refused_with_what_to_ask_for(tagger: Tagger) -> None:
    pandas = pytest.importorskip("pandas", reason="needs the extra datasets")
    for batch in (pandas.DataFrame({"text": ["Mira"]}), ["Mira"], "Mira"):
        with pytest.raises(FormatError, match=f"a batch is a .*{type(batch).__name__}") as caught:
            ColumnTagger(tagger)(batch)
        assert 'batch_format="pyarrow"' in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["person", "persn"]}, "the model has no label 'persn'"),
        ({"into": "text"}, "the columns of the texts, entities and errors are"),
        ({"errors": "entities"}, "the columns of the texts, entities and errors are"),
        ({"thresholds": 2.0}, "threshold"),
    ],
)
def test_options_are_checked(tagger: Tagger, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ColumnTagger(tagger, **options)


def test_saved_thresholds_have_to_be_there(tagger: Tagger) -> None:
    with pytest.raises(CheckpointError, match="no thresholds are saved"):
        ColumnTagger(tagger, thresholds="saved")


# --- in datasets


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, with a cache of its own."""
    found = pytest.importorskip("datasets", reason="needs the extra datasets")
    monkeypatch.setattr(found.config, "HF_DATASETS_CACHE", tmp_path)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_datasets_maps_in_two_processes_from_a_batch_without_entities_on(
    tagger: Tagger, datasets: Any
) -> None:
    texts = ["", None, *TEXTS * 2]
    rows = datasets.Dataset.from_dict({"id": list(range(8)), "text": texts}).with_format("arrow")
    mapped = rows.map(ColumnTagger(tagger), batched=True, batch_size=2, num_proc=2)
    whole = mapped.with_format(None)
    assert whole["id"] == list(range(8))
    assert_same(list(whole["entities"]), expected_of(tagger, texts))
    assert mapped.data.schema.field("entities").type == entities_type()


def test_datasets_maps_lists_and_streams(tagger: Tagger, datasets: Any) -> None:
    rows = datasets.Dataset.from_dict({"text": TEXTS})
    expected = ColumnTagger(tagger)({"text": TEXTS})["entities"]
    for each in (rows, rows.to_iterable_dataset(), rows.with_format("arrow").to_iterable_dataset()):
        mapped = each.map(ColumnTagger(tagger), batched=True)
        assert [row["entities"] for row in mapped.with_format(None)] == expected


def test_datasets_knows_a_column_tagger_again(
    tagger: Tagger, onnx_checkpoint: Path, datasets: Any
) -> None:
    digest = datasets.fingerprint.Hasher.hash
    first = digest(ColumnTagger(tagger, labels=["person", "location"]))
    assert digest(ColumnTagger(tagger, labels=("location", "person"))) == first
    others: list[dict[str, Any]] = [
        {},
        {"labels": ["person"]},
        {"into": "names"},
        {"thresholds": 0.5},
    ]
    assert len({first, *(digest(ColumnTagger(tagger, **options)) for options in others)}) == 5
    assert digest(ColumnTagger(onnx_checkpoint, labels=["person", "location"])) != first


# --- in Ray's actors


def test_an_actor_wants_the_commit_of_a_repository(
    checkpoint_of: Callable[..., Path], hub: Hub
) -> None:
    files = {path.name: path.read_bytes() for path in checkpoint_of("bert").iterdir()}
    hub.add_repo("mira/names", files)
    with pytest.raises(SettingsError, match="without its commit") as caught:
        TagTexts("mira/names")
    named = (caught.value.hint or "").split()[0]
    table = pa.table({"text": TEXTS})
    tagged = TagTexts(named)(table)
    assert tagged.equals(TagTexts(Tagger.load("mira/names"))(table))
    assert tagged.equals(ColumnTagger("mira/names")(table))


def test_errors_of_a_batch_can_be_sent_from_an_actor(tagger: Tagger) -> None:
    with pytest.raises(NerineError) as caught:
        TagTexts(tagger)({"text": [7]})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
