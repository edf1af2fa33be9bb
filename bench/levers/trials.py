"""Trials: a lever on a corpus with a seed, scored on the validation split.

The test split is deleted before a run starts. A trial runs in a process of its own, so that its
peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bench.common import ENCODER
from bench.levers.levers import BASE, LEVERS, MPNET, Lever
from bench.panel.corpora import panel_corpus, without_test
from bench.panel.outcome import Clock
from nerine.core.document import Document
from nerine.core.errors import CorpusError
from nerine.core.filenames import INFO_FILE
from nerine.data.corpus import Corpus
from nerine.data.near_duplicates import near_duplicates
from nerine.evaluation.metrics import score
from nerine.evaluation.significance.samples import document_counts
from nerine.model.outside_bias import fit_outside_bias
from nerine.model.tagger import Tagger
from nerine.training.adaptation.adapt import adapt
from nerine.training.distillation.distill import distill
from nerine.training.run import TrainingRun
from nerine.training.seeds import SeedRuns, train_seeds
from nerine.training.train import train

Row = dict[str, Any]
"""A line of the store."""

Key = tuple[str, str, int]
"""Lever, corpus and seed of a trial."""

STORE = Path(__file__).parents[2] / "docs" / "levers.jsonl"

CACHE = Path(__file__).parents[2] / "build" / "levers"
"""The runs of trials, which teach others, and adapted encoders."""


@dataclass(frozen=True, slots=True)
class Means:
    """What trials need.

    Attributes:
        raw: Files of raw texts, one a line.
        mpnet: The folder of the base-sized encoder.
        threads: The threads of torch.
    """

    raw: Sequence[Path]
    mpnet: Path | None
    threads: int


def trial_options(description: str | None) -> argparse.ArgumentParser:
    """The options of a command that runs trials; `means_of` reads them."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--raw", nargs="+", type=Path, default=[], help="files of a text a line")
    options.add_argument("--mpnet", type=Path, help="the folder of a base-sized encoder")
    options.add_argument("--threads", type=int, default=1, help="the threads of torch")
    options.add_argument("--table", action="store_true", help="only print the table")
    return options


def means_of(chosen: argparse.Namespace) -> Means:
    """What the user gave for trials."""
    return Means(chosen.raw, chosen.mpnet, chosen.threads)


def try_once(key: Key, means: Means, store: Path) -> None:
    """Runs a trial after its teachers, and appends its line, unless it is in the store."""
    if key in {key_of(row) for row in read(store)}:
        return
    row = _run_anew(key, means, store)
    with store.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(
        f"{key[0]}, {key[1]}, seed {key[2]}: F1 {row['f1']:.4f} at step {row['best_step']}, "
        f"{row['core_minutes']:.1f} minutes of one core",
        flush=True,
    )


def run_of(key: Key, means: Means, store: Path) -> Path:
    """The folder of a trial's run.

    A trial that is not in the store is tried; one that is, but whose run is gone, is trained again
    without a line.
    """
    try_once(key, means, store)
    folder = run_folder(*key)
    if not (folder / INFO_FILE).is_file():
        _run_anew(key, means, store)
    return folder


def _run_anew(key: Key, means: Means, store: Path) -> Row:
    """Runs a trial once its teachers have their runs."""
    for teacher in teachers_of(key):
        run_of(teacher, means, store)
    return _run_apart(*key, means)


def teachers_of(key: Key) -> list[Key]:
    """The trials whose runs teach in a trial."""
    lever, corpus, seed = LEVERS[key[0]], *key[1:]
    seeds = [seed] if lever.teachers == 1 else range(lever.teachers)
    return [(lever.teacher, corpus, each) for each in seeds]


def _run_apart(lever: str, corpus: str, seed: int, means: Means) -> Row:
    """Runs a trial in a new process, and returns its line; the run stays in `run_folder`.

    Ends the program if the lever needs what is not given.
    """
    needed = LEVERS[lever]
    if (needed.raw or needed.adapted) and not means.raw:
        sys.exit("skipped: this lever needs raw texts, --raw FILE …")
    if needed.encoder == MPNET and means.mpnet is None:
        sys.exit(f"skipped: this lever needs {MPNET}, --mpnet FOLDER")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (lever, corpus, seed, means))


def run_folder(lever: str, corpus: str, seed: int) -> Path:
    """The folder of a trial's run."""
    return CACHE / f"{lever}-{corpus}-{seed}"


def _run(name: str, corpus_name: str, seed: int, means: Means) -> Row:
    torch.set_num_threads(means.threads)
    lever, corpus = LEVERS[name], lever_corpus(corpus_name, seed)
    needs_raw = lever.raw or lever.adapted
    texts, left_out = raw_texts(corpus_name, means.raw) if needs_raw else ([], 0)
    encoder = _encoder(lever, corpus_name, texts, means)
    teachers = [str(run_folder(*key)) for key in teachers_of((name, corpus_name, seed))]
    output = run_folder(name, corpus_name, seed)
    run: TrainingRun | SeedRuns
    changes = {"encoder": encoder, **BASE, **lever.changes, "seed": seed * (lever.soup or 1)}
    shutil.rmtree(output, ignore_errors=True)
    clock = Clock()
    if teachers:
        unlabelled = texts if lever.raw else []
        run = distill(teachers, corpus, output=output, unlabelled=unlabelled, **changes)
    elif lever.soup:
        run = train_seeds(corpus, output=output, seeds=lever.soup, keep="soup", **changes)
    else:
        run = train(corpus, output=output, **changes)
    minutes = clock.minutes()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tagger = _tagger_of(run)
    shown = run.best if isinstance(run, SeedRuns) else run  # a soup has no steps of its own
    gold = corpus.validation
    predicted = tagger.predict(gold)
    return {
        "lever": name,
        "corpus": corpus_name,
        "seed": seed,
        "changes": dict(lever.changes),
        "f1": score(gold, predicted).overall.f1,
        "argmax": score(gold, likeliest(tagger, gold)).overall.f1,
        "best_step": shown.best.step,
        "steps": shown.epochs[-1].step,
        "counts": counts(corpus, predicted),
        "biased": counts(corpus, biased_by_halves(tagger, gold)),
        **({"raw": len(texts), "left_out": left_out} if needs_raw else {}),
        "minutes": round(minutes["minutes"], 2),
        "core_minutes": round(minutes["core_minutes"], 2),
        "peak_mib": round(peak / 1024),
        "threads": means.threads,
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }


def _tagger_of(run: TrainingRun | SeedRuns) -> Tagger:
    if run.interrupted:
        raise KeyboardInterrupt(run.interrupted)
    return run.tagger()


def raw_texts(corpus: str, files: Sequence[Path]) -> tuple[list[str], int]:
    """The different texts of files of a text a line, and how many were left out.

    Left out is what is equal or nearly equal to a text of the validation or the test split, which
    is read for that alone.
    """
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    texts = list(dict.fromkeys(line for line in lines if line.strip()))
    whole = panel_corpus(corpus)
    known = [document.text for document in (*whole.validation, *whole.test)]
    dropped = {*near_duplicates(texts, of=known)}
    return [text for index, text in enumerate(texts) if index not in dropped], len(dropped)


def _encoder(lever: Lever, corpus: str, texts: Sequence[str], means: Means) -> str | None:
    """The lever's encoder, adapted to raw texts in one pass on first use if the lever is."""
    if lever.encoder is None:
        return None
    encoder = str(means.mpnet) if lever.encoder == MPNET else ENCODER
    if not lever.adapted:
        return encoder
    folder = CACHE / f"adapted-{lever.encoder}-{corpus}"
    if not (folder / "config.json").is_file():
        resume = (folder / "run.json").is_file()
        adapt(encoder, texts, output=folder, resume=resume, epochs=1)
    return str(folder)


def lever_corpus(name: str, seed: int) -> Corpus:
    """A corpus of the panel without its test split, such as `ai`, or `ai-5-a-label`."""
    if not name.endswith("-a-label"):
        return without_test(panel_corpus(name))
    whole, count, *_ = name.split("-")
    corpus = without_test(panel_corpus(whole))
    train = few_sentences(corpus.train, corpus.labels, int(count), seed)
    return replace(corpus, splits={**corpus.splits, "train": train})


def few_sentences(
    documents: Sequence[Document], labels: Sequence[str], count: int, seed: int
) -> tuple[Document, ...]:
    """Documents in their order, drawn until each label is in `count` of them, or in all it has.

    Labels are served from the rarest to the most frequent.
    """
    holders = {
        label: [
            index
            for index, document in enumerate(documents)
            if any(entity.label == label for entity in document.entities)
        ]
        for label in labels
    }
    chance = random.Random(seed)
    chosen: set[int] = set()
    for label in sorted(labels, key=lambda each: (len(holders[each]), each)):
        own = holders[label]
        left = [index for index in own if index not in chosen]
        missing = min(count, len(own)) - (len(own) - len(left))
        chosen.update(chance.sample(left, max(missing, 0)))
    return tuple(documents[index] for index in sorted(chosen))


def likeliest(tagger: Tagger, documents: Sequence[Document]) -> list[Document]:
    """Predictions of the likeliest tag of each word, as of a program without Nerine's decoding."""
    inference = tagger.inference
    settings = replace(inference.settings, decoding="argmax", transitions=None)
    return inference.changed(settings=settings).predict(documents)


def biased_by_halves(tagger: Tagger, gold: Sequence[Document]) -> list[Document]:
    """Predictions of each half of the documents, with a bias of `O` fitted on the other half."""
    found: dict[int, Document] = {}
    inference = tagger.inference
    for half in (0, 1):
        try:
            bias = fit_outside_bias(inference, gold[1 - half :: 2]).value
        except CorpusError:  # too few entities to fit one
            bias = 0.0
        biased = inference.changed(settings=replace(inference.settings, outside_bias=bias))
        predicted = biased.predict(gold[half::2])
        found |= dict(zip(range(half, len(gold), 2), predicted, strict=True))
    return [found[index] for index in range(len(gold))]


def counts(corpus: Corpus, predicted: Sequence[Document]) -> list[list[int]]:
    """The numbers of correct and of predicted entities of each validation document."""
    found = document_counts(corpus.validation, predicted, corpus.labels)[:, 0, :2]
    return [[int(each) for each in column] for column in found.T]


def read(store: Path) -> list[Row]:
    """The trials in the file, in the order in which they ended; each key must be there once."""
    if not store.is_file():
        return []
    rows = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
    keys = Counter(key_of(row) for row in rows)
    if twice := [key for key, times in keys.items() if times > 1]:
        raise SystemExit(f"{store}: the trial {twice[0]} is there twice")
    return rows


def key_of(row: Row) -> Key:
    """The key of a line."""
    return row["lever"], row["corpus"], row["seed"]
