"""A tagger that takes its time, for processes that are killed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable

from nerine.core.document import Document
from nerine.core.streams import Pause
from nerine.model.inference import Failure
from streams import StubTagger


class SlowTagger(StubTagger):
    """A `StubTagger` that takes a millisecond for each text."""

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        for each in super().pipe_with_errors(texts):
            time.sleep(0.001)
            yield each
