"""The loss of F1 by 8 bits on WNUT's validation split, and the differences of ONNX in fp32.

python -m bench.int8 CHECKPOINT [CHECKPOINT ...]

Each checkpoint is exported and quantised into a temporary folder as by `nerine optimize`, and
every variant tags the split. fp32 is compared with PyTorch over all sentences of all splits:
the entities must be the same, and their scores within 1e-4. Nothing here is timed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import mean

from bench.common import machine, wnut
from nerine.core.document import Document
from nerine.evaluation.metrics import score
from nerine.model.backends.saved import FP32, INT8, PYTORCH
from nerine.model.tagger import Tagger
from nerine.serving.optimization.footprint import Variant
from nerine.serving.optimization.measuring import ranges_of
from nerine.serving.optimization.variants import make_variants

_SCORE_TOLERANCE = 1e-4


def main() -> None:
    """Prints a line for each checkpoint, and the means."""
    checkpoints = [Path(each) for each in sys.argv[1:]]
    if not checkpoints:
        sys.exit("python -m bench.int8 CHECKPOINT [CHECKPOINT ...]")
    print(machine())
    corpus = wnut()
    everything = [each for documents in corpus.splits.values() for each in documents]
    differences = []
    for checkpoint in checkpoints:
        with tempfile.TemporaryDirectory() as place:
            variant = Variant(PYTORCH, checkpoint)
            made = make_variants(variant, Path(place), corpus.validation)
            differences.append(_f1(checkpoint, made.taggers, list(corpus.validation)))
            _compare(checkpoint, made.taggers, everything)
    print(
        f"int8 against PyTorch, mean of {len(differences)}: {mean(differences):+.2f} points of F1"
    )


def _f1(checkpoint: Path, taggers: dict[str, Tagger], gold: list[Document]) -> float:
    """Prints the F1 of each variant; the difference of int8, in points."""
    found = {
        name: 100 * score(gold, tagger.predict(gold)).overall.f1 for name, tagger in taggers.items()
    }
    shown = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
    print(f"{checkpoint}: validation F1 {shown}", flush=True)
    return found[INT8] - found[PYTORCH]


def _compare(checkpoint: Path, taggers: dict[str, Tagger], texts: list[Document]) -> None:
    """Prints the number of texts with other entities in fp32, and the largest change of a score."""
    pairs = list(zip(taggers[PYTORCH].predict(texts), taggers[FP32].predict(texts), strict=True))
    changed = sum(ranges_of(one) != ranges_of(other) for one, other in pairs)
    largest = max(
        abs((mine.score or 0) - (theirs.score or 0))
        for one, other in pairs
        if ranges_of(one) == ranges_of(other)
        for mine, theirs in zip(one.entities, other.entities, strict=True)
    )
    verdict = "as it should be" if not changed and largest <= _SCORE_TOLERANCE else "TOO MUCH"
    print(
        f"{checkpoint}: fp32 against PyTorch on {len(texts)} sentences: {changed} with other "
        f"entities, scores differ by at most {largest:.1e}: {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    main()
