"""`nerine push`: publish a checkpoint on the Hugging Face hub, with its model card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT
from nerine.cli.flags import gathered, json_option
from nerine.cli.help import Command, options_in
from nerine.cli.terminal import console, print_json, print_line, say, stdout, table, working
from nerine.core.display import counted, visible
from nerine.core.filenames import CARD_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.publishing.push import Pushed, PushOptions, PushPlan

_ONNX = ("onnx-fp32", "onnx-int8", "all")
_statement = options_in("The model card")

_STATEMENTS = [
    _statement("--license", metavar="NAME", help="Licence, such as apache-2.0."),
    _statement(
        "--license-name",
        metavar="NAME",
        help="Name of a licence that the hub does not know; with --license other.",
    ),
    _statement("--license-link", metavar="URL", help="Address of its text."),
    _statement(
        "--language", metavar="CODE", multiple=True, help="Language, such as en. May be repeated."
    ),
    _statement("--title", metavar="TEXT", help="Title of the model card."),
    _statement("--dataset", metavar="ID", help="Id of the data set on the hub."),
    _statement("--dataset-name", metavar="TEXT", help="Name of the data set."),
    _statement("--base-model", metavar="ID", help="Id of the encoder on the hub."),
    _statement("--intended-use", metavar="TEXT", help="Use it is intended for."),
    _statement("--limits", metavar="TEXT", help="Uses it is not fit for."),
    _statement(
        "--author", "authors", metavar="NAME", multiple=True, help="Author. May be repeated."
    ),
]
_PUSHING = [
    click.option(
        "--public",
        is_flag=True,
        help="Make a new repository public, or push to a public one.  [default: private]",
    ),
    click.option(
        "--revision",
        metavar="BRANCH",
        help="Branch to push to, made from main if it does not exist.  [default: main]",
    ),
    click.option("--tag", metavar="NAME", help="New tag for the commit."),
    click.option("--create-pr", is_flag=True, help="Propose the commit as a pull request."),
    click.option(
        "--onnx",
        multiple=True,
        type=click.Choice(_ONNX),
        help="Also push this ONNX model of nerine optimize. May be repeated.  [default: none]",
    ),
    click.option("--message", metavar="TEXT", help="Message of the commit."),
    click.option(
        "--replace-card", is_flag=True, help="Replace a README.md that a person has written there."
    ),
    click.option(
        "--remove",
        is_flag=True,
        help="Remove what an earlier push stated or sent and this one does not.  [default: keep "
        "it, and list it]",
    ),
    click.option(
        "--allow-failed", is_flag=True, help="Push a model even if it has learned nothing."
    ),
]


def _options(values: dict[str, Any]) -> PushOptions:
    from nerine.publishing.push import PushOptions

    return PushOptions().changed({name: each for name, each in values.items() if each})


@click.command(
    cls=Command,
    short_help="Publish a checkpoint on the hub.",
    epilog="""\b
Examples:
  nerine push runs/wnut mira/wnut-names --dry-run
  nerine push runs/wnut mira/wnut-names --license mit --language en
  nerine push runs/wnut mira/wnut-names --public --onnx all --tag v1

Log in with hf auth login, or set HF_TOKEN. The statements of the model card can also stand in a
file card.toml in the folder of the checkpoint: license = "mit", language = ["en"], title, dataset,
dataset_name, base_model, intended_use, limits, authors. A terminal asks for a licence and a
language that are not stated; an empty answer leaves them open.
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("repository")
@gathered([*_PUSHING, *_STATEMENTS], "options", _options)
@click.option("--dry-run", is_flag=True, help="Show the files and the card without asking the hub.")
@json_option
def push(
    checkpoint: str, repository: str, options: PushOptions, dry_run: bool, as_json: bool
) -> None:
    """Push CHECKPOINT, a folder, to REPOSITORY on the hub, such as mira/wnut-names.

    Weights, tokenizer, records and a model card generated from them are pushed in one commit; other
    files of the folder are not. A missing repository is made, private without --public. Files that
    are already there are not sent again, so an interrupted push resumes.
    """
    with working(f"looking through {checkpoint}"):
        from nerine.publishing.push import carry_out, plan_push
    folder = Path(checkpoint).expanduser()
    if sys.stdin.isatty() and sys.stderr.isatty() and folder.is_dir():
        options = _with_answers(folder, options)
    with working(f"looking through {checkpoint}"):
        plan = plan_push(checkpoint, repository, options)
    if dry_run:
        print_plan(plan, as_json)
        return
    pushed = carry_out(plan, say=_print_progress)
    if as_json:
        print_json(pushed.to_dict())
    else:
        print_pushed(pushed, console())


def _with_answers(folder: Path, options: PushOptions) -> PushOptions:
    """The options with the licence and language that the user is asked for."""
    from nerine.publishing.push import statements_of

    said = statements_of(folder, options)
    answers: dict[str, Any] = {}
    if said.license is None:
        answers["license"] = _answer("Licence, such as apache-2.0 (empty: as it is, or open)")
    if not said.language:
        answer = _answer("Languages of the texts, such as en (empty: as they are, or open)")
        answers["language"] = answer.replace(",", " ").split()
    return options.changed({name: each for name, each in answers.items() if each})


def _answer(question: str) -> str:
    return str(click.prompt(question, default="", show_default=False, err=True)).strip()


def _print_progress(message: str) -> None:
    if sys.stderr.isatty():
        say(message)


def print_plan(plan: PushPlan, as_json: bool) -> None:
    """Prints the files and the card of a push without carrying it out."""
    if as_json:
        print_json({"dry_run": True, **plan.to_dict(), "card": plan.readme})
        return
    on = console()
    target = plan.target
    kind = "public" if target.public else "private"
    as_what = "a pull request for" if target.create_pr else "branch"
    tag = f", tag {target.tag}" if target.tag else ""
    repository = f"{target.repo.id}, {as_what} {target.branch}{tag}; {kind} if it is new"
    print_line(on, repository, "bold")
    rows = ((file.name, f"{file.size:,}", f"{file.sha256[:16]}…") for file in plan.contents.files)
    files = table(("file", "bytes", "SHA-256"), rows, numbers=("bytes",))
    files.add_section()
    files.add_row("all", f"{plan.size:,}", "")
    on.print(files)
    on.print()
    print_plan_notes(plan, on)
    print_line(on, CARD_FILE, "bold")
    click.echo(visible(plan.readme, lines=True), file=stdout())
    if not plan.remove:
        on.print("what an earlier push stated, and its ONNX models, would stay without --remove")
    on.print("nothing was pushed: this is a dry run")


def print_plan_notes(plan: PushPlan, on: Console) -> None:
    """Prints files left out, paths shortened to names, and open fields of the card."""
    for left in plan.contents.left_out:
        print_line(on, f"left out: {left.name} ({left.reason})")
    for each in plan.contents.shortened:
        print_line(on, f"published as a name: {each.file}, {each.field}: {each.name}")
    if plan.card.open:
        print_line(on, f"open on the card: {', '.join(plan.card.open)}")


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple | list) else str(value)


def print_pushed(pushed: Pushed, on: Console) -> None:
    """Prints the changes that a push made on the hub."""
    print_plan_notes(pushed.plan, on)
    for name in pushed.deleted:
        print_line(on, f"deleted there, as it is of an earlier push: {name}")
    for name, value in pushed.removed_statements.items():
        print_line(on, f"no longer stated: {name} = {_shown(value)}")
    kept = [f"{name} = {_shown(value)}" for name, value in pushed.kept_statements.items()]
    for each in (*kept, *pushed.kept):
        print_line(on, f"kept from an earlier push (--remove removes it): {each}")
    if pushed.others:
        print_line(on, f"left alone there: {', '.join(pushed.others)}")
    if pushed.private and pushed.plan.target.public and not pushed.created:
        on.print("note: the repository is private, and stays so: its settings are on the hub")
    where = "private" if pushed.private else "public"
    if not pushed.changed:
        print_line(on, "nothing has changed: all of it is there already", "bold")
    else:
        sent = counted(len(pushed.sent), "file")
        print_line(on, f"{sent} new or changed, {pushed.bytes:,} bytes; {where}", "bold")
    if pushed.plan.target.tag:
        print_line(on, f"tagged {pushed.plan.target.tag}")
    print_line(on, pushed.pull_request or pushed.url)
