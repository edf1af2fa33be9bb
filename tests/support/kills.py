"""Runs of `tag` that are killed or interrupted at a point, and inputs of all kinds for them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from nerine.serving.files import durable
from streams import POISON, StubTagger


class Crash(BaseException):
    """The process is killed."""


class Disk:
    """Counts writes, syncs, renames and removals, and kills the process after some of them.

    What is written at that very point arrives by half.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        self.most: int | None = None
        self._replace = Path.replace
        self._unlink = Path.unlink
        self._rmtree = shutil.rmtree

        def append(stream: BinaryIO, content: bytes) -> None:
            try:
                self._step()
            except Crash:
                if self.most is not None and self.done == self.most + 1:
                    stream.write(content[: len(content) // 2])
                raise
            stream.write(content)
            self._step()  # to sync

        def replace(path: Path, target: Path) -> Path:
            self._step()
            return self._replace(path, target)

        def unlink(path: Path, missing_ok: bool = False) -> None:
            self._step()
            self._unlink(path, missing_ok)

        monkeypatch.setattr(durable, "append", append)
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(Path, "unlink", unlink)

        def rmtree(path: Path, **options: Any) -> None:
            if not self.is_dead:
                self._rmtree(path, **options)

        monkeypatch.setattr("os.fsync", lambda _: self._step())
        monkeypatch.setattr("shutil.rmtree", rmtree)

    @property
    def is_dead(self) -> bool:
        """Whether the process was killed."""
        return self.most is not None and self.done > self.most

    def _step(self) -> None:
        self.done += 1
        if self.is_dead:
            raise Crash

    def dies_after(self, steps: int | None) -> None:
        self.done, self.most = 0, steps


def jsonl(records: int = 11) -> bytes:
    lines = [b'{"n": %d, "text": "Mira was in Oslo %d"}\n' % (n, n) for n in range(records)]
    lines[2], lines[5], lines[6] = b"{bad\n", b'{"text": "poison"}\r\n', b"\n"
    return b"".join(lines)


def write_inputs(folder: Path, kind: str) -> list[Path]:
    folder.mkdir()
    table = b"id,text\r\n" + b"".join(b'%d,"Mira\r\nin Oslo"\r\n' % n for n in range(9)) + b"a\r\n"
    files = {
        "text": {"in.txt": b"Mira\n\nOslo\npoison\n\nAna\nJonas"},
        "csv": {"in.csv": table},
        "gz": {"in.jsonl.gz": gzip.compress(jsonl())},
        "folder": {
            "a.jsonl": jsonl(7),
            "b.csv.xz": lzma.compress(table[:60]),
            "c.txt": b"",
            "d.txt": b"Mira",
        },
        "bz2": {"in.jsonl.bz2": bz2.compress(jsonl())},
        "parquet": {},
    }[kind]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        texts = [f"Mira in Oslo {n}" for n in range(9)] + [None, POISON, "Ana"]
        parquet.write_table(arrow.table({"text": texts}), folder / "in.parquet", row_group_size=5)
    found = sorted(folder.iterdir())
    return [folder] if len(found) > 1 else found


class Interrupted(StubTagger):
    """Is interrupted, or fails, after so many documents."""

    def __init__(self, documents: int, error: BaseException) -> None:
        self._left, self._error = documents, error

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            self._left -= 1
            if self._left < 0:
                raise self._error
            yield each


class Stopping(StubTagger):
    """Is interrupted in the third shard."""

    calls = 0

    def pipe_with_errors(self, texts: Any) -> Any:
        self.calls += 1
        if self.calls == 3:
            raise KeyboardInterrupt
        return super().pipe_with_errors(texts)
