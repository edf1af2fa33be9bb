"""Values of settings: what they may be, and how they are changed."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from nerine.core.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def check(
    name: str, value: Any, kind: Any, least: float | None = None, most: float | None = None
) -> None:
    """Raises `SettingsError` for a value of another kind than a field's, or out of its range."""
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
    """Whether a value is of a kind, a class or several. A whole number is a float too."""
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


def with_meanings(kind: type[Record]) -> type[Record]:
    """Writes into a dataclass's docstring what its fields' metadata say of them.

    So a setting's meaning stands in one place, for its flag, its key and the reference.
    """
    before, raises, after = inspect.cleandoc(kind.__doc__ or "").partition("Raises:")
    fields = "".join(f"    {each.name}: {_meaning(each)}\n" for each in dataclasses.fields(kind))
    kind.__doc__ = f"{before.rstrip()}\n\nAttributes:\n{fields}\n{raises}{after}".rstrip() + "\n"
    return kind


def _meaning(field: dataclasses.Field[Any]) -> str:
    said = str(field.metadata["help"])
    least, most = field.metadata.get("least"), field.metadata.get("most")
    bounds = [f"at least {least:g}"] if least is not None else []
    bounds += [f"at most {most:g}"] if most is not None else []
    if field.default not in (None, (), ""):
        bounds.append(f"by default `{field.default}`")
    behind = f" ({', '.join(bounds)})" if bounds else ""
    first = said[:1].upper() if said.partition(" ")[0].isalpha() else said[:1]
    return f"{first}{said[1:]}{behind}."
