"""Lines of the log about requests: as words or as JSON, and never a text or a query."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

logger = logging.getLogger("nerine.serve")


class JsonFormatter(logging.Formatter):
    """Formats a record as an object in a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


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
