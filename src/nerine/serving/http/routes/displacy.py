"""The contract of the services behind displaCy's entity view."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nerine.serving.http.endpoints import Call, Endpoint, Strict, unless_short
from nerine.serving.http.texts import tag_text


class EntRequest(Strict):
    """A text."""

    text: str
    model: str | None = Field(None, description="Name of the model; by default the first one")


class Ent(Strict):
    """An entity; offsets count code points."""

    start: int
    end: int
    type: str
    text: str


async def ent(call: Call) -> list[dict[str, Any]]:
    """Answers `/ent`."""
    request: EntRequest = call.body
    model = call.service.model(request.model)
    document = await tag_text(call, model, request.text, "text")
    return await unless_short(
        len(document.text),
        lambda: [
            {
                "start": each.start,
                "end": each.end,
                "type": each.label,
                "text": document.surface(each),
            }
            for each in document.entities
        ],
    )


ENDPOINTS = (
    Endpoint(
        "/ent",
        ent,
        "The entities of a text",
        body=EntRequest,
        answer=list[Ent],
        example={"text": "Mira Okonjo left Tandem Labs for Lisbon."},
    ),
)
