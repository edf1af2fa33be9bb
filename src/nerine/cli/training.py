"""Options and output that the training commands share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import click

import nerine
from nerine.cli.completion import ENCODER, Name
from nerine.cli.failures import INTERRUPTED
from nerine.cli.flags import FILE, Decorator, gathered
from nerine.cli.group import LEARNED_NOTHING
from nerine.cli.help import options_in
from nerine.cli.resuming import print_resuming_command, resuming_command
from nerine.cli.terminal import console, is_main_process, noted_console, print_json, print_line
from nerine.cli.verbosity import is_quiet
from nerine.core.errors import SettingsError
from nerine.core.filenames import RUN_FILE
from nerine.core.settings import choices_of
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.recipes import RECIPES, Settings, read_settings
from nerine.training.settings import RunSettings, TrainingSettings

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.evaluation.signs import Sign
    from nerine.training.plan import Plan
    from nerine.training.run import TrainingRun

recipe_option = click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(list(RECIPES)),
    help="Settings to start from.  [default: default]",
)
settings_file_option = click.option(
    "--settings",
    "settings_file",
    type=FILE,
    metavar="FILE.toml",
    help="File of settings that differ from the default ones or the recipe, such as the "
    "settings.toml of a run.",
)


SECTIONS: Mapping[str, Sequence[str]] = {
    "The model": (
        *("encoder", "revision", "encoder_revision", "layers", "keep_layers", "words", "scheme"),
        *("decoding", "max_length", "overlap", "tag_prior", "head_seed", "crf", "case_marks"),
        *("head_start", "label_descriptions", "context"),
    ),
    "Few sentences": ("variants", "swapping", "case_noise", "symbol_noise", "r_drop"),
    "The teachers and the texts": (
        *("temperature", "gold_weight", "replacing", "confidence", "unlabelled_per_gold"),
        "drop_near_duplicates",
    ),
    "Length of training and validation": (
        *("steps", "epochs", "validate_every", "validation_sample", "whole_validations"),
        *("validation_fraction", "held_out", "early_stopping", "save_steps", "fit_bias"),
    ),
    "Optimizer and regularisation": (
        *("learning_rate", "layer_decay", "schedule", "warmup", "weight_decay"),
        *("max_gradient_norm", "averaging", "dropout", "masking", "freeze_embeddings"),
        *("crf_learning_rate", "crf_weight"),
    ),
    "Batches, precision and trackers": (
        *("batching", "batch_size", "token_budget", "gradient_accumulation", "precision"),
        *("seed", "report_to"),
    ),
    "Memory": ("lora_rank", "lora_alpha", "lora_dropout", "gradient_checkpointing"),
}
"""The settings in the sections of the help."""

_METAVARS: Mapping[type, str] = {int: "N", float: "X"}
_COMPLETED: Mapping[str, Name] = {"encoder": ENCODER}


def setting_options(base: RunSettings | AdaptationSettings) -> Decorator:
    """An option for each setting; those given reach the command as `changes`.

    `base` has the defaults that the help shows.
    """
    kinds = get_type_hints(type(base))
    fields = {field.name: field for field in dataclasses.fields(base)}
    options = [
        _setting_option(fields[name], kinds[name], getattr(base, name), section)
        for section, names in SECTIONS.items()
        for name in names
        if name in fields
    ]
    return gathered(
        options,
        "changes",
        lambda values: {name: value for name, value in values.items() if value not in (None, ())},
    )


def _setting_option(
    field: dataclasses.Field[Any], kind: Any, default: Any, section: str
) -> Decorator:
    option = options_in(section)
    text = field.metadata["help"]
    if text.partition(" ")[0].rstrip(",").isalpha():  # not bf16
        text = text[0].upper() + text[1:]
    shown = str(default).lower() if isinstance(default, bool) else default
    text += "." if default in (None, ()) else f".  [default: {shown}]"
    flag = f"--{field.name.replace('_', '-')}"
    details: dict[str, Any] = {"default": None, "help": text}
    kinds = [each for each in get_args(kind) if each is not type(None)] or [kind]
    if choices := choices_of(kind):
        return option(flag, type=click.Choice(choices), **details)
    if kinds == [bool]:
        return option(f"{flag}/--no-{flag.removeprefix('--')}", **details)
    if get_args(kind)[:1] == (int,) and get_origin(kind) is tuple:
        return option(flag, type=whole_numbers, metavar="N,N,…", **details)
    if get_origin(kind) is tuple:
        return option(flag, multiple=True, metavar="NAME", **details)
    metavar = _METAVARS.get(kinds[0], field.name.upper())
    return option(flag, type=_COMPLETED.get(field.name, kinds[0]), metavar=metavar, **details)


def whole_numbers(value: str) -> tuple[int, ...]:
    """`"0,2,5"` → `(0, 2, 5)`."""
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 0,2,5")
    return tuple(int(part) for part in parts)


def run_settings(
    base: Settings, changes: dict[str, Any], file: Path | None, resumed: Path | None
) -> Settings:
    """The settings of a run: `base`, or those of the `resumed` run, then the file's, then flags'.

    Raises `SettingsError` if a file of settings cannot be used.
    """
    if resumed and (resumed / RUN_FILE).is_file():
        path = str(resumed / RUN_FILE)
        try:
            saved = json.loads((resumed / RUN_FILE).read_text(encoding="utf-8"))["settings"]
            base = base.changed(dict(saved))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"cannot be read: {error!r}", place=path, hint="train into another folder"
            ) from error
        except SettingsError as error:
            raise error.at(path) from error
    if file:
        base = read_settings(file, base)
    return base.changed(changes)


def run_training(
    corpus: nerine.Corpus,
    output: Path,
    settings: TrainingSettings | Plan,
    *,
    resume: bool = False,
    processes: int = 1,
) -> TrainingRun:
    """Trains; a terminal shows the progress."""
    from nerine.cli.progress import training_display

    with training_display() as listener:
        return nerine.train(
            corpus,
            output=output,
            settings=settings,
            resume=resume,
            listener=listener,
            processes=processes,
        )


def print_plan(plan: Plan) -> None:
    """Prints a line for each choice of a plan."""
    if is_main_process() and not is_quiet():
        on = console()
        for line in str(plan).splitlines():
            print_line(on, line)


def end_run(run: TrainingRun, notes: list[str], *, as_json: bool, plan: Plan | None = None) -> None:
    """Prints the result of a run with its signs of failure.

    Exits with a code of its own if the run was interrupted or the model has learned nothing.
    """
    if is_main_process():
        notes = [*notes, *run.notes]
        if as_json:
            print_json({**run_as_json(run, notes), **({"plan": plan.to_dict()} if plan else {})})
        else:
            print_run(run, notes)
    exit_if_interrupted(run.interrupted)
    exit_if_nothing_learned(run)


def exit_if_interrupted(signal: str | None) -> None:
    """Prints how to resume a run that a signal stopped, and exits with a code of its own."""
    if signal is None:
        return
    context = click.get_current_context()
    if is_main_process():
        print_interruption(signal, resuming_command(context))
    context.exit(INTERRUPTED)


def run_as_json(run: TrainingRun, notes: list[str]) -> dict[str, Any]:
    """The run for JSON; `best` is the number of the epoch that was kept."""
    ended = run.interrupted is None
    return {
        "checkpoint": str(run.folder) if ended else None,
        "best": run.best.epoch if ended else None,
        "epochs": [record.to_dict() for record in run.epochs],
        "notes": notes,
        "signs": [sign.to_dict() for sign in run.signs],
        "interrupted": run.interrupted,
    }


def exit_if_nothing_learned(*runs: TrainingRun) -> None:
    """Exits with a code of its own if the kept weights of all runs find next to no entity."""
    if all(run.learned_nothing for run in runs):
        click.get_current_context().exit(LEARNED_NOTHING)


def print_run(run: TrainingRun, notes: list[str], *, hints: str = "") -> None:
    """Prints the notes, a row for each epoch, the signs of failure, and the checkpoint's folder.

    `hints` stands before each hint.
    """
    from nerine.cli.scores import epochs_table

    on = noted_console(notes)
    kept = run.best if run.interrupted is None else None
    if run.epochs:
        on.print(epochs_table(run.epochs, kept, "kept"))
    for sign in run.signs:
        print_sign(sign, on, hints)
    if kept:
        print_line(on, f"the checkpoint is in {run.folder}")


def print_sign(sign: Sign, on: Console, before: str = "") -> None:
    """Prints a sign of failure and, after `before`, what to try; it stands out on a terminal."""
    print_line(on, f"sign of failure: {sign.message}", "bold yellow")
    print_line(on, f"  hint: {before}{sign.hint}")


def print_interruption(signal: str, command: str) -> None:
    """Prints the signal that stopped a run, and the `command` that resumes it, on stderr."""
    print_resuming_command(f"stopped by {signal}; the state was saved", command)
