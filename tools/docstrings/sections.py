"""Google-style docstrings: a summary, prose, and sections such as `Args:` with their entries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "Examples", "Note")

_HEADER = re.compile(rf"({'|'.join(SECTIONS)}):")
_ENTRY = re.compile(r"\\?\*{0,2}(?P<name>[A-Za-z_][\w.]*)\s*(?:\([^)]*\))?:(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring in its parts.

    Attributes:
        summary: Its first paragraph, on one line.
        prose: All that stands in no section.
        sections: The text of each section, without its indentation.
    """

    summary: str
    prose: str
    sections: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Docstring:
        """The parts of a docstring.

        Args:
            text: The docstring, without the indentation of its code.

        Returns:
            Its parts; a line such as `Args:` without indentation begins a section.
        """
        prose: list[str] = []
        sections: dict[str, list[str]] = {}
        current = prose
        for line in text.splitlines():
            header = _HEADER.fullmatch(line.rstrip())
            if header:
                current = sections.setdefault(header[1], [])
            else:
                if line and not line[0].isspace():
                    current = prose
                current.append(line)
        summary = " ".join(takewhile(bool, (line.strip() for line in prose)))
        return cls(
            summary, "\n".join(prose), {name: _dedented(lines) for name, lines in sections.items()}
        )

    def entries(self, section: str) -> dict[str, str]:
        """What a section says of each name.

        Args:
            section: Such as `Args`.

        Returns:
            The text of each entry, which may go on in lines indented more than its first; stars
            are no part of a name.
        """
        found: dict[str, str] = {}
        name = ""
        for line in self.sections.get(section, "").splitlines():
            match = _ENTRY.fullmatch(line)
            if match:
                name = match["name"]
                found[name] = match["text"].strip()
            elif name:
                found[name] = f"{found[name]} {line.strip()}".strip()
        return found


def _dedented(lines: list[str]) -> str:
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    cut = min(indents, default=0)
    return "\n".join(_stripped(lines, cut)).strip("\n")


def _stripped(lines: list[str], cut: int) -> Iterator[str]:
    return (line[cut:] for line in lines)
