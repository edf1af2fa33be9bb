"""Markdown pages whose commands and Python code are run, in the order of the page.

Every fenced block names its language. Blocks in `console` and `python` are run, others are not. A
comment of one line before a block changes that:

    <!-- file: export.json -->          the block is a file that the reader has
    <!-- exit: 2 -->                    exit code of its commands
    <!-- not run: needs a GPU -->       with the reason
    <!-- shown, trains for minutes -->  its output is compared only where models are trained

The output of a command may follow it in its block, and the output of Python in a `text` block after
it. There, `...` alone on a line stands for any lines. `<!-- given: runs/sample, posts.txt -->`
before the first block names the files that the reader has.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.alike import difference

RUN = ("console", "python")
NOTES = ("file", "exit", "not run", "shown")
_NOTE = re.compile(r"^<!-- ([a-z ]+)(?:[:,] (.*))? -->$")
_FENCE = re.compile(r"^(`{3,})(.*)$")


@dataclass(frozen=True, slots=True)
class Command:
    """A line `$ program argument …`; `shown` is its output on the page."""

    program: str
    arguments: tuple[str, ...]
    line: int
    shown: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the line of the page where it starts.

    `shown` is the text block that follows directly, with the block's output. `notes` are the
    comments before it.
    """

    kind: str
    text: str
    line: int
    shown: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_run(self) -> bool:
        """Whether the block is run."""
        return self.kind in RUN and "not run" not in self.notes

    @property
    def commands(self) -> list[Command]:
        """The commands of a console block."""
        if self.kind != "console":
            return []
        text = self.text.replace("\\\n", " " * 2)
        parts = re.split(r"^\$ (.*)\n", text, flags=re.M)
        assert not parts[0].strip(), f"line {self.line}: a console block begins with a command"
        found = []
        for words, shown in zip(parts[1::2], parts[2::2], strict=True):
            program, *arguments = shlex.split(words, comments=True)
            found.append(Command(program, tuple(arguments), self.line, shown.strip("\n") or None))
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """The blocks of a page in order; `given` are the files that the reader has."""

    path: Path
    given: tuple[str, ...]
    blocks: tuple[Block, ...]


def read_page(path: Path) -> Page:
    """A page of Markdown, without directives such as ```{toctree}."""
    blocks: list[Block] = []
    given: tuple[str, ...] = ()
    notes: dict[str, str] = {}
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    last = None  # the previous block, if only blank lines follow it
    for number, line in lines:
        note = _NOTE.match(line)
        if note and note[1] == "given":
            given = _listed(note[2] or "")
        elif note:
            notes[note[1]] = note[2] or ""
        elif fence := _FENCE.match(line):
            text = "".join(f"{each}\n" for _, each in _until(lines, fence[1]))
            if not fence[2].startswith("{"):
                assert set(notes) <= set(NOTES), f"{path.name}:{number}: {notes}"
                block = Block(fence[2], text, number, notes=notes)
                blocks.append(_shown(blocks, block, last))
                last = blocks[-1]
            notes = {}
        elif line.strip():
            assert not notes, f"{path.name}:{number}: no block after the comment {notes}"
            last = None
    return Page(path, given, tuple(blocks))


def _until(lines: Iterator[tuple[int, str]], fence: str) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line.rstrip() == fence:
            return
        yield number, line


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _shown(blocks: list[Block], block: Block, before: Block | None) -> Block:
    """The block; if it is the output of the block before, it is added to that block too."""
    if before and before.is_run and before.kind == "python" and block.kind == "text":
        blocks[-1] = replace(before, shown=block.text)
    return block


def printed_by(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """The output of a block of Python; its names stay in `namespace`."""
    code = compile("\n" * block.line + block.text, str(page), "exec")  # errors name the page's line
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        exec(code, namespace)  # the page's own code
    return stream.getvalue()


def assert_alike(printed: str, shown: str, place: str, tolerance: float) -> None:
    """Asserts equal texts; numbers with a decimal point may differ by `tolerance`."""
    apart = difference(printed, shown, tolerance)
    assert apart is None, f"{place}: {apart}"
