"""Packages that only an extra of Nerine installs, and the error where one is missing."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType

from nerine.core.errors import MissingExtraError

_EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "accelerate", "onnx", "onnxscript"), "train"),
    "optuna": "tune",
    "peft": "lora",
    "matplotlib": "notebook",
    "spacy": "spacy",
    "presidio_analyzer": "presidio",
    "sklearn": "sklearn",
    **dict.fromkeys(("faker", "phonenumbers", "stdnum", "cryptography"), "redact"),
    **dict.fromkeys(
        ("starlette", "uvicorn", "pydantic", "pydantic_core", "prometheus_client"), "serve"
    ),
}


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
        module: The module's full name.
        extra: The extra that installs its package, as in `nerine[extra]`.
        purpose: What needs the package, for the message.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError.of(module.partition(".")[0], extra, purpose) from None


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
