"""A checkpoint's tokenizer by the library `tokenizers` alone, without transformers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from nerine.core.errors import CheckpointError, EncodingError, NerineError, first_line
from nerine.core.files import file_hash

TOKENIZER_FILE = "tokenizer.json"
_PARALLELISM = "TOKENIZERS_PARALLELISM"

_RUST_PANIC = "PanicException"
"""Raised by tokenizers for a damaged file; it is a `BaseException`, not an `Exception`."""


@contextlib.contextmanager
def loading_errors(place: str, found: str, **details: str) -> Iterator[None]:
    """Maps the errors of tokenizers, transformers and safetensors to a `CheckpointError`."""
    try:
        yield
    except NerineError:
        raise
    except BaseException as error:  # the libraries raise almost every kind
        if not isinstance(error, Exception) and type(error).__name__ != _RUST_PANIC:
            raise
        raise CheckpointError(f"{found}: {first_line(error)}", place=place, **details) from error


@dataclass(frozen=True, slots=True)
class TokenizerInfo:
    """The facts about a tokenizer that `nerine.json` and `onnx.json` record.

    With them, the tokenizer is read from `tokenizer.json` alone. They are recorded only where
    `tokenizers` reads from that file the very tokenizer that transformers makes of the folder.

    Attributes:
        sha256: The hash of `tokenizer.json`.
        pad_id: The id of the padding token, None if the tokenizer has none.
        unk_id: The id of the unknown token.
        mask_id: The id of the mask token.
        longest_input: The most subwords, special tokens included, that the model takes at once.
    """

    sha256: str
    pad_id: int | None
    unk_id: int | None
    mask_id: int | None
    longest_input: int

    @classmethod
    def of(cls, folder: Path, tokenizer: Any, longest_input: int) -> TokenizerInfo | None:
        """The facts about a tokenizer of transformers that was loaded from or saved in `folder`.

        None if transformers changes what `tokenizer.json` holds when it loads the folder.
        """
        path = folder / TOKENIZER_FILE
        if not path.is_file():
            return None
        read = _description(tokenizers.Tokenizer.from_file(str(path)))
        if read != _description(
            tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        ):
            return None
        return cls(
            file_hash(path),
            tokenizer.pad_token_id,
            tokenizer.unk_token_id,
            tokenizer.mask_token_id,
            longest_input,
        )

    @classmethod
    def from_dict(cls, values: Any) -> TokenizerInfo | None:
        """The facts as `asdict` gave them; None if they are missing or of another form."""
        try:
            info = cls(**values)
        except TypeError:
            return None
        ids = (info.pad_id, info.unk_id, info.mask_id)
        is_valid = (
            isinstance(info.sha256, str)
            and all(each is None or type(each) is int for each in ids)
            and type(info.longest_input) is int
        )
        return info if is_valid else None


class Tokenizer:
    """Text → subwords with offsets.

    Texts are neither truncated nor padded. Ids of special tokens have the names that they have in
    transformers.

    Args:
        backend: The Rust tokenizer, which is changed.
        pad_id: The id of the padding token, None if there is none.
        unk_id: The id of the unknown token, likewise.
        mask_id: The id of the mask token, likewise.

    Attributes:
        pad_token_id: As `pad_id`.
        unk_token_id: As `unk_id`.
        mask_token_id: As `mask_id`.
        before: The ids of the special tokens before a text, `(before,)`.
        after: The ids of those after it, `(after,)`.

    Raises:
        EncodingError: If the tokenizer makes no subword of the text "a".
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        *,
        pad_id: int | None = None,
        unk_id: int | None = None,
        mask_id: int | None = None,
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self.pad_token_id = pad_id
        self.unk_token_id = unk_id
        self.mask_token_id = mask_id
        probe = self._backend.encode("a")
        ids = np.array(probe.ids, dtype=np.int64)
        body = np.flatnonzero(np.array(probe.special_tokens_mask) == 0)
        if not len(body):
            raise EncodingError('the tokenizer makes no subword of the text "a"')
        self.before: npt.NDArray[np.int64] = ids[: body[0]]
        self.after: npt.NDArray[np.int64] = ids[body[-1] + 1 :]

    @classmethod
    def of(cls, tokenizer: Any) -> Tokenizer:
        """The same tokenizer; one of transformers gets a copy of its Rust part.

        Raises `EncodingError` for a slow tokenizer of transformers.
        """
        if isinstance(tokenizer, cls):
            return tokenizer
        check_fast(tokenizer)
        return cls(
            tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
            pad_id=tokenizer.pad_token_id,
            unk_id=tokenizer.unk_token_id,
            mask_id=tokenizer.mask_token_id,
        )

    @classmethod
    def read(cls, folder: Path, info: TokenizerInfo) -> Tokenizer:
        """The tokenizer in `tokenizer.json`; raises `CheckpointError` if it is damaged."""
        path = folder / TOKENIZER_FILE
        with loading_errors(str(path), "the tokenizer cannot be loaded"):
            backend = tokenizers.Tokenizer.from_file(str(path))
            return cls(backend, pad_id=info.pad_id, unk_id=info.unk_id, mask_id=info.mask_id)

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Any]:
        """The subwords of each text, without special tokens, with `ids` and `offsets`.

        Offsets are ranges of code points. Many texts are encoded in parallel.
        """
        if len(texts) == 1:
            return [self._backend.encode(text, add_special_tokens=False) for text in texts]
        result: Sequence[Any] = self._backend.encode_batch(texts, add_special_tokens=False)
        return result

    def to_json(self) -> str:
        """The content of a `tokenizer.json` of this tokenizer."""
        return str(self._backend.to_str())

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """The subwords as the tokenizer writes them, such as `##ing`."""
        return [str(self._backend.id_to_token(each)) for each in ids]


def _after_fork() -> None:
    """Switches parallel encoding off in a forked process, which has none of the threads for it.

    `tokenizers` does so itself, unless this variable says otherwise; then it waits for ever.
    """
    if _PARALLELISM in os.environ:
        os.environ[_PARALLELISM] = "false"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_fast(tokenizer: Any, place: str | None = None) -> None:
    """Raises `EncodingError` for a slow tokenizer of transformers."""
    if not getattr(tokenizer, "is_fast", False):
        raise EncodingError(
            f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets",
            place=place,
            expected="a fast tokenizer (a folder with tokenizer.json)",
            hint="choose an encoder that has a fast tokenizer, or convert this one with "
            "transformers.convert_slow_tokenizer",
        )


def _description(backend: tokenizers.Tokenizer) -> str:
    """The JSON of a Rust tokenizer, apart from truncation and padding, which are switched off."""
    backend.no_truncation()
    backend.no_padding()
    return str(backend.to_str())


def recorded_info(folder: Path, *records: Mapping[str, Any]) -> TokenizerInfo | None:
    """The facts in the first of some records that are true of the `tokenizer.json` in `folder`."""
    path = folder / TOKENIZER_FILE
    found = [TokenizerInfo.from_dict(each.get("tokenizer")) for each in records]
    sha256 = file_hash(path) if any(found) and path.is_file() else None
    return next((each for each in found if each and each.sha256 == sha256), None)
