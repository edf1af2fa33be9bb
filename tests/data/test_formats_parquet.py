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
from nerine.data.formats.head import Head
from nerine.data.formats.parquet_metadata import read_chunks
from nerine.data.formats.record_rows import RecordRows

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
    with pytest.raises(FormatError, match="there is no such file"):
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


SPANS: list[tuple[str, Any]] = [
    (
        "structs",
        [{"start": 4, "end": 10, "label": "per"}, {"start": 0, "end": 3, "label": "act"}],
    ),
    ("doccano's", [{"start_offset": 0, "end_offset": 3, "label": "act", "id": 7}]),
    ("lists", [["0", "3", "act"]]),
    ("lists with the label first", [["act", "0", "3"]]),
    ("a struct of lists", {"start": [4, 0], "end": [10, 3], "label": ["per", "act"]}),
    ("several labels", [{"start": 0, "end": 3, "labels": ["act", "verb"]}]),
    ("pairs", [{"offsets": [[0, 3]], "type": "act", "text": "Saw"}]),
]


@pytest.mark.parametrize(("kind", "value"), SPANS, ids=[each[0] for each in SPANS])
def test_parquet_of_texts_and_entities(tmp_path: Path, kind: str, value: Any) -> None:
    path = tmp_path / "train.parquet"
    columns = {"id": [3], "text": ["Saw Okonjo"], "entities": [value], "source": ["x"]}
    parquet.write_table(pa.table(columns), path)
    (document,) = read_documents(path)
    found = [(e.start, e.end, e.label) for e in document.entities]
    expected = {
        "structs": [(0, 3, "act"), (4, 10, "per")],
        "a struct of lists": [(0, 3, "act"), (4, 10, "per")],
        "several labels": [(0, 3, "act"), (0, 3, "verb")],
    }
    assert found == expected.get(kind, [(0, 3, "act")])
    assert (document.id, document.meta["source"]) == ("3", "x")


def test_own_texts_in_lists_are_compared_and_forms_of_them_kept(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    entity = {"offsets": [[4, 10]], "type": "per", "text": ["Saw"]}
    parquet.write_table(pa.table({"text": ["Saw Okonjo"], "entities": [[entity]]}), path)
    with pytest.raises(FormatError, match="shows 'Saw', but the text there is 'Okonjo'"):
        list(read_documents(path))
    valued = {"start": 4, "end": 10, "label": "per", "value": "M. O."}
    parquet.write_table(pa.table({"text": ["Saw Okonjo"], "entities": [[valued]]}), path)
    (document,) = read_documents(path)
    assert document.meta["entity_fields"] == [[4, 10, "per", {"value": "M. O."}]]


def test_labels_that_are_numbers_have_the_names_of_their_class_label(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=["act", "per"])
    kinds = {
        "list": datasets.List(
            {"start": datasets.Value("int32"), "end": datasets.Value("int32"), "label": label}
        ),
        "sequence": datasets.Sequence(
            {"start": datasets.Value("int32"), "end": datasets.Value("int32"), "label": label}
        ),
    }
    values = {
        "list": [{"start": 4, "end": 10, "label": 1}],
        "sequence": {"start": [4], "end": [10], "label": [1]},
    }
    for kind, feature in kinds.items():
        features = datasets.Features({"text": datasets.Value("string"), "spans": feature})
        found = datasets.Dataset.from_dict(
            {"text": ["Saw Okonjo"], "spans": [values[kind]]}, features
        )
        found.to_parquet(tmp_path / f"{kind}.parquet")
        (document,) = read_documents(tmp_path / f"{kind}.parquet")
        assert document.entities == (Entity(4, 10, "per"),)
        found.save_to_disk(tmp_path / kind)
        assert load_corpus(tmp_path / kind).train == (document,)


def test_overlaps_in_a_saved_data_set_are_chosen(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 3, "label": "a"}, {"start": 0, "end": 10, "label": "b"}]
    found = datasets.Dataset.from_dict({"text": ["Saw Okonjo"], "spans": [spans]})
    found.save_to_disk(tmp_path / "saved")
    assert len(load_corpus(tmp_path / "saved").train[0].entities) == 2
    corpus = load_corpus(tmp_path / "saved", options=ReadOptions(overlaps="outermost"))
    assert corpus.train[0].entities == (Entity(0, 10, "b"),)
    assert corpus.logs["train"].overlaps == 1


def test_labels_without_names_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    spans = [[{"start": 0, "end": 3, "label": 1}]]
    parquet.write_table(pa.table({"text": ["Saw"], "spans": spans}), path)
    with pytest.raises(FormatError, match="the label number 1 has no name") as caught:
        list(read_documents(path))
    assert caught.value.place == f"{path}:1"
    options = ReadOptions(tag_names=("act", "per"))
    assert next(read_documents(path, options=options)).entities == (Entity(0, 3, "per"),)
    known = ReadOptions(known_tag_names={"spans.label": ("act", "per")})
    assert next(read_documents(path, options=known)).entities == (Entity(0, 3, "per"),)


def test_columns_with_other_names_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    span = {"start": 0, "end": 4, "label": "per", "value": "Mira"}
    for names in (("source_text", "privacy_mask"), ("body", "pii")):
        parquet.write_table(
            pa.table(dict(zip(names, (["Mira left"], [[span]]), strict=True))), path
        )
        options = ReadOptions()
        if "body" in names:
            with pytest.raises(FormatError, match="the fields are: body, pii"):
                list(read_documents(path))
            options = ReadOptions(text_field="body", tag_column="pii")
        assert next(read_documents(path, options=options)).entities == (Entity(0, 4, "per"),)
    cell = "[{'start': 0, 'end': 4, 'label': 'per', 'value': 'Mira'}]"
    parquet.write_table(pa.table({"text": ["Mira left"], "spans": [cell]}), path)
    assert next(read_documents(path)).entities == (Entity(0, 4, "per"),)
    tags = {"text": ["Mira left"], "tokens": [["Mira", "left"]], "labels": [["B-per", "O"]]}
    parquet.write_table(pa.table(tags), path)
    (document,) = read_documents(path)
    assert (document.entities, len(document.tokens or ())) == ((Entity(0, 4, "per"),), 2)


def test_parquet_like_gliners_data(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    rows = {"tokenized_text": [["Mira", "Okonjo", "left"]], "ner": [[["0", "1", "per"]]]}
    parquet.write_table(pa.table(rows), path)
    (document,) = read_documents(path)
    assert (document.text, document.entities) == ("Mira Okonjo left", (Entity(0, 11, "per"),))
    assert document.tokens == (Token(0, 4), Token(5, 11), Token(12, 16))
    rows["ner"] = [[["0", "3", "per"]]]
    parquet.write_table(pa.table(rows), path)
    with pytest.raises(FormatError, match="not an entity of 3 tokens"):
        list(read_documents(path))


NULLS: list[dict[str, list[Any]]] = [
    {"tokens": [["Mira"], ["left"]], "ner_tags": [["B-per"], None]},
    {"text": ["Mira", "left"], "entities": [[{"start": 0, "end": 4, "label": "per"}], None]},
    {"tokenized_text": [["Mira"], ["left"]], "ner": [[["0", "0", "per"]], None]},
]


@pytest.mark.parametrize("columns", NULLS, ids=["tags", "entities", "gliner"])
def test_a_row_without_annotation_is_never_lost_in_silence(
    tmp_path: Path, columns: dict[str, list[Any]]
) -> None:
    path = tmp_path / "train.parquet"
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(FormatError, match="is empty") as caught:
        list(read_documents(path))
    assert caught.value.place == f"{path}:2"
    assert "--accept unlabelled" in (caught.value.hint or "")
    for way, texts in (("skip", ["Mira"]), ("accept", ["Mira", "left"])):
        log, options = ReadLog(), ReadOptions(**{way: frozenset({"unlabelled"})})  # type: ignore[arg-type]
        found = list(read_documents(path, options=options, log=log))
        assert [each.text for each in found] == texts
        assert [len(each.entities) for each in found] == [1, 0][: len(texts)]
        assert (log.skipped or log.accepted) == {"unlabelled": 1}


@pytest.mark.parametrize(
    "columns",
    [
        {"tokens": [None], "ner_tags": [["O"]]},
        {"tokens": [["a", None]], "ner_tags": [["O", "O"]]},
        {"tokens": [["a"]], "ner_tags": [[None]]},
        {
            "text": pa.array([None], pa.string()),
            "entities": [[{"start": 0, "end": 1, "label": "x"}]],
        },
        {"text": ["a"], "entities": [[None]]},
        {"text": ["a"], "entities": [[{"start": None, "end": 1, "label": "x"}]]},
        {"text": ["a"], "entities": [[{"start": 0, "end": 1, "label": None}]]},
        {"text": ["a"], "label": [1]},
        {"text": ["a"]},
        {"tokenized_text": [[None]], "ner": [[["0", "0", "x"]]]},
    ],
)
def test_nulls_and_other_types_are_errors_with_their_row(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    path = tmp_path / "train.parquet"
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(FormatError) as caught:
        list(read_documents(path))
    assert (caught.value.place or "").startswith(f"{path}:1")


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.parquet"
    empty = pa.array(
        [[]] * 40,
        pa.list_(pa.struct({"start": pa.int32(), "end": pa.int32(), "label": pa.string()})),
    )
    texts = pa.array(["a" * (1 << 20) for _ in range(40)])
    table = pa.table({"text": texts, "entities": empty})
    monkeypatch.setattr(parquet_format, "_MOST_OF_CHUNK", 1 << 24)
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 20_000
    with pytest.raises(FormatError, match=r"unpacks to more than \d\d,") as caught:
        list(read_documents(path))
    assert caught.value.place == f"{path}, column text"


def test_a_value_that_a_dictionary_repeats_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_MOST_OF_CHUNK", "_MOST_OF_BATCH"):
        monkeypatch.setattr(parquet_format, name, 1 << 26)
    path = tmp_path / "bomb.parquet"
    indices = pa.array([0] * 20_000, pa.int32())
    texts = pa.DictionaryArray.from_arrays(indices, pa.array(["a" * (1 << 21)]))
    spans = pa.array([[]] * 20_000, pa.list_(pa.list_(pa.string())))
    parquet.write_table(pa.table({"text": texts, "entities": spans}), path, compression="zstd")
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(FormatError, match="unpacks to more than"):
        list(read_documents(path))
    assert pa.default_memory_pool().max_memory() < max(before, 3 << 26)


def test_a_very_long_list_in_one_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    values = pa.ListArray.from_arrays(
        [0, 1, 10_000_001], pa.nulls(10_000_001, pa.int64()).fill_null(0)
    )
    tokens = pa.array([["a"], ["a"]])
    parquet.write_table(pa.table({"tokens": tokens, "ner_tags": values}), path)
    with pytest.raises(FormatError, match="the row has 81,") as caught:
        list(read_documents(path, options=ReadOptions(tag_names=("O",))))
    assert caught.value.place == f"{path}:2"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["a", "O", "B-x", "[1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["start", "end", "label", "labels", "offsets", "text", "score"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = (
    "text",
    "tokens",
    "ner_tags",
    "entities",
    "labels",
    "tokenized_text",
    "ner",
    "id",
    "offsets",
)


@settings(max_examples=150)
@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1), min_size=1, max_size=3),
    st.sampled_from(["unlabelled", "no-label", "pieces"]),
)
def test_any_rows_are_documents_or_an_error_of_ours(rows: list[dict[str, Any]], kind: str) -> None:
    columns = dict.fromkeys(name for row in rows for name in row)
    placed = [(f"in:{n}", columns | row) for n, row in enumerate(rows, start=1)]
    options = ReadOptions(skip=frozenset({kind}), tag_names=("O", "B-x"))
    with contextlib.suppress(FormatError):
        list(RecordRows(lambda: iter(placed), options).documents(ReadLog()))


def test_parquet_is_recognised_by_its_first_bytes(tmp_path: Path) -> None:
    data_set().to_parquet(tmp_path / "a")
    assert parquet_format.recognises(Head.of(tmp_path / "a"))
    (tmp_path / "b").write_text("tokens\nPAR1")
    assert not parquet_format.recognises(Head.of(tmp_path / "b"))


@pytest.fixture(scope="module")
def parquet_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.parquet"
    data_set().to_parquet(path)
    return path.read_bytes()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_parquet_file_that_lies_is_an_error_and_no_crash(
    tmp_path_factory: pytest.TempPathFactory,
    parquet_bytes: bytes,
    changes: list[tuple[int, int]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "lying.parquet"
    content = bytearray(parquet_bytes)
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(FormatError):
        list(read_documents(path))


def test_no_byte_of_a_footer_ends_the_process(parquet_bytes: bytes, tmp_path: Path) -> None:
    """Ten of these made pyarrow abort, by numbers of levels that contradict each other."""
    path = tmp_path / "a.parquet"
    footer = int.from_bytes(parquet_bytes[-8:-4], "little")
    for place in range(len(parquet_bytes) - 8 - footer, len(parquet_bytes) - 8):
        content = bytearray(parquet_bytes)
        content[place] = (content[place] + 1) % 256
        path.write_bytes(content)
        with contextlib.suppress(FormatError):
            list(read_documents(path))


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_the_footer_is_read_as_pyarrow_reads_it(
    compression: str, dictionary: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table(
        {
            "text": ["Mira", "Oslo", "Mira"],
            "tokens": [["a"], [], None],
            "entities": [[{"start": 0, "score": 0.5, "sure": True}], [], []],
            "many": [{"a": 1}, {"b": 2}, {}],
        }
    )
    parquet.write_table(
        table, path, compression=compression, use_dictionary=dictionary, row_group_size=2
    )
    metadata = parquet.ParquetFile(path).metadata
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    expected = [group.column(index) for group in groups for index in range(group.num_columns)]
    assert [
        (each.name, each.unpacked, each.first_page, each.has_dictionary, each.codec)
        for each in read_chunks(path)
    ] == [
        (
            each.path_in_schema,
            each.total_uncompressed_size,
            each.dictionary_page_offset if each.has_dictionary_page else each.data_page_offset,
            each.has_dictionary_page,
            "none" if each.compression == "UNCOMPRESSED" else each.compression.lower(),
        )
        for each in expected
    ]


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
