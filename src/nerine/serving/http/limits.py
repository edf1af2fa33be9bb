"""The limits of a server."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from nerine.core.settings import check


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes on.

    Attributes:
        body: The most bytes of a request's body.
        texts: The most texts of a request.
        characters: The most characters of a text.
        queue: Requests are refused while about so many subwords or more wait; None lets the server
            find a number for its speed.
        seconds: The most seconds that a request may take.

    Raises:
        SettingsError: If a limit is not a whole number above 0.
    """

    body: int = 8 * 1024 * 1024
    texts: int = 256
    characters: int = 2_000_000
    queue: int | None = None
    seconds: int = 60

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (value is None and each.name == "queue"):
                check(each.name, value, int, least=1)

    def to_dict(self) -> dict[str, Any]:
        """The limits for JSON."""
        return asdict(self)
