"""Rows of a column file ↔ gold documents.

Gold tokens and rows are compared one by one, in order. Where the rows' tokens are cut in another
way than the gold ones, or gold has none, sentences are compared character by character.
"""

from __future__ import annotations

import html
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.document import Document, Token
from nerine.core.errors import CorpusError
from nerine.core.tags import OUTSIDE, TagScheme, detect_scheme
from nerine.data.formats.column_layout import SPACE, TAB
from nerine.data.formats.columns import shown_token
from nerine.data.formats.tagged_words import entities_from_spans, joined_tokens
from nerine.evaluation.alignment.characters import align
from nerine.evaluation.alignment.repairs import Repairs
from nerine.evaluation.alignment.rows import Row
from nerine.evaluation.alignment.textwise import Placed

Sentence = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a system says of one gold document: ranges of its text, a tag for each, from where."""

    units: tuple[Token, ...]
    tags: tuple[str, ...]
    places: tuple[str, ...]


def scheme_of(tags: Sequence[Sequence[str]], gold: TagScheme | None) -> TagScheme:
    """The scheme of predicted tags: that of the gold ones where the letters leave it open.

    A system that was trained on IOB2 and forgot its `B-` has written bad IOB2, and no IOB1. But
    IOB2 may be predicted where gold is IOB1, which has few `B-`: then it is the one that fits.
    """
    found = detect_scheme(tags)
    if gold is None or found.bounds_both_ends or gold.bounds_both_ends:
        return found
    if gold is TagScheme.IOB2:
        return gold
    return min(
        (gold, found), key=lambda scheme: sum(scheme.fault(each) is not None for each in tags)
    )


def broken_tags(scheme: TagScheme) -> str:
    """The name of a repair: tags that `scheme` does not allow."""
    return f"tags that break {scheme.value}"


def align_rows(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, repairs: Repairs
) -> list[Tagged]:
    """The rows of each gold document. Raises `CorpusError`, with both places, if there are none."""
    if any(document.tokens is None for _, document in gold):
        return _by_characters(gold, sentences, path, repairs)
    trial = Repairs()
    try:
        tagged = _by_tokens(gold, sentences, path, trial)
    except CorpusError as error:
        try:
            return _by_characters(gold, sentences, path, repairs)
        except CorpusError:
            raise error from None  # it names the token
    repairs.extend(trial)
    return tagged


def _by_tokens(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, repairs: Repairs
) -> list[Tagged]:
    """Row by row, across the file's own sentence breaks."""
    rows = [row for sentence in sentences for row in sentence]
    ends = set(itertools.accumulate(len(sentence) for sentence in sentences))
    wanted = [
        (place, document, token) for place, document in gold for token in document.tokens or ()
    ]
    _check_tokens(wanted, rows, path, repairs)
    # without tokens, it may be any line of the file that is missing
    if len(rows) == len(wanted) - 1 and rows[-1].token is not None:
        repairs.add("last lines that are missing, read as O", f"{path}:{rows[-1].line}")
        rows.append(Row(rows[-1].line, None, OUTSIDE))
        ends = {end if end < len(rows) - 1 else len(rows) for end in ends}
    if len(rows) != len(wanted):
        raise _unlike_lengths(wanted, rows, path)
    tagged = []
    position = 0
    for gold_place, document in gold:
        units = document.tokens or ()
        taken = rows[position : position + len(units)]
        inner = sum(place in ends for place in range(position + 1, position + len(units)))
        if inner and all(row.token is None for row in taken):
            raise _unlike_sentences(taken, path, gold_place, len(units))
        position += len(units)
        differing = inner + (bool(units) and position not in ends)
        if differing:
            repairs.add("sentence breaks in other places", f"{path}:{taken[0].line}", differing)
        tagged.append(_tagged(units, taken, path))
    return tagged


Wanted = tuple[str, Document, Token]
"""A gold token: where its document stands, the document, the token."""


def _check_tokens(
    wanted: Sequence[Wanted], rows: Sequence[Row], path: Path, repairs: Repairs
) -> None:
    for (place, document, token), row in zip(wanted, rows, strict=False):
        surface = document.surface(token)
        if row.token is None or row.token == surface or _is_shown(row.token, surface):
            continue
        if _composed(row.token) == _composed(surface):
            repairs.add("tokens in another Unicode form", f"{path}:{row.line}")
        elif _readings(row.token) & _readings(surface):
            repairs.add("HTML-escaped tokens", f"{path}:{row.line}")
        else:
            raise CorpusError(
                f"the token {row.token[:60]!r} stands where gold has {surface[:60]!r}",
                place=f"{path}:{row.line}",
                expected=f"{surface[:60]!r}, {_where(place, document, token)}",
                hint="both files need the same tokens in the same order",
            )


def _is_shown(written: str, surface: str) -> bool:
    """Whether this is how column files show a token that they cannot hold."""
    return written in (shown_token(surface, TAB), shown_token(surface, SPACE))


def _unlike_sentences(rows: Sequence[Row], path: Path, gold_place: str, length: int) -> CorpusError:
    """Without tokens, nothing but the sentences tells which row is which."""
    last = next(index for index, row in enumerate(rows) if row.ends)
    return CorpusError(
        f"a sentence ends here, after {last + 1} of {length} gold tokens, and its rows have tags "
        "alone",
        place=f"{path}:{rows[last].line}",
        expected=f"{length} rows, for the document at {gold_place}",
        hint="with tokens beside the tags, rows can be aligned",
    )


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _readings(text: str) -> set[str]:
    """A token as it is written, and with HTML's character references as what they mean."""
    return {_composed(text), _composed(html.unescape(text))}


def _where(place: str, document: Document, token: Token) -> str:
    number = (document.tokens or ()).index(token) + 1
    return f"token {number} of the document at {place}"


def _unlike_lengths(wanted: Sequence[Wanted], rows: Sequence[Row], path: Path) -> CorpusError:
    if len(rows) > len(wanted):
        extra = rows[len(wanted)]
        return CorpusError(
            f"the gold tokens end before the row {(extra.token or extra.tag)[:60]!r}",
            place=f"{path}:{extra.line}",
            expected=f"{len(wanted)} rows, as many as there are gold tokens, whose last one is "
            f"in the document at {wanted[-1][0] if wanted else 'nowhere'}",
        )
    place, document, token = wanted[len(rows)]
    return CorpusError(
        f"the rows end here, and gold goes on with {document.surface(token)[:60]!r}",
        place=f"{path}:{rows[-1].line}",
        expected=f"{len(wanted)} rows; the next one is {_where(place, document, token)}",
        hint="the output was cut short: have the system write it again",
    )


def _tagged(units: Sequence[Token], rows: Sequence[Row], path: Path) -> Tagged:
    return Tagged(
        tuple(units),
        tuple(row.tag for row in rows),
        tuple(f"{path}:{row.line}" for row in rows),
    )


def _by_characters(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, repairs: Repairs
) -> list[Tagged]:
    """Sentence by sentence; blank gold documents have none in a column file."""
    filled = [placed for placed in gold if placed[1].text.strip()]
    if len(filled) != len(sentences):
        raise CorpusError(
            f"there are {len(sentences)} sentences and {len(filled)} gold documents",
            place=f"{path}:{sentences[-1][-1].line}",
            expected=f"as many of one as of the other; the last gold document stands at "
            f"{gold[-1][0] if gold else 'nowhere'}",
        )
    rows = iter(sentences)
    return [
        _aligned(placed, next(rows), path, repairs)
        if placed[1].text.strip()
        else Tagged((), (), ())
        for placed in gold
    ]


def _aligned(gold: Placed, sentence: Sentence, path: Path, repairs: Repairs) -> Tagged:
    place, document = gold
    surfaces = [row.token or "" for row in sentence]
    if not all(surfaces):
        raise CorpusError(
            "there are tags without tokens, and the gold document has no tokens either",
            place=f"{path}:{sentence[0].line}",
            expected=f"a token beside each tag, for {document.text[:60]!r}, as at {place}",
        )
    alignment = align(document.text, " ".join(surfaces))
    ranges = [
        alignment.gold_range(token.start, token.end) if alignment else None
        for token in joined_tokens(surfaces)
    ]
    units = [Token(*found) for found in ranges if found]
    if len(units) != len(sentence):
        raise CorpusError(
            f"the tokens {' '.join(surfaces)[:60]!r} are not those of the gold document",
            place=f"{path}:{sentence[0].line}",
            expected=f"the characters of {document.text[:60]!r}, as at {place}",
        )
    if alignment and not alignment.is_written:
        what = "sentences with HTML-escaped tokens or other Unicode forms"
        repairs.add(what, f"{path}:{sentence[0].line}")
    if document.tokens is not None and tuple(units) != document.tokens:
        repairs.add("sentences cut into other tokens", f"{path}:{sentence[0].line}")
    return _tagged(units, sentence, path)


def read_tags(
    gold: Sequence[Placed], tagged: Sequence[Tagged], scheme: TagScheme, repairs: Repairs
) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """The gold documents with the predicted entities: by the strict and the lenient reading."""
    strict, lenient = [], []
    for (_, document), each in zip(gold, tagged, strict=True):
        fault = scheme.fault(each.tags)
        if fault:
            count = max(1, scheme.repair(each.tags)[1])
            repairs.add(broken_tags(scheme), each.places[fault.index], count)
        spans = scheme.decode(each.tags)
        strict.append(document.with_entities(entities_from_spans(each.units, spans)))
        if fault:
            spans = scheme.decode(each.tags, "lenient")
        lenient.append(document.with_entities(entities_from_spans(each.units, spans)))
    return tuple(strict), tuple(lenient)
