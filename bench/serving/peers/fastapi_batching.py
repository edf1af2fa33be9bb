"""FastAPI around `pipeline("ner")` with a queue that makes batches, as blog posts write it.

    python -I fastapi_batching.py CHECKPOINT PORT BATCH_SIZE SECONDS

A task takes the first text that waits, and others until the batch is full or the seconds are over.
The pipeline runs the batch in a thread, so that requests are read meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

BATCH_SIZE, SECONDS = int(sys.argv[3]), float(sys.argv[4])

Entities = list[dict[str, Any]]

ner = pipeline("ner", model=sys.argv[1], aggregation_strategy="simple")  # type: ignore[call-overload]
queue: asyncio.Queue[tuple[str, asyncio.Future[Entities]]] = asyncio.Queue()


async def next_batch() -> list[tuple[str, asyncio.Future[Entities]]]:
    """The texts of the next batch, each with the future of its entities."""
    loop = asyncio.get_running_loop()
    batch = [await queue.get()]
    end = loop.time() + SECONDS
    while len(batch) < BATCH_SIZE and (left := end - loop.time()) > 0:
        try:
            batch.append(await asyncio.wait_for(queue.get(), left))
        except TimeoutError:
            break
    return batch


async def run_batches() -> None:
    """Runs batch after batch."""
    while True:
        batch = await next_batch()
        texts = [text for text, _ in batch]
        found = await asyncio.to_thread(ner, texts, batch_size=len(texts))
        for (_, future), entities in zip(batch, found, strict=True):
            if not future.done():
                future.set_result(entities)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Runs the task while the server runs."""
    task = asyncio.create_task(run_batches())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


class TaggingRequest(BaseModel):
    """A text to tag."""

    inputs: str


@app.post("/predict")  # type: ignore[untyped-decorator]
async def predict(asked: TaggingRequest) -> list[dict[str, Any]]:
    """The entities of a text."""
    future: asyncio.Future[Entities] = asyncio.get_running_loop().create_future()
    await queue.put((asked.inputs, future))
    return [{**entity, "score": float(entity["score"])} for entity in await future]


@app.get("/health")  # type: ignore[untyped-decorator]
async def health() -> dict[str, str]:
    """Answers when the server can tag."""
    return {"status": "ok"}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
