"""The errors that Nerine raises on purpose.

::

    NerineError
    ├── ArgumentError        an argument of a type that a function does not take
    ├── DocumentError        a token or an entity that does not fit its text
    │   └── OverlapError     entities that overlap, where one tag a word needs them apart
    ├── SchemeError          a tag of an unknown form, a sequence that breaks its scheme
    ├── FormatError          a line or record of a file that cannot be read or written
    ├── CorpusError          a split, a label or a text that is missing or does not agree
    ├── SettingsError        a setting that is unknown or out of its range
    ├── EncodingError        a text or a tokenizer that cannot be encoded
    ├── CheckpointError      a folder that is not a usable checkpoint or encoder
    ├── HubError             a repository of the hub that cannot be read or written
    ├── TrainingError        a training run that cannot start, finish or resume
    │   ├── DivergenceError  a training run whose loss is not finite
    │   └── PeerError        a training run in which another process has failed
    ├── TaggingError         a run of `nerine tag` that cannot start, finish or resume
    ├── ProcessError         a tagger that cannot be used in this process, or sent to another
    ├── ServerError          a server that cannot be reached, refuses, or answers what does not fit
    └── MissingExtraError    an optional dependency that is not installed

A message has the problem, its place, what was expected, and a hint. The command line prints it and
exits with status 2. Any other exception is a defect of Nerine.
"""

from __future__ import annotations

from typing import Self


class NerineError(Exception):
    """Base class of Nerine's errors.

    Attributes:
        found: The problem.
        expected: What would have been right; None if that cannot be said.
        place: The place of the problem, such as `file:line`, a field or a document.
        hint: A way to solve it.

    Args:
        found: The problem.
        expected: What would have been right.
        place: The place of the problem.
        hint: A way to solve it.
    """

    def __init__(
        self,
        found: str,
        *,
        expected: str | None = None,
        place: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.found = found
        self.expected = expected
        self.place = place
        self.hint = hint
        lines = [f"{place}: {found}" if place else found]
        if expected:
            lines.append(f"  expected: {expected}")
        if hint:
            lines.append(f"  hint: {hint}")
        super().__init__("\n".join(lines))

    def at(self, place: str) -> NerineError:
        """A copy of the error with `place` before its own place.

        Args:
            place: The place as the caller knows it.
        """
        return type(self).placed(self, f"{place}: {self.place}" if self.place else place)

    @classmethod
    def placed(cls, error: NerineError, place: str) -> Self:
        """An error of this class with the problem of another error, at another place.

        Args:
            error: The other error.
            place: The place of the problem.
        """
        return cls(error.found, expected=error.expected, place=place, hint=error.hint)


class ArgumentError(NerineError, TypeError):
    """An argument of a type that a function does not take; a `TypeError`, too."""


class DocumentError(NerineError):
    """A token or an entity that does not fit its text, or a token that overlaps another."""


class OverlapError(DocumentError):
    """Entities that overlap, where a format or a head with one tag a word needs them apart."""


class SchemeError(NerineError):
    """A tag of an unknown form, or a tag sequence that breaks its scheme."""


class FormatError(NerineError):
    """A line or record of a file that cannot be read or written."""


class CorpusError(NerineError):
    """A split, a label or a text that is missing or does not agree."""


class SettingsError(NerineError):
    """A setting that is unknown or out of its range."""


class EncodingError(NerineError):
    """A text or a tokenizer that cannot be encoded."""


class CheckpointError(NerineError):
    """A folder that is not a usable checkpoint or encoder."""


class HubError(NerineError):
    """A repository of the hub that cannot be read or written."""


class TrainingError(NerineError):
    """A training run that cannot start, finish or resume."""


class DivergenceError(TrainingError):
    """A training run whose loss is not finite."""


class PeerError(TrainingError):
    """Another process of the same training has failed.

    The other process raises the error that says why.
    """


class TaggingError(NerineError):
    """A run of `nerine tag` that cannot start, finish or resume."""


class ProcessError(NerineError):
    """A tagger or a stream that cannot be used in this process, or sent to another."""


class ServerError(NerineError):
    """A server that cannot be reached, refuses a request, or gives an answer that does not fit.

    Attributes:
        cause: The server's name for the reason, such as `overloaded`; None if it gave none.
        status: The status of its answer; None without an answer.
        request_id: The id of the request in the server's log, if known.

    Args:
        found: The problem.
        expected: What would have been right.
        place: The server's address, or the place in the request.
        hint: A way to solve it.
        cause: The server's name for the reason.
        status: The status of its answer.
        request_id: The id of the request.
    """

    def __init__(
        self,
        found: str,
        *,
        expected: str | None = None,
        place: str | None = None,
        hint: str | None = None,
        cause: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(found, expected=expected, place=place, hint=hint)
        self.cause = cause
        self.status = status
        self.request_id = request_id


class MissingExtraError(NerineError):
    """An optional dependency that is not installed."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingExtraError:
        """The error for a missing package that belongs to one of Nerine's extras.

        Args:
            package: The package that is not installed.
            extra: The extra's name, as in `nerine[extra]`.
            purpose: The function that needs it, as the subject of the message.
        """
        return cls(
            f"{purpose} needs the package {package}, which is not installed",
            hint=f'pip install "nerine[{extra}]"',
        )


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
