"""How much a command says besides its result: `-q` and `-v`."""

from __future__ import annotations

import logging

import click

from nerine.core.display import visible

_QUIET = "nerine.quiet"


def is_quiet() -> bool:
    """Whether the command prints its result and errors alone."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


class _Log(logging.Handler):
    """Writes records to standard error, below a progress display if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(visible(self.format(record), lines=True), err=True)


def set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    """The callback of `--quiet`."""
    context.meta[_QUIET] = value


def show_log(context: click.Context, _: click.Parameter, times: int) -> None:
    """The callback of `--verbose`: the log is on standard error while the command runs."""
    if not times:
        return
    log, handler = logging.getLogger("nerine"), _Log()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = log.level
    log.setLevel(logging.INFO if times == 1 else logging.DEBUG)
    log.addHandler(handler)

    def restore() -> None:
        log.removeHandler(handler)
        log.setLevel(level)

    context.call_on_close(restore)
