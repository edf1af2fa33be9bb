"""Pages of Markdown that are run: their commands and their Python, in the order of the page."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.alike import difference

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what it is written in, its text, and the line of the page it starts at.

    `shown` is the text block that follows at once: what the page says that this one prints.
    """

    kind: str
    text: str
    line: int
    shown: str | None = None

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of each line `$ nerine …`."""
        return [
            shlex.split(line.removeprefix("$ nerine "), comments=True)
            for line in self.text.splitlines()
            if line.startswith("$ nerine ")
        ]


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    for match, following in zip(found, [*found[1:], None], strict=True):
        shown = None
        if (
            following
            and following[1] == "text"
            and not text[match.end() : following.start()].strip()
        ):
            shown = following[2]
        yield Block(match[1], match[2], text[: match.start(2)].count("\n"), shown)


def printed_by(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """What a block of Python prints; its names stay in `namespace`."""
    code = compile("\n" * block.line + block.text, str(page), "exec")  # errors name the page's line
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        exec(code, namespace)  # the page's own code
    return stream.getvalue()


def assert_alike(printed: str, shown: str, place: str, tolerance: float) -> None:
    """The same text, in which numbers with a decimal point may differ by `tolerance`."""
    apart = difference(printed, shown, tolerance)
    assert apart is None, f"{place}: {apart}"
