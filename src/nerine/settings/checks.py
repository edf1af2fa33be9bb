"""Values of settings: what they may be, and how they are changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from nerine.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def check(
    name: str, value: Any, kind: Any, least: float | None = None, most: float | None = None
) -> None:
    choices = get_args(kind) if get_origin(kind) is Literal else None
    if choices and value not in choices:
        raise SettingsError(
            f"{value!r} is not known", place=name, expected=f"one of {', '.join(choices)}"
        )
    if not choices and not is_of(value, kind):
        raise SettingsError(
            f"{value!r} is a {type(value).__name__}", place=name, expected=_kind_name(kind)
        )
    if least is not None and value is not None and not value >= least:
        raise SettingsError(f"{value!r} is too small", place=name, expected=f"at least {least:g}")
    if most is not None and value is not None and not value <= most:
        raise SettingsError(f"{value!r} is too large", place=name, expected=f"at most {most:g}")


def is_of(value: Any, kind: Any) -> bool:
    kinds = get_args(kind) if get_origin(kind) is not tuple else (tuple,)
    kinds = kinds or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def _kind_name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def with_changes(values: Record, changes: Mapping[str, Any], what: str) -> Record:
    """A dataclass with other values, lists among them as tuples.

    Raises `SettingsError` for a field, called `what`, that does not exist.
    """
    known = [each.name for each in dataclasses.fields(values)]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise SettingsError(
            f"there is no {what} {unknown[0]!r}", expected=f"one of {', '.join(known)}"
        )
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()
    }
    return dataclasses.replace(values, **given)
