"""The texts of a request in the contracts of other programs, and what the model finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerine.core.document import Document
from nerine.serving.http.choice import Choice
from nerine.serving.http.endpoints import Call
from nerine.serving.http.problems import Problem
from nerine.serving.http.service import ServedModel

Found = Document | Problem
"""A document with the entities that are asked for, or the reason why it could not be tagged."""


async def tag_texts(
    call: Call, model: ServedModel, texts: Sequence[Any], place: str, thresholds: Any = None
) -> list[Found]:
    """Tags the texts of a request.

    Args:
        call: The request.
        model: The model.
        texts: The texts; whatever isn't a text becomes a problem of its own.
        place: The place of the texts in the request.
        thresholds: Those that the request asks for, as `Choice.of` takes them.

    Returns:
        What was found in each, in order.

    Raises:
        Problem: If there are too many texts, others wait, or it takes too long.
    """
    call.service.check(texts)
    read = [_read(text, f"{place}[{number}]") for number, text in enumerate(texts)]
    found = await tag_all(call, model, read, Choice.of(model, thresholds))
    return [
        each.at(f"{place}[{number}]") if isinstance(each, Problem) and each is not was else each
        for number, (was, each) in enumerate(zip(read, found, strict=True))
    ]


async def tag_text(
    call: Call, model: ServedModel, text: str, place: str, thresholds: Any = None
) -> Document:
    """Tags the only text of a request; raises `Problem` if that fails."""
    found = (await tag_all(call, model, [Document(text)], Choice.of(model, thresholds)))[0]
    if isinstance(found, Problem):
        raise found.at(place)
    return found


async def tag_all(
    call: Call, model: ServedModel, read: Sequence[Found], choice: Choice
) -> list[Found]:
    """Tags documents, however many, as many at a time as a request may have.

    Args:
        call: The request.
        model: The model.
        read: The documents, and problems in the places of others.
        choice: The entities that are asked for.

    Raises:
        Problem: If others wait, or it takes too long.
    """

    async def work() -> list[Found]:
        most = call.service.limits.texts
        found: list[Found] = []
        for start in range(0, len(read), most):
            found += await call.service.tag_some(model, read[start : start + most])
        return found

    return await choice.of_all(await call.unless_gone(work()))


def _read(text: Any, place: str) -> Found:
    if isinstance(text, str):
        return Document(text)
    return Problem("invalid", "this is not a text", expected="a string", place=place)
