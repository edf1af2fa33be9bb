"""Draws the README's pictures from real runs.

python -m tools.picture CHECKPOINT

CHECKPOINT is made by `nerine demo`. Two pictures are written to `docs/pictures/`: a terminal
session with real commands, and a sentence with highlighted entities. The same checkpoint gives the
same bytes: the pictures contain no times, paths of this machine, or external fonts.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import BinaryIO

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from nerine import Tagger
from tools.highlighting import FONTS, drawable, sentence_picture

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
CHECKPOINT = "runs/demo"
"""What the checkpoint is called in the pictures."""

WIDTH = 88
"""Columns of the terminal."""

SENTENCE = "Mira Okonjo left Tandem Labs for Lisbon to see Saltwater Choir play in Ghent."


@dataclass(frozen=True, slots=True)
class Command:
    """A typed command, and the lines of its output that are shown.

    These are `lines` lines, beginning with the first one that starts with `first`, or all of
    them. Lines left out before or after them become one line, `…`.
    """

    typed: str
    first: str = ""
    lines: int | None = None

    @property
    def arguments(self) -> list[str]:
        """The program and its arguments, as parsed by a shell."""
        return shlex.split(self.typed.replace("\\\n", " "))

    def shown(self, printed: Sequence[Text]) -> Iterator[Text]:
        """The shown lines of the output."""
        starts = (index for index, line in enumerate(printed) if line.plain.startswith(self.first))
        start = next(starts, None)
        if start is None:
            raise ValueError(f"no line that {self.typed!r} prints begins with {self.first!r}")
        end = len(printed) if self.lines is None else start + self.lines
        if start:
            yield _ELLIPSIS
        yield from printed[start:end]
        if end < len(printed):
            yield _ELLIPSIS


COMMANDS = (
    Command(
        'nerine predict runs/demo "Conor O\'Brien of Saltwater Choir is at home in Lisbon." \\\n'
        '    "The Golden State Warriors are playing in San Francisco tonight"'
    ),
    Command("nerine evaluate runs/demo sample --split test", lines=11),
    Command(
        'nerine explain runs/demo "Quenby Vandersloot joined Brightwater Logistics in Ghent"',
        first="5. Tags",
    ),
)
"""What is typed in the session."""

# rich sets the length of a text to its number of characters; wide ones take two columns.
_CELL = 12.2
_TEXT = re.compile(r'textLength="[^"]*"([^>]*>)([^<]*)<')
_NO_TEXT = re.compile(r"<text[^>]*>\n</text>")
_WIDE = Style(meta={"columns": 2})
_ELLIPSIS = Text("…", "dim")
_PROMPT = Text("$ ", "bold green")
_THEME = TerminalTheme(
    (0x1B, 0x1D, 0x23),
    (0xE4, 0xE4, 0xE0),
    [
        (0x1B, 0x1D, 0x23),
        (0xF2, 0x8B, 0x82),
        (0x9C, 0xD6, 0x7E),
        (0xF0, 0xC6, 0x6B),
        (0x8F, 0xB4, 0xFF),
        (0xE3, 0x9C, 0xE0),
        (0x6F, 0xD0, 0xDC),
        (0xE4, 0xE4, 0xE0),
    ],
)
# rich fills this in; its own template loads external fonts.
_SESSION = (
    """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A session in a terminal</title>
<style>
.{unique_id}-matrix {{ font-family: FONTS; font-size: {char_height}px;
  line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
).replace("FONTS", FONTS)


def main() -> None:
    """Draws both pictures."""
    if len(sys.argv) != 2:
        sys.exit("python -m tools.picture CHECKPOINT: name the checkpoint that nerine demo made")
    for path in draw(Path(sys.argv[1]), FOLDER):
        print(f"{path}: {path.stat().st_size:,} bytes")


def draw(checkpoint: Path, folder: Path) -> list[Path]:
    """Writes `session.svg` and `sentence.svg` to `folder`, with the predictions of `checkpoint`."""
    document = Tagger.load(checkpoint, device="cpu", backend="pytorch")(SENTENCE)
    pictures = {
        "session.svg": session_picture(COMMANDS, checkpoint),
        "sentence.svg": sentence_picture(document),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (folder / name).write_text(picture, encoding="utf-8")
    return [folder / name for name in pictures]


def session_picture(commands: Sequence[Command], checkpoint: Path) -> str:
    """A terminal session with `commands` and their output, as SVG."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    with desk(checkpoint) as folder:
        for number, command in enumerate(commands):
            if number:
                screen.print()
            typed = Text.assemble(_PROMPT, drawable(command.typed, lines=True))
            printed = list(terminal_lines(printed_by(command.arguments, folder)))
            for line in (*typed.split("\n"), *command.shown(printed)):
                for part in folded(line):
                    screen.print(apart(part))
    svg = screen.export_svg(title="", theme=_THEME, code_format=_SESSION, unique_id="session")
    return _TEXT.sub(_in_cells, _NO_TEXT.sub("", svg))


@contextlib.contextmanager
def desk(checkpoint: Path) -> Iterator[Path]:
    """A temporary folder for a session, with the checkpoint under the shown name."""
    with tempfile.TemporaryDirectory() as name:
        link = Path(name, CHECKPOINT)
        link.parent.mkdir()
        link.symlink_to(checkpoint.resolve(), target_is_directory=True)
        yield Path(name)


def printed_by(arguments: Sequence[str], folder: Path) -> str:
    """The output of a nerine command on a terminal, with escape codes.

    Standard output is a terminal; standard error is not, so that no progress is shown. Raises
    `RuntimeError` with standard error if the command fails.
    """
    program, *rest = arguments
    if program != "nerine":
        raise ValueError(f"the pictures show commands of nerine, and not of {program!r}")
    with _terminal() as (here, there), tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own commands, without a shell
            [sys.executable, "-m", "nerine", *rest],
            stdin=subprocess.DEVNULL,
            stdout=there,
            stderr=complaints,
            cwd=folder,
            env=_environment(),
        )
        there.close()  # from now on only the command has this end
        output = b"".join(_pieces(here))
        if process.wait():
            complaints.seek(0)
            raise RuntimeError(f"{shlex.join(arguments)}: {complaints.read().decode()}")
    return output.decode().replace("\r\n", "\n")


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two ends of a pseudo-terminal: for reading, and for programs to write to."""
    here, there = pty.openpty()
    with os.fdopen(here, "rb", 0) as screen, os.fdopen(there, "wb", 0) as line:
        yield screen, line


def _pieces(screen: BinaryIO) -> Iterator[bytes]:
    """The output of a terminal until the program at its other end has exited."""
    with contextlib.suppress(OSError):  # Linux raises this at the end
        while piece := screen.read(65_536):
            yield piece


def _environment() -> Mapping[str, str]:
    """Environment variables of a terminal with 256 colours on a CPU."""
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    ours = {
        "TERM": "xterm-256color",
        "COLUMNS": str(WIDTH),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    return {key: value for key, value in os.environ.items() if key not in unwanted} | ours


def terminal_lines(output: str) -> Iterator[Text]:
    """The lines of a terminal in colour, with a visible sign for each control character."""
    for line in output.removesuffix("\n").split("\n"):
        text = Text.from_ansi(line)
        text.plain = drawable(text.plain)
        text.rstrip()
        yield text


def apart(line: Text) -> Text:
    """The line with its wide characters as separate pieces, so that columns align in any font."""
    for index, sign in enumerate(line.plain):
        if cell_len(sign) == 2:
            line.stylize(_WIDE, index, index + 1)
    return line


def _in_cells(text: re.Match[str]) -> str:
    width = cell_len(unescape(text[2])) * _CELL
    return f'textLength="{width:g}"{text[1]}{text[2]}<'


def folded(line: Text) -> Sequence[Text]:
    """A line broken as by a terminal: at its width, also inside a word."""
    sizes = [len(piece) for piece in chop_cells(line.plain, WIDTH)]
    return list(line.divide([*itertools.accumulate(sizes)][:-1]))


if __name__ == "__main__":
    main()
