"""Data sets on the hub → corpora: chosen files, checks, and messages."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import Fault, Hub
from hub.samples import TOKEN
from nerine.cli import main
from nerine.core.errors import CorpusError, FormatError, HubError, NerineError
from nerine.data.corpus import Corpus, is_hub_id, load_corpus
from nerine.data.formats import ReadOptions
from nerine.data.hub_datasets.layouts import find_configs, matches
from nerine.data.hub_datasets.metadata import read_metadata, stated_configs, tag_names

datasets = pytest.importorskip("datasets", reason="needs the extra datasets")
pa = pytest.importorskip("pyarrow", reason="needs the extra datasets")
parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra datasets")

REPO = "mira/names"
NAMES = ("O", "B-person", "I-person", "B-place", "I-place")
TEXTS: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "train": [("Mira Okonjo left Lisbon", (1, 2, 0, 3)), ("nobody came", (0, 0))],
    "validation": [("Tandem waits for Mira", (0, 0, 0, 1))],
    "test": [("Porto calls", (3, 0)), ("Ana Reis sings", (1, 2, 0))],
}
README = """\
---
license: mit
configs:
- config_name: default
  data_files: [{split: train, path: "data/train-*"}, {split: test, path: ["data/test-*"]}]
dataset_info:
  features:
  - name: id
    dtype: string
  - name: tokens
    sequence: string
  - name: ner_tags
    %s:
      class_label:
        names: %s
---
# Names
"""


datasets.disable_progress_bars()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, the hub may not be asked."""
    return lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def records(split: str, *, shift: int = 0) -> list[dict[str, Any]]:
    return [
        {"id": str(number + shift), "tokens": text.split(), "ner_tags": list(tags)}
        for number, (text, tags) in enumerate(TEXTS[split])
    ]


def table(split: str = "train", *, named: bool = True, rows: list[Any] | None = None) -> bytes:
    """Parquet as `datasets` writes it, or with bare numbers for tags."""
    rows = records(split) if rows is None else rows
    stream = io.BytesIO()
    if not named:
        parquet.write_table(pa.Table.from_pylist(rows), stream)
        return stream.getvalue()
    features = {
        "id": datasets.Value("string"),
        "tokens": datasets.List(datasets.Value("string")),
        "ner_tags": datasets.List(datasets.ClassLabel(names=list(NAMES))),
    }
    found = datasets.Dataset.from_list(rows, features=datasets.Features(features))
    found.to_parquet(stream)
    return stream.getvalue()


def lines(split: str = "train") -> bytes:
    """JSON lines with numbers for tags."""
    return "".join(f"{json.dumps(each)}\n" for each in records(split)).encode()


def columns(split: str = "train") -> bytes:
    sentences = [
        "".join(f"{word}\t{NAMES[tag]}\n" for word, tag in zip(text.split(), tags, strict=True))
        for text, tags in TEXTS[split]
    ]
    return "\n".join(sentences).encode()


def three(
    pattern: str = "{}.parquet", make: Callable[[str], bytes] | None = None
) -> dict[str, bytes]:
    """A file for each split, called by a pattern."""
    return {pattern.format(split): (make or table)(split) for split in TEXTS}


def publish(hub: Hub, files: Mapping[str, bytes], name: str = REPO, **options: Any) -> str:
    return hub.add_repo(name, files, kind="dataset", **options).oid


def texts(corpus: Corpus) -> dict[str, list[str]]:
    return {split: [each.text for each in found] for split, found in corpus.splits.items()}


def refusal(source: str = REPO, kind: type[NerineError] = HubError, **how: Any) -> NerineError:
    with pytest.raises(NerineError) as caught:
        load_corpus(source, **how)
    assert type(caught.value) is kind, caught.value
    return caught.value


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def asked_for(hub: Hub) -> set[str]:
    """The names of the files that were asked for, or about."""
    return {each.path.rpartition("/")[2] for each in hub.requests if "/resolve/" in each.path}


@pytest.fixture
def local_hash(tmp_path: Path) -> str:
    """The hash of the same corpus in a folder."""
    folder = tmp_path / "local"
    folder.mkdir()
    for name, content in three().items():
        (folder / name).write_bytes(content)
    return load_corpus(folder).hash


# --- what is read


@pytest.mark.parametrize(
    ("names", "make"),
    [
        ("{}.parquet", table),
        ("data/{}-00000-of-00001.parquet", table),
        ("data/{}-00000-of-00001-3f1c0de4a2b94c55.parquet", table),
        ("names/{}/0000.parquet", table),
        ("{}.conll", columns),
        ("names.{}", columns),
    ],
)
def test_a_data_set_is_what_the_same_files_in_a_folder_are(
    hub: Hub, local_hash: str, names: str, make: Callable[[str], bytes]
) -> None:
    files = three(names, make)
    if names == "names.{}":  # as CoNLL-2003 has them
        ends = zip(("train", "testa", "testb"), files.values(), strict=True)
        files = {f"eng.{end}": content for end, content in ends}
    commit = publish(hub, {**files, "README.md": b"# Names", "other.py": b"1 / 0"})
    corpus = load_corpus(REPO)
    assert corpus.hash == local_hash
    assert corpus.source == f"{REPO}@{commit}"
    assert (corpus.notes, corpus.labels) == ((), ("person", "place"))
    assert list(corpus.splits) == ["train", "validation", "test"]
    assert asked_for(hub).isdisjoint({"other.py"})


def test_rows_are_those_that_datasets_reads(hub: Hub) -> None:
    shards = {"data/train-00001-of-00002.parquet": table("test")}
    shards |= {"data/train-00000-of-00002.parquet": table(), "data/test-0.parquet": table("test")}
    readme = README % ("sequence", list(NAMES))
    publish(hub, {**shards, "README.md": readme.replace("test-*", "test-0*").encode()})
    found = datasets.load_dataset(REPO)
    corpus = load_corpus(REPO)
    assert list(corpus.splits) == list(found)
    for split, documents in corpus.splits.items():
        assert [each.id for each in documents] == found[split]["id"]
        for document, row in zip(documents, found[split], strict=True):
            assert document.tokens is not None
            assert [document.surface(each) for each in document.tokens] == row["tokens"]
            tagged = {
                token.start
                for token, tag in zip(document.tokens, row["ner_tags"], strict=True)
                if NAMES[tag].startswith("B-")
            }
            assert {each.start for each in document.entities} == tagged


@pytest.mark.parametrize("key", ["sequence", "list"])
@pytest.mark.parametrize("names", [list(NAMES), {str(n): name for n, name in enumerate(NAMES)}])
def test_a_readme_names_the_tags_of_files_that_have_numbers(
    hub: Hub, local_hash: str, key: str, names: object
) -> None:
    files = {
        "data/train-0.parquet": table(named=False),
        "data/validation-0.jsonl": lines("validation"),
        "data/test-0.parquet": table("test", named=False),
        "README.md": (README % (key, json.dumps(names)))
        .replace("path: [", "path: [data/none-*], x: [")
        .replace("configs:", "stated:")
        .encode(),
    }
    publish(hub, files)
    assert load_corpus(REPO).hash == local_hash
    bare = {name: content for name, content in files.items() if name != "README.md"}
    publish(hub, bare, "mira/bare")
    assert "without names" in refusal("mira/bare", FormatError).found
    options = ReadOptions(tag_names=NAMES)
    assert load_corpus("mira/bare", options=options).hash == local_hash


@pytest.mark.parametrize(
    "entities",
    [
        "list: [{name: start, dtype: int32}, {name: label, dtype: {class_label: {names: [a, b]}}}]",
        "sequence: [{name: label, dtype: {class_label: {names: {'0': a, '1': b}}}}]",
        "struct: [{name: label, list: {class_label: {names: [a, b]}}}]",
        "list: {struct: [{name: label, dtype: {class_label: {names: [a, b]}}}]}",
    ],
)
def test_labels_of_entities_are_named_by_the_readme(hub: Hub, entities: str) -> None:
    readme = f"---\ndataset_info:\n  features:\n  - name: entities\n    {entities}\n---\n"
    spans = [{"start": 5, "end": 11, "label": 1}]
    rows = table(named=False, rows=[{"text": "Mira Okonjo", "entities": spans}])
    publish(hub, {"README.md": readme.encode(), "train.parquet": rows})
    (document,) = load_corpus(REPO).train
    assert [(document.surface(each), each.label) for each in document.entities] == [("Okonjo", "b")]


def test_tables_are_read_from_the_hub(hub: Hub) -> None:
    row = "sentence_id,words,labels\n0,{0},B-person\n0,left,O\n"
    publish(hub, three("{}.csv", lambda split: row.format(split).encode()))
    corpus = load_corpus(REPO)
    assert {name: documents[0].text for name, documents in corpus.splits.items()} == {
        split: f"{split} left" for split in TEXTS
    }


def test_names_in_the_file_go_before_those_of_the_readme(hub: Hub) -> None:
    wrong = README % ("sequence", ["O", "B-a", "I-a", "B-b", "I-b"])
    shards = {f"data/{split}-0.parquet": table(split) for split in ("train", "test")}
    publish(hub, {**shards, "README.md": wrong.encode()})
    assert load_corpus(REPO).labels == ("person", "place")


def test_columns_of_other_names_can_be_given(hub: Hub) -> None:
    rows = [{"w": each["tokens"], "t": each["ner_tags"]} for each in records("train")]
    readme = (README % ("sequence", list(NAMES))).replace("name: ner_tags", "name: t")
    readme = readme.replace(', {split: test, path: ["data/test-*"]}', "")
    files = {"data/train-0.parquet": table(rows=rows, named=False), "README.md": readme.encode()}
    publish(hub, files)
    assert refusal(REPO, FormatError).found.endswith("the fields are: w, t")
    corpus = load_corpus(REPO, options=ReadOptions(token_column="w", tag_column="t"))
    assert texts(corpus) == {"train": [text for text, _ in TEXTS["train"]]}


def test_a_script_is_passed_over_for_what_the_hub_made_of_it(hub: Hub, local_hash: str) -> None:
    canary = "open('canary', 'w').close()"
    publish(hub, {"names.py": canary.encode(), "README.md": b"", "data.zip": b"PK"})
    parts = three("names/{}/0000.parquet")
    made = hub.add_commit(
        REPO, parts, kind="dataset", branch="refs/convert/parquet", delete=("names.py",)
    ).oid
    corpus = load_corpus(REPO)
    assert (corpus.hash, corpus.source) == (local_hash, f"{REPO}@{made}")
    (note,) = corpus.notes
    assert "the hub's conversion to Parquet is read" in note
    assert [each.path for each in hub.requests if "names.py" in each.path] == []
    assert not Path("canary").exists()
    assert load_corpus(f"{REPO}@refs/convert/parquet").source == corpus.source
    assert load_corpus(corpus.source).hash == local_hash


def test_a_script_says_more_than_the_files_beside_it(
    hub: Hub, local_hash: str, offline: Callable[[], None]
) -> None:
    files = {f"dataset/{split}.json": lines(split) for split in TEXTS}
    publish(hub, files | {"names.py": b"1 / 0"})
    assert "without names" in refusal(REPO, FormatError).found
    options = ReadOptions(tag_names=NAMES)
    corpus = load_corpus(REPO, options=options)
    assert (corpus.hash, corpus.config) == (local_hash, "dataset")
    assert corpus.notes == (
        f"{REPO}: its files are read as they are, and its script names.py is not run",
    )
    offline()
    assert load_corpus(REPO, options=options).hash == local_hash
    constants.HF_HUB_OFFLINE = False
    made = three("names/{}/0000.parquet")
    hub.add_commit(REPO, made, kind="dataset", branch="refs/convert/parquet", delete=(*files,))
    assert load_corpus(REPO).hash == local_hash
    offline()
    assert load_corpus(REPO).hash == local_hash
    assert [each.path for each in hub.requests if "names.py" in each.path] == []


def test_languages_in_files_of_their_own_are_splits_to_be_stated(hub: Hub) -> None:
    names = [f"{split}/{split}_{language}.parquet" for split in TEXTS for language in ("de", "en")]
    publish(hub, dict.fromkeys(names, table()))
    assert "'train_de' and 'train_en' both look" in refusal(REPO, CorpusError).found
    corpus = load_corpus(REPO, splits={"train": "train_en", "test": "test_de"})
    assert list(corpus.splits) == ["train", "test"]


def test_a_script_alone_is_refused_and_never_fetched(hub: Hub) -> None:
    commit = publish(hub, {"names.py": b"1 / 0", "README.md": b""})
    error = refusal()
    assert error.found == "the repository holds no files that can be read as a corpus"
    assert error.hint == "it holds README.md, names.py"
    hub.add_commit(REPO, three(), kind="dataset", branch="refs/convert/parquet")
    assert "owner" not in str(refusal(f"{REPO}@{commit}"))  # the conversion is of another state
    assert [each.path for each in hub.requests if "names.py" in each.path] == []


def test_a_part_of_a_split_is_said_to_be_one(hub: Hub) -> None:
    publish(hub, {"default/partial-train/0000.parquet": table()})
    (note,) = load_corpus(REPO).notes
    assert "partial-train is only the part of a split that was converted" in note


# --- configurations and splits


def test_one_of_several_configurations_is_named(hub: Hub) -> None:
    publish(
        hub, {"en/train.jsonl": columns()} | three("en/{}.parquet") | three("de/{}.conll", columns)
    )
    error = refusal(REPO, CorpusError)
    assert error.found == "the data set has 2 configurations"
    assert error.expected == "one of: de, en"
    assert error.hint == "name one with --config NAME (config=…)"
    assert "unknown configuration 'fr'" in refusal(REPO, CorpusError, config="fr").found
    german = load_corpus(REPO, config="de")
    assert german.config == "de"
    assert refusal(config="en").hint == "choose one with --format (format=…)"
    assert load_corpus(REPO, config="en", format="parquet").hash == german.hash


def test_the_default_configuration_is_taken(hub: Hub) -> None:
    publish(hub, three("{}.parquet") | three("more/{}.parquet"))
    assert load_corpus(REPO).config == "default"
    readme = "---\nconfigs:\n- {config_name: a, data_dir: more}\n- {config_name: b, default: true"
    readme += ", data_files: 'tr*.parquet'}\n---\n"
    hub.add_commit(REPO, {"README.md": readme.encode()}, kind="dataset")
    corpus = load_corpus(REPO)
    assert (corpus.config, list(corpus.splits)) == ("b", ["train"])
    assert len(load_corpus(REPO, config="a").splits) == 3


def test_splits_of_other_names_are_stated(hub: Hub) -> None:
    years = {f"data/{name}-0.parquet": table() for name in ("train_2020", "train_2021")}
    publish(hub, years | {"data/test_2021-0.parquet": table("test")})
    error = refusal(REPO, CorpusError)
    assert error.found == "'train_2020-0' and 'train_2021-0' both look like the train split"
    assert "--corpus-splits train=NAME" in (error.hint or "")
    hub.forget_requests()
    corpus = load_corpus(REPO, splits={"train": "train_2021-0"})
    assert list(corpus.splits) == ["train"]
    assert asked_for(hub) == {"train_2021-0.parquet"}
    known = "one of: test_2021-0, train_2020-0, train_2021-0"
    assert refusal(REPO, CorpusError, splits={"test": "test"}).expected == known


def test_a_split_that_is_not_read_is_named(hub: Hub) -> None:
    publish(hub, three() | {"train_old.parquet": table("test")})
    corpus = load_corpus(REPO)
    assert len(corpus.train) == 2
    assert corpus.notes == (f"{REPO}: splits that are not read: train_old",)


@pytest.mark.parametrize(
    "files",
    [("train.parquet", "data/train.parquet"), ("train.parquet", "train/0000.parquet")],
)
def test_two_tables_are_not_taken_for_shards_of_one(hub: Hub, files: tuple[str, ...]) -> None:
    publish(hub, dict.fromkeys(files, table()))
    hub.add_commit(
        REPO, {"a/train/0.parquet": table()}, kind="dataset", branch="refs/convert/parquet"
    )
    assert "both look like the train split" in refusal().found


def test_parts_in_the_folder_of_a_split_are_one_table(hub: Hub) -> None:
    publish(hub, {f"train/en/{part}.parquet": table() for part in "ab"})
    corpus = load_corpus(REPO)
    assert (corpus.config, len(corpus.train)) == ("en", 4)


def test_one_table_alone_is_for_training(hub: Hub) -> None:
    publish(hub, {"names.parquet": table(), "README.md": b"# Names", "dataset_infos.json": b"{}"})
    assert list(load_corpus(REPO).splits) == ["train"]


def test_a_shard_that_is_not_there_is_missed(hub: Hub) -> None:
    publish(hub, {"data/train-00000-of-00002.parquet": table()})
    assert "data/train 2 of 2 is missing" in refusal().found


@pytest.mark.parametrize(
    ("configs", "found"),
    [
        ("[{data_files: 'https://elsewhere/train.parquet'}]", "has no such file"),
        ("[{data_files: '../../../etc/passwd.txt'}]", "has no such file"),
        ("[{data_files: 'weights.bin'}]", "which ends on none of"),
        ("[{data_files: 'train.spacy'}]", "which ends on none of"),
        ("[{config_name: [1]}]", "is not a string"),
        ("*a", "the metadata of README.md cannot be read"),
        ("[{data_files: [{split: [a], path: train.spacy}]}]", "no files that can be read"),
        ("!!python/object/apply:os.system [touch canary]", "README.md cannot be read"),
    ],
)
def test_a_readme_of_a_stranger_is_not_trusted(hub: Hub, configs: str, found: str) -> None:
    readme = f"---\nconfigs: {configs}\n---\n".encode()
    publish(hub, {"README.md": readme, "weights.bin": b"\x80\x04", "train.spacy": b"x"})
    assert found in refusal().found
    assert {each.host for each in hub.requests} == {"hub"}
    assert asked_for(hub) == {"README.md"}
    assert not Path("canary").exists()


def test_metadata_that_is_nested_too_deeply_or_too_large(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    for content in (
        f"---\nconfigs: {'[' * 2000}{']' * 2000}\n---\n",
        "#" * 3_000_000,
        "---\n- a\n---\n",
    ):
        readme.write_text(content)
        with pytest.raises(HubError, match="README"):
            read_metadata(readme, REPO)


@pytest.mark.parametrize("configs", ["1", "{a: b}", "[1, [], null]", "[{data_files: {a: 1}}]"])
def test_odd_metadata_is_none(hub: Hub, configs: str) -> None:
    readme = f"---\nconfigs: {configs}\ndataset_info: {configs}\n---\n".encode()
    publish(hub, {"README.md": readme} | three())
    assert len(load_corpus(REPO).splits) == 3


KEYS = (
    *("configs", "config_name", "data_files", "data_dir", "split", "path", "default"),
    *("dataset_info", "features", "name", "sequence", "list", "class_label", "names"),
    *("struct", "dtype"),
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["train", "data/*", "", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["configs", "dataset_info"]), ODD))
def test_any_metadata_gives_configurations_or_an_error(metadata: dict[str, Any]) -> None:
    try:
        stated = stated_configs(metadata, REPO)
    except HubError:
        stated = []
    for config in find_configs(["data/train.parquet", "a.bin"], stated, {".parquet"}):
        if not config.flaw:
            assert set().union(*config.splits.values()) <= {"data/train.parquet"}
    for column, names in tag_names(metadata, "default").items():
        assert {type(each) for each in (column, *names)} == {str}


def test_files_that_run_code_are_never_candidates(hub: Hub) -> None:
    names = ("train.pkl", "train.pt", "train.py", "train.arrow", "train.spacy")
    publish(hub, dict.fromkeys(names, b"\x80\x04."))
    assert "no files that can be read" in refusal().found
    assert "'docbin' is not read from the hub" in refusal(REPO, CorpusError, format="docbin").found
    assert asked_for(hub) == set()


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "train-0.x"]), min_size=1, max_size=4),
    st.lists(
        st.sampled_from(["a", "*", "?", "**", "a*", "train-*", "[ab]"]), min_size=1, max_size=4
    ),
)
def test_patterns_match_as_those_of_folders(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], pieces: list[str]
) -> None:
    """The oracle is pathlib's glob, to which a last `**` means folders only."""
    pieces = [*pieces, "*"] if pieces[-1] == "**" else pieces
    folder = tmp_path_factory.mktemp("glob")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert matches("/".join(parts), "/".join(pieces)) == (path in folder.glob("/".join(pieces)))


def test_a_pattern_that_is_made_to_take_long_does_not() -> None:
    began = time.perf_counter()
    assert not matches("/".join("a" * 240), "/".join(["**", "a"] * 400) + "/b")
    assert time.perf_counter() - began < 2


# --- what goes wrong


def test_each_refusal_has_its_words(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_user("mira", token=TOKEN)
    publish(hub, three(), "mira/private", private=True)
    publish(hub, three(), "mira/gated", gated=True)
    publish(hub, three())
    assert "no such dataset repository" in refusal("mira/nothing").found
    assert "it is private and nobody is logged in" in refusal("mira/private").found
    assert "gated" in refusal("mira/gated").found
    assert "no revision 'v9'" in refusal(f"{REPO}@v9").found
    assert "no revision 'v9'" in refusal(REPO, revision="v9").found
    assert "no repository on the hub can have this name" in refusal("mira/na--mes").found
    assert "no repository on the hub can have this name" in refusal(f"{REPO}@../../x").found
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert load_corpus("mira/private").labels == ("person", "place")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 429, "retry_after": 7, "path": "/api/datasets"}, "asked too often (HTTP 429)"),
        ({"status": 503, "path": "/api/datasets"}, "the hub fails (HTTP 503)"),
        ({"alter": True, "path": "/storage/"}, "is not what the hub lists"),
        ({"cut_download": 99, "path": "/storage/"}, "could not be reached: peer closed"),
    ],
)
def test_what_fails_is_tried_again_and_then_said(
    hub: Hub, local_hash: str, fault: dict[str, Any], said: str
) -> None:
    publish(hub, three())
    hub.fault(Fault(**fault, times=1))
    assert load_corpus(REPO).hash == local_hash
    publish(hub, three(), "mira/other")
    hub.fault(Fault(**fault, times=None))
    assert said in refusal("mira/other").found
    hub.mend()
    assert load_corpus("mira/other").hash == local_hash


@pytest.mark.parametrize(
    "fault", [{"alter": True}, {"truncate": 100}, {"body": b"PAR1"}, {"cut_download": 100}]
)
def test_what_does_not_arrive_whole_is_never_read(hub: Hub, fault: dict[str, Any]) -> None:
    publish(hub, three())
    hub.fault(Fault(path="/storage/", times=None, **fault))
    refusal()
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.parquet"))


def test_a_file_that_lies_is_an_error_with_its_place(hub: Hub) -> None:
    publish(hub, {"train.parquet": b"PAR1" + table()[4:-40] + table()[-30:]})
    assert "this is not a valid Parquet file" in refusal(REPO, FormatError).found


def test_offline_the_cache_has_to_do(
    hub: Hub, local_hash: str, offline: Callable[[], None]
) -> None:
    commit = publish(hub, three() | {"en/train.parquet": table()})
    load_corpus(REPO)
    hub.forget_requests()
    offline()
    corpus = load_corpus(REPO)
    assert (corpus.hash, corpus.notes) == (local_hash, ())
    assert load_corpus(f"{REPO}@{commit}").hash == local_hash
    assert hub.requests == []
    error = refusal(config="en")
    assert "en/train.parquet is not in the cache" in error.found
    assert "the same command; without the hub, a folder" in (error.hint or "")


def test_offline_and_cold_says_how_to_go_on(hub: Hub, offline: Callable[[], None]) -> None:
    publish(hub, three())
    load_corpus(REPO)
    offline()
    error = refusal("mira/else@v1")
    assert "HF_HUB_OFFLINE is set" in error.found
    assert error.place == "mira/else@v1, which is not a local folder"
    assert error.expected == f"one of what is cached, whole or in part: {REPO}"
    assert "nerine describe mira/else@v1" in (error.hint or "")
    assert "'sample'" in (error.hint or "")


def test_a_hub_out_of_reach_leaves_the_cache_and_a_note(hub: Hub, local_hash: str) -> None:
    commit = publish(hub, three())
    load_corpus(REPO)
    hub.fault(Fault(status=503, times=None))
    corpus = load_corpus(REPO)
    assert (corpus.hash, corpus.source) == (local_hash, f"{REPO}@{commit}")
    assert "the hub fails (HTTP 503)" in corpus.notes[0]
    hub.forget_requests()
    assert load_corpus(f"{REPO}@{commit}").notes == ()
    assert hub.requests == []


def test_half_of_a_corpus_is_never_taken_for_all(hub: Hub, offline: Callable[[], None]) -> None:
    shards = {f"data/train-{n}.parquet": table() for n in "ab"}
    readme = b"---\nconfigs: [{data_files: 'data/*'}]\n---\n"
    commit = publish(hub, shards | {"README.md": readme})
    hub.fault(Fault(path="train-b", status=500, times=None))
    refusal()
    hub.mend()
    offline()
    assert "data/train-b.parquet is not in the cache" in refusal(f"{REPO}@{commit}").found


def test_the_list_in_the_cache_does_not_disturb_others(hub: Hub) -> None:
    from huggingface_hub import scan_cache_dir

    publish(hub, three())
    load_corpus(REPO)
    found = scan_cache_dir()
    assert found.warnings == []
    assert [repo.repo_id for repo in found.repos] == [REPO]


def test_what_another_program_fetched_is_used_with_a_note(
    hub: Hub, local_hash: str, offline: Callable[[], None]
) -> None:
    from huggingface_hub import snapshot_download

    publish(hub, three())
    snapshot_download(REPO, repo_type="dataset")
    offline()
    corpus = load_corpus(REPO)
    assert corpus.hash == local_hash
    assert corpus.notes == (f"{REPO}: whether the cache has all of its files is not known",)


def test_the_token_stays_at_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_user("mira", token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    publish(hub, three(), private=True)
    load_corpus(REPO)
    hosts = {each.host for each in hub.requests if TOKEN in str(each.headers)}
    assert hosts == {"hub"}
    assert {each.host for each in hub.requests} == {"hub", "storage"}
    kept = [path for path in Path(constants.HF_HOME).rglob("*") if path.is_file()]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []


def test_no_file_is_written_outside_of_the_cache(hub: Hub) -> None:
    publish(hub, three() | {"../../../train.parquet": table()})
    assert "made to write elsewhere" in (refusal().hint or "")
    assert asked_for(hub) == set()


def test_nothing_but_the_hub_is_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` asks storage of its own; here each connection goes to the hub for tests."""
    reached: list[str] = []
    connect = socket.create_connection

    def counting(address: Any, *rest: Any, **options: Any) -> Any:
        reached.append(address[0])
        return connect(address, *rest, **options)

    monkeypatch.setattr(socket, "create_connection", counting)
    publish(hub, three())
    load_corpus(REPO)
    assert set(reached) == {"127.0.0.1"}


# --- on the command line and in records


def test_a_run_records_the_commit_and_the_configuration(hub: Hub, tmp_path: Path) -> None:
    from nerine.cli.optimize import corpus_to_measure_on
    from nerine.cli.options import CorpusOptions
    from nerine.training.initialization import run_provenance
    from nerine.training.recipes import recipe

    commit = publish(hub, three("en/{}.parquet") | three("de/{}.parquet"))
    corpus = load_corpus(REPO, config="en")
    made = run_provenance(corpus, recipe("default"), corpus.hash, {})
    assert made["corpus"]["source"] == f"{REPO}@{commit}"
    assert made["corpus"]["config"] == "en"
    (tmp_path / "nerine.json").write_text(json.dumps({"provenance": made}))
    reading = CorpusOptions(None, None, None, ReadOptions())
    again, source = corpus_to_measure_on(str(tmp_path), None, reading)
    assert (again.hash, source) == (corpus.hash, corpus.source)


@pytest.mark.parametrize("name", [REPO, f"{REPO}@main", "a/b@refs/convert/parquet", "a/b@v1.0"])
def test_ids_of_the_hub(name: str) -> None:
    assert is_hub_id(name)


@pytest.mark.parametrize("name", ["a@b", "./a/b@c", "a/b/c@d", "a/b.conll", "a\\b/c@d"])
def test_what_is_no_id_of_the_hub(name: str) -> None:
    assert not is_hub_id(name)


def test_commands_take_a_corpus_of_the_hub(hub: Hub, tmp_path: Path, local_hash: str) -> None:
    commit = publish(hub, three("en/{}.parquet") | three("de/{}.parquet"))
    done = run("describe", REPO, "--config", "en", "--json")
    described = json.loads(done.stdout)
    assert (described["source"], described["hash"]) == (f"{REPO}@{commit}", local_hash)
    done = run(
        "describe", f"{REPO}@{commit}", "--config", "en", "--corpus-splits", "test=train", "--json"
    )
    assert list(json.loads(done.stdout)["splits"]) == ["test"]
    assert run("check", f"{REPO}@main", "--config", "de", "--fail-on", "never").exit_code == 0
    target = tmp_path / "here"
    assert run("convert", REPO, target, "--to", "spans", "--config", "de").exit_code == 0
    assert load_corpus(target).hash == local_hash
    done = run("describe", REPO)
    assert (done.exit_code, "one of: de, en" in done.stderr) == (2, True)


@pytest.mark.parametrize("given", ["train", "train=", "train=a,train=b", "dev=a"])
def test_splits_that_say_nothing_are_refused(hub: Hub, given: str) -> None:
    publish(hub, three())
    done = run("describe", REPO, "--corpus-splits", given)
    assert (done.exit_code, "splits" in done.stderr) == (2, True)


def test_names_of_strangers_are_shown_escaped(hub: Hub) -> None:
    evil = "\\e[2J\\e]0;x\\a"
    readme = f'---\nconfigs: [{{config_name: "{evil}", data_files: "n{evil}"}}]\n---\n'
    publish(hub, {"README.md": readme.encode()} | three())
    done = run("describe", REPO)
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
