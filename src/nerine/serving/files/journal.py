"""The journal of a run: its partial outputs, and how far they can be trusted.

::

    .OUTPUT.tagging/          beside OUTPUT
        state.json            what was committed last, and what the run is of
        0.part, 1.part, …     what was rendered so far, one an input
        0.done, 1.done, …     the outputs, when all inputs are rendered
        failed.part           the records that failed so far
        lock                  held by the process at work

Bytes are appended, then synced, and only then does `state.json` count them; it is replaced whole.
A process may so be killed at any moment: what lies behind the committed sizes is cut off again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import TaggingError

_STATE, _LOCK, _FAILED = "state.json", "lock", "failed.part"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run has come: in which input (from 0) the next record begins, and what was done.

    `documents` were read, `failures` of them failed; `entities` counts those found by label.
    """

    input: int = 0
    offset: int = 0
    line: int = 1
    documents: int = 0
    failures: int = 0
    entities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What was committed: `reached`, the sizes of the files then, and whether all was rendered.

    `output` is the size of the input's partial output. `replace`: files may be replaced.
    """

    reached: Reached = Reached()
    output: int = 0
    failed: int = 0
    rendered: bool = False
    replace: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> State:
        """From what `asdict` gave."""
        return cls(**{**values, "reached": Reached(**values["reached"])})


class Journal:
    """The folder of a run, which one process at a time works in."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.folder = folder
        self._output = output
        self._lock: BinaryIO | None = None

    @property
    def failed(self) -> Path:
        """Where records that failed are collected."""
        return self.folder / _FAILED

    def partial(self, number: int) -> Path:
        """Where the output of an input is collected."""
        return self.folder / f"{number}.part"

    def done(self, number: int) -> Path:
        """Where the whole output of an input waits to be moved to its place."""
        return self.folder / f"{number}.done"

    @property
    def exists(self) -> bool:
        """Whether a run stands here."""
        return self.folder.exists()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder if need be, and keeps other processes out of it."""
        with disk_errors(self._output):
            self.folder.mkdir(exist_ok=True)
            lock = (self.folder / _LOCK).open("ab")
        with lock:
            if not _locked(lock):
                raise TaggingError("another process is at work on it", place=str(self._output))
            yield

    def clear(self) -> None:
        """Removes everything, the state last: a half-cleared journal still says what it is."""
        self.empty(keep=(_STATE, _LOCK))
        self.empty(keep=(_LOCK,))
        shutil.rmtree(self.folder, ignore_errors=True)

    def empty(self, keep: Sequence[str] = (_LOCK,)) -> None:
        """Removes the files but those to `keep`."""
        for path in self.folder.iterdir():
            if path.name not in keep:
                path.unlink()

    def read(self) -> tuple[dict[str, Any], State] | None:
        """What the run is of and what was committed last; None where nothing was."""
        path = self.folder / _STATE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != _FORMAT:
                raise ValueError(f"format {values['format']}")
            return values["identity"], State.from_dict(values["state"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TaggingError(
                f"the journal cannot be read: {error!r}",
                place=str(path),
                hint="--overwrite begins anew",
            ) from error

    def write(self, identity: Mapping[str, Any], state: State) -> None:
        """Commits `state`, which counts what was synced before."""
        path = self.folder / _STATE
        values = {"format": _FORMAT, "identity": identity, "state": asdict(state)}
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as stream:
            append(stream, json.dumps(values).encode())
            sync(stream)
        replace(fresh, path)


def append(stream: BinaryIO, data: bytes) -> None:
    """Writes `data`, through to the operating system."""
    stream.write(data)
    stream.flush()


def sync(stream: BinaryIO) -> None:
    """Waits until what was written is on the disk."""
    os.fsync(stream.fileno())


def replace(path: Path, target: Path) -> None:
    """Moves a file to its place in one step, and waits until that is on the disk."""
    path.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def disk_errors(output: Path) -> Iterator[None]:
    """Turns what the disk refuses into a `TaggingError`."""
    try:
        yield
    except OSError as error:
        raise TaggingError(
            f"cannot be written: {error.strerror or error}",
            place=str(output),
            hint="make room or mend what is wrong, and go on with --resume",
        ) from error


def check_same(then: Mapping[str, Any], now: Mapping[str, Any], output: Path) -> None:
    """Raises `TaggingError` naming what differs between two identities of a run.

    What only one of them speaks of is passed over, so that a part can be checked early.
    """
    for name in then.keys() & now.keys():
        before, after = json.loads(json.dumps(then[name])), json.loads(json.dumps(now[name]))
        if before == after:
            continue
        raise TaggingError(
            f"{name} changed since the run was interrupted: {_difference(before, after)}",
            place=str(output),
            expected="what the run began with, so that its output is of one piece",
            hint="--overwrite begins anew",
        )


def _difference(before: Any, after: Any) -> str:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return f"it was {_shown(before)}, and is {_shown(after)}"
    names = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    parts = (
        f"{key} was {_shown(before.get(key))}, and is {_shown(after.get(key))}" for key in names
    )
    return "; ".join(parts)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _locked(stream: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows, where nobody is kept out
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
