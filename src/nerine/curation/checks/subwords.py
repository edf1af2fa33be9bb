"""The subwords that an encoder's tokenizer makes of texts; only the tokenizer is loaded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nerine.core.document import Document
from nerine.core.extras import optional_imports

if TYPE_CHECKING:
    from nerine.model.encoding import Encoder, Encoding

_BATCH = 1000

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """The cut of a document into subwords.

    Attributes:
        words: The number of words.
        subwords: The number of subwords, without special tokens.
        windows: The number of windows.
        unknown: The ranges of the words that contain the tokenizer's unknown subword, in code
            points.
        blind: The ranges of the words without a subword.
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
        encoder: The encoder of documents that uses it.
        unknown_id: The id of its unknown subword; None if it has none.
    """

    encoder: Encoder
    unknown_id: int | None

    def cuts(self, documents: Sequence[Document]) -> Iterator[Cut]:
        """The cut of each document, in order."""
        for first in range(0, len(documents), _BATCH):
            for encoding in self.encoder.encode(documents[first : first + _BATCH]):
                yield self._cut(encoding)

    def _cut(self, encoding: Encoding) -> Cut:
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

    Windows have the default length of training, or the most that the encoder takes if that is less.
    Raises `CheckpointError`, `HubError` or `EncodingError` if the tokenizer cannot be loaded.
    """
    from nerine.model.encoding import Encoder

    with optional_imports("reading an encoder's tokenizer"):
        from nerine.model.loading.pretrained import load_tokenizer
    from nerine.training.settings import TrainingSettings

    tokenizer, longest = load_tokenizer(name, revision=revision)
    encoder = Encoder(tokenizer, words="rule", **TrainingSettings().window_sizes(longest))
    return Subwords(encoder, tokenizer.unk_token_id)
