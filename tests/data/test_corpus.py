"""Corpora: loading, splits, labels, statistics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token, labels_of
from nerine.core.errors import CorpusError, FormatError
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus, load_corpus
from nerine.data.formats import ReadOptions, WriteOptions, write_documents
from nerine.data.split_files import split_named
from nerine.data.statistics import describe_corpus
from places import WNUT
from strategies import documents

needs_wnut = pytest.mark.skipif(not WNUT.is_dir(), reason="../shared/wnut17 is not there")

TRAIN = "Mira B-person\nleft O\n\nOslo B-place\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a corpus of three splits, and what else people keep there."""
    (tmp_path / "train.conll").write_text(TRAIN)
    (tmp_path / "dev.conll").write_text("Mira B-person\n")
    (tmp_path / "test.conll").write_text("a O\n\nOslo B-place\n")
    for name in ("README.md", "LICENSE", "LICENSE.txt", "SHA256SUMS", ".train.conll", "train.py"):
        (tmp_path / name).write_text("test train dev")
    return tmp_path


def corpus_of(*texts: str, source: str = "here") -> Corpus:
    found = tuple(Document(text) for text in texts)
    return Corpus({"train": found}, (), source)


def test_loads_a_folder(folder: Path) -> None:
    corpus = load_corpus(folder)
    assert {name: len(split) for name, split in corpus.splits.items()} == {
        "train": 2,
        "validation": 1,
        "test": 2,
    }
    assert corpus.labels == ("person", "place")
    assert corpus.scheme is TagScheme.IOB2
    assert corpus.source == str(folder)
    assert [corpus.logs[name].documents for name in corpus.splits] == [2, 1, 2]
    assert corpus.test[1].entities == (Entity(0, 4, "place"),)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.jsonl", "train"),
        ("wnut17train.conll", "train"),
        ("en_training_set.tsv", "train"),
        ("emerging.dev.conll", "validation"),
        ("valid.txt", "validation"),
        ("validation-00000-of-00001.parquet", "validation"),
        ("eng.testa", "validation"),
        ("eng.testb", "test"),
        ("emerging.test.annotated", "test"),
        ("evaluation.bio", "test"),
        ("testimony.txt", None),
        ("devices.txt", None),
    ],
)
def test_files_are_known_by_their_usual_names(name: str, split: str | None) -> None:
    assert split_named(name) == split


@pytest.mark.parametrize(("name", "split"), [("eng.testb", "test"), ("all.conll", "train")])
def test_a_single_file_is_one_split(tmp_path: Path, name: str, split: str) -> None:
    (tmp_path / name).write_text(TRAIN)
    assert list(load_corpus(str(tmp_path / name)).splits) == [split]


def test_a_format_can_be_stated(tmp_path: Path) -> None:
    (tmp_path / "train.data").write_text(TRAIN)
    assert len(load_corpus(tmp_path, format="columns").train) == 2
    with pytest.raises(CorpusError, match=r"the extensions are unknown: train\.data") as caught:
        load_corpus(tmp_path)
    assert "--format" in str(caught.value.hint)
    (tmp_path / "train.data").rename(tmp_path / "train.conll")
    with pytest.raises(CorpusError, match=r"the extensions are unknown: train\.conll") as caught:
        load_corpus(tmp_path, format="brat")
    assert ".ann" in str(caught.value.expected)


def test_files_that_are_called_like_their_split_need_no_extension(tmp_path: Path) -> None:
    for name, lines in {"train": TRAIN, "dev": TRAIN, "extra": "Mira B-person O\n"}.items():
        (tmp_path / name).write_text(lines)
    splits = load_corpus(tmp_path).splits
    assert {name: len(found) for name, found in splits.items()} == {"train": 2, "validation": 2}
    (tmp_path / "dev.conll").write_text(TRAIN)
    with pytest.raises(CorpusError, match=r"the validation split: dev, dev\.conll"):
        load_corpus(tmp_path)


def test_two_files_for_one_split_are_refused(folder: Path) -> None:
    (folder / "valid.jsonl").write_text("")
    with pytest.raises(
        CorpusError, match=r"look like the validation split: dev\.conll, valid\.jsonl"
    ) as caught:
        load_corpus(folder)
    assert caught.value.place == str(folder)


def test_a_folder_without_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="none, the folder is empty"):
        load_corpus(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(CorpusError, match=r"among: notes\.txt"):
        load_corpus(tmp_path)


@pytest.mark.parametrize(
    "source", ["gone", "./gone/x", "/gone/x", "a/b/c", "wnut17/", "data/train.conll", Path("a/b")]
)
def test_a_path_that_is_not_there_is_no_hub_id(source: str | Path) -> None:
    with pytest.raises(CorpusError, match="no such file or folder") as caught:
        load_corpus(source)
    assert caught.value.place == str(source)


def test_repairs_are_counted_for_each_split(folder: Path) -> None:
    (folder / "dev.conll").write_text("a B-person\nb O\nc I-place\n")
    logs = load_corpus(folder, options=ReadOptions(repair=True)).logs
    assert [log.repaired_tags for log in logs.values()] == [0, 1, 0]


def test_an_empty_split_is_refused(folder: Path) -> None:
    (folder / "dev.conll").write_text("\n")
    with pytest.raises(CorpusError, match="the validation split is empty"):
        load_corpus(folder)


def test_a_bad_line_has_its_place(folder: Path) -> None:
    (folder / "dev.conll").write_text("a B-x\nb O\nc I-x\n")
    with pytest.raises(FormatError, match="cannot follow") as caught:
        load_corpus(folder)
    assert caught.value.place == f"{folder / 'dev.conll'}:3"


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("PLACE", "; 'place' differs only in upper and lower case"),
        ("places", "; the nearest one is 'place'"),
        ("zzz", ""),
    ],
)
def test_a_label_that_training_lacks_is_noted(folder: Path, label: str, hint: str) -> None:
    test = folder / "test.conll"
    test.write_text(f"a O\n\nOslo B-place\n\nb O\nRome B-{label}\nBari B-{label}\n")
    corpus = load_corpus(folder)
    assert corpus.labels == ("person", "place")
    assert labels_of(corpus.test) == tuple(sorted(["place", label]))
    (note,) = corpus.notes
    assert note == (
        f"the test split has labels that the training split lacks: '{label}' (2), the first at "
        f"{test}:6: no model can learn them, and evaluation counts them as missed{hint}"
    )
    assert load_corpus(folder, for_checking=True).notes == ()
    statistics = describe_corpus(corpus)
    assert statistics.labels == tuple(sorted(["person", "place", label]))
    assert len(statistics.examples[label]) == 1


def test_without_a_training_split_no_label_is_new(folder: Path) -> None:
    (folder / "train.conll").unlink()
    (folder / "test.conll").write_text("Rome B-city\n")
    assert load_corpus(folder).notes == ()


def test_labels_are_those_of_all_splits_without_training(folder: Path) -> None:
    (folder / "train.conll").unlink()
    assert load_corpus(folder).labels == ("person", "place")


def test_a_missing_split_is_refused_with_those_there_are() -> None:
    corpus = corpus_of("a")
    with pytest.raises(CorpusError, match="there is no test split") as caught:
        _ = corpus.test
    assert caught.value.expected == "one of: train"
    assert corpus.train == (Document("a"),)


def test_the_sample_is_bundled() -> None:
    corpus = load_corpus("sample")
    assert list(corpus.splits) == ["train", "validation", "test"]
    assert corpus.source == "sample"
    assert corpus.labels


@given(st.lists(documents(scores=True), min_size=1, max_size=3))
def test_the_hash_is_that_of_texts_and_entities(
    tmp_path_factory: pytest.TempPathFactory, found: list[Document]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "hash"
    folder.mkdir(exist_ok=True)
    hashes = {Corpus({"train": tuple(found)}, labels_of(found), "memory").hash}
    for name in ("columns", "spans", "words"):
        write_documents(found, folder / "train.x", name)
        hashes.add(load_corpus(folder, format=name).hash)
    assert len(hashes) == 1


def test_the_hash_differs_where_the_content_does() -> None:
    entity = Entity(0, 1, "a")
    one = Document("ab", (entity,))
    corpora: list[dict[str, tuple[Document, ...]]] = [
        {"train": (one,)},
        {"test": (one,)},
        {"train": (one, one)},
        {"train": (one,), "test": ()},
        {"train": (Document("a"), Document("b"))},
        {"train": (Document("ab"),)},
        {"train": (one.with_entities([Entity(0, 2, "a")]),)},
        {"train": (one.with_entities([Entity(0, 1, "b")]),)},
    ]
    assert len({Corpus(splits, (), "").hash for splits in corpora}) == len(corpora)


def test_holding_out_divides_the_training_split() -> None:
    corpus = corpus_of(*(f"text {number}" for number in range(100)))
    held = corpus.hold_out_validation(0.2)
    assert (len(held.train), len(held.validation)) == (80, 20)
    assert sorted([*held.train, *held.validation], key=repr) == sorted(corpus.train, key=repr)
    assert corpus.hold_out_validation(0.2) == held
    assert corpus.hold_out_validation(0.2, seed=1).validation != held.validation
    backwards = Corpus({"train": corpus.train[::-1]}, (), "here").hold_out_validation(0.2)
    assert set(map(repr, backwards.validation)) == set(map(repr, held.validation))


def test_equal_texts_stay_on_one_side() -> None:
    held = corpus_of(*(f"text {number % 10}" for number in range(100))).hold_out_validation(0.3)
    assert len(held.validation) == 30
    assert not {d.text for d in held.train} & {d.text for d in held.validation}


def test_sentences_of_an_article_stay_together() -> None:
    found = [
        Document(f"{article} {sentence}", meta={} if sentence else {"docstart": ["-DOCSTART-"]})
        for article in range(10)
        for sentence in range(5)
    ]
    held = Corpus({"train": tuple(found)}, (), "").hold_out_validation(0.2)
    articles = [{d.text.split()[0] for d in split} for split in (held.train, held.validation)]
    assert (len(articles[0]), len(articles[1])) == (8, 2)


def test_articles_that_share_a_text_stay_together() -> None:
    start = {"docstart": ["-DOCSTART-"]}
    found = [Document("a", meta=start), Document("s"), Document("b", meta=start), Document("s")]
    with pytest.raises(CorpusError, match="the 4 training documents cannot be divided"):
        Corpus({"train": tuple(found)}, (), "").hold_out_validation(0.5)


def test_holding_out_needs_something_to_divide(folder: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be divided"):
        corpus_of("a", "a").hold_out_validation()
    with pytest.raises(CorpusError, match="the fraction to hold out is 1"):
        corpus_of("a", "b").hold_out_validation(1)
    with pytest.raises(CorpusError, match="a validation split already"):
        load_corpus(folder).hold_out_validation()
    assert len(corpus_of("a", "b").hold_out_validation(0.1).validation) == 1


def test_statistics_count() -> None:
    train = (
        Document("Mira left", (Entity(0, 4, "p"),), (Token(0, 4), Token(5, 9))),
        Document("Mira left", (Entity(0, 4, "p"),), (Token(0, 4), Token(5, 9))),
        Document("Oslo", (Entity(0, 4, "q"),), (Token(0, 4),)),
    )
    test = (Document("MIRA", (Entity(0, 4, "p"),)), Document("Oslo"), Document("Rio"))
    statistics = describe_corpus(Corpus({"train": train, "test": test}, ("p", "q"), "here"))
    first, second = statistics.splits.values()
    assert (first.documents, first.tokens, first.characters) == (3, 5, 22)
    assert (first.entities, first.distinct_entities) == (3, 2)
    assert first.entities_by_label == {"p": 2, "q": 1}
    assert first.lengths == {"min": 4, "p50": 9, "p90": 9, "p99": 9, "max": 9}
    assert (first.duplicates, second.duplicates) == (1, 0)
    assert (second.tokens, first.seen_in_train, second.seen_in_train) == (None, None, 1.0)
    assert statistics.shared_texts == {("train", "test"): 1}
    assert statistics.examples == {"p": (train[0], train[1], test[0]), "q": (train[2],)}
    assert json.loads(json.dumps(statistics.to_dict()))["shared_texts"] == {"train, test": 1}


@needs_wnut
def test_wnut_is_read_as_its_readme_says() -> None:
    statistics = describe_corpus(load_corpus(WNUT))
    counts = {
        name: (split.documents, split.tokens, split.entities, split.distinct_entities)
        for name, split in statistics.splits.items()
    }
    assert counts == {
        "train": (3394, 62730, 1975, 1604),
        "validation": (1009, 15733, 836, 747),
        "test": (1287, 23394, 1079, 955),
    }
    assert statistics.splits["train"].duplicates == 103
    assert statistics.splits["test"].seen_in_train == pytest.approx(0.022, abs=0.0005)
    assert statistics.scheme == "IOB2"


@needs_wnut
@pytest.mark.parametrize("name", ["columns", "spans", "words"])
def test_wnut_survives_every_format(tmp_path: Path, name: str) -> None:
    corpus = load_corpus(WNUT)
    for split, found in corpus.splits.items():
        write_documents(found, tmp_path / f"{split}.x", name, WriteOptions(separator="space"))
    back = load_corpus(tmp_path, format=name)
    assert (back.splits, back.labels) == (corpus.splits, corpus.labels)
    assert back.hash == corpus.hash


def test_documents_know_their_places(folder: Path) -> None:
    corpus = load_corpus(folder)
    assert corpus.place("train", 1) == f"{folder / 'train.conll'}:4"
    assert corpus_of("a", "b").place("train", 1) == "here, train document 1"


def test_a_place_within_a_document_is_that_of_its_token(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text(
        "-DOCSTART- O\n\n# id = 7\n\n# text =  Mira  left\nMira O\nleft O\n\n# text = x\n\na O\n"
    )
    corpus = load_corpus(path)
    assert corpus.place("train", 0) == f"{path}:3"
    lines = [corpus.place_within("train", 0, start) for start in (0, 3, 5, 6, 9)]
    assert lines == [f"{path}:{line}" for line in (6, 6, 6, 7, 7)]
    assert corpus.place_within("train", 1, 0) == f"{path}:9"
    assert corpus.place_within("train", 2, 0) == f"{path}:11"
    assert corpus_of("a").place_within("train", 0, 0) == "here, train document 0"


def test_words_that_all_begin_alike_are_noted_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("en:Mira B-person\nen:left O\n\n" * 50)
    (note,) = load_corpus(path).notes
    assert note.startswith("each of the 100 words of the train split begins with 'en:'")
    assert not load_corpus(path, for_checking=True).notes  # `check` has a rule for them
    path.write_text("en:Mira B-person\nleft O\n\n" * 50)
    assert not load_corpus(path).notes
    path.write_text(f"{'a' * 500} B-person\n\n" * 100)
    (note,) = load_corpus(path).notes
    assert f"begins with '{'a' * 60}…', which" in note


def test_labels_that_training_lacks_are_let_pass_on_request(folder: Path) -> None:
    (folder / "test.conll").write_text("Rome B-city\n")
    corpus = load_corpus(folder, for_checking=True)
    assert corpus.labels == ("person", "place")
    assert labels_of(corpus.test) == ("city",)


def test_each_repaired_tag_is_noted(folder: Path) -> None:
    (folder / "dev.conll").write_text("a B-person\n\nb O\nc I-place\nd I-person\n")
    log = load_corpus(folder, options=ReadOptions(repair=True)).logs["validation"]
    assert [(each.document, each.token, each.place, each.reason) for each in log.faults] == [
        (1, 1, f"{folder / 'dev.conll'}:4", "'I-place' cannot follow 'O' in IOB2"),
        (1, 2, f"{folder / 'dev.conll'}:5", "'I-person' cannot follow 'I-place' in IOB2"),
    ]
    assert [each.other_scheme for each in log.faults] == [TagScheme.IOB1] * 2
    assert log.repaired_documents == 1


def test_places_follow_their_documents_when_a_split_is_divided(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("".join(f"word{n} O\n\n" for n in range(20)))
    divided = load_corpus(path).hold_out_validation(0.25)
    for name, documents_ in divided.splits.items():
        for index, document in enumerate(documents_):
            line = int(document.text.removeprefix("word")) * 2 + 1
            assert divided.place(name, index) == f"{path}:{line}"
            assert divided.place_within(name, index, 0) == f"{path}:{line}"


def test_the_lines_of_tokens_follow_their_documents(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("".join(f"# id = {n}\nword O\nName{n} B-p\n\n" for n in range(8)))
    divided = load_corpus(path).hold_out_validation(0.25)
    for name, documents_ in divided.splits.items():
        for index, document in enumerate(documents_):
            line = 4 * int(document.id or "") + 3
            start = document.entities[0].start
            assert divided.place_within(name, index, start) == f"{path}:{line}"
