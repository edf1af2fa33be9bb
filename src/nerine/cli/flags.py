"""Each setting of training as a flag, and a command as it was typed."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from nerine.cli.options import Decorator, gathered
from nerine.training.settings import RunSettings, TrainingSettings


def _numbers(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,
    value: str | None,
) -> tuple[int, ...] | None:
    """`"0,2,5"` → `(0, 2, 5)`."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise click.BadParameter(
            f"{value!r} is not whole numbers between commas, such as 0,2,5", param=parameter
        )
    return tuple(int(part) for part in parts)


def _setting_option(field: dataclasses.Field[Any], kind: Any, default: Any) -> Decorator:
    flag = f"--{field.name.replace('_', '-')}"
    details: dict[str, Any] = {"default": None, "help": _setting_help(field, default)}
    kinds = [each for each in get_args(kind) if each is not type(None)] or [kind]
    if get_origin(kind) is Literal:
        return click.option(flag, type=click.Choice(get_args(kind)), **details)
    if kind is bool:
        return click.option(f"{flag}/--no-{flag.removeprefix('--')}", **details)
    if get_args(kind)[:1] == (int,) and get_origin(kind) is tuple:
        return click.option(flag, callback=_numbers, metavar="N,N,…", **details)
    if get_origin(kind) is tuple:
        return click.option(flag, multiple=True, metavar="NAME", **details)
    return click.option(flag, type=kinds[0], **details)


def _setting_help(field: dataclasses.Field[Any], default: Any) -> str:
    meaning = field.metadata["help"]
    if meaning.partition(" ")[0].isalpha():  # not bf16
        meaning = meaning[0].upper() + meaning[1:]
    if default in (None, ()):
        return f"{meaning}."
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"{meaning}.  [default: {shown}]"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, ())}


def setting_options_from(base: RunSettings) -> Decorator:
    """Each setting as a flag; those given reach the command as `changes`.

    `base` holds what the help calls the default.
    """
    kinds = get_type_hints(type(base))
    options = {
        field.name: _setting_option(field, kinds[field.name], getattr(base, field.name))
        for field in _own_first(type(base))
    }
    return gathered(options, "changes", _given)


def _own_first(kind: type[RunSettings]) -> list[dataclasses.Field[Any]]:
    """The settings of a kind of run, and behind them those that all runs have."""
    shared = {field.name for field in dataclasses.fields(RunSettings)}
    return sorted(dataclasses.fields(kind), key=lambda field: field.name in shared)


setting_options = setting_options_from(TrainingSettings())


def resuming_command(context: click.Context) -> str:
    """The command with the arguments and flags that were given, as it is typed to resume it."""
    words = ["nerine", context.info_name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in ("resume", "overwrite"):  # which exclude each other
            continue
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            words += _as_typed(parameter, context.params[name])
    return shlex.join([*words, "--resume"])


def _as_typed(parameter: click.Parameter, value: Any) -> list[str]:
    if isinstance(value, tuple) and not parameter.multiple and parameter.nargs == 1:
        value = ",".join(map(str, value))
    values = value if isinstance(value, tuple) else (value,)
    if isinstance(parameter, click.Argument):
        return [str(each) for each in values]
    if isinstance(value, bool):
        return [(parameter.opts if value else parameter.secondary_opts)[0]]
    return [word for each in values for word in (parameter.opts[0], str(each))]
