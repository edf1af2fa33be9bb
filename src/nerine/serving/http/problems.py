"""The reasons for which a server refuses a request or a text, and one table of their status codes.

Every refusal is an object with the message in `error`, a machine-readable `cause`, and what was
expected, where, and what to do, as far as that is known.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from nerine.core.errors import (
    CheckpointError,
    DocumentError,
    EncodingError,
    NerineError,
    SchemeError,
    SettingsError,
)
from nerine.serving.http.scheduler import OverloadedError, StoppedError

Cause = Literal[
    "not-json",
    "unauthorized",
    "not-found",
    "unknown-model",
    "method-not-allowed",
    "body-too-large",
    "too-many-texts",
    "text-too-long",
    "unsupported-media-type",
    "invalid",
    "model-failed",
    "overloaded",
    "timeout",
    "not-ready",
    "stopping",
    "defect",
]
"""Why a request or a text was refused."""

STATUS: dict[Cause, int] = {
    "not-json": 400,
    "unauthorized": 401,
    "not-found": 404,
    "unknown-model": 404,
    "method-not-allowed": 405,
    "body-too-large": 413,
    "too-many-texts": 413,
    "text-too-long": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "model-failed": 424,
    "overloaded": 429,
    "timeout": 503,
    "not-ready": 503,
    "stopping": 503,
    "defect": 500,
}
"""The HTTP status of each cause."""

_CAUSES: tuple[tuple[type[NerineError], Cause], ...] = (
    (OverloadedError, "overloaded"),
    (StoppedError, "stopping"),
    (CheckpointError, "model-failed"),
    (DocumentError, "invalid"),
    (EncodingError, "invalid"),
    (SchemeError, "invalid"),
    (SettingsError, "invalid"),
)


class Problem(NerineError):  # noqa: N818 - the name of RFC 9457
    """A request or a text that is refused.

    Attributes:
        cause: Why.
        headers: Headers of the answer.

    Args:
        cause: Why.
        found: The problem.
        expected: What would have been right.
        place: The field or the line of the request.
        hint: A way to solve it.
        headers: Headers of the answer.
    """

    def __init__(
        self,
        cause: Cause,
        found: str,
        *,
        expected: str | None = None,
        place: str | None = None,
        hint: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(found, expected=expected, place=place, hint=hint)
        self.cause: Cause = cause
        self.headers = headers or {}

    @classmethod
    def of(cls, error: Exception) -> Problem:
        """The problem that an error is for the caller.

        An error that Nerine didn't raise on purpose is told without its message, which may quote
        the text.
        """
        if isinstance(error, cls):
            return error
        if not isinstance(error, NerineError):
            name = type(error).__name__
            return cls("model-failed", f"the model failed on this text ({name})")
        cause: Cause = next(
            (cause for kind, cause in _CAUSES if isinstance(error, kind)), "model-failed"
        )
        headers = {}
        if isinstance(error, OverloadedError):
            headers["Retry-After"] = str(max(1, math.ceil(error.seconds)))
        return cls(
            cause,
            error.found,
            expected=error.expected,
            place=error.place,
            hint=error.hint,
            headers=headers,
        )

    @classmethod
    def of_rule(cls, error: NerineError) -> Problem:
        """The problem that a rule of the server had with a text; the caller is not to blame."""
        return cls(
            "model-failed",
            error.found,
            expected=error.expected,
            place=error.place,
            hint=error.hint,
        )

    def at(self, place: str) -> Problem:
        """A copy of the problem with `place` before its own place.

        Args:
            place: The place as the caller knows it.
        """
        return Problem(
            self.cause,
            self.found,
            expected=self.expected,
            place=f"{place}: {self.place}" if self.place else place,
            hint=self.hint,
            headers=self.headers,
        )

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.cause]

    def to_dict(self) -> dict[str, Any]:
        """The problem for JSON."""
        parts = {"expected": self.expected, "place": self.place, "hint": self.hint}
        known = {name: value for name, value in parts.items() if value is not None}
        return {"error": self.found, "cause": self.cause, **known}
