"""The results of finished runs, one line of JSON each, so that the benchmark can be resumed.

A line is only ever appended, in one write. A run whose system, corpus and seed are in the file is
not run again. Gold counts are not in it: they are those of the corpus.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.panel.outcome import Outcome
from nerine.core.document import Document, labels_of
from nerine.evaluation.metrics import score
from nerine.evaluation.significance.samples import document_counts

STORE = Path(__file__).with_name("results.jsonl")

Key = tuple[str, str, int]
"""System, corpus and seed of a run."""


@dataclass(frozen=True, slots=True)
class TestScores:
    """Scores of a test split by one mode of seqeval.

    Attributes:
        precision: From 0 to 1, as recall and F1.
        recall: The share of gold entities that were predicted.
        f1: Their harmonic mean.
        correct: The number of correct entities of each document.
        predicted: The number of predicted entities of each document.
    """

    precision: float
    recall: float
    f1: float
    correct: list[int]
    predicted: list[int]


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the store.

    Attributes:
        system: The name of the system, such as `trainer-2e-4x5`.
        corpus: The short name of the corpus.
        seed: The seed of the run.
        best_epoch: The epoch whose weights were kept.
        validation_f1: Strict F1 on the validation split, of these weights.
        test: Scores by the mode of seqeval: `strict`, and `default` if it differs.
        minutes: Minutes of training, validation included.
        core_minutes: The same in processor time; None in the first lines of the store.
        validation_share: The share of the minutes that validation took; None if it is unknown.
        threads: The number of threads that torch used.
        versions: The versions of the packages that trained it.
    """

    system: str
    corpus: str
    seed: int
    best_epoch: float
    validation_f1: float
    test: Mapping[str, TestScores]
    minutes: float
    threads: int
    versions: Mapping[str, str]
    core_minutes: float | None = None
    validation_share: float | None = None

    @property
    def key(self) -> Key:
        """System, corpus and seed."""
        return self.system, self.corpus, self.seed

    def scores(self, mode: str) -> TestScores:
        """The test scores by a mode of seqeval."""
        return self.test.get(mode, self.test["strict"])


def make_result(key: Key, gold: Sequence[Document], outcome: Outcome, threads: int) -> Result:
    """The result of a run, scored on the gold test documents."""
    test = {mode: _scores(gold, documents) for mode, documents in outcome.predicted.items()}
    if test.get("default") == test["strict"]:
        del test["default"]
    return Result(
        *key,
        best_epoch=outcome.best_epoch,
        validation_f1=outcome.validation_f1,
        test=test,
        minutes=round(outcome.minutes, 2),
        threads=threads,
        versions=outcome.versions,
        core_minutes=round(outcome.core_minutes, 2),
        validation_share=outcome.validation_share,
    )


def _scores(gold: Sequence[Document], predicted: Sequence[Document]) -> TestScores:
    overall = score(gold, predicted).overall
    counts = document_counts(gold, predicted, labels_of([*gold, *predicted]))[:, 0].astype(int)
    correct, all_predicted, _ = counts.T.tolist()
    return TestScores(overall.precision, overall.recall, overall.f1, correct, all_predicted)


def read_results(path: Path) -> dict[Key, Result]:
    """The results by their key; a last line that was not written to its end is skipped."""
    if not path.exists():
        return {}
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    results = {}
    for line in filter(None, lines):
        fields = json.loads(line)
        test = {mode: TestScores(**scores) for mode, scores in fields.pop("test").items()}
        result = Result(**fields, test=test)
        results[result.key] = result
    return results


def append_result(path: Path, result: Result) -> None:
    """Appends a line to the store, and waits until it is on the disk."""
    _cut_torn_line(path)
    line = json.dumps(asdict(result), separators=(",", ":")) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
        os.fsync(file)
    finally:
        os.close(file)


def _cut_torn_line(path: Path) -> None:
    """Cuts off a last line that has no end."""
    if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
