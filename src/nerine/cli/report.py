"""`nerine report`: write a page on the scores and errors of a checkpoint or of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import json_option, output_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, tag_documents, tagging_options
from nerine.cli.options import CorpusOptions, corpus_options, reading_notes, split_option
from nerine.cli.outputs import check_output
from nerine.cli.prediction_options import PredictionOptions, prediction_options, sampling_options
from nerine.cli.terminal import print_json, say, working
from nerine.core.display import counted, short_path, visible
from nerine.data.corpus.given import GoldSplit

if TYPE_CHECKING:
    from nerine.evaluation.report import Report
    from nerine.model.report import ReportForm


@click.command(
    cls=Command,
    short_help="Write a page of scores and errors.",
    epilog="""\b
Examples:
  nerine report runs/wnut wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --split validation -o report.md
  nerine report predicted.jsonl wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --json | jq .overall
""",
)
@click.argument("run", type=CHECKPOINT)
@click.argument("corpus", type=CORPUS)
@split_option
@output_option("FILE", "File for the report; replaced if it exists.", required=False)
@click.option(
    "--to",
    type=click.Choice(["html", "json", "markdown"]),
    help="Form of the report.  [default: found from the name of FILE]",
)
@tagging_options
@prediction_options
@sampling_options
@corpus_options
@json_option
def report(
    run: str,
    corpus: str,
    split: str | None,
    output: Path | None,
    to: ReportForm | None,
    model: ModelOptions,
    prediction: PredictionOptions,
    sampling: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Report on RUN over a split of CORPUS: scores, and each error in its context.

    RUN is a checkpoint, a folder or hub id, or a file of predictions as for nerine score. The page
    is a single file, which needs neither a network nor a server. --json prints the report to
    standard output.
    """
    if output is None and not as_json:
        raise click.UsageError("-o names the file to write, or --json prints the report")
    from nerine.model.report import form_of, write_report

    if output:
        check_output(output, [run, corpus])
        to = to or form_of(output)
    gold = GoldSplit.of(reading.load(corpus), split)
    made = _make(run, gold, model, prediction, sampling)
    if output:
        write_report(made, output, to)
        scores = made.scores
        number = counted(scores.documents, "document")
        if made.is_contaminated:
            click.echo(visible(f"warning: {made.seen_texts}"), err=True)
        else:
            say(f"note: {made.seen_texts}")
        say(f"wrote {output}: F1 {scores.overall.f1:.4f} over {number}")
    if as_json:
        print_json(made.to_dict())


def _make(
    run: str,
    gold: GoldSplit,
    model: ModelOptions,
    prediction: PredictionOptions,
    sampling: dict[str, Any],
) -> Report:
    """The report on a file of predictions or on a checkpoint."""
    from nerine.evaluation.report import make_report

    corpus, documents = gold.corpus, gold.documents
    notes = [*corpus.notes, *reading_notes({gold.name: corpus.logs[gold.name]})]
    name = run
    of_run: dict[str, Any]
    if Path(run).is_file():
        if model != ModelOptions():
            raise click.UsageError(
                "RUN is a file, and --revision, --scheme, --words and the like are for a checkpoint"
            )
        alignment = prediction.align(gold, Path(run))
        of_run = {**alignment.arguments(), "reading": prediction.reading}
        notes += alignment.notes
    else:
        from nerine.evaluation.epochs import read_epochs
        from nerine.model.evaluate import seen_by
        from nerine.model.report import rule_notes

        if prediction.reading != "strict":
            raise click.UsageError("--reading is for a file of tags, and RUN is a checkpoint")
        epochs = read_epochs(run)
        tagger = model.load(run)
        name = tagger.name
        of_run = {
            "predicted": tag_documents(tagger, documents),
            "epochs": epochs,
            "contamination": seen_by(tagger, gold),
            "rules": None if tagger.rules is None else tagger.rules.fingerprint,
        }
        notes += rule_notes(tagger)
        if model.thresholds is not None:
            notes.append(
                f"predicted entities below the thresholds ({model.thresholds}) are left out"
            )
    with working(f"counting over {counted(len(documents), 'document')}"):
        return make_report(
            documents,
            checkpoint=name,
            title=f"{short_path(name)} on {short_path(corpus.source)}, {gold.title}",
            corpus=corpus.source,
            split=gold.title,
            train=gold.training,
            places=gold.places,
            notes=notes,
            **of_run,
            **sampling,
        )
