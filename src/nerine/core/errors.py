"""Every error that Nerine raises on purpose.

::

    NerineError
    ├── DocumentError        a token or an entity that does not fit its text
    ├── SchemeError          a tag of an unknown form, a sequence that its scheme does not allow
    ├── FormatError          a line or record of a file that cannot be read or written
    ├── CorpusError          a split or a label that is missing or does not agree
    ├── SettingsError        a setting that is unknown or out of its range
    ├── EncodingError        a text or a tokenizer that cannot be encoded
    ├── CheckpointError      a folder that is no usable checkpoint or encoder
    ├── HubError             the hub, or something on it, that cannot be reached
    ├── TrainingError        a run that cannot start, go on or be resumed
    ├── TaggingError         files that cannot be tagged from where a run stands
    └── MissingExtraError    an optional dependency that is not installed

A message says what was found, what was expected, where, and what to do. The command line prints
it and exits with status 2. Any other exception is a defect of Nerine.
"""

from __future__ import annotations


class NerineError(Exception):
    """Base of the tree.

    Attributes:
        found: What is wrong.
        expected: What would have been right.
        place: Where it was found: `file:line`, a field, a document.
        hint: What to do about it.

    Args:
        found: What is wrong.
        expected: What would have been right, if that can be said.
        place: Where it was found, if that is known.
        hint: What to do about it.
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
        super().__init__(self._message())

    def _message(self) -> str:
        lines = [f"{self.place}: {self.found}" if self.place else self.found]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def at(self, place: str) -> NerineError:
        """The same error, raised from a place that only the caller knows.

        Args:
            place: The place; the one that is known already goes on behind it.

        Returns:
            An error of the same class.
        """
        where = f"{place}: {self.place}" if self.place else place
        return type(self)(self.found, expected=self.expected, place=where, hint=self.hint)


class DocumentError(NerineError):
    """A token or an entity that does not fit its text."""


class SchemeError(NerineError):
    """A tag of an unknown form, or a tag sequence that its scheme does not allow."""


class FormatError(NerineError):
    """A line or record of a file that cannot be read or written."""


class CorpusError(NerineError):
    """A split or a label that is missing or does not agree."""


class SettingsError(NerineError):
    """A setting that is unknown or out of its range."""


class EncodingError(NerineError):
    """A text or a tokenizer that cannot be encoded."""


class CheckpointError(NerineError):
    """A folder that is no usable checkpoint or encoder."""


class HubError(NerineError):
    """The hub, or something on it, that cannot be reached."""


class TrainingError(NerineError):
    """A run that cannot start, go on or be resumed."""


class TaggingError(NerineError):
    """A run over files that cannot start, go on or be resumed."""


class MissingExtraError(NerineError):
    """An optional dependency that is not installed."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingExtraError:
        """The error for a package that one of Nerine's extras brings.

        Args:
            package: The package that is not installed.
            extra: The extra's name, as in `nerine[extra]`.
            purpose: What needs it.
        """
        return cls(
            f"{purpose} needs the package {package}, which is not installed",
            hint=f'pip install "nerine[{extra}]"',
        )


def first_line(error: BaseException) -> str:
    """The first line of what a library says, or the error's kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
