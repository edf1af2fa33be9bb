"""Packages that an extra installs, and the error where one is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nerine.core.errors import MissingExtraError

_EXTRAS = dict.fromkeys(("torch", "transformers", "accelerate", "onnx", "onnxscript"), "train")


@contextlib.contextmanager
def optional_imports(purpose: str) -> Iterator[None]:
    """Imports inside the block may need an extra, such as `nerine[train]`.

    Raises `MissingExtraError` with the `purpose` and the extra's name if a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise MissingExtraError.of(package, _EXTRAS[package], purpose) from error
