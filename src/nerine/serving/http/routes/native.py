"""Nerine's own contract: documents in, documents out, and explanations."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError, WithJsonSchema
from pydantic_core import from_json, to_json

from nerine.core.document import Document, Entity
from nerine.core.errors import DocumentError, NerineError
from nerine.core.strict_json import kind_of
from nerine.data.formats.options import Offsets
from nerine.model.explanation import SubwordStep, TransitionStep, WindowStep, WordStep
from nerine.model.rules import RuleStep
from nerine.serving.http.choice import Choice
from nerine.serving.http.endpoints import (
    Call,
    Endpoint,
    Refused,
    Strict,
    Strings,
    Unread,
    parse,
    problem_of,
    read_body,
    unless_short,
)
from nerine.serving.http.problems import Problem
from nerine.serving.http.service import ServedModel
from nerine.serving.http.streaming import NDJSON, LinesResponse
from nerine.serving.http.units import in_unit, tokens_from

Range = tuple[int, int]
Threshold = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "object", "additionalProperties": {"type": "number"}},
                {"const": "saved"},
                {"type": "null"},
            ]
        }
    ),
]

_LONGEST_EXPLAINED = 20_000


class DocumentIn(Strict):
    """A document of a request."""

    text: str
    id: str | None = None
    tokens: Annotated[list[Range], Field(fail_fast=True)] | None = None
    meta: dict[str, Any] = Field(default_factory=dict)


class TagRequest(Strict):
    """Documents and what is asked of them."""

    documents: Unread[str | DocumentIn] = Field(description="Texts, or objects with a text")
    model: str | None = Field(None, description="Name of the model; by default the first one")
    labels: Strings | None = Field(None, description="Labels to keep; by default all")
    thresholds: Threshold = Field(
        None, description="Minimum score, of all labels or of each; or those saved with the model"
    )
    offset_unit: Offsets = Field("code-points", description="What offsets count")
    scores: bool = Field(True, description="Whether entities have scores")
    words: bool = Field(False, description="Whether documents have the ranges of their words")


class LinesQuery(Strict):
    """What is asked of documents that come a line each."""

    model: str | None = Field(None, description="Name of the model; by default the first one")
    labels: str | None = Field(None, description="Labels to keep, with commas; by default all")
    thresholds: str | None = Field(
        None, description='Minimum score: a number, `{"LABEL": NUMBER}` or `saved`'
    )
    offset_unit: Offsets = Field("code-points", description="What offsets count")
    scores: bool = Field(True, description="Whether entities have scores")
    words: bool = Field(False, description="Whether documents have the ranges of their words")


class EntityOut(Strict):
    """An entity."""

    start: int
    end: int
    label: str
    text: str
    score: float | None = None


class DocumentOut(Strict):
    """A tagged document."""

    id: str | None = None
    text: str
    entities: list[EntityOut]
    words: list[Range] | None = None
    tokens: list[Range] | None = None
    meta: dict[str, Any] | None = None


class RefusedDocument(Refused):
    """Why a document could not be tagged."""

    id: str | None = None


class TagAnswer(Strict):
    """The documents of a request, in order."""

    model: str
    version: str
    documents: list[DocumentOut | RefusedDocument]


class ExplainRequest(Strict):
    """A text to be explained."""

    text: str
    model: str | None = None
    thresholds: Threshold = None


class ExplainAnswer(Strict):
    """The steps from a text to its entities; offsets count code points."""

    model: str
    version: str
    text: str
    tags: list[str]
    subwords: list[SubwordStep]
    windows: list[WindowStep]
    words: list[WordStep]
    transitions: list[TransitionStep]
    rules: list[RuleStep]
    outside_bias: float
    entities: list[Entity]


class ReloadRequest(Strict):
    """The model that is loaded again; without a name, all are."""

    model: str | None = None


class ReloadedModel(Strict):
    """A model that has been loaded again."""

    name: str
    version: str


class ReloadAnswer(Strict):
    """The models that have been loaded again."""

    models: list[ReloadedModel]


@dataclass(frozen=True, slots=True)
class _Form:
    """How documents of a request are answered."""

    model: ServedModel
    choice: Choice
    unit: Offsets
    scores: bool
    words: bool

    @classmethod
    def of(cls, call: Call, request: TagRequest) -> _Form:
        model = call.service.model(request.model)
        choice = Choice.of(model, request.thresholds, request.labels)
        return cls(model, choice, request.offset_unit, request.scores, request.words)

    def read(self, content: Any, place: str) -> Document | Problem:
        """The document of an element of a request."""
        try:
            if isinstance(content, str):
                return Document(content)
            if not isinstance(content, dict):
                expected = "a text, or an object with a text"
                found = f"this is {kind_of(content)}"
                return Problem("invalid", found, expected=expected, place=place)
            read = DocumentIn.model_validate(content)
            json.dumps(read.meta, allow_nan=False)
            tokens = None
            if read.tokens is not None:
                tokens = tokens_from(read.text, read.tokens, self.unit)
            return Document(read.text, tokens=tokens, id=read.id, meta=read.meta)
        except ValidationError as error:
            return problem_of(error, place)
        except DocumentError as error:
            return Problem.of(error.at(place))
        except ValueError:
            found = "a number is too large for JSON's readers"
            return Problem("invalid", found, place=f"{place}.meta")

    def read_line(self, line: bytes, place: str) -> Document | Problem:
        """The document of a line."""
        try:
            return self.read(parse(Any, line), place)
        except Problem as problem:
            return Problem.of(problem.at(place))

    def answer(self, read: Document | Problem, found: Document | Problem) -> dict[str, Any]:
        """The answer to a document, by what came and by what was found."""
        if isinstance(found, Document):
            return self._tagged(found)
        name = {"id": read.id} if isinstance(read, Document) and read.id is not None else {}
        return {**name, **found.to_dict()}

    def _tagged(self, document: Document) -> dict[str, Any]:
        text = document.text
        convert = in_unit(text, self.unit)
        shaped: dict[str, Any] = {} if document.id is None else {"id": document.id}
        shaped["text"] = text
        shaped["entities"] = [
            {
                "start": convert(each.start),
                "end": convert(each.end),
                "label": each.label,
                "text": text[each.start : each.end],
                **({"score": each.score} if self.scores else {}),
            }
            for each in document.entities
        ]
        if self.words:
            words = self.model.words(document)
            shaped["words"] = [(convert(word.start), convert(word.end)) for word in words]
        if document.tokens is not None:
            shaped["tokens"] = [
                (convert(each.start), convert(each.end)) for each in document.tokens
            ]
        if document.meta:
            shaped["meta"] = dict(document.meta)
        return shaped


async def tag(call: Call) -> Any:
    """Answers `/tag`: documents in a list, or a document a line."""
    if call.request.headers.get("content-type", "").partition(";")[0].strip() == NDJSON:
        return await tag_lines(call)
    if call.request.query_params:
        raise Problem(
            "invalid",
            "settings in the query, which is for NDJSON",
            expected="settings in the body, beside the documents",
            place="query",
        )
    request = parse(TagRequest, await read_body(call.request, call.service.limits.body))
    form = _Form.of(call, request)
    call.service.check(request.documents)
    read = [form.read(each, f"documents[{n}]") for n, each in enumerate(request.documents)]
    tagged = await call.unless_gone(call.service.tag_some(form.model, read))
    found = await form.choice.of_all(tagged)
    size = sum(len(each.text) for each in read if isinstance(each, Document))
    shaped = await unless_short(size, lambda: list(map(form.answer, read, found)))
    return {"model": form.model.name, "version": form.model.version, "documents": shaped}


async def tag_lines(call: Call) -> LinesResponse:
    """Answers a document a line, in order, while more lines are read.

    A line that cannot be tagged is answered by its problem. When too many other texts wait, no more
    lines are read until there is room.
    """
    form = _Form.of(call, _of_query(call.request.query_params))

    async def answer(number: int, line: bytes | Problem) -> bytes:
        read = line if isinstance(line, Problem) else form.read_line(line, f"line {number}")
        if isinstance(read, Document):
            tagged = await call.service.tag_one(form.model, read)
            (found,) = await form.choice.of_all([tagged])
            return to_json(form.answer(read, found))
        return to_json(read.to_dict())

    return LinesResponse(call.request, answer, call.service.limits.body)


def _of_query(query: Mapping[str, str]) -> TagRequest:
    """What the query of a request asks of the documents in its lines."""
    values: dict[str, Any] = {"documents": [], **query}
    if "labels" in query:
        values["labels"] = query["labels"].split(",")
    if query.get("thresholds", "saved") != "saved":
        try:
            values["thresholds"] = from_json(query["thresholds"], allow_inf_nan=False)
        except ValueError:
            raise Problem(
                "invalid",
                f"{query['thresholds'][:100]!r} are not thresholds",
                expected='a number, {"LABEL": NUMBER} or saved',
                place="thresholds",
            ) from None
    try:
        return TagRequest.model_validate(values)
    except ValidationError as error:
        raise problem_of(error) from None


async def explain_text(call: Call) -> dict[str, Any]:
    """Answers `/explain`: every step from a text to its entities."""
    request: ExplainRequest = call.body
    model = call.service.model(request.model)
    if len(request.text) > _LONGEST_EXPLAINED:
        raise Problem(
            "text-too-long",
            f"a text of {len(request.text):,} characters",
            expected=f"at most {_LONGEST_EXPLAINED:,} to be explained",
            place="text",
        )
    tagger = copy.copy(model.tagger)
    tagger.thresholds = Choice.of(model, request.thresholds).thresholds
    explained = await call.unless_gone(call.service.explain(tagger, request.text))
    return {"model": model.name, "version": model.version, **explained.to_dict()}


async def reload(call: Call) -> dict[str, Any]:
    """Answers `/reload`: loads models again, without a gap."""
    try:
        models = await asyncio.to_thread(call.service.reload, call.body.model)
    except NerineError as error:
        raise Problem.of(error) from error
    return {"models": [{"name": model.name, "version": model.version} for model in models]}


_TEXT = "Mira Okonjo left Tandem Labs for Lisbon."

ENDPOINTS = (
    Endpoint(
        "/tag",
        tag,
        "Documents in, documents with entities out; or a document a line",
        body=TagRequest,
        reads_itself=True,
        answer=TagAnswer,
        line=(str | DocumentIn, DocumentOut | RefusedDocument),
        line_query=LinesQuery,
        example={"documents": [_TEXT]},
    ),
    Endpoint(
        "/explain",
        explain_text,
        "Every step from a text to its entities",
        body=ExplainRequest,
        answer=ExplainAnswer,
        example={"text": _TEXT},
    ),
    Endpoint(
        "/reload",
        reload,
        "Load models again, without a gap",
        body=ReloadRequest,
        answer=ReloadAnswer,
        example={},
    ),
)
