"""`nerine push`: a checkpoint → the Hugging Face hub, with its model card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import gathered, json_option
from nerine.cli.terminal import cell, console, print_json, stdout, table, working
from nerine.core.display import counted, visible
from nerine.core.filenames import CARD_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.publishing.push import Pushed, PushOptions, PushPlan

_ONNX = ("onnx-fp32", "onnx-int8", "all")
_STATEMENTS = {
    "license": click.option("--license", metavar="NAME", help="Licence, such as apache-2.0."),
    "license_name": click.option(
        "--license-name",
        metavar="NAME",
        help="What a licence is called that the hub has no name for; with --license other.",
    ),
    "license_link": click.option("--license-link", metavar="URL", help="Where its text stands."),
    "language": click.option(
        "--language", metavar="CODE", multiple=True, help="Language, such as en. May be repeated."
    ),
    "title": click.option("--title", metavar="TEXT", help="What the card calls the checkpoint."),
    "dataset": click.option("--dataset", metavar="ID", help="The data set's id on the hub."),
    "dataset_name": click.option("--dataset-name", metavar="TEXT", help="The data set's name."),
    "base_model": click.option("--base-model", metavar="ID", help="The encoder's id on the hub."),
    "intended_use": click.option("--intended-use", metavar="TEXT", help="What it is meant for."),
    "limits": click.option("--limits", metavar="TEXT", help="What it must not be used for."),
    "authors": click.option(
        "--author", "authors", metavar="NAME", multiple=True, help="Who made it. May be repeated."
    ),
}
_PUSHING = {
    "public": click.option(
        "--public",
        is_flag=True,
        help="Make a new repository public, or push to one that is.  [default: private]",
    ),
    "revision": click.option(
        "--revision",
        metavar="BRANCH",
        help="Branch to push to, made from main if it is not there.  [default: main]",
    ),
    "tag": click.option("--tag", metavar="NAME", help="Give the commit a new tag."),
    "create_pr": click.option(
        "--create-pr", is_flag=True, help="Propose the commit as a pull request."
    ),
    "onnx": click.option(
        "--onnx",
        multiple=True,
        type=click.Choice(_ONNX),
        help="Push ONNX models of nerine optimize too. May be repeated.  [default: none]",
    ),
    "message": click.option("--message", metavar="TEXT", help="Message of the commit."),
    "replace_card": click.option(
        "--replace-card", is_flag=True, help="Replace a README.md that somebody has written there."
    ),
}


def _options(values: dict[str, Any]) -> PushOptions:
    from nerine.publishing.push import PushOptions

    return PushOptions().changed({name: each for name, each in values.items() if each})


@click.command(
    short_help="Publish a checkpoint on the hub.",
    epilog="""\b
Examples:
  nerine push runs/wnut mira/wnut-names --dry-run
  nerine push runs/wnut mira/wnut-names --license mit --language en
  nerine push runs/wnut mira/wnut-names --public --onnx all --tag v1

Whoever is logged in pushes: hf auth login, or HF_TOKEN. What only a person knows of a checkpoint
can also be stated in a file card.toml in its folder: license = "mit", language = ["en"], title,
dataset, dataset_name, base_model, intended_use, limits, authors. On a terminal, the licence and
the language are asked for where nobody has stated them; an empty answer leaves them open.
""",
)
@click.argument("checkpoint")
@click.argument("repository")
@gathered({**_PUSHING, **_STATEMENTS}, "options", _options)
@click.option(
    "--dry-run", is_flag=True, help="Show what would be pushed, and the card; ask the hub nothing."
)
@json_option
def push(
    checkpoint: str, repository: str, options: PushOptions, dry_run: bool, as_json: bool
) -> None:
    """Push CHECKPOINT, a folder, to REPOSITORY on the hub, such as mira/wnut-names.

    Weights, tokenizer, records and a model card that is written from them go out in one commit;
    nothing else that lies in the folder does. The repository is made if it is not there, private
    unless you say --public. What is there already is not sent again, and a push that was
    interrupted goes on.
    """
    with working(f"looking through {checkpoint}"):
        from nerine.publishing.push import carry_out, plan_push
    options = _asked(Path(checkpoint).expanduser(), options)
    with working(f"looking through {checkpoint}"):
        plan = plan_push(checkpoint, repository, options)
    if dry_run:
        _print_plan(plan, as_json)
        return
    pushed = carry_out(plan, say=_say)
    if as_json:
        print_json(pushed.to_dict())
    else:
        _print_pushed(pushed, console())


def _asked(folder: Path, options: PushOptions) -> PushOptions:
    """The options with answers to what is open, if there is somebody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty() and folder.is_dir()):
        return options
    from nerine.publishing.push import statements_of

    said = statements_of(folder, options)
    answers: dict[str, Any] = {}
    if said.license is None:
        answers["license"] = _answer("Licence, such as apache-2.0 (empty: leave it open)")
    if not said.language:
        answer = _answer("Languages of the texts, such as en (empty: leave them open)")
        answers["language"] = answer.replace(",", " ").split()
    return options.changed({name: each for name, each in answers.items() if each})


def _answer(question: str) -> str:
    return str(click.prompt(question, default="", show_default=False, err=True)).strip()


def _say(message: str) -> None:
    if sys.stderr.isatty():
        click.echo(visible(message), err=True)


def _print_plan(plan: PushPlan, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": True, **plan.to_dict(), "card": plan.readme})
        return
    on = console()
    target = plan.target
    kind = "public" if target.public else "private"
    as_what = "a pull request for" if target.create_pr else "branch"
    tag = f", tag {target.tag}" if target.tag else ""
    on.print(
        cell(f"{target.repo.id}, {as_what} {target.branch}{tag}; {kind} if it is new", "bold"),
        soft_wrap=True,
    )
    files = table(("file", "bytes", "SHA-256"), numbers=("bytes",))
    for file in plan.contents.files:
        files.add_row(cell(file.name), f"{file.size:,}", f"{file.sha256[:16]}…")
    files.add_section()
    files.add_row("all", f"{plan.size:,}", "")
    on.print(files)
    on.print()
    _print_notes(plan, on)
    on.print(cell(CARD_FILE, "bold"))
    click.echo(visible(plan.readme, lines=True), file=stdout())
    on.print("nothing was pushed: this is a dry run")


def _print_notes(plan: PushPlan, on: Console) -> None:
    """What stays here, what is published under another name, and what the card leaves open."""
    for left in plan.contents.left_out:
        on.print(cell(f"left out: {left.name} ({left.reason})"), soft_wrap=True)
    for each in plan.contents.shortened:
        on.print(
            cell(f"published as a name: {each.file}, {each.field}: {each.name}"), soft_wrap=True
        )
    if plan.card.open:
        on.print(cell(f"open on the card: {', '.join(plan.card.open)}"), soft_wrap=True)


def _print_pushed(pushed: Pushed, on: Console) -> None:
    _print_notes(pushed.plan, on)
    for name in pushed.deleted:
        on.print(cell(f"deleted there, as it is of an earlier push: {name}"), soft_wrap=True)
    if pushed.others:
        on.print(cell(f"left alone there: {', '.join(pushed.others)}"), soft_wrap=True)
    if pushed.private and pushed.plan.target.public and not pushed.created:
        on.print("note: the repository is private, and stays so: its settings are on the hub")
    where = "private" if pushed.private else "public"
    if not pushed.changed:
        on.print(cell("nothing has changed: all of it is there already", "bold"))
    else:
        sent = counted(len(pushed.sent), "file")
        on.print(cell(f"{sent} new or changed, {pushed.bytes:,} bytes; {where}", "bold"))
    if pushed.plan.target.tag:
        on.print(cell(f"tagged {pushed.plan.target.tag}"))
    on.print(cell(pushed.pull_request or pushed.url), soft_wrap=True)
