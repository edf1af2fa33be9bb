"""Splits and folds: nothing lost, nothing shared, labels alike, the same everywhere."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from nerine.cli import main
from nerine.core.document import Document, Entity, labels_of
from nerine.core.errors import CorpusError, SettingsError
from nerine.data.corpus import Corpus, groups_of, load_corpus
from nerine.data.splitting import divide, fold_corpora, folds, labels_without_training, split_corpus
from strategies import LABELS

START = {"docstart": ["-DOCSTART-"]}
SHARES = (0.8, 0.1, 0.1)


@st.composite
def many_documents(draw: st.DrawFn) -> list[Document]:
    """Short documents: some of one text, some of one article, some with entities."""
    size = draw(st.integers(5, 40))
    texts = draw(st.lists(st.integers(0, 60), min_size=size, max_size=size))
    starts = draw(st.sets(st.integers(0, size - 1), max_size=6))
    return [
        Document(
            f"text {text}",
            tuple(Entity(i, i + 1, draw(st.sampled_from(LABELS))) for i in range(text % 3)),
            meta=START if index in starts else {},
        )
        for index, text in enumerate(texts)
    ]


def counts_of(label: str, found: Sequence[Document], parts: Sequence[Sequence[int]]) -> list[int]:
    """How many documents of each part have `label`."""
    return [sum(label in labels_of([found[index]]) for index in part) for part in parts]


@given(many_documents(), st.integers(2, 4), st.integers(0, 3))
def test_folds_are_a_partition_that_keeps_groups_together(
    found: list[Document], k: int, seed: int
) -> None:
    groups = groups_of(found)
    if len(groups) < k:
        with pytest.raises(CorpusError, match="cannot be divided"):
            folds(found, k, seed)
        return
    parts = folds(found, k, seed)
    assert sorted(index for part in parts for index in part) == list(range(len(found)))
    assert all(part == sorted(part) and part for part in parts)
    owner = {index: number for number, part in enumerate(parts) for index in part}
    assert all(len({owner[index] for index in group}) == 1 for group in groups)


@given(st.lists(st.integers(0, 60), min_size=4, max_size=40, unique=True), st.randoms())
def test_the_order_of_the_documents_does_not_matter(
    numbers: list[int], shuffled: random.Random
) -> None:
    found = [
        Document(f"text {n}", tuple(Entity(i, i + 1, LABELS[n % 3]) for i in range(n % 4)))
        for n in numbers
    ]
    other = shuffled.sample(found, len(found))
    one, two = divide(found, SHARES, 7), divide(other, SHARES, 7)
    assert [{found[index].text for index in part} for part in one] == [
        {other[index].text for index in part} for part in two
    ]


def test_the_result_is_the_same_on_every_machine() -> None:
    found = [Document(f"text {n}", (Entity(0, 1, "ab"[n % 2]),)) for n in range(12)]
    expected = [[5, 6, 8, 11], [1, 2, 4, 9], [0, 3, 7, 10]]
    assert folds(found, 3) == expected
    assert folds(found, 3, seed=1) != expected


def test_labels_are_spread_as_the_shares_say() -> None:
    found = load_corpus("sample").train
    parts = divide(found, SHARES)
    for part, share in zip(parts, SHARES, strict=True):
        assert abs(len(part) - share * len(found)) <= 1
    for label in labels_of(found):
        counts = counts_of(label, found, parts)
        for count, share in zip(counts, SHARES, strict=True):
            assert abs(count - share * sum(counts)) <= 2, label


def test_a_rare_label_is_spread_better_than_by_chance() -> None:
    found = [
        Document(f"text {n}", (Entity(0, 1, "rare"),) if n % 50 == 0 else ()) for n in range(500)
    ]

    def distance(parts: Sequence[Sequence[int]]) -> float:
        return sum(abs(count - 2) for count in counts_of("rare", found, parts))

    ours = [distance(folds(found, 5, seed)) for seed in range(20)]
    chance = []
    for seed in range(20):
        order = random.Random(seed).sample(range(500), 500)
        chance.append(distance([order[start::5] for start in range(5)]))
    assert ours == [0] * 20
    assert sum(chance) / 20 > 2


def test_no_part_is_empty_even_where_one_group_is_most() -> None:
    found = [Document("same", (Entity(0, 1, "a"),))] * 20 + [Document("x"), Document("y")]
    assert sorted(map(len, folds(found, 3))) == [1, 1, 20]
    assert sorted(map(len, divide(found, (0.98, 0.01, 0.01)))) == [1, 1, 20]


@pytest.mark.parametrize("k", [0, 1, -1])
def test_fewer_than_two_folds_are_refused(k: int) -> None:
    with pytest.raises(SettingsError, match=f"the number of folds is {k}"):
        folds([Document("a"), Document("b")], k)


@pytest.fixture
def corpus() -> Corpus:
    """The sample, as one split."""
    return Corpus({"train": load_corpus("sample").train}, (), "here")


def test_a_corpus_is_divided(corpus: Corpus) -> None:
    divided = split_corpus(corpus, validation=0.2, test=0.1)
    sizes = {name: len(found) for name, found in divided.splits.items()}
    assert sizes == {"train": 441, "validation": 126, "test": 63}
    assert Counter(map(repr, corpus.train)) == Counter(
        repr(each) for found in divided.splits.values() for each in found
    )
    assert divided.place("test", 0).startswith("here, train document ")
    assert labels_without_training(divided) == ()
    assert list(split_corpus(corpus, test=0).splits) == ["train", "validation"]
    only = Corpus({"test": corpus.train}, (), "here")
    assert split_corpus(only, test=0).train == split_corpus(corpus, test=0).train


def test_other_splits_stay_or_are_divided_too() -> None:
    sample = load_corpus("sample")
    with pytest.raises(CorpusError, match="there is a validation split already") as caught:
        split_corpus(sample)
    assert "--of all" in (caught.value.hint or "")
    two = Corpus({"train": sample.train, "test": sample.test}, sample.labels, "here")
    divided = split_corpus(two, test=0)
    assert divided.test == sample.test
    assert len(divided.train) + len(divided.validation) == len(sample.train)
    pooled = split_corpus(sample, of="all")
    assert sum(len(found) for found in pooled.splits.values()) == 960
    texts = [{each.text for each in found} for found in pooled.splits.values()]
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]
    with pytest.raises(CorpusError, match="there is no train split"):
        split_corpus(Corpus({"validation": two.train, "test": two.test}, (), "here"))


def test_an_article_ends_with_its_split() -> None:
    article = (Document("a", meta=START), Document("b"))
    plain = tuple(Document(f"{n}") for n in range(8))
    corpus = Corpus({"train": article, "test": plain}, (), "here")
    divided = split_corpus(corpus, of="all", validation=0, test=0.5)
    assert (len(divided.train), len(divided.test)) == (5, 5)


@pytest.mark.parametrize(
    ("validation", "test", "words"),
    [
        (0.5, 0.5, "sum to 1"),
        (0.9, 0.3, r"sum to 1\.2"),
        (0.0, 0.0, "both shares are 0"),
        (-0.1, 0.1, r"validation: the share is -0\.1"),
        (0.1, 1.0, r"test: the share is 1\.0"),
        (0.1, float("nan"), "test: the share is nan"),
    ],
)
def test_shares_that_do_not_fit_are_refused(
    corpus: Corpus, validation: float, test: float, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        split_corpus(corpus, validation=validation, test=test)


def test_folds_are_corpora(corpus: Corpus) -> None:
    corpora = fold_corpora(corpus, 3)
    assert list(corpora) == ["fold-1", "fold-2", "fold-3"]
    tests = [text for each in corpora.values() for text in map(repr, each.test)]
    assert sorted(tests) == sorted(map(repr, corpus.train))
    for each in corpora.values():
        assert len(each.train) + len(each.test) == 630
        assert not {d.text for d in each.train} & {d.text for d in each.test}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    """A file of ten sentences, in a scheme that is to be kept."""
    path = tmp_path / "all.bio"
    path.write_text("".join(f"Mira{n} S-person\nleft O\n\n" for n in range(10)))
    return path


def test_the_command_writes_a_corpus(conll: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "corpus"
    result = run("split", conll, "-o", target, "--validation", "0.2", "--test", "0.2")
    assert result.exit_code == 0
    names = sorted(path.name for path in target.iterdir())
    assert names == ["test.conll", "train.conll", "validation.conll"]
    assert "\tS-person\n" in (target / "train.conll").read_text()
    loaded = load_corpus(target)
    assert {name: len(found) for name, found in loaded.splits.items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }
    row = ["documents", "6", "60.0%", "2", "20.0%", "2", "20.0%"]
    assert row in [line.split() for line in result.stdout.splitlines()]


def test_the_command_writes_folds(conll: Path, tmp_path: Path) -> None:
    target = tmp_path / "folds"
    result = run("split", conll, "-o", target, "--folds", "5", "--to", "brat", "--json")
    shown = json.loads(result.stdout)
    assert shown["parts"]["fold-3"] == {"documents": 2, "entities": {"person": 2}}
    assert shown["written"][str(target / "fold-5" / "test")] == 2
    assert len(load_corpus(target / "fold-1").train) == 8


def test_the_command_says_what_folds_leave_out(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("a B-x\n\nb O\n\nc O\n")
    (tmp_path / "test.conll").write_text("d O\n")
    result = run("split", tmp_path, "-o", tmp_path / "out", "--folds", "2", "--json")
    assert "not in the folds: test" in json.loads(result.stdout)["notes"]
    assert any("label 'x' is in no other" in note for note in json.loads(result.stdout)["notes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--validation", "0.6", "--test", "0.5"], "sum to 1.1"),
        (["--folds", "3", "--test", "0.1"], "--folds cannot be combined"),
        (["--folds", "20"], "the 10 documents cannot be divided into 20 parts"),
        (["--to", "parquet"], "'parquet' is not one of"),
        (["--of", "test"], "Invalid value for '--of'"),
    ],
)
def test_the_command_refuses_what_does_not_fit(
    conll: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run("split", conll, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["all.bio"]


def test_a_label_that_the_new_training_split_does_not_have_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {"text": "b", "entities": [{"start": 0, "end": 1, "label": "rare"}]}
    others = "".join(f'{{"text": "{n}", "entities": []}}\n' for n in range(9))
    path.write_text(f"{json.dumps(record)}\n{others}")
    result = run("split", path, "-o", tmp_path / "out", "--validation", "0.9", "--test", "0")
    assert result.exit_code == 0
    assert (
        "note: no document of the new training split has the labels 'rare': another --seed or "
        "smaller shares may give it some"
    ) in " ".join(result.stdout.split())
    assert "rare" in (tmp_path / "out" / "validation.jsonl").read_text()


def test_a_label_that_only_the_test_split_has_does_not_stop_a_division(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train.conll").write_text("Mira B-person\n\n" * 3 + "Ana B-person\n\nb O\n")
    (tmp_path / "in" / "test.conll").write_text("Oslo B-place\n")
    result = run("split", tmp_path / "in", "-o", tmp_path / "out", "--test", "0", "--json")
    assert result.exit_code == 0
    notes = json.loads(result.stdout)["notes"]
    assert [("'place' (1)" in note, "another --seed" in note) for note in notes] == [(True, False)]
    assert (tmp_path / "out" / "test.conll").read_text().split() == ["Oslo", "B-place"]


def test_the_target_is_left_alone_and_written_whole_or_not_at_all(
    conll: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    result = run("split", conll, "-o", tmp_path / "out")
    assert "the folder is not empty" in result.stderr
    path = tmp_path / "b.jsonl"
    entity = {"start": 0, "end": 1, "label": "a b"}
    records = [{"text": f"{n}", "entities": [entity]} for n in range(9)]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    result = run("split", path, "-o", tmp_path / "new", "--to", "brat")
    assert f"error: {tmp_path / 'new' / 'train'}, document 1: the label" in result.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["all.bio", "b.jsonl", "out"]
