"""Errors that end a command, as text or as JSON, with the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from nerine.cli.terminal import print_json
from nerine.core.display import visible
from nerine.core.errors import NerineError
from nerine.core.files import found_by_disk

INTERRUPTED, BAD_INPUT = 1, 2
"""Exit codes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ends a command.

    Attributes:
        text: What is printed on standard error.
        details: What `--json` prints: the type of the error and its parts.
        code: The exit code.
    """

    text: str
    details: Mapping[str, Any]
    code: int

    @classmethod
    def of(cls, error: NerineError | click.ClickException | click.Abort | OSError) -> Failure:
        """The failure for an error that is the user's, or the disk's."""
        kind = type(error).__name__
        if isinstance(error, click.Abort):
            return cls("interrupted", {"type": "Interrupted", "found": "interrupted"}, INTERRUPTED)
        if isinstance(error, click.ClickException):
            return cls._of_usage(error)
        if isinstance(error, OSError):
            place, found = found_by_disk(error)
            error = NerineError(found, place=place)
        details = {name: value for name, value in vars(error).items() if value is not None}
        return cls(f"error: {error}", {"type": kind, **details}, BAD_INPUT)

    @classmethod
    def _of_usage(cls, error: click.ClickException) -> Failure:
        found = error.format_message()
        details = {"type": type(error).__name__, "found": found}
        text = f"error: {found}"
        context = getattr(error, "ctx", None)
        if isinstance(context, click.Context):
            path = context.command_path
            details["hint"] = f"{path} --help"
            text = f"{context.get_usage()}\nTry '{path} --help' for help.\n\n{text}"
        return cls(click.unstyle(text), details, error.exit_code)

    def show(self, *, as_json: bool) -> None:
        """Prints the text on standard error, and the details as JSON on standard output."""
        if as_json:
            print_json({"error": self.details})
        click.echo(visible(self.text, lines=True), err=True)
