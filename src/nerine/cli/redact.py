"""`nerine redact`: write files without the names in them."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import FILE, default_option, gathered, json_option, processes_option
from nerine.cli.help import Command
from nerine.cli.inputs import SOME_FAILED, input_options, output_option, start_options
from nerine.cli.model_options import ModelOptions, tag_documents, tagging_options
from nerine.cli.resuming import resumable
from nerine.cli.terminal import (
    binary_stdout,
    console,
    number_table,
    print_json,
    print_line,
    say,
    working,
)
from nerine.cli.verbosity import is_quiet
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.core.files import read_bytes
from nerine.serving.files.inputs import STANDARD
from nerine.serving.files.options import Start, TaggingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.core.document import Document
    from nerine.evaluation.calibration import Thresholds
    from nerine.model.tagger import Tagger
    from nerine.serving.redaction import RedactionRecall, RedactionSummary, Redactor

_ALL = "all"


@dataclasses.dataclass(frozen=True, slots=True)
class _Ways:
    """What becomes of names: of all, or of those of some labels."""

    how: str
    labels: dict[str, str]
    key: bytes | None
    patterns: tuple[str, ...]
    region: str | None
    locale: str
    everywhere: bool

    def redactor(self, tagger: Tagger) -> Redactor:
        """The redactor that does it."""
        from nerine.serving.redaction import Redactor

        return Redactor(
            tagger,
            how={**dict.fromkeys((*tagger.labels, *self.patterns), self.how), **self.labels},
            key=self.key,
            patterns=self.patterns,
            region=self.region,
            locale=self.locale,
            everywhere=self.everywhere,
        )


def _ways(values: dict[str, Any]) -> _Ways:
    """The options about names."""
    common = [each for each in values["how"] if "=" not in each]
    if len(common) > 1:
        raise SettingsError(
            f"{' and '.join(common)} are both for all labels",
            place="--how",
            expected="one WAY, and LABEL=WAY for some labels",
        )
    pairs = (each.rpartition("=") for each in values["how"] if "=" in each)
    given = (values["patterns"] or "").split(",")
    patterns = tuple(each.strip() for each in given if each.strip())
    if patterns == (_ALL,):
        from nerine.serving.redaction.patterns import PATTERNS

        patterns = PATTERNS
    return _Ways(
        common[0] if common else "label",
        {label: way for label, _, way in pairs},
        key_in(values["key_file"]),
        patterns,
        values["region"],
        values["locale"],
        not values["only_found"],
    )


def key_in(path: Path | None) -> bytes | None:
    """The key in a file, without white space around it; None without a file."""
    if path is None:
        return None
    key = read_bytes(path).strip()
    if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        say(f"note: others may read {path}, which holds the key; chmod 600 makes it yours")
    return key


key_option = click.option(
    "--key-file",
    type=FILE,
    metavar="FILE",
    help="File with the key of hashes, stand-ins and the mapping: 16 bytes or more.",
)
_ways_options = gathered(
    [
        click.option(
            "--how",
            multiple=True,
            metavar="WAY|LABEL=WAY",
            help="What becomes of names: label, hash, stand-in, number, mask, remove or keep. May "
            "be repeated for labels.  [default: label]",
        ),
        key_option,
        click.option(
            "--patterns",
            metavar="NAME,…|all",
            help="Also replace what has a form: card, email, iban, phone.  [default: none]",
        ),
        click.option(
            "--region",
            metavar="CODE",
            help="Country of phone numbers that have no code of one, such as GB.  [default: only "
            "those with a code are found]",
        ),
        default_option(
            "--locale", "en_US", "Language and country of stand-ins, such as de_DE.", metavar="NAME"
        ),
        click.option(
            "--only-found",
            is_flag=True,
            help="Leave a name at places of its text where it was not found.",
        ),
    ],
    "ways",
    _ways,
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Sample:
    """The labelled sample that recall is estimated by."""

    corpus: str | None
    split: str
    target: str | None

    def documents(self) -> list[Document]:
        """Its documents; none without a sample."""
        if self.corpus is None:
            if self.target is not None:
                raise SettingsError(
                    "a target needs labelled texts",
                    place="--target",
                    hint="--sample CORPUS names them",
                )
            return []
        from nerine.data.corpus import load_corpus

        return [*load_corpus(self.corpus).split(self.split)]

    def thresholds(self, tagger: Tagger, documents: list[Document]) -> Thresholds | None:
        """Those of the tagger, or the ones that reach the target on documents."""
        if self.target is None:
            return tagger.thresholds
        from nerine.evaluation.calibration import fit_thresholds

        return fit_thresholds(documents, tag_documents(tagger, documents), target=self.target)


_sample_options = gathered(
    [
        click.option(
            "--sample",
            "corpus",
            type=CORPUS,
            metavar="CORPUS",
            help="Labelled texts of the same kind, by which recall is estimated.",
        ),
        default_option("--split", "validation", "Split of the sample."),
        click.option(
            "--target",
            metavar="recall=R",
            help="Thresholds: the highest ones with this strict recall on half of the sample; "
            "recall is estimated on the other half.",
        ),
    ],
    "sample",
    lambda values: _Sample(**values),
)


@click.command(
    cls=Command,
    short_help="Write files without the names in them.",
    epilog="""\b
Examples:
  nerine redact runs/wnut posts.jsonl -o safe.jsonl
  nerine redact runs/wnut posts.csv -o safe.csv --patterns all --how group=keep
  nerine redact runs/wnut mails/ -o safe/ --how stand-in --key-file my.key
  nerine redact runs/wnut posts.txt -o safe.txt --mapping posts.map
  nerine restore safe.txt posts.map -o posts-again.txt
  nerine redact runs/wnut posts.txt -o safe.txt --sample wnut17/

What the model misses stays: measure it with --sample. Only the text of a record is changed; other
fields and columns keep their bytes, with the names in them. A record that fails is in no output.
Exit codes: 0 all written, 1 some failed or interrupted, 2 unusable input.
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@output_option
@_ways_options
@click.option(
    "--mapping",
    type=FILE,
    metavar="FILE",
    help="File for what stood where, for nerine restore. Only you can read it; with a key, it is "
    "encrypted.",
)
@_sample_options
@input_options
@start_options
@processes_option("Number of processes, each with a model of its own; they share out the threads.")
@tagging_options
@json_option
@click.pass_context
def redact(
    context: click.Context,
    checkpoint: str,
    inputs: tuple[str, ...],
    output: str,
    ways: _Ways,
    mapping: Path | None,
    sample: _Sample,
    reading: dict[str, Any],
    start: Start,
    processes: int,
    model: ModelOptions,
    as_json: bool,
) -> None:
    """Write INPUTs without the names that CHECKPOINT finds in them.

    Reads what nerine tag reads: files of texts (a line each), JSON lines, CSV, TSV or Parquet,
    compressed or not, folders, patterns, URLs, and - for standard input.
    """
    from nerine.serving.redaction import plan_redaction, redaction_recall

    if output == STANDARD and as_json:
        raise SettingsError("the records already go to standard output", place="--json")
    options = TaggingOptions(**reading, start=start, processes=processes)
    with working("checking the inputs"):
        target = binary_stdout() if output == STANDARD else output
        planned = plan_redaction(inputs, target, mapping=mapping, options=options)
        labelled = sample.documents()
    from nerine.cli.progress import tagging_display

    source = model.find(checkpoint)
    planned = planned.with_model(model.identity(source))
    tagger = model.for_processes(processes).load(source)
    halves = (labelled[::2], labelled[1::2]) if sample.target else (labelled, labelled)
    tagger.thresholds = sample.thresholds(tagger, halves[0])
    redactor = ways.redactor(tagger)
    recall = None
    if labelled:
        with working(f"tagging the sample, {counted(len(halves[1]), 'document')}"):
            recall = redaction_recall(redactor, halves[1])
    display = tagging_display()
    with resumable(context, is_resumable=planned.resumable), display as listener:
        summary = planned.run(redactor, listener)
    if as_json:
        estimate = recall.to_dict() if recall else None
        print_json({"checkpoint": tagger.name, **summary.to_dict(), "recall": estimate})
    _print(summary, recall, ways)
    if summary.failures:
        context.exit(SOME_FAILED)


def _print(summary: RedactionSummary, recall: RedactionRecall | None, ways: _Ways) -> None:
    """Prints what was replaced and what was left to standard error."""
    on = console(stderr=True)
    if not is_quiet():
        _print_counts(summary, ways, on)
        _print_recall(recall, on)
    if summary.failures:
        where = f": {summary.failed} says which and why" if summary.failed else ""
        print_line(on, f"{counted(summary.failures, 'record')} failed{where}", "bold")
    if not is_quiet():
        kept = summary.documents - summary.failures
        records = counted(summary.documents, "record")
        print_line(on, f"{records} in = {kept:,} out + {summary.failures:,} failed")
        for path in (*summary.outputs[-1:], *([summary.mapping] if summary.mapping else [])):
            if path != STANDARD:
                print_line(on, f"written: {path}")


def _print_counts(summary: RedactionSummary, ways: _Ways, on: Console) -> None:
    for path in summary.passed_over:
        print_line(on, f"note: {path} is hidden and was passed over")
    notes = [*summary.notes]
    if summary.fields:
        notes.append(f"left as they are, with the names in them: {', '.join(summary.fields)}")
    if not ways.patterns:
        notes.append(
            "numbers of cards and phones, IBANs and mail addresses were not looked for; "
            "--patterns all replaces them"
        )
    if summary.drawn_again:
        names = counted(summary.drawn_again, "stand-in was", "stand-ins were")
        notes.append(f"{names} taken already and drawn again; in other texts they may differ")
    for note in notes:
        print_line(on, f"note: {note}")
    counters = (summary.replaced, summary.elsewhere, summary.below)
    labels = sorted({label for counter in counters for label in counter})
    rows = ((label, *(f"{counter.get(label, 0):,}" for counter in counters)) for label in labels)
    if labels:
        on.print(number_table("label", ["replaced", "also elsewhere", "below threshold"], rows))


def _print_recall(recall: RedactionRecall | None, on: Console) -> None:
    if recall is None:
        print_line(on, "note: what was missed is unknown; --sample CORPUS estimates it")
        return
    low, high = recall.interval.low, recall.interval.high
    print_line(
        on,
        f"recall {recall.recall:.4f} [{low:.4f}, {high:.4f}]: {recall.replaced:,} of "
        f"{counted(recall.gold, 'gold entity', 'gold entities')} of the sample are replaced whole",
    )
    rest = ", ".join(
        f"{label} {replaced / gold:.3f} of {gold:,}"
        for label, (replaced, gold) in recall.labels.items()
    )
    print_line(on, f"by label: {rest}")
