"""Help of commands: options in sections, names that stand out on a terminal."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import click

from nerine.cli.verbosity import set_quiet, show_log
from nerine.core.errors import NerineError

_log = logging.getLogger("nerine.cli")

OWN, GLOBAL = "Options", "Global options"
"""The first and the last section of a command's options."""


_WIDEST = 28
"""The widest name with its meaning on the same line."""


class Option(click.Option):
    """An option with the title of its section in the help of its command."""

    def __init__(self, *names: Any, section: str = OWN, **details: Any) -> None:
        super().__init__(*names, **details)
        self.section = section


def options_in(section: str) -> Callable[..., Callable[[Any], Any]]:
    """`click.option` for options in the section."""
    return partial(click.option, cls=Option, section=section)


_global_option = options_in(GLOBAL)
_quiet = _global_option(
    *("-q", "--quiet"),
    is_flag=True,
    expose_value=False,
    callback=set_quiet,
    help="Print the result and errors alone: nothing about the work.",
)
_verbose = _global_option(
    *("-v", "--verbose"),
    count=True,
    expose_value=False,
    callback=show_log,
    help="Print the log, too; -vv with details, and the origin of errors.",
)


class _Formatter(click.HelpFormatter):
    """Help with headings and names in colour, which `click.echo` removes for pipes."""

    def write_heading(self, heading: str) -> None:
        self.write(click.style(f"{heading}:", bold=True) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = _WIDEST, col_spacing: int = 2
    ) -> None:
        styled = [(click.style(name, fg="cyan"), text) for name, text in rows]
        super().write_dl(styled, col_max, col_spacing)


class HelpContext(click.Context):
    """A context whose help has headings and names in colour."""

    formatter_class = _Formatter


class Look(click.Command):
    """A command or a group whose help ends with a section of examples."""

    context_class = HelpContext

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Writes the examples, then the other paragraphs."""
        first, _, rest = inspect.cleandoc(self.epilog or "").partition("\n\n")
        _, title, *examples = first.splitlines()
        with formatter.section(title.removesuffix(":")):
            for line in examples:
                formatter.write(f"{line}\n")
        if rest:
            formatter.write_paragraph()
            formatter.write_text(rest)


class Command(Look):
    """A command whose help has its options in sections; `-q` and `-v` are options of all."""

    def __init__(self, *names: Any, **details: Any) -> None:
        super().__init__(*names, **details)
        for add_option in (_quiet, _verbose):
            add_option(self)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; the log has its time, or the origin of its error."""
        began = time.monotonic()
        _log.info("%s begins", ctx.command_path)
        try:
            result = super().invoke(ctx)
        except (NerineError, OSError) as error:
            _log.debug("%s failed", ctx.command_path, exc_info=error)
            raise
        _log.info("%s ended after %.1f s", ctx.command_path, time.monotonic() - began)
        return result

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the sections in the order of their first options, the common ones last."""
        sections: dict[str, list[tuple[str, str]]] = {OWN: []}
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or not isinstance(param, click.Option):
                continue
            section = GLOBAL if "--help" in param.opts else getattr(param, "section", OWN)
            own = common if section == GLOBAL else sections.setdefault(section, [])
            own.append(record)
        sections[GLOBAL] = common
        names = [name for records in sections.values() for name, _ in records]
        width = max(len(name) for name in names if len(name) <= _WIDEST)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl([(f"{name:<{width}}", text) for name, text in records])
