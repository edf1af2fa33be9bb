"""FastAPI around `pipeline("ner")`, one text a request, as most tutorials write it.

    python -I fastapi_pipeline.py CHECKPOINT PORT

The endpoint is a plain function: FastAPI runs it in its pool of threads.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

app = FastAPI()
ner = pipeline("ner", model=sys.argv[1], aggregation_strategy="simple")  # type: ignore[call-overload]


class TaggingRequest(BaseModel):
    """A text to tag."""

    inputs: str


@app.post("/predict")  # type: ignore[untyped-decorator]
def predict(asked: TaggingRequest) -> list[dict[str, Any]]:
    """The entities of a text."""
    return [{**entity, "score": float(entity["score"])} for entity in ner(asked.inputs)]


@app.get("/health")  # type: ignore[untyped-decorator]
def health() -> dict[str, str]:
    """Answers when the server can tag."""
    return {"status": "ok"}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
