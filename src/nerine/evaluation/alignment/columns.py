"""Alignment of the rows of a column file with gold documents.

Gold tokens and rows are compared one by one, in order. If the file is tokenised differently, or
the gold documents have no tokens, sentences are compared character by character. If its tokens were
changed, sentences are aligned by position (`changed_tokens`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from nerine.core.document import Document, Token
from nerine.core.errors import CorpusError
from nerine.core.tags import OUTSIDE, TagScheme, detect_scheme
from nerine.data.formats.tagged_words import entities_from_spans
from nerine.evaluation.alignment.changed_tokens import (
    OTHER,
    OTHER_BREAKS,
    OTHER_CUT,
    AlignedRows,
    Sentence,
    align_changed_tokens,
    token_difference,
)
from nerine.evaluation.alignment.characters import align_tokens
from nerine.evaluation.alignment.repairs import Repairs
from nerine.evaluation.alignment.rows import Row
from nerine.evaluation.alignment.texts import Placed


def predicted_scheme(tags: Sequence[Sequence[str]], gold: TagScheme | None) -> TagScheme:
    """The scheme of predicted tags: the gold one, if the tags are compatible with it.

    Tags without `B-` from a system trained on IOB2 are broken IOB2, not IOB1. But a system may
    predict IOB2 if gold is IOB1, which has few `B-`: then the scheme with fewer broken sequences
    is chosen.
    """
    detected = detect_scheme(tags)
    if gold is None or detected.bounds_both_ends or gold.bounds_both_ends:
        return detected
    if gold is TagScheme.IOB2:
        return gold
    return min(
        (gold, detected), key=lambda scheme: sum(scheme.fault(each) is not None for each in tags)
    )


def broken_tags(scheme: TagScheme) -> str:
    """The kind of repair for tags that `scheme` does not allow."""
    return f"tags that break {scheme.value}"


def align_rows(
    gold: Sequence[Placed],
    sentences: Sequence[Sentence],
    path: Path,
    repairs: Repairs,
    changed_tokens: float,
) -> list[AlignedRows]:
    """The rows of each gold document; raises `CorpusError`, with both places.

    `changed_tokens` is the share of tokens that may differ from the gold ones.
    """
    if any(document.tokens is None for _, document in gold):
        return _align_by_characters(gold, sentences, path, repairs)
    by_tokens, by_characters = Repairs(), Repairs()
    try:
        aligned = _align_by_tokens(gold, sentences, path, by_tokens)
        repairs.extend(by_tokens)
    except CorpusError as error:
        try:
            aligned = _align_by_characters(gold, sentences, path, by_characters)
            repairs.extend(by_characters)
        except CorpusError:
            changed = align_changed_tokens(gold, sentences, path, changed_tokens)
            if changed is None:
                raise error from None  # it names the token
            aligned = changed.rows
            repairs.extend(changed.repairs)
    return aligned


def read_tags(
    gold: Sequence[Placed],
    aligned: Sequence[AlignedRows],
    scheme: TagScheme,
    path: Path,
    repairs: Repairs,
) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """The gold documents with the predicted entities, by the strict and the lenient reading."""
    strict, lenient = [], []
    for (_, document), (tokens, rows) in zip(gold, aligned, strict=True):
        tags = [row.tag for row in rows]
        fault = scheme.fault(tags)
        spans = scheme.decode(tags)
        strict.append(document.with_entities(entities_from_spans(tokens, spans)))
        if fault:
            place = f"{path}:{rows[fault.index].line}"
            repairs.add(broken_tags(scheme), place, max(1, scheme.repair(tags)[1]))
            spans = scheme.decode(tags, "lenient")
        lenient.append(document.with_entities(entities_from_spans(tokens, spans)))
    return tuple(strict), tuple(lenient)


GoldToken = tuple[str, Document, Token]
"""The place of a gold document, the document and one of its tokens."""


def _align_by_tokens(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, repairs: Repairs
) -> list[AlignedRows]:
    """Aligns row by row, across the sentence breaks of the file."""
    rows = [row for sentence in sentences for row in sentence]
    ends = set(itertools.accumulate(len(sentence) for sentence in sentences))
    gold_tokens = [
        (place, document, token) for place, document in gold for token in document.tokens or ()
    ]
    _check_tokens(gold_tokens, rows, path, repairs)
    # in a file of tags alone, the missing line may be any line
    if len(rows) == len(gold_tokens) - 1 and rows[-1].token is not None:
        repairs.add("last lines that are missing, read as O", f"{path}:{rows[-1].line}")
        rows.append(Row(rows[-1].line, None, OUTSIDE))
        ends = {end if end < len(rows) - 1 else len(rows) for end in ends}
    _check_number(gold_tokens, rows, path)
    aligned: list[AlignedRows] = []
    position = 0
    for gold_place, document in gold:
        tokens = document.tokens or ()
        taken = rows[position : position + len(tokens)]
        inner = [each for each in range(position + 1, position + len(tokens)) if each in ends]
        if inner and all(row.token is None for row in taken):
            # without tokens, only sentences show which row belongs to which gold token
            raise CorpusError(
                f"a sentence of tags without tokens ends after {inner[0] - position} of "
                f"{len(tokens)} rows",
                place=f"{path}:{rows[inner[0] - 1].line}",
                expected=f"{len(tokens)} rows, for the document at {gold_place}",
                hint="add the tokens in the first column, so that rows can be aligned",
            )
        position += len(tokens)
        differing = len(inner) + (bool(tokens) and position not in ends)
        if differing:
            repairs.add(OTHER_BREAKS, f"{path}:{taken[0].line}", differing)
        aligned.append((tokens, taken))
    return aligned


def _check_tokens(
    gold_tokens: Sequence[GoldToken], rows: Sequence[Row], path: Path, repairs: Repairs
) -> None:
    for gold_token, row in zip(gold_tokens, rows, strict=False):
        _, document, token = gold_token
        surface = document.surface(token)
        difference = token_difference(row.token, surface)
        if difference == OTHER:
            raise CorpusError(
                f"the token {(row.token or '')[:60]!r} differs from the gold token "
                f"{surface[:60]!r}",
                place=f"{path}:{row.line}",
                expected=_described(gold_token),
                hint="both files need the same tokens in the same order",
            )
        if difference is not None:
            repairs.add(difference, f"{path}:{row.line}")


def _check_number(gold_tokens: Sequence[GoldToken], rows: Sequence[Row], path: Path) -> None:
    if len(rows) > len(gold_tokens):
        extra = rows[len(gold_tokens)]
        last = f", the last one in the document at {gold_tokens[-1][0]}" if gold_tokens else ""
        raise CorpusError(
            f"the row {(extra.token or extra.tag)[:60]!r} comes after the last gold token",
            place=f"{path}:{extra.line}",
            expected=f"{len(gold_tokens)} rows, one for each gold token{last}",
        )
    if len(rows) < len(gold_tokens):
        raise CorpusError(
            f"the file ends after {len(rows)} rows",
            place=f"{path}:{rows[-1].line}",
            expected=f"{len(gold_tokens)} rows; the next one is "
            f"{_described(gold_tokens[len(rows)])}",
            hint="the file is incomplete: write it again",
        )


def _described(gold_token: GoldToken) -> str:
    place, document, token = gold_token
    number = (document.tokens or ()).index(token) + 1
    return f"{document.surface(token)[:60]!r}, token {number} of the document at {place}"


def _align_by_characters(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, repairs: Repairs
) -> list[AlignedRows]:
    """Aligns sentence by sentence; blank gold documents have no sentence in a column file."""
    filled = [document for _, document in gold if document.text.strip()]
    if len(filled) != len(sentences):
        raise CorpusError(
            f"{len(sentences)} sentences for {len(filled)} gold documents",
            place=f"{path}:{sentences[-1][-1].line}",
            expected="the same number of both"
            + (f"; the last gold document is at {gold[-1][0]}" if gold else ""),
        )
    remaining = iter(sentences)
    aligned: list[AlignedRows] = []
    for gold_place, document in gold:
        text = document.text
        if not text.strip():
            aligned.append(((), ()))
            continue
        rows = next(remaining)
        place = f"{path}:{rows[0].line}"
        surfaces = [row.token or "" for row in rows]
        if not all(surfaces):
            raise CorpusError(
                "tags without tokens, for a gold document without tokens",
                place=place,
                expected=f"a token next to each tag, for {text[:60]!r}, as at {gold_place}",
            )
        located = align_tokens(text, surfaces)
        if located is None:
            raise CorpusError(
                f"the tokens {' '.join(surfaces)[:60]!r} are not those of the gold document",
                place=place,
                expected=f"the characters of {text[:60]!r}, as at {gold_place}",
            )
        if not located.is_literal:
            repairs.add("sentences with HTML-escaped tokens or other Unicode forms", place)
        if document.tokens is not None and located.tokens != document.tokens:
            repairs.add(OTHER_CUT, place)
        aligned.append((located.tokens, rows))
    return aligned
