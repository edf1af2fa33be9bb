"""Cases about corpora: folders with splits, saved data sets, data sets on the hub, formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from hints import Case, run
from nerine.core.document import plain_line
from nerine.data.corpus import load_corpus

INES, BO = "Ines\tB-PER\nran\tO\n", "Bo\tB-PER\nran\tO\n"
SHOWN = ["[Ines](PER) ran"]
RECORD = {"text": "Ines ran", "entities": [{"start": 0, "end": 4, "label": "PER"}]}
LINE = f"{json.dumps(RECORD)}\n"
SPLITS = {"train.conll": INES, "dev.conll": BO, "test.conll": BO}
WORDS = json.dumps({"tokens": ["Ines", "ran"], "ner_tags": ["B-PER", "O"]}) + "\n"


def training(source: str, **how: Any) -> list[str]:
    return [plain_line(each) for each in load_corpus(source, **how).train]


def saved(*names: str) -> Callable[[], None]:
    """Saves a data set with splits of these names in the folder `corpus`."""

    def make() -> None:
        datasets = pytest.importorskip("datasets", reason="needs the extra datasets")
        datasets.disable_progress_bars()
        rows = {"tokens": [["Ines", "ran"]], "ner_tags": [["B-PER", "O"]]}
        found = datasets.Dataset.from_dict(rows)
        datasets.DatasetDict(dict.fromkeys(names, found)).save_to_disk("corpus")

    return make


def in_folder(name: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{name}/{path}": content for path, content in files.items()}


def fetched(name: str, file: str = "") -> list[str]:
    huggingface_hub.snapshot_download(name, repo_type="dataset", local_dir="fetched")
    return training(f"fetched/{file}")


def written_predictions(option: str) -> list[list[str]]:
    """The labels of the predictions in a file of Label Studio that is written."""
    code, output = run(f"convert in.conll out.json --as-predictions mine {option}")
    assert code == 0, output
    (task,) = json.loads(Path("out.json").read_text(encoding="utf-8"))
    return [each["value"]["labels"] for each in task["predictions"][0]["result"]]


UNIVERSAL = "# global.columns = ID FORM NER\n1\tInes\tB-PER\n2\tran\tO\n\n"
MANY = "".join(f"{json.dumps({**RECORD, 'text': f'Ines ran {n}'})}\n" for n in range(9))
CONVERT = "convert in.xyz out.jsonl"

CASES = {
    "an unknown extension": Case(
        CONVERT,
        {"in.xyz": "Ines ran"},
        changes={"in.xyz": LINE},
        then=f"{CONVERT} --format spans",
        right=SHOWN,
    ),
    "a spreadsheet": Case(
        "convert in.xlsx out.jsonl",
        {"in.xlsx": b"PK\x03\x04\x14\x00"},
        changes={"in.csv": 'text,entities\nInes ran,"[[0, 4, ""PER""]]"\n'},
        then="convert in.csv out.jsonl",
        right=SHOWN,
    ),
    "a packed file": Case(
        "convert in.jsonl.gz out.jsonl",
        {"in.jsonl.gz": gzip.compress(LINE.encode())},
        changes={"in.jsonl": LINE},
        then="convert in.jsonl out.jsonl",
        right=SHOWN,
    ),
    "an unknown extension of a table": Case(
        "convert in.xyz out.jsonl --token-column A --tag-column B",
        {"in.xyz": "A,B\nInes,B-PER\nran,O\n\n"},
        {"--format csv": SHOWN},
    ),
    "an unknown extension of a corpus": Case(
        "describe in.xyz --token-column A --tag-column B",
        {"in.xyz": "A,B\nInes,B-PER\nran,O\n\n"},
        {"--format csv": "PER"},
    ),
    "an unknown extension to be written": Case(
        "convert in.conll out.xyz", {"in.conll": INES}, {"--to spans": SHOWN}
    ),
    "predictions in a format without them": Case(
        "convert in.conll out.json --as-predictions mine",
        {"in.conll": INES},
        then=lambda: written_predictions("--to label-studio"),
        right=[["PER"]],
    ),
    "an unknown extension of a split": Case(
        "describe corpus",
        in_folder("corpus", {"train.data": INES, "dev.data": BO}),
        {"--format columns": "PER"},
    ),
    "two files of one split": Case(
        lambda: training("corpus"),
        in_folder("corpus", {**SPLITS, "train_old.conll": BO}),
        changes={"corpus/train_old.conll": None, "old/train_old.conll": BO},
        right=SHOWN,
    ),
    "a folder without splits": Case(
        "describe corpus",
        in_folder("corpus", {"all.conll": INES}),
        then="convert corpus/all.conll out.jsonl",
        right=SHOWN,
    ),
    "documents that belong together": Case(
        "split in.jsonl -o corpus",
        {"in.jsonl": LINE * 4},
        changes={"in.jsonl": MANY},
        right="train",
    ),
    "a split that is there": Case(
        "split corpus -o new",
        in_folder("corpus", {"train.jsonl": MANY, "dev.jsonl": LINE}),
        {"--validation 0": "test", "--of all -o other": "test"},
    ),
    "an unknown split of a saved data set": Case(
        "describe corpus --corpus-splits learning=first",
        make=saved("first", "second"),
        then="describe corpus --corpus-splits train=first,test=second",
        right="train",
    ),
    "two splits that look alike": Case(
        "describe corpus",
        make=saved("train_2020", "train_2021", "test"),
        then="describe corpus --corpus-splits train=train_2021,test=test",
        right="train",
    ),
    "splits with other names": Case(
        "describe corpus",
        make=saved("first", "second"),
        then="describe corpus --corpus-splits train=first,test=second",
        right="train",
    ),
    "a data set while the hub may not be asked": Case(
        "describe mira/offline", then="describe sample", right="train"
    ),
    "a folder in the place of a data set": Case(
        "describe mira/offline",
        changes=in_folder("mira/offline", SPLITS),
        right="train",
    ),
    "several configurations on the hub": Case(
        lambda: training("mira/configs"),
        hub={"mira/configs": {"en/train.conll": INES, "de/train.conll": BO}},
        then=lambda: training("mira/configs", config="en"),
        right=SHOWN,
    ),
    "several configurations on the command line": Case(
        "describe mira/options",
        hub={"mira/options": {"en/train.conll": INES, "de/train.conll": BO}},
        then="describe mira/options --config en",
        right="train",
    ),
    "several kinds of files on the hub": Case(
        lambda: training("mira/kinds"),
        hub={"mira/kinds": {"train.conll": BO, "train.jsonl": WORDS}},
        then=lambda: training("mira/kinds", format="words"),
        right=SHOWN,
    ),
    "a format that is not read from the hub": Case(
        lambda: training("mira/universal", format="conllu"),
        hub={"mira/universal": {"train.conllu": UNIVERSAL}},
        then=lambda: fetched("mira/universal"),
        right=SHOWN,
    ),
    "a script on the hub": Case(
        lambda: training("mira/script"),
        hub={"mira/script": {"script.py": "1 / 0", "all.data": INES}},
        then=lambda: fetched("mira/script", "all.data"),
        right=SHOWN,
    ),
    "two tables of one split on the hub": Case(
        lambda: training("mira/tables"),
        hub={
            "mira/tables": {"train.jsonl": WORDS, "data/train.jsonl": WORDS},
            "mira/tables@refs/convert/parquet": {"default/train.jsonl": WORDS},
        },
        then=lambda: training("mira/tables@refs/convert/parquet"),
        right=SHOWN,
    ),
}
