"""A quick tagger for tests of tagging files; its scores change if look-aheads are cut otherwise."""

from __future__ import annotations

import contextlib
import io
import os
import re
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from nerine.core.document import Context, Document, Entity
from nerine.core.streams import Pause
from nerine.model import batching
from nerine.model.inference import Failure

POISON = "poison"
NAMES = re.compile(r"[A-Z]\w*")


class StubTagger:
    """Finds each word with a capital letter. A text that contains `POISON` fails.

    The scores depend on all texts of a look-ahead, as a model's do in their last digits.
    """

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        for documents in batching.look_aheads(texts):
            whole = "\0".join(document.text for document in documents)
            score = zlib.crc32(whole.encode("utf-8", "surrogatepass")) % 1000 / 1000
            for document in documents:
                yield _outcome(document, score)


class SeeingTagger(StubTagger):
    """Finds the whole of each text, with a label that shows the context that it has."""

    settings = SimpleNamespace(context=5)

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        for documents in batching.look_aheads(texts):
            for document in documents:
                label = shown_context(document)
                entities = [Entity(0, len(document.text), label, 0.5)] if document.text else []
                yield document.with_entities(entities)


def shown_context(document: Document) -> str:
    """The context of a document as one string."""
    context = document.context or Context()
    return f"{'+'.join(context.before)}*{'+'.join(context.after)}"


def _outcome(document: Document, score: float) -> Document | Failure:
    if POISON in document.text:
        return Failure(document, ValueError("the model choked"))
    return document.with_entities(entities_of(document.text, score))


def entities_of(text: str, score: float) -> list[Entity]:
    return [
        Entity(match.start(), match.end(), "long" if len(match[0]) > 4 else "short", score)
        for match in NAMES.finditer(text)
    ]


def look_aheads_of_four(texts: Iterable[str | Document | Pause]) -> Iterator[list[Document]]:
    """As `nerine.model.batching.look_aheads`, but small."""
    ahead: list[Document] = []
    for text in texts:
        if isinstance(text, Pause):
            yield from filter(None, (ahead,))
            ahead = []
            yield []
            continue
        ahead.append(text if isinstance(text, Document) else Document(text))
        if len(ahead) == 4:
            yield ahead
            ahead = []
    if ahead:
        yield ahead


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too, with their contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Watched(io.BytesIO):
    """An output whose lines can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()

    def write(self, data: Any) -> int:
        with self._written:
            done = super().write(data)
            self._written.notify_all()
        return done

    def wait_for(self, lines: int) -> bool:
        """Whether so many lines are written before long."""
        with self._written:
            return self._written.wait_for(lambda: self.getvalue().count(b"\n") >= lines, 60)


@contextlib.contextmanager
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[BinaryIO]:
    """The writing end of a pipe in the place of standard input."""
    reading, writing = os.pipe()
    with (
        io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin,
        os.fdopen(writing, "wb", buffering=0) as stream,
    ):
        monkeypatch.setattr("sys.stdin", stdin)
        yield stream


def slow_producer(
    pipe: BinaryIO, lines: Sequence[bytes], output: Watched, answers: list[bool], header: int = 0
) -> threading.Thread:
    """Writes each line when the output of those before it is there, in a thread that it starts.

    `answers` gets for each line but the last whether that was soon enough.
    """

    def produce() -> None:
        with pipe:
            for number, line in enumerate(lines, start=1):
                pipe.write(line)
                if number < len(lines):
                    answers.append(output.wait_for(number + header))

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    return thread
