"""The options and statements of a push as keyword arguments, for type checkers and editors.

They are the fields of `PushOptions` and `Statements`, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from nerine.publishing.card import Statements


class PushChanges(TypedDict, total=False):
    """Options of a push and statements by name, as in `PushOptions` and `Statements`."""

    public: bool
    revision: str | None
    tag: str | None
    create_pr: bool
    onnx: tuple[str, ...] | list[str]
    statements: Statements | None
    stated: Mapping[str, Any]
    message: str | None
    replace_card: bool
    remove: bool
    allow_failed: bool
    card_template: str | Path | None
    title: str | None
    license: str | None
    license_name: str | None
    license_link: str | None
    language: tuple[str, ...] | list[str]
    dataset: str | None
    dataset_name: str | None
    dataset_config: str | None
    dataset_revision: str | None
    intended_use: str | None
    limits: str | None
    authors: tuple[str, ...] | list[str]
    base_model: str | None
