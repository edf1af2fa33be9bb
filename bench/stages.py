"""Where the time of tagging goes: tokenising, batching, computing, decoding, writing.

The stages run one after the other here, so that their times add up; in `Tagger.pipe` they overlap.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from nerine.core.document import Document
from nerine.data.formats import write_documents
from nerine.model.tagger import Tagger

STAGES = ("tokenising", "batching", "computing", "decoding", "writing")
Value = TypeVar("Value")


def stages(tagger: Tagger, documents: Sequence[Document], rounds: int) -> dict[str, float]:
    """Seconds of each stage for all documents: the median of the rounds, after a warm-up."""
    measured = [_once(tagger, documents) for _ in range(rounds + 1)][1:]
    return {stage: statistics.median(each[stage] for each in measured) for stage in STAGES}


def _once(tagger: Tagger, documents: Sequence[Document]) -> dict[str, float]:
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Value]) -> Value:
        began = time.perf_counter()
        result = work()
        seconds[stage] = time.perf_counter() - began
        return result

    inference = tagger.inference
    backend = inference.backend
    encoding = timed("tokenising", lambda: inference.encoder.encode(documents))
    made = timed("batching", lambda: inference.batches(encoding))
    with ThreadPoolExecutor(backend.workers) as workers:
        results = timed(
            "computing",
            lambda: list(workers.map(lambda each: backend.logits(each, alone=False), made)),
        )

    def decode() -> list[Document]:
        logits = inference.collect(documents, encoding, zip(made, results, strict=True))
        return list(inference.head.decode(documents, logits))

    found = timed("decoding", decode)
    with tempfile.TemporaryDirectory() as folder:
        timed("writing", lambda: write_documents(found, Path(folder) / "tagged.jsonl"))
    return seconds
