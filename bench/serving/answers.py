"""The entities of an answer in Hugging Face's form, and whether they are the expected ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from nerine.core.document import Document

SCORES = 1e-4
"""The most by which the scores of an answer may differ."""

Found = list[tuple[int, int, str, float]]
"""Start, end, label and score of each entity of a text."""


def tagging_request(text: str) -> bytes:
    """The body of a request for a text's entities."""
    asked = {"inputs": text, "parameters": {"aggregation_strategy": "simple"}}
    return json.dumps(asked, ensure_ascii=False).encode()


def entities_of(body: bytes) -> Found:
    """The entities of an answer.

    Raises:
        ValueError: If it is not a list of entities.
    """
    try:
        return [
            (each["start"], each["end"], each["entity_group"], each["score"])
            for each in json.loads(body)
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected a list of entities, found {body[:200]!r}") from error


def expected_of(document: Document) -> Found:
    """The entities of a tagged document."""
    return [(each.start, each.end, each.label, each.score or 0) for each in document.entities]


def is_same(found: Found, expected: Found) -> bool:
    """Whether ranges and labels are equal, and the scores nearly so."""
    return [each[:3] for each in found] == [each[:3] for each in expected] and all(
        abs(mine[3] - theirs[3]) <= SCORES for mine, theirs in zip(found, expected, strict=True)
    )


def number_wrong(answers: Counter[tuple[int, bytes]], expected: Sequence[Found]) -> int:
    """The number of answers, by text and body, that are unreadable or not the expected ones."""
    wrong = 0
    for (text, body), number in answers.items():
        try:
            is_right = is_same(entities_of(body), expected[text])
        except ValueError:
            is_right = False
        wrong += 0 if is_right else number
    return wrong
