"""Dataclasses of settings: their values are checked, replaced by name, and described."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from nerine.core.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
_NO_HINTS: Mapping[str, str] = {}


def setting(
    default: Any, meaning: str, *, least: float | None = None, most: float | None = None
) -> Any:
    """A field of settings, with its meaning and its range."""
    metadata = {"help": meaning, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


def check_values(settings: DataclassInstance) -> None:
    """Raises `SettingsError` for a value of the wrong type, or out of its range."""
    kinds = get_type_hints(type(settings))
    for each in dataclasses.fields(settings):
        bounds = each.metadata["least"], each.metadata["most"]
        check(each.name, getattr(settings, each.name), kinds[each.name], *bounds)


def check(
    name: str, value: Any, kind: Any, least: float | None = None, most: float | None = None
) -> None:
    """Raises `SettingsError` for a value of the wrong type, or out of its range.

    `kind` is a class, a union of classes, or a `Literal` or None.
    """
    choices = choices_of(kind)
    if choices and value is None and type(None) in get_args(kind):
        return
    if choices and value not in choices:
        raise SettingsError(
            f"{value!r} is not known", place=name, expected=f"one of {', '.join(choices)}"
        )
    if not choices and not has_type(value, kind):
        raise SettingsError(
            f"{value!r} is a {type(value).__name__}",
            place=name,
            expected=str(getattr(kind, "__name__", kind)),
        )
    if least is not None and value is not None and not value >= least:
        raise SettingsError(f"{value!r} is too small", place=name, expected=f"at least {least:g}")
    if most is not None and value is not None and not value <= most:
        raise SettingsError(f"{value!r} is too large", place=name, expected=f"at most {most:g}")


def choices_of(kind: Any) -> tuple[Any, ...]:
    """The values of a `Literal`, or of the one in a union; none of other types."""
    for each in (kind, *get_args(kind)):
        if get_origin(each) is Literal:
            return get_args(each)
    return ()


def has_type(value: Any, kind: Any) -> bool:
    """Whether a value has the type `kind`, a class or a union. An int is a float, a bool no int."""
    kinds = get_args(kind) if get_origin(kind) is not tuple else (tuple,)
    kinds = kinds or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def check_names(
    given: Iterable[str], known: Sequence[str], what: str, hints: Mapping[str, str] = _NO_HINTS
) -> None:
    """Raises `SettingsError` for a name that isn't known, which the message calls `what`.

    `hints` have the right way for names that people expect here; for others the hint is the
    nearest known one.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        nearest = f"the nearest one is {near[0]!r}" if near else None
        raise SettingsError(
            f"unknown {what} {unknown[0]!r}",
            expected=f"one of {', '.join(known)}",
            hint=hints.get(unknown[0], nearest),
        )


def with_changes(
    values: Record,
    changes: Mapping[str, Any],
    what: str,
    hints: Mapping[str, str] = _NO_HINTS,
) -> Record:
    """A copy of a dataclass with some fields replaced; lists become tuples.

    Raises `SettingsError` for an unknown field, as `check_names` does.
    """
    check_names(changes, [field.name for field in dataclasses.fields(values)], what, hints)
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()
    }
    return dataclasses.replace(values, **given)


def values_of(settings: DataclassInstance) -> dict[str, Any]:
    """The values of settings by name, with lists in the place of tuples."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(settings).items()
    }


def as_toml(values: Mapping[str, Any]) -> str:
    """A TOML file with a line for each value that is not None."""
    # JSON strings, numbers, booleans and lists of strings are TOML too, but for one character.
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for name, value in values.items()
        if value is not None
    ]
    return "\n".join(lines) + "\n"


def with_field_docs(kind: type[Record]) -> type[Record]:
    """Adds the fields to a dataclass's docstring, as their metadata describe them.

    So the meaning of a setting is written once, for its flag, its key and the reference.
    """
    fields = ""
    for field in dataclasses.fields(kind):
        meaning = str(field.metadata["help"])
        if meaning.partition(" ")[0].rstrip(",").isalpha():
            meaning = meaning[:1].upper() + meaning[1:]
        least, most = field.metadata.get("least"), field.metadata.get("most")
        bounds = [f"at least {least:g}"] if least is not None else []
        bounds += [f"at most {most:g}"] if most is not None else []
        if field.default not in (None, (), ""):
            bounds.append(f"by default `{field.default}`")
        details = f" ({', '.join(bounds)})" if bounds else ""
        fields += f"    {field.name}: {meaning}{details}.\n"
    before, raises, after = inspect.cleandoc(kind.__doc__ or "").partition("Raises:")
    kind.__doc__ = f"{before.rstrip()}\n\nAttributes:\n{fields}\n{raises}{after}".rstrip() + "\n"
    return kind
