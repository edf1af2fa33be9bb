"""Tagging speed: every backend of Nerine against `pipeline("ner")`.

Speed is measured from texts to entities, all in one run, in turns. The pipeline runs with its
default batch size, 1, and with some others; the best one counts. F1 is that of WNUT 17's test
split. Further tables have the time of each stage, the speed relative to the bound of the
machine's matrix products, and long documents, for which the pipeline uses `stride`.

    python -m bench.tagging [CHECKPOINT] [--student CHECKPOINT] [--rounds 3]

Without a checkpoint the default recipe is trained on WNUT 17 first, and without a student one of
three layers is distilled from it; each takes some minutes. A checkpoint with models of `nerine
optimize` is run with these.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import pipeline

from bench.common import ENCODER, machine, print_rates, rates, wnut
from bench.products import Shape, rate
from bench.stages import STAGES, stages
from nerine.core.document import Document, Entity
from nerine.data.corpus import Corpus
from nerine.evaluation.metrics import score
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger
from nerine.serving.optimization.optimize import optimize
from nerine.training.distillation.distill import distill
from nerine.training.train import train

BATCH_SIZES = (1, 4, 8, 16, 32, 64)
BACKENDS = ("pytorch", "onnx-fp32", "onnx-int8")
STUDENT = "student of 3 layers, onnx-int8"
_LONG_DOCUMENTS, _LONG_WORDS = 8, 5000
_ANY_LOSS = 100.0

Sides = dict[str, Callable[[], Callable[[], object]]]


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", nargs="?", help="by default trained on WNUT 17")
    options.add_argument("--student", help="by default distilled from the checkpoint")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    corpus = wnut()
    with tempfile.TemporaryDirectory() as folder, quiet():
        checkpoint = _optimised(chosen.checkpoint, Path(folder) / "teacher", corpus, _trained)
        student = _optimised(
            chosen.student,
            Path(folder) / "student",
            corpus,
            lambda into, data: distill(checkpoint, data, output=into, layers=3),
        )
        taggers = {each: Tagger.load(checkpoint, backend=each) for each in BACKENDS}
        taggers[STUDENT] = Tagger.load(student, backend="onnx-int8")
        _print_speed(checkpoint, taggers, corpus.test, chosen.rounds)
        shapes = {name: Shape.of(checkpoint) for name in BACKENDS} | {STUDENT: Shape.of(student)}
        _print_stages(taggers, shapes, corpus.test, chosen.rounds)
        _print_long(checkpoint, taggers, corpus.test)


def _trained(folder: Path, corpus: Corpus) -> None:
    train(corpus, output=folder, encoder=ENCODER)


def _optimised(
    given: str | None, folder: Path, corpus: Corpus, make: Callable[[Path, Corpus], object]
) -> Path:
    """A copy of the checkpoint, with every variant."""
    if given:
        shutil.copytree(given, folder)
    else:
        print(f"making the {folder.name}", file=sys.stderr)
        make(folder, corpus)
    if not (folder / "onnx").is_dir():
        optimize(folder, corpus.validation, tolerance=_ANY_LOSS)
    return folder


def _print_speed(
    checkpoint: Path, taggers: dict[str, Tagger], documents: Sequence[Document], rounds: int
) -> None:
    texts = [document.text for document in documents]
    best = _best_batch_size(checkpoint, texts[:320])
    peers = {
        "pipeline, default (batch size 1)": 1,
        f"pipeline, best batch size ({best})": best,
    }
    sides: Sides = {
        name: partial(_pipeline_work, checkpoint, texts, size) for name, size in peers.items()
    }
    sides |= {_named(name): partial(_work, tagger, texts) for name, tagger in taggers.items()}
    measured = rates(sides, len(texts), rounds)
    print(machine())
    for peer in peers:
        print_rates(
            f"Tagging {len(texts)} WNUT sentences, {ENCODER}, from text to entities",
            "sentences/s",
            measured,
            peer,
        )
    print("\nStrict F1 on the test split\n\n| | F1 |\n|---|---|")
    print(f"| pipeline | {score(documents, _by_pipeline(checkpoint, documents)).overall.f1:.4f} |")
    for name, tagger in taggers.items():
        print(f"| {_named(name)} | {score(documents, tagger.predict(texts)).overall.f1:.4f} |")


def _print_stages(
    taggers: dict[str, Tagger],
    shapes: dict[str, Shape],
    documents: Sequence[Document],
    rounds: int,
) -> None:
    threads = max(tagger.inference.backend.workers for tagger in taggers.values())
    print("\nSeconds of each stage, one after the other, and the matrix products\n")
    print(f"| | {' | '.join(STAGES)} | all but computing | product bound | reached |")
    print("|---|" + "---|" * (len(STAGES) + 3))
    for name, tagger in taggers.items():
        shape = shapes[name]
        encoder = tagger.inference.encoder
        windows = encoder.windows(encoder.encode(documents))
        product_rate = rate(shape, threads)
        bound = shape.operations(windows) / product_rate
        seconds = stages(tagger, documents, rounds)
        whole = sum(seconds.values())
        streamed = _seconds(_work(tagger, [document.text for document in documents]), rounds)
        cells = " | ".join(f"{seconds[stage]:.3f}" for stage in STAGES)
        rest = 1 - seconds["computing"] / whole
        print(
            f"| {_named(name)} | {cells} | {rest:.1%} "
            f"| {bound:.2f} s at {product_rate / 1e9:.0f} GFLOP/s | {bound / streamed:.0%} |"
        )
    print(
        "\nThe bound: what the fp32 matrix products for these subwords, padding left out, take by"
        "\nthemselves. Reached: its share of the time from text to entities, all overlapped."
    )


def _print_long(
    checkpoint: Path, taggers: dict[str, Tagger], documents: Sequence[Document]
) -> None:
    texts = _long_texts(documents)
    words = _LONG_WORDS * len(texts)
    sides: Sides = {"pipeline, stride 64": partial(_pipeline_work, checkpoint, texts, 1, 64)}
    sides |= {_named(name): partial(_work, tagger, texts) for name, tagger in taggers.items()}
    print_rates(
        f"{len(texts)} documents of {_LONG_WORDS:,} words",
        "words/s",
        rates(sides, words, rounds=1),
        "pipeline, stride 64",
    )


def _long_texts(documents: Sequence[Document]) -> list[str]:
    words = [word for document in documents for word in document.text.split()]
    repeated = words * (1 + _LONG_DOCUMENTS * _LONG_WORDS // len(words))
    return [
        " ".join(repeated[first : first + _LONG_WORDS])
        for first in range(0, _LONG_DOCUMENTS * _LONG_WORDS, _LONG_WORDS)
    ]


def _named(name: str) -> str:
    return name if name == STUDENT else f"Nerine, {name}"


def _pipeline(checkpoint: Path, stride: int = 0) -> Any:
    return pipeline(  # type: ignore[call-overload] # its overloads know no folders
        "ner", model=str(checkpoint), aggregation_strategy="simple", device="cpu", stride=stride
    )


def _pipeline_work(
    checkpoint: Path, texts: list[str], batch_size: int, stride: int = 0
) -> Callable[[], None]:
    tag = _pipeline(checkpoint, stride)

    def work() -> None:
        for _ in tag(texts, batch_size=batch_size):
            pass

    return work


def _by_pipeline(checkpoint: Path, documents: Sequence[Document]) -> list[Document]:
    tag = _pipeline(checkpoint)
    return [
        document.with_entities(
            Entity(found["start"], found["end"], found["entity_group"])
            for found in tag(document.text)
        )
        for document in documents
    ]


def _work(tagger: Tagger, texts: list[str]) -> Callable[[], object]:
    return lambda: sum(1 for _ in tagger.pipe(texts))


def _seconds(work: Callable[[], object], rounds: int) -> float:
    measured = rates({"": lambda: work}, 1, rounds)[""]
    return 1 / statistics.median(measured)


def _best_batch_size(checkpoint: Path, texts: list[str]) -> int:
    sides: Sides = {
        str(size): partial(_pipeline_work, checkpoint, texts, size) for size in BATCH_SIZES
    }
    measured = rates(sides, len(texts), rounds=1)
    return int(max(measured, key=lambda size: statistics.median(measured[size])))


if __name__ == "__main__":
    main()
