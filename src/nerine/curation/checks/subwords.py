"""How an encoder's tokenizer cuts texts. Only the tokenizer is loaded, and only when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document
from nerine.core.extras import optional_imports

_BATCH = 1000

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A document as an encoder cuts it.

    Attributes:
        words: How many words.
        subwords: How many subwords; special tokens do not count.
        windows: How many windows.
        unknown: The code points `(start, end)` of the words that hold the tokenizer's unknown
            subword.
        blind: Those of the words that no subword stands for.
    """

    words: int
    subwords: int
    windows: int
    unknown: tuple[Range, ...]
    blind: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Subwords:
    """An encoder's tokenizer.

    Attributes:
        name: What it was asked for as.
        max_length: The most subwords of a window, special tokens included.
        encoder: What cuts documents with it.
        unknown_id: The id of its unknown subword; None where it has none.
    """

    name: str
    max_length: int
    encoder: Any
    unknown_id: int | None

    def cuts(self, documents: Sequence[Document]) -> Iterator[Cut]:
        """Cuts documents.

        Args:
            documents: The documents.

        Yields:
            For each, in order, how it is cut.
        """
        for first in range(0, len(documents), _BATCH):
            for encoding in self.encoder.encode(documents[first : first + _BATCH]):
                yield self._cut(encoding)

    def _cut(self, encoding: Any) -> Cut:
        starts = [word.start for word in encoding.words]
        places = zip(encoding.input_ids.tolist(), encoding.offsets.tolist(), strict=True)
        unknown = {
            bisect_right(starts, begin) - 1
            for subword, (begin, end) in places
            if subword == self.unknown_id and begin < end
        }
        blind = [n for n, first in enumerate(encoding.word_starts.tolist()) if first < 0]
        ranges = [(word.start, word.end) for word in encoding.words]
        return Cut(
            words=len(ranges),
            subwords=len(encoding.input_ids),
            windows=len(self.encoder.windows(encoding)),
            unknown=tuple(ranges[n] for n in sorted(unknown) if n >= 0),
            blind=tuple(ranges[n] for n in blind),
        )


def load_subwords(name: str, *, revision: str | None = None) -> Subwords:
    """The tokenizer of the encoder `name`: a hub id, a folder, or `package:NAME`.

    Windows are those of training by default, or shorter where the encoder takes less. Raises
    `CheckpointError`, `HubError` or `EncodingError` where there is no such tokenizer.
    """
    from nerine.model.encoding import Encoder

    with optional_imports("reading an encoder's tokenizer"):
        from nerine.model.loading.pretrained import load_tokenizer
    from nerine.training.settings import TrainingSettings

    settings = TrainingSettings()
    tokenizer, longest = load_tokenizer(name, revision=revision)
    max_length = min(settings.max_length, longest)
    overlap = min(settings.overlap, max_length // 4)
    encoder = Encoder(tokenizer, words="rule", max_length=max_length, overlap=overlap)
    return Subwords(name, max_length, encoder, tokenizer.unk_token_id)
