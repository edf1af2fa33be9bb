"""Imports of packages that only an extra of Nerine installs."""

from __future__ import annotations

import importlib
from types import ModuleType

from nerine.core.errors import MissingExtraError


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
