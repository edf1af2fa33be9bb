"""The contract of Label Studio's machine-learning backends.

A task that cannot be tagged has an object with `error` in its place, which Label Studio logs,
and stores no prediction for it. Labels that the labelling configuration lacks are left out;
`warnings` names them, in the answer to `/setup` too, which Label Studio logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel, Field

from nerine.core.document import Document
from nerine.serving.http.choice import Choice
from nerine.serving.http.endpoints import (
    Call,
    Endpoint,
    ModelQuery,
    Refused,
    Strict,
    Unread,
    unless_short,
    validate,
)
from nerine.serving.http.label_config import LabelledText, read_label_config
from nerine.serving.http.problems import Problem
from nerine.serving.http.service import ServedModel
from nerine.serving.http.texts import Found, tag_all
from nerine.serving.http.units import in_unit
from nerine.serving.scores import score_or_one

Names = Mapping[str, tuple[str, str] | None]
"""The names of the `Labels` and of the label for each of the model's labels; None if lacking."""

_MOST_DOCUMENTS = 10_000


class Foreign(BaseModel, extra="allow", protected_namespaces=(), defer_build=True):
    """An object of Label Studio, which may have more fields."""


class Task(Foreign):
    """A task."""

    data: dict[str, Any] = Field(description="The fields, among them the texts")


class Tasks(Foreign):
    """Tasks to be tagged."""

    tasks: Unread[Task]
    label_config: str = Field(description="XML with `Labels` for a `Text`")
    project: str | None = None
    params: dict[str, Any] | None = None


class RegionValue(Strict):
    """The place and the label of an entity; offsets count UTF-16 code units."""

    start: int
    end: int
    text: str
    labels: list[str]


class Region(Strict):
    """An entity."""

    from_name: str
    to_name: str
    type: str
    value: RegionValue
    score: float


class Prediction(Strict, protected_namespaces=()):
    """The entities of a task; its score is the mean of theirs."""

    result: list[Region]
    score: float | None
    model_version: str


class TasksAnswer(Strict):
    """The predictions of tasks, in order."""

    results: list[Prediction | Refused]
    warnings: list[str] | None = None


class SetupRequest(Foreign):
    """A project that will send tasks."""

    project: str | None = None
    schema_: str = Field("", alias="schema", description="XML with `Labels` for a `Text`")
    hostname: str | None = None
    access_token: str | None = Field(None, description="Is not used")
    extra_params: Any = None


class SetupAnswer(Strict, protected_namespaces=()):
    """The model, and what a labelling configuration lacks."""

    model_version: str
    warnings: list[str] | None = None


class ValidateRequest(Foreign):
    """A labelling configuration."""

    config: str = Field(description="XML with `Labels` for a `Text`")


class Event(Foreign):
    """Something that has happened in a project."""

    action: str | None = None


class EventAnswer(Strict):
    """What is done about it: nothing."""

    status: str
    message: str


class VersionsAnswer(Strict):
    """The version of the model."""

    versions: list[str]


class JobAnswer(Strict):
    """The state of a training job."""

    job_status: str


def _version(model: ServedModel) -> str:
    return f"{model.name}@{model.version}"


def _names(text: LabelledText, model: ServedModel) -> Names:
    return {label: text.names_of(label) for label in model.tagger.labels}


def _warnings(texts: Sequence[LabelledText], model: ServedModel) -> list[str]:
    """A sentence about each text that lacks some of the model's labels."""
    lacking = {
        text.name: [label for label, names in _names(text, model).items() if names is None]
        for text in texts
    }
    return [
        f"the labels of the text {name} lack {', '.join(labels)}: such entities are left out"
        for name, labels in lacking.items()
        if labels
    ]


def _documents(task: Any, texts: Sequence[LabelledText], place: str) -> list[Document] | Problem:
    """The texts of a task."""
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict):
        return Problem(
            "invalid", "this is not a task", expected='an object with "data"', place=place
        )
    try:
        return [Document(text.text_of(data)) for text in texts]
    except Problem as problem:
        return problem.at(place)


def _regions(document: Document, text: LabelledText, names: Names) -> Iterator[dict[str, Any]]:
    convert = in_unit(document.text, "utf-16")
    for entity in document.entities:
        known = names.get(entity.label)
        if known is not None:
            yield {
                "from_name": known[0],
                "to_name": text.name,
                "type": "labels",
                "value": {
                    "start": convert(entity.start),
                    "end": convert(entity.end),
                    "text": document.surface(entity),
                    "labels": [known[1]],
                },
                "score": score_or_one(entity),
            }


def _prediction(
    found: Iterable[tuple[Found, LabelledText, Names]], version: str, place: str
) -> dict[str, Any]:
    """The prediction of a task by what was found in its texts, or why there is none."""
    regions: list[dict[str, Any]] = []
    for each, text, names in found:
        if isinstance(each, Problem):
            return each.at(f"{place}: {'.'.join(('data', *text.field))}").to_dict()
        regions += _regions(each, text, names)
    score = fmean(region["score"] for region in regions) if regions else None
    return {"result": regions, "score": score, "model_version": version}


async def answer(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a body with `tasks`.

    Args:
        call: The request.
        body: Its body.

    Raises:
        Problem: If the body or its labelling configuration is not valid.
    """
    request: Tasks = validate(Tasks, body)
    model = call.service.model(call.query.model)
    texts = read_label_config(request.label_config, "label_config")
    if len(request.tasks) * len(texts) > _MOST_DOCUMENTS:
        raise Problem(
            "too-many-texts",
            f"{len(request.tasks) * len(texts):,} texts in one request",
            expected=f"at most {_MOST_DOCUMENTS:,}",
            place="tasks",
            hint="ask for the predictions of fewer tasks at a time",
        )
    named = [(text, _names(text, model)) for text in texts]
    places = [f"tasks[{number}]" for number in range(len(request.tasks))]
    read = [
        _documents(task, texts, place) for task, place in zip(request.tasks, places, strict=True)
    ]
    documents = [each for task in read if isinstance(task, list) for each in task]
    found = iter(await tag_all(call, model, documents, Choice.of(model)))

    def shape() -> list[dict[str, Any]]:
        return [
            task.to_dict()
            if isinstance(task, Problem)
            else _prediction([(next(found), *each) for each in named], _version(model), place)
            for task, place in zip(read, places, strict=True)
        ]

    results = await unless_short(sum(len(each.text) for each in documents), shape)
    return _with_warnings({"results": results}, _warnings(texts, model))


def _with_warnings(content: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    return {**content, "warnings": warnings} if warnings else content


async def setup(call: Call) -> dict[str, Any]:
    """Answers `/setup`: a labelling configuration that is not ready yet gives a warning."""
    model = call.service.model(call.query.model)
    try:
        warnings = _warnings(read_label_config(call.body.schema_, "schema"), model)
    except Problem as problem:
        warnings = [problem.found]
    return _with_warnings({"model_version": _version(model)}, warnings)


async def check(call: Call) -> dict[str, Any]:
    """Answers `/validate`: refuses a labelling configuration that cannot be used."""
    model = call.service.model(call.query.model)
    warnings = _warnings(read_label_config(call.body.config, "config"), model)
    return _with_warnings({"model_version": _version(model)}, warnings)


async def event(call: Call) -> dict[str, str]:
    """Answers `/webhook` and `/train`, for which nothing is done."""
    action = call.body.action or "START_TRAINING"
    if action == "START_TRAINING":
        message = "this server does not train: export the annotations, and use nerine train"
    else:
        message = "annotations are not kept here"
    return {"status": "ignored", "message": message}


async def versions(call: Call) -> dict[str, list[str]]:
    """Answers `/versions`."""
    return {"versions": [_version(call.service.model(call.query.model))]}


async def job_status(call: Call) -> dict[str, str]:  # noqa: ARG001 - a handler
    """Answers `/job_status`: there are no training jobs here."""
    return {"job_status": "removed"}


CONFIG = (
    '<View><Labels name="label" toName="text"><Label value="person"/></Labels>'
    '<Text name="text" value="$text"/></View>'
)
EXAMPLE = {
    "tasks": [{"id": 1, "data": {"text": "Mira Okonjo left Tandem Labs for Lisbon."}}],
    "label_config": CONFIG,
}

ENDPOINTS = (
    Endpoint(
        "/setup",
        setup,
        "The version of the model, and labels that a project lacks",
        body=SetupRequest,
        answer=SetupAnswer,
        query=ModelQuery,
        example={"project": "1.1764374400", "schema": CONFIG},
    ),
    Endpoint(
        "/validate",
        check,
        "Whether a labelling configuration can be used",
        body=ValidateRequest,
        answer=SetupAnswer,
        query=ModelQuery,
        example={"config": CONFIG},
    ),
    Endpoint(
        "/versions",
        versions,
        "The version of the model",
        method="GET",
        answer=VersionsAnswer,
        query=ModelQuery,
    ),
    *(
        Endpoint(
            path,
            event,
            "Takes note of an event; this server does not train",
            body=Event,
            answer=EventAnswer,
            status=201,
            example={"action": "ANNOTATION_CREATED"},
        )
        for path in ("/webhook", "/train")
    ),
    Endpoint(
        "/job_status",
        job_status,
        "The state of a training job: there are none",
        body=Foreign,
        answer=JobAnswer,
        example={"job": "1"},
    ),
)
