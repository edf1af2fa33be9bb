"""What tagging costs as inputs grow: more documents, and longer ones.

Documents are made of the words of WNUT 17's test split, drawn at random. The first table has ever
more documents of 10 words; the second ever longer documents, 200,000 words in all.

    python -m bench.sizes CHECKPOINT [--most 1000000] [--backend auto]
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator

from bench.common import machine, wnut
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger

_WORDS_IN_ALL = 200_000
_SHORT = 10


def main() -> None:
    """Prints two tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--most", type=int, default=1_000_000, help="documents at the most")
    options.add_argument("--backend", default="auto")
    chosen = options.parse_args()
    words = [word for document in wnut().test for word in document.text.split()]
    with quiet():
        tagger = Tagger.load(chosen.checkpoint, backend=chosen.backend)
    print(machine(), f"backend {tagger.inference.backend.name}", sep=", ")
    for _ in tagger.pipe(_texts(words, 1000, _SHORT)):
        pass
    print(f"\nDocuments of {_SHORT} words\n")
    print(
        "| documents | seconds | documents/s | words/s | most memory (MB) |\n|---|---|---|---|---|"
    )
    for number in (1000, 10_000, 100_000, 1_000_000):
        if number <= chosen.most:
            _print_row(number, number, _SHORT, _seconds(tagger, _texts(words, number, _SHORT)))
    print(f"\n{_WORDS_IN_ALL:,} words in all\n")
    print(
        "| words each | seconds | documents/s | words/s | most memory (MB) |\n|---|---|---|---|---|"
    )
    for length in (10, 100, 1000, 10_000):
        number = _WORDS_IN_ALL // length
        _print_row(length, number, length, _seconds(tagger, _texts(words, number, length)))


def _texts(words: list[str], number: int, length: int) -> Iterator[str]:
    draw = random.Random(number)
    return (" ".join(draw.choices(words, k=length)) for _ in range(number))


def _seconds(tagger: Tagger, texts: Iterator[str]) -> float:
    began = time.perf_counter()
    for _ in tagger.pipe(texts):
        pass
    return time.perf_counter() - began


def _print_row(first: int, number: int, length: int, seconds: float) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {first:,} | {seconds:.1f} | {number / seconds:.0f} | {number * length / seconds:.0f} "
        f"| {memory:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
