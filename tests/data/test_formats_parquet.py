"""Parquet, and folders that `datasets` saved."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.document import Entity, Token
from nerine.core.errors import CorpusError, FormatError, MissingExtraError
from nerine.core.tags import TagScheme
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, read_documents
from nerine.data.formats import parquet as parquet_format

datasets = pytest.importorskip("datasets", reason="needs the extra datasets")
pa = pytest.importorskip("pyarrow", reason="needs the extra datasets")
parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra datasets")

NAMES = ["O", "B-person", "I-person"]
ROWS: dict[str, list[Any]] = {
    "id": ["0", "1"],
    "tokens": [["Mira", "Okonjo"], ["left"]],
    "ner_tags": [[1, 2], [0]],
}


@pytest.fixture(autouse=True)
def quiet() -> None:
    datasets.disable_progress_bars()


def data_set(**columns: list[Any]) -> Any:
    rows = {**ROWS, **columns}
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=NAMES)),
        }
    )
    return datasets.Dataset.from_dict(rows, features=features)


def test_parquet_of_datasets_knows_the_names_of_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    data_set().to_parquet(path)
    log = ReadLog()
    first, second = read_documents(path, log=log)
    assert first.entities == (Entity(0, 11, "person"),)
    assert first.tokens == (Token(0, 4), Token(5, 11))
    assert (first.id, second.text) == ("0", "left")
    assert log == ReadLog(documents=2, scheme=TagScheme.IOB2)


def test_other_parquet_has_strings_or_needs_names(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    parquet.write_table(pa.table({"words": [["Mira"]], "tags": [["B-person"]]}), path)
    assert next(read_documents(path)).entities == (Entity(0, 4, "person"),)
    parquet.write_table(pa.table({"tokens": [["Mira"]], "ner": [[1]]}), path)
    with pytest.raises(FormatError, match="numbers, such as 1, without names") as caught:
        list(read_documents(path))
    assert caught.value.place == f"{path}:1"
    options = ReadOptions(tag_names=tuple(NAMES))
    assert next(read_documents(path, options=options)).entities == (Entity(0, 4, "person"),)


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        list(read_documents(tmp_path / "a.parquet"))
    (tmp_path / "a.parquet").write_text("tokens")
    with pytest.raises(FormatError, match="this is not a valid Parquet file"):
        list(read_documents(tmp_path / "a.parquet"))


def test_shards_of_parquet_are_one_split(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for shard in range(2):
        data_set().to_parquet(tmp_path / "data" / f"train-0000{shard}-of-00002.parquet")
    corpus = load_corpus(tmp_path)
    assert [len(documents) for documents in corpus.splits.values()] == [4]
    assert corpus.logs["train"].documents == 4


def test_reads_folders_that_datasets_saved(tmp_path: Path) -> None:
    splits = {"train": data_set(), "dev": data_set(id=["5", "6"])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "both")
    corpus = load_corpus(tmp_path / "both")
    assert list(corpus.splits) == ["train", "validation"]
    assert corpus.validation[0].id == "5"
    assert (corpus.labels, corpus.scheme) == (("person",), TagScheme.IOB2)
    data_set().save_to_disk(tmp_path / "one")
    assert [d.text for d in load_corpus(tmp_path / "one").train] == ["Mira Okonjo", "left"]


def test_errors_in_tables_name_split_and_row(tmp_path: Path) -> None:
    splits = {"train": data_set(), "dev": data_set(ner_tags=[[1, 2], [2]])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    with pytest.raises(FormatError, match="'I-person' cannot follow 'O'") as caught:
        load_corpus(tmp_path / "saved", options=ReadOptions(scheme=TagScheme.IOB2))
    assert caught.value.place == f"{tmp_path / 'saved'}, dev, row 2, token 0"


def test_splits_that_are_none_or_two(tmp_path: Path) -> None:
    datasets.DatasetDict({"all": data_set()}).save_to_disk(tmp_path / "none")
    with pytest.raises(CorpusError, match="train, validation or test: all"):
        load_corpus(tmp_path / "none")
    datasets.DatasetDict({"dev": data_set(), "valid": data_set()}).save_to_disk(tmp_path / "two")
    with pytest.raises(CorpusError, match="'dev' and 'valid' both look like"):
        load_corpus(tmp_path / "two")


def test_splits_can_be_stated_and_those_left_out_are_named(tmp_path: Path) -> None:
    saved = {name: data_set() for name in ("train", "train_2020", "notes")}
    datasets.DatasetDict(saved).save_to_disk(tmp_path / "saved")
    corpus = load_corpus(tmp_path / "saved")
    assert list(corpus.splits) == ["train"]
    assert corpus.notes == (f"{tmp_path / 'saved'}: splits that are not read: train_2020, notes",)
    corpus = load_corpus(tmp_path / "saved", splits={"train": "notes", "test": "train_2020"})
    assert (list(corpus.splits), corpus.notes) == (["train", "test"], ())
    with pytest.raises(CorpusError, match="no split called 'gone'") as caught:
        load_corpus(tmp_path / "saved", splits={"train": "gone"})
    assert caught.value.expected == "one of: train, train_2020, notes"
    with pytest.raises(CorpusError, match="unknown split 'dev'"):
        load_corpus(tmp_path / "saved", splits={"dev": "notes"})


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_parquet_file_that_lies_is_an_error_and_no_crash(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "lying.parquet"
    data_set().to_parquet(path)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(FormatError):
        list(read_documents(path))


def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "dataset_dict.json").write_text("{}")
    with pytest.raises(MissingExtraError, match=r"nerine\[datasets\]"):
        load_corpus(tmp_path)
    with pytest.raises(MissingExtraError, match="reading Parquet needs the package pyarrow"):
        parquet_format.read(tmp_path / "a.parquet", ReadOptions(), ReadLog())
