"""Time to read and describe a million tokens, against a loop of the standard library.

    python -m bench.reading [--tokens 1000000] [--rounds 5] [--other SRC]

The same sentences are read as a column file of two columns, as word records and as span records.
The peer of each is the shortest loop that gets tokens and tags, or texts and entities, without any
check: lines split at the TAB, lines decoded by `json`. Times are those of the processor, in turns.

`--other` names the folder `src` of another version: then `nerine describe` of both runs in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import nerine
from bench.timing import print_rates, processor, rates
from nerine.core.document import Document, Entity
from nerine.core.tags import TagScheme
from nerine.data.formats import read_documents, write_documents

_PARTS = (
    ("Mira Okonjo", "PER"),
    ("Tandem Labs", "ORG"),
    ("Ghent", "LOC"),
    *((word, "") for word in ("left", "the", "house", "in", "with", "a", "quill", "and", "said")),
)
_FORMATS = {"columns": "text.conll", "words": "words.jsonl", "spans": "spans.jsonl"}


def main() -> None:
    """Prints a table for each format."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tokens", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--other", type=Path, help="the folder src of another version")
    chosen = options.parse_args()
    print(processor())
    peers: dict[str, Callable[[Path], Iterator[object]]] = {
        "columns": _split_lines,
        "words": _load_lines,
        "spans": _load_lines,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, file in _FORMATS.items():
            path = Path(folder) / file
            write_documents(_sentences(chosen.tokens), path, name)
            if chosen.other:
                _compare(path, chosen.other, chosen.rounds)
                continue
            sides: dict[str, Callable[[], Callable[[], object]]] = {
                "nerine": partial(_reading, read_documents, path),
                "plain loop": partial(_reading, peers[name], path),
            }
            measured = rates(sides, chosen.tokens, chosen.rounds, time.process_time)
            print_rates(f"Reading {name}", "tokens/s", measured, "plain loop")


def _sentences(tokens: int) -> Iterator[Document]:
    draw = random.Random(1)
    while tokens > 0:
        text, entities = "", []
        for part, label in draw.choices(_PARTS, k=draw.randint(8, 30)):
            start = len(text) + bool(text)
            text = f"{text} {part}".lstrip()
            if label:
                entities.append(Entity(start, len(text), label))
        document = Document.from_tokens(text.split()).with_entities(entities)
        tokens -= len(document.tokens or ())
        yield document


def _split_lines(path: Path) -> Iterator[object]:
    """Sentences of a column file, their tags decoded without a check."""
    sentence: list[list[str]] = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line != "\n":
                sentence.append(line.rstrip("\n").split("\t"))
            else:
                tags = [tag for _, tag in sentence]
                yield " ".join(token for token, _ in sentence), TagScheme.IOB2.decode(tags)
                sentence = []


def _load_lines(path: Path) -> Iterator[object]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def _reading(read: Callable[[Path], Iterator[object]], path: Path) -> Callable[[], object]:
    return partial(sum, (1 for _ in read(path)))


def _compare(path: Path, other: Path, rounds: int) -> None:
    """Prints the seconds of `nerine describe` of this version and another one."""
    here = Path(nerine.__file__).parents[1]
    seconds: dict[Path, list[float]] = {here: [], other: []}
    for number in range(rounds + 1):
        for source, values in seconds.items():
            used = _user_seconds([sys.executable, "-m", "nerine", "describe", str(path)], source)
            if number:  # the first round is a warm-up
                values.append(used)
    mine, theirs = (statistics.median(values) for values in seconds.values())
    print(f"describe {path.name}: {mine:.2f} s, {other} {theirs:.2f} s, ratio {mine / theirs:.2f}")
    sys.stdout.flush()


def _user_seconds(command: Sequence[str], source: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    environment = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


if __name__ == "__main__":
    main()
