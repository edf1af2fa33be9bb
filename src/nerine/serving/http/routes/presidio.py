"""The contract of Presidio's analyzer: the entities of a text, and which there are."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import regex
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
)
from nerine.serving.http.problems import Problem
from nerine.serving.http.texts import Found, tag_text, tag_texts
from nerine.serving.scores import score_or_one

_NO_MATCH = "No matching recognizers were found to serve the request."
"""Presidio's own words for a language or entities that it doesn't know."""

_FLAGS = regex.ASCII | regex.DOTALL | regex.IGNORECASE | regex.MULTILINE | regex.VERBOSE
_USUAL = int(regex.DOTALL | regex.MULTILINE | regex.IGNORECASE)
_LONGEST_PATTERN = 10_000
_LARGEST_PATTERN = 300_000
_COUNT = regex.compile(r"\{\s*(0*[1-9][0-9]{0,9})")
_PATIENCE = 2.0
"""Seconds in which the patterns of an allow list are searched for."""

Keeps = Callable[[str], bool]


class AnalyzeRequest(Strict):
    """A text or several, and what is asked of them."""

    text: str | Unread[str] = Field(description="A text, or a list of texts")
    language: str = Field(description="Language of the texts, such as `en`")
    entities: Strings | None = Field(
        None, description="Labels to keep; the model must have at least one of them. By default all"
    )
    correlation_id: str | None = Field(None, description="Has no effect")
    score_threshold: float | None = Field(None, ge=0, le=1, description="Minimum score")
    return_decision_process: bool | None = Field(None, description="Only `false`")
    ad_hoc_recognizers: list[Any] | None = Field(None, description="Only an empty list")
    context: Strings | None = Field(None, description="Only an empty list")
    allow_list: Strings | None = Field(None, description="Entities with such a text are left out")
    allow_list_match: Literal["exact", "regex"] | None = Field(
        None, description="Whether the allow list has texts or patterns; by default `exact`"
    )
    regex_flags: int | None = Field(
        None, description="Flags of the patterns, as Python has them; by default 26"
    )


class RecognizerResult(Strict):
    """An entity; offsets count code points."""

    entity_type: str
    start: int
    end: int
    score: float
    analysis_explanation: None


class LanguageQuery(ModelQuery):
    """The choice of a language and of a model."""

    language: str | None = Field(None, description="A language; by default every one")


_UNSUPPORTED = {
    "return_decision_process": "entities have no explanation of Presidio's kind",
    "ad_hoc_recognizers": "recognizers of a request are not supported",
    "context": "scores do not depend on words around an entity that a request states",
}


def _check_supported(request: AnalyzeRequest) -> None:
    for name, found in _UNSUPPORTED.items():
        if getattr(request, name):
            hint = "leave it out; Presidio's own analyzer has it, with this server as a recognizer"
            raise Problem("invalid", found, place=name, hint=hint)


def _check_language(language: str | None, languages: tuple[str, ...]) -> None:
    if language is not None and language not in languages:
        raise Problem(
            "invalid",
            _NO_MATCH,
            expected=f"a language among {', '.join(languages)}",
            place="language",
            hint="start the server with the languages of its model: --language",
        )


def _keeps(request: AnalyzeRequest) -> Keeps:
    """A function that says whether the allow list keeps an entity with a text.

    As in Presidio, patterns are searched for in the text of the entity, and empty ones count not.
    """
    allowed = request.allow_list or []
    if request.allow_list_match != "regex":
        texts = frozenset(allowed)
        return lambda surface: surface not in texts
    terms = [term for term in allowed if term]
    if not terms:
        return lambda surface: True  # noqa: ARG005 - a `Keeps`
    pattern = _compiled(terms, _USUAL if request.regex_flags is None else request.regex_flags)
    end = time.monotonic() + _PATIENCE

    def keeps(surface: str) -> bool:
        try:
            left = max(end - time.monotonic(), 1e-3)
            return pattern.search(surface, timeout=left, concurrent=True) is None
        except TimeoutError:
            raise Problem(
                "invalid",
                f"its patterns took more than {_PATIENCE:g} seconds",
                place="allow_list",
                hint="simplify them",
            ) from None

    return keeps


def _compiled(terms: list[str], flags: int) -> regex.Pattern[str]:
    """The patterns of an allow list as one."""
    if flags & ~_FLAGS:
        raise Problem(
            "invalid",
            f"the flags {flags} are not supported",
            expected=f"a sum of some of {', '.join(str(int(flag)) for flag in _FLAGS)}",
            place="regex_flags",
        )
    # what is counted is written out so many times when a pattern is compiled
    size = sum(len(term) * math.prod(map(int, _COUNT.findall(term))) for term in terms)
    if size > _LARGEST_PATTERN or sum(map(len, terms)) > _LONGEST_PATTERN:
        raise Problem(
            "invalid",
            "the patterns are too large, or count too far",
            expected=f"at most {_LONGEST_PATTERN:,} characters in all",
            place="allow_list",
        )
    try:
        return regex.compile("|".join(terms), flags=flags, cache_pattern=False)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise Problem(
            "invalid", f"this is not a valid pattern: {error}", place="allow_list"
        ) from None


def _results(document: Document, entities: set[str], keeps: Keeps) -> list[dict[str, Any]]:
    return [
        {
            "entity_type": each.label,
            "start": each.start,
            "end": each.end,
            "score": score_or_one(each),
            "analysis_explanation": None,
        }
        for each in document.entities
        if each.label in entities and keeps(document.surface(each))
    ]


async def _analyze(call: Call, languages: tuple[str, ...]) -> Any:
    """Answers `/analyze`."""
    request: AnalyzeRequest = call.body
    model = call.service.model(call.query.model)
    _check_language(request.language, languages)
    _check_supported(request)
    entities = set(request.entities or model.tagger.labels) & set(model.tagger.labels)
    if not entities:
        labels = ", ".join(model.tagger.labels)
        raise Problem("invalid", _NO_MATCH, expected=f"one of {labels}", place="entities")
    thresholds = request.score_threshold
    found: list[Found]
    if isinstance(request.text, str):
        found = [await tag_text(call, model, request.text, "text", thresholds)]
    else:
        found = await tag_texts(call, model, request.text, "text", thresholds)

    def shape() -> list[Any]:
        keeps = _keeps(request)
        return [
            _results(each, entities, keeps) if isinstance(each, Document) else each.to_dict()
            for each in found
        ]

    shaped = await asyncio.to_thread(shape) if request.allow_list else shape()
    return shaped[0] if isinstance(request.text, str) else shaped


async def _supported_entities(call: Call, languages: tuple[str, ...]) -> list[str]:
    """Answers `/supportedentities`: the labels of the model."""
    _check_language(call.query.language, languages)
    return list(call.service.model(call.query.model).tagger.labels)


async def _recognizers(call: Call, languages: tuple[str, ...]) -> list[str]:
    """Answers `/recognizers`: the name of the model."""
    _check_language(call.query.language, languages)
    return [call.service.model(call.query.model).name]


def endpoints(languages: tuple[str, ...]) -> tuple[Endpoint, ...]:
    """The endpoints, of a server whose models are for those languages.

    Args:
        languages: The languages.
    """
    return (
        Endpoint(
            "/analyze",
            partial(_analyze, languages=languages),
            "The entities of a text or several",
            body=AnalyzeRequest,
            answer=list[RecognizerResult] | list[list[RecognizerResult] | Refused],
            query=ModelQuery,
            example={
                "text": "Mira Okonjo left Tandem Labs for Lisbon.",
                "language": languages[0],
            },
        ),
        Endpoint(
            "/supportedentities",
            partial(_supported_entities, languages=languages),
            "The labels of the model",
            method="GET",
            answer=list[str],
            query=LanguageQuery,
        ),
        Endpoint(
            "/recognizers",
            partial(_recognizers, languages=languages),
            "The name of the model",
            method="GET",
            answer=list[str],
            query=LanguageQuery,
        ),
    )
