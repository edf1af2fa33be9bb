"""Lines of the log about requests: as words or as JSON, and never a text or a query."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

Form = Literal["words", "json", "none"]

logger = logging.getLogger("nerine.serve")


class JsonFormatter(logging.Formatter):
    """Formats a record as an object in a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time,
            "level": record.levelname.lower(),
            "process": record.process,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


@contextlib.contextmanager
def logging_as(form: Form) -> Iterator[None]:
    """Inside the block, the log is written to standard error.

    Args:
        form: Lines of words, or of JSON; with `none` only what went wrong is written, in words.
    """
    handler = logging.StreamHandler(sys.stderr)
    words = logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else words)
    level = logging.WARNING if form == "none" else logging.INFO
    loggers = {logger: level, logging.getLogger("uvicorn.error"): logging.WARNING}
    before = [(each, each.level, each.propagate) for each in loggers]
    for each, least in loggers.items():
        each.addHandler(handler)
        each.setLevel(least)
        each.propagate = False
    try:
        yield
    finally:
        for each, least, propagate in before:
            each.removeHandler(handler)
            each.setLevel(least)
            each.propagate = propagate


def log_request(request_id: str, method: str, path: str, status: int, seconds: float) -> None:
    """Logs a request that has been answered."""
    fields = {
        "request_id": request_id,
        "method": method,
        "path": path,
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
    }
    logger.info(
        "%s %s %s %d %.1f ms",
        request_id,
        method,
        path,
        status,
        1000 * seconds,
        extra={"fields": fields},
    )
