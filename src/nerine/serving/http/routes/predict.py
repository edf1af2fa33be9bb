"""The path that Hugging Face's toolkit and Label Studio share; their bodies tell them apart."""

from __future__ import annotations

from typing import Any

from nerine.serving.http.endpoints import Call, Endpoint, ModelQuery, parse, read_body
from nerine.serving.http.routes import huggingface, label_studio


async def predict(call: Call) -> Any:
    """Answers `/predict`: a body with `tasks` comes from Label Studio."""
    body = parse(dict[str, Any], await read_body(call.request, call.service.limits.body))
    if "tasks" in body:
        return await label_studio.answer(call, body)
    return await huggingface.answer(call, body)


ENDPOINTS = (
    Endpoint(
        "/predict",
        predict,
        "The entities of a text or several (Hugging Face), or of tasks (Label Studio)",
        body=huggingface.Inputs | huggingface.Instances | label_studio.Tasks,
        reads_itself=True,
        answer=huggingface.Answer | label_studio.TasksAnswer,
        query=ModelQuery,
        example=huggingface.EXAMPLE,
    ),
)
