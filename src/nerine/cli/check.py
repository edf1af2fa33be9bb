"""`nerine check`: find what is wrong with a corpus."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Literal

import click

from nerine.cli.completion import CORPUS, ENCODER, RULE
from nerine.cli.flags import json_option, show_option
from nerine.cli.help import Command
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.terminal import cell, console, print_json, print_line, table, working
from nerine.core.display import counted

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.curation.checks import Finding, Rule, Severity

FOUND = 1
"""The exit code if a finding has the severity `--fail-on` or a worse one."""

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


@click.command(
    cls=Command,
    short_help="Find what is wrong with a corpus.",
    epilog="""\b
Examples:
  nerine check wnut17/
  nerine check train.jsonl --off near-repeat --off unusual-space --show 3
  nerine check wnut17/ --only several-labels --show all
  nerine check wnut17/ --encoder FacebookAI/roberta-base --json
  nerine check --rules

Exit code: 1 if a finding has the severity --fail-on or a worse one, 2 if CORPUS cannot be read,
else 0.
""",
)
@click.argument("corpus", required=False, type=CORPUS)
@click.option(
    "--encoder", type=ENCODER, metavar="NAME", help="Also check the subwords of this encoder."
)
@click.option("--revision", metavar="REV", help="Branch, tag or commit of an encoder on the hub.")
@click.option(
    "--off", multiple=True, type=RULE, metavar="RULE", help="Do not run this rule. May be repeated."
)
@click.option(
    "--only", multiple=True, type=RULE, metavar="RULE", help="Run only this rule. May be repeated."
)
@show_option("Most findings to show for each rule; JSON has all of them.", 10)
@click.option(
    "--fail-on",
    type=click.Choice([*_SEVERITIES, "never"]),
    default="error",
    show_default=True,
    help="Mildest severity of a finding that makes the exit code 1.",
)
@corpus_options
@click.option("--rules", is_flag=True, help="List the rules and exit.")
@json_option
@click.pass_context
def check(
    context: click.Context,
    corpus: str | None,
    encoder: str | None,
    revision: str | None,
    off: tuple[str, ...],
    only: tuple[str, ...],
    show: int,
    fail_on: Severity | Literal["never"],
    reading: CorpusOptions,
    rules: bool,
    as_json: bool,
) -> None:
    """Find what is wrong with CORPUS before a model is trained on it.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision. Tags that break their scheme are repaired, lines that cannot be read are
    left out, and each is a finding.
    """
    from nerine.curation.checks import check_corpus

    if rules:
        print_rules(as_json=as_json)
        return
    if corpus is None:
        raise click.UsageError("Missing argument 'CORPUS'.", context)
    with working(f"checking {corpus}"):
        lenient = dataclasses.replace(reading.options, repair=True)
        lenient_reading = dataclasses.replace(reading, options=lenient)
        loaded = lenient_reading.load(corpus, for_checking=True)
        report = check_corpus(loaded, off=off, only=only, encoder=encoder, revision=revision)
    notes = notes_on(loaded)
    if as_json:
        print_json({**report.to_dict(), "notes": notes})
    else:
        on = console()
        for note in notes:
            print_line(on, f"reading: {note}")
        for rule in report.rules:
            findings = report.of(rule.name)
            if findings:
                print_findings(rule, findings, show, on)
        counts = ", ".join(counted(report.count(each), each) for each in _SEVERITIES)
        number = counted(len(report.rules), "rule")
        print_line(on, f"{report.source}: {counts}, by {number}", "bold")
    if fail_on != "never" and report.reaches(fail_on):
        context.exit(FOUND)


def print_rules(*, as_json: bool) -> None:
    """Prints the rules with their severities and meanings."""
    from nerine.curation.checks import RULES

    names = ("name", "severity", "meaning", "needs_encoder")
    if as_json:
        print_json([{name: getattr(rule, name) for name in names} for rule in RULES.values()])
        return
    rows = (
        (rule.name, rule.severity, rule.meaning + " (with --encoder)" * rule.needs_encoder)
        for rule in RULES.values()
    )
    console().print(table(("rule", "severity", "meaning"), rows))


def print_findings(rule: Rule, findings: tuple[Finding, ...], most: int, on: Console) -> None:
    """Prints a rule with up to `most` of its findings."""
    splits = Counter(finding.split for finding in findings if finding.split)
    by_split = ", ".join(f"{split} {count:,}" for split, count in splits.items())
    title = cell(rule.severity, _STYLES[rule.severity])
    title.append_text(cell(f"  {rule.name}  ", "bold"))
    title.append_text(cell(f"{len(findings):,}{f' ({by_split})' if by_split else ''}"))
    title.append_text(cell(f"  {rule.meaning}"))
    on.print(title, soft_wrap=True)
    for finding in findings[:most]:
        print_line(on, f"  {finding.place}: {finding.message}")
    if len(findings) > most:
        print_line(on, f"  … and {len(findings) - most:,} more (--show all)")
    on.print()
