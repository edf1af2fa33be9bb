"""The contract of Hugging Face's inference endpoints, which `InferenceClient` speaks.

All strategies of aggregation but `none` give the entities that the model finds: its words are whole
already, and nothing is left to aggregate. `none` gives the words of these entities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from nerine.core.document import Document
from nerine.serving.http.endpoints import (
    Call,
    Endpoint,
    ModelQuery,
    Refused,
    Strict,
    Strings,
    Unread,
    parse,
    read_body,
    unless_short,
    validate,
)
from nerine.serving.http.problems import Problem
from nerine.serving.http.service import ServedModel
from nerine.serving.http.texts import Found, tag_text, tag_texts
from nerine.serving.scores import score_or_one

Strategy = Literal["none", "simple", "first", "average", "max"]


class Parameters(Strict):
    """Parameters of a request."""

    aggregation_strategy: Strategy | None = Field(
        None,
        description="`none` gives the words of the entities with their tags, all others the "
        "entities; by default `simple`",
    )
    ignore_labels: Strings | None = Field(
        None,
        description="Labels or tags to leave out; words outside the entities always are",
    )
    stride: int | None = Field(
        None,
        ge=0,
        description="Has no effect: long texts are read whole, in windows that overlap as the "
        "model needs it",
    )


class Inputs(Strict):
    """A text or several."""

    inputs: str | Unread[str] = Field(description="A text, or a list of texts")
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(
        None, description="Options of Hugging Face's own service; they have no effect"
    )


class Instances(Strict):
    """Several texts, as Vertex AI sends them."""

    instances: str | Unread[str] = Field(description="A text, or a list of texts")
    parameters: Parameters | None = None


class EntityGroup(Strict):
    """An entity; its word is `text[start:end]` in code points."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


class TaggedWord(Strict):
    """A word of an entity: its tag begins with `B-` if it is the first one, else with `I-`.

    The score is that of the entity, and words are counted from 1.
    """

    entity: str
    score: float
    index: int
    word: str
    start: int
    end: int


Result = list[EntityGroup] | list[TaggedWord]
Results = list[Result | Refused]


class Predictions(Strict):
    """The results of `instances`."""

    predictions: Result | Results


Answer = Result | Results | Predictions


def _groups(document: Document, ignored: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "entity_group": each.label,
            "score": score_or_one(each),
            "word": document.surface(each),
            "start": each.start,
            "end": each.end,
        }
        for each in document.entities
        if each.label not in ignored
    ]


def _words(model: ServedModel, document: Document, ignored: set[str]) -> Iterator[dict[str, Any]]:
    """The words of the entities of a document, with tags."""
    entities = document.entities
    first, begun = 0, -1  # the first entity that has not ended, and the last one that has begun
    for index, word in enumerate(model.words(document), start=1):
        while first < len(entities) and entities[first].end <= word.start:
            first += 1
        at = first
        while at < len(entities) and entities[at].start < word.end:
            entity = entities[at]
            tag = f"{'I' if at <= begun else 'B'}-{entity.label}"
            begun = max(begun, at)
            at += 1
            if ignored & {tag, entity.label}:
                continue
            start, end = max(word.start, entity.start), min(word.end, entity.end)
            yield {
                "entity": tag,
                "score": score_or_one(entity),
                "index": index,
                "word": document.text[start:end],
                "start": start,
                "end": end,
            }


async def predict(call: Call) -> Any:
    """Answers a text or several."""
    return await answer(
        call, parse(dict[str, Any], await read_body(call.request, call.service.limits.body))
    )


async def answer(call: Call, body: dict[str, Any]) -> Any:
    """The answer to a body with `inputs` or `instances`.

    Args:
        call: The request.
        body: Its body.

    Raises:
        Problem: If the body is not valid, or its only text could not be tagged.
    """
    place = "instances" if "instances" in body else "inputs"
    kind = Instances if place == "instances" else Inputs
    request: Inputs | Instances = validate(kind, body)
    texts = getattr(request, place)
    parameters = request.parameters or Parameters.model_validate({})
    ignored = set(parameters.ignore_labels or ())
    model = call.service.model(call.query.model)

    def shape(found: Found) -> Any:
        if isinstance(found, Problem):
            return found.to_dict()
        if parameters.aggregation_strategy == "none":
            return list(_words(model, found, ignored))
        return _groups(found, ignored)

    if isinstance(texts, str):
        document = await tag_text(call, model, texts, place)
        shaped = await unless_short(len(texts), lambda: shape(document))
    else:
        found = await tag_texts(call, model, texts, place)
        size = sum(len(each.text) for each in found if isinstance(each, Document))
        shaped = await unless_short(size, lambda: list(map(shape, found)))
    return shaped if place == "inputs" else {"predictions": shaped}


EXAMPLE = {
    "inputs": "Mira Okonjo left Tandem Labs for Lisbon.",
    "parameters": {"aggregation_strategy": "simple"},
}

ENDPOINTS = tuple(
    Endpoint(
        path,
        predict,
        "The entities of a text or several",
        body=Inputs | Instances,
        reads_itself=True,
        answer=Answer,
        query=ModelQuery,
        example=EXAMPLE,
    )
    for path in ("/", "/invocations")
)
