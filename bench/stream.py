"""Memory and rate of `nerine tag` on a long stream of short texts.

    python -m bench.stream CHECKPOINT [--documents 1000000]

The texts are the first eight words of WNUT's test sentences, repeated, each with a unique number,
in JSON lines with other fields. `nerine tag` runs in another process. Its resident memory and the
number of committed documents in its journal are sampled.
Afterwards every line of the output is compared with that of the input.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.common import machine, wnut

_EARLY, _WORDS = 10_000, 8
_PAGE = 4096
_ADDED = b', "entities": '


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: documents done, seconds, bytes of resident memory."""

    documents: int
    seconds: float
    resident: int


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--documents", type=int, default=1_000_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        with given.open("w", encoding="utf-8") as stream:
            stream.writelines(_lines(chosen.documents))
        samples = _watched(chosen.checkpoint, given, output)
        unlike = _unlike(given, output)
    print(machine())
    _print_table(chosen.documents, samples, unlike)


def _lines(documents: int) -> Iterator[str]:
    texts = itertools.cycle([" ".join(each.text.split()[:_WORDS]) for each in wnut().test])
    for number, text in zip(range(documents), texts, strict=False):
        quoted = json.dumps(f"{text} {number}")
        yield f'{{"id": {number}, "price": 1.0e5, "text":{quoted}, "tags": ["caf\\u00e9"] }}\n'


def _watched(checkpoint: str, given: Path, output: Path) -> list[Sample]:
    command = [sys.executable, "-m", "nerine", "tag", checkpoint, str(given), "-o", str(output)]
    state = output.with_name(f".{output.name}.tagging") / "state.json"
    began = time.monotonic()
    samples: list[Sample] = []
    with subprocess.Popen(command) as child:
        while child.poll() is None:
            time.sleep(0.25)
            documents = _committed(state)
            if documents and (not samples or documents > samples[-1].documents):
                seconds = time.monotonic() - began
                samples.append(Sample(documents, seconds, _resident(child.pid)))
    if child.returncode:
        sys.exit(f"nerine tag ended with {child.returncode}")
    return samples


def _committed(state: Path) -> int:
    try:
        return int(json.loads(state.read_bytes())["state"]["reached"]["documents"])
    except FileNotFoundError:
        return 0


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _unlike(given: Path, output: Path) -> int:
    """Number of input records whose output differs in more than the added entities."""
    with given.open("rb") as before, output.open("rb") as after:
        return sum(
            after_line.rpartition(_ADDED)[0] + b"}\n" != line
            for line, after_line in itertools.zip_longest(before, after, fillvalue=b"")
        )


def _rate(samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (last.documents - first.documents) / (last.seconds - first.seconds)


def _print_table(documents: int, samples: list[Sample], unlike: int) -> None:
    if len(samples) < 20 or samples[-1].documents < 2 * _EARLY:
        sys.exit(f"too few documents: {len(samples)} samples; take more with --documents")
    tenth = documents / 10
    first = _rate([each for each in samples if each.documents <= tenth])
    last = _rate([each for each in samples if each.documents >= documents - tenth])
    early = next(each.resident for each in samples if each.documents >= _EARLY)
    most = max(each.resident for each in samples if each.documents >= _EARLY)
    mebi = 1 << 20
    print(f"\n{documents:,} short texts through nerine tag\n")
    print(
        "| documents/s, first tenth | last tenth | resident after 10,000 | most | records unlike |"
    )
    print("|---|---|---|---|---|")
    memory = f"{early / mebi:.0f} MiB | {most / mebi:.0f} MiB (+{(most - early) / mebi:.1f})"
    print(f"| {first:.1f} | {last:.1f} ({last / first:.3f} of it) | {memory} | {unlike} |")


if __name__ == "__main__":
    main()
