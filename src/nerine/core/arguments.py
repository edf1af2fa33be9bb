"""Arguments of public functions, checked against the annotations of their parameters.

A wrong argument is refused at the call, by name, rather than deep inside of it::

    nerine.train(["a text"], output="runs/one")
    nerine.ArgumentError: train: corpus is a list
      expected: Corpus, str or Path

Items of lists and tuples are checked too, those of other iterables where they are read.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import (
    Any,
    BinaryIO,
    Literal,
    ParamSpec,
    TextIO,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from nerine.core.errors import ArgumentError, NerineError
from nerine.core.settings import check, has_type

P = ParamSpec("P")
R = TypeVar("R")

_UNIONS = (Union, types.UnionType)
_NAMES = {type(None): "None", TextIO: "a text stream", BinaryIO: "a stream of bytes"}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function check the types of its arguments. It then raises `ArgumentError`."""
    place = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        kinds = _kinds_of(function)
        for (name, kind), value in zip(kinds.items(), args, strict=False):
            check_type(name, value, kind, place)
        for name, value in kwargs.items():
            check_type(name, value, kinds.get(name, Any), place)
        return function(*args, **kwargs)

    return call


def check_fields(record: Any, error: type[NerineError] = ArgumentError) -> None:
    """Raises an error for a field of a dataclass that has another type than it states.

    Lists in the place of tuples become tuples first.
    """
    kind: Any = type(record)
    for field in dataclasses.fields(kind):
        hint, value = _hints_of(kind)[field.name], getattr(record, field.name)
        with_tuples = _with_tuples(value, hint)
        if with_tuples is not value:
            object.__setattr__(record, field.name, with_tuples)
        _check(field.name, with_tuples, hint, kind.__name__, error)


def check_type(name: str, value: Any, kind: Any, place: str) -> None:
    """Raises `ArgumentError` for a value that does not have the type `kind`.

    Raises `SettingsError` for a string that is not one of those that the type allows.
    """
    _check(name, value, kind, place, ArgumentError)


def _check(name: str, value: Any, kind: Any, place: str, error: type[NerineError]) -> None:
    found = _problem(name, value, kind)
    if found is None:
        return
    if isinstance(value, str) and _is_choice(kind):
        check(name, value, kind)
    raise error(found, place=place, expected=_described(kind))


@functools.cache
def _kinds_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's parameters in their order; `Any` for one without an annotation."""
    hints = _hints_of(function)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: hints.get(name, Any)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in variable
    }


@functools.cache
def _hints_of(annotated: Any) -> dict[str, Any]:
    return get_type_hints(annotated)


def _is_choice(kind: Any) -> bool:
    """Whether a type has a few values only, besides None."""
    kinds = get_args(kind) if get_origin(kind) in _UNIONS else (kind,)
    return all(get_origin(each) is Literal or each is type(None) for each in kinds)


def _with_tuples(value: Any, kind: Any) -> Any:
    """A value with a tuple for each list where the type `kind` has tuples."""
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        kind = next((each for each in kinds if get_origin(each) is tuple), None)
        return value if kind is None else _with_tuples(value, kind)
    if origin is tuple and isinstance(value, list | tuple):
        is_nested = get_origin(kinds[0]) is tuple
        return tuple(_with_tuples(each, kinds[0]) for each in value) if is_nested else tuple(value)
    if isinstance(value, dict) and len(kinds) == 2 and get_origin(kinds[1]) is tuple:
        return {key: _with_tuples(each, kinds[1]) for key, each in value.items()}
    return value


def _problem(name: str, value: Any, kind: Any) -> str | None:
    """What is wrong with a value; None if it has the type `kind`."""
    if type(value) is kind or kind is Any or isinstance(kind, TypeVar):
        return None
    origin = get_origin(kind)
    if origin in _UNIONS:
        problems = [_problem(name, value, each) for each in get_args(kind)]
        if None in problems:
            return None
        inner = (each for each in problems if each and each.startswith(f"{name}["))
        return next(inner, problems[0])
    if origin is Literal:
        fits = any(type(value) is type(each) and value == each for each in get_args(kind))
        return None if fits else f"{name} is {value!r}"
    if origin is not None:
        return _problem_of_generic(name, value, origin, get_args(kind))
    return None if _is_a(value, kind) else f"{name} is {_shown(value)}"


def _problem_of_generic(name: str, value: Any, origin: Any, kinds: tuple[Any, ...]) -> str | None:
    if not isinstance(value, origin):
        return f"{name} is {_shown(value)}"
    if issubclass(origin, Mapping):
        inner = [(f"a key of {name}", key, kinds[0]) for key in value]
        inner += [(f"{name}[{key!r}]", each, kinds[1]) for key, each in value.items()]
    elif isinstance(value, str) and issubclass(origin, Iterable):
        return f"{name} is a single str"  # an iterable of its characters
    elif origin is tuple and ... not in kinds:
        if len(value) != len(kinds):
            return f"{name} has {len(value)} items"
        inner = [
            (f"{name}[{index}]", *pair) for index, pair in enumerate(zip(value, kinds, strict=True))
        ]
    elif isinstance(value, list | tuple) and issubclass(origin, Iterable):
        if {*map(type, value)} <= {kinds[0]}:  # the usual case, checked quickly
            return None
        inner = [(f"{name}[{index}]", each, kinds[0]) for index, each in enumerate(value)]
    else:
        return None
    problems = (_problem(*each) for each in inner)
    return next((problem for problem in problems if problem), None)


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value has a type that is not generic."""
    if kind is BinaryIO or kind is TextIO:
        return hasattr(value, "read") or hasattr(value, "write")
    if is_typeddict(kind):
        return isinstance(value, Mapping)
    if getattr(kind, "_is_protocol", False):
        return all(hasattr(value, name) for name in _members(kind))
    return has_type(value, kind)


@functools.cache
def _members(protocol: type) -> frozenset[str]:
    """The names of what a protocol asks for."""
    parts = [each for each in protocol.__mro__ if getattr(each, "_is_protocol", False)]
    names = (name for part in parts for name in (*vars(part), *inspect.get_annotations(part)))
    return frozenset(name for name in names if not name.startswith("_"))


def _shown(value: Any) -> str:
    """`None`, or the class of a value with its article."""
    return "None" if value is None else _with_article(type(value).__name__)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _described(kind: Any) -> str:
    """A type in words, as in `Corpus, str or Path`."""
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        *others, last = [_described(each) for each in kinds]
        return f"{', '.join(others)} or {last}"
    if origin is Literal:
        return " or ".join(map(repr, kinds))
    if origin is None:
        return _NAMES.get(kind) or str(getattr(kind, "__name__", kind))
    name = {collections.abc.Callable: "function"}.get(origin, origin.__name__.lower())
    if origin is collections.abc.Callable or not kinds:
        return f"a {name}"
    between = " and " if origin is tuple else " to "
    of = between.join(_described(each) for each in kinds if each is not ...)
    return f"{_with_article(name)} of {of}"
