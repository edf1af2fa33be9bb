"""Redaction of 10,000 tweets: what is left, whether all comes back, and what its interval holds.

The texts are those of WNUT 17 and of the Broad Twitter Corpus, as JSON lines, half of them with
escapes. `nerine redact` gives each person, location and organization an invented name, and
`nerine restore` brings all of them back. Then the interval of the recall is estimated for 500
samples of the texts outside of the train splits, and counted how often it holds the recall of all.

    python -m bench.redaction CHECKPOINT [--texts 10000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import filecmp
import json
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import machine, wnut
from bench.panel.corpora import panel_corpus
from nerine.core.document import Document
from nerine.evaluation.significance import share_interval
from nerine.model.tagger import Tagger
from nerine.serving.redaction import Redactor, redaction_recall
from nerine.serving.redaction.mapping import read_mapping
from nerine.serving.redaction.stand_ins import same

Parts = Mapping[int, Sequence[tuple[int, int, str, str]]]
"""By the number of a record: where its parts begin, their sizes, labels and originals."""

_SAMPLES = 500
_SIZES = (100, 300, 1000)


def main() -> None:
    """Prints each count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--texts", type=int, default=10_000)
    options.add_argument("--keep", type=Path, help="the folder to write in, which is kept")
    chosen = options.parse_args()
    print(machine())
    corpora = (wnut(), panel_corpus("btc"))
    documents = [each for corpus in corpora for split in corpus.splits.values() for each in split]
    tagger = Tagger.load(chosen.checkpoint)
    with tempfile.TemporaryDirectory() as made:
        folder = chosen.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        _files(documents[: chosen.texts], tagger, chosen.checkpoint, folder)
    _intervals([*corpora[0].validation, *corpora[0].test, *corpora[1].test], tagger)


def _files(documents: Sequence[Document], tagger: Tagger, checkpoint: str, folder: Path) -> None:
    source, output, mapping = (folder / name for name in ("in.jsonl", "out.jsonl", "mapping"))
    key, again = folder / "key", folder / "again.jsonl"
    _write(documents, source)
    key.write_text(secrets.token_hex())
    key.chmod(0o600)
    began = time.perf_counter()
    ways = ["--how", "stand-in", "--patterns", "all", "--key-file", key, "--mapping", mapping]
    printed = _nerine("redact", checkpoint, source, "-o", output, "--overwrite", *ways, "--verbose")
    seconds = time.perf_counter() - began
    print(printed.rstrip())
    print(f"{len(documents) / seconds:,.0f} texts/s, the start of the program included")
    again.unlink(missing_ok=True)
    _nerine("restore", output, mapping, "-o", again, "--key-file", key)
    print(f"every byte restored: {filecmp.cmp(source, again, shallow=False)}")
    parts = _parts(mapping, key.read_bytes().strip())
    _check_names(documents, tagger, output, parts, printed)
    _nerine("redact", checkpoint, source, "-o", folder / "b.jsonl", "--overwrite", *ways)
    print(f"a second run with the key wrote the same: {filecmp.cmp(output, folder / 'b.jsonl')}")
    _check_stand_ins(output, parts)


def _write(documents: Sequence[Document], path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for number, document in enumerate(documents):
            record = {"id": number, "text": document.text}
            stream.write(f"{json.dumps(record, ensure_ascii=bool(number % 2))}\n")


def _nerine(*arguments: Any) -> str:
    """Runs a command; returns all that it printed."""
    command = [sys.executable, "-m", "nerine", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def _parts(mapping: Path, key: bytes) -> Parts:
    """What was replaced, by the number of the record."""
    lines = read_mapping(mapping, key)
    return {line["record"]: line["parts"] for line in lines if "record" in line}


def _check_names(
    documents: Sequence[Document], tagger: Tagger, output: Path, parts: Parts, printed: str
) -> None:
    """Counts the gold names that were found and are left, and those in what was printed.

    A name is left if it stands outside of what was replaced. An invented name that has one by
    chance is counted apart.
    """
    found = left = invented = 0
    names: set[str] = set()
    texts = _texts(output, parts)
    for gold, predicted in zip(documents, tagger.pipe(documents), strict=True):
        text, rest = next(texts)
        ranges = {(each.start, each.end) for each in predicted.entities}
        for entity in gold.entities:
            name = gold.surface(entity)
            if (entity.start, entity.end) not in ranges or sum(map(str.isalnum, name)) < 2:
                continue
            found += 1
            names.add(name)
            left += _has(rest, name)
            invented += _has(text, name) and not _has(rest, name)
    shown = [name for name in names if len(name) > 4 and name in printed]
    print(f"{found:,} gold names found; left in their text: {left}; in the log: {len(shown)}")
    print(f"invented names with a name of their text by chance: {invented}")


def _texts(output: Path, parts: Parts) -> Iterator[tuple[str, str]]:
    """The text of each record, and the same without what was put in."""
    start = 0
    for number, line in enumerate(output.read_bytes().splitlines(keepends=True), start=1):
        rest, end = b"", 0
        for at, size, _, _ in parts.get(number, ()):
            rest += line[end : at - start] + rb"\u0000"
            end = at - start + size
        yield json.loads(line)["text"], json.loads(rest + line[end:])["text"]
        start += len(line)


def _has(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _check_stand_ins(output: Path, parts: Parts) -> None:
    """Counts names with several stand-ins, and stand-ins of several names."""
    content = output.read_bytes()
    by_name: dict[tuple[str, str], set[str]] = {}
    by_new: dict[str, set[str]] = {}
    for at, size, label, original in (each for found in parts.values() for each in found):
        name = same(json.loads(f'"{original}"'))
        new = json.loads(b'"%b"' % content[at : at + size])
        by_name.setdefault((label, name), set()).add(new)
        by_new.setdefault(new, set()).add(name)
    several = sum(len(each) > 1 for each in by_name.values())
    shared = sum(len(each) > 1 for each in by_new.values())
    print(f"{len(by_name):,} names: {several} with several stand-ins, {shared} stand-ins shared")


def _intervals(documents: Sequence[Document], tagger: Tagger) -> None:
    """Prints how often the interval of a sample holds the recall of all texts."""
    redactor = Redactor(tagger)
    pairs = [*_replaced(redactor, documents)]
    replaced, gold = np.array(pairs).T
    truth = replaced.sum() / gold.sum()
    print(f"recall of {len(pairs):,} texts with {gold.sum():,} gold entities: {truth:.4f}")
    chance = np.random.default_rng(0)
    for size in _SIZES:
        hits, width = 0, 0.0
        for _ in range(_SAMPLES):
            sample = chance.integers(len(pairs), size=size)
            interval = share_interval(replaced[sample].tolist(), gold[sample].tolist())
            hits += bool(interval.low <= truth <= interval.high)
            width += interval.high - interval.low
        held = f"{hits / _SAMPLES:.1%} of {_SAMPLES} intervals hold it"
        print(f"samples of {size:,} texts: {held}; mean width {width / _SAMPLES:.3f}")


def _replaced(redactor: Redactor, documents: Sequence[Document]) -> Iterator[tuple[int, int]]:
    """How many gold entities of each document are replaced, and how many it has."""
    for document in documents:
        if document.entities:
            found = redaction_recall(redactor, [document])
            yield found.replaced, found.gold
        else:
            yield 0, 0


if __name__ == "__main__":
    main()
