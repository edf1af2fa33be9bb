"""Alignment of rows whose tokens were changed, such as by normalising their spelling.

A system may lower-case tokens, correct their spelling, replace numbers or cut off long ones, and
still write a row for each token. Where gold and the file have the same sentences, those of equal
length are aligned by position. In others the tokens are aligned with the fewest changes (Wagner &
Fischer, 1974), similar ones with each other; a gold token without a row is read as `O`, and a row
without a gold token is left out. All differences count, and beyond a share of the tokens the file
is refused.
"""

from __future__ import annotations

import html
import itertools
import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nerine.core.document import Token
from nerine.core.errors import CorpusError
from nerine.core.tags import OUTSIDE
from nerine.data.formats.columns.layout import SPACE, TAB
from nerine.data.formats.columns.writing import shown_token
from nerine.evaluation.alignment.characters import align_tokens
from nerine.evaluation.alignment.repairs import Repairs
from nerine.evaluation.alignment.rows import Row
from nerine.evaluation.alignment.texts import Placed

CHANGED_TOKENS = 0.3
"""Share of the tokens that may differ from the gold ones, unless another is stated.

Correcting the spelling of tweets and replacing their links, numbers and user names changes fewer;
another text with sentences of the same lengths differs in nearly all.
"""
OTHER = "tokens that differ from the gold ones"
OTHER_BREAKS = "sentence breaks in other places"
OTHER_CUT = "sentences cut into other tokens"

_MISSING = "gold tokens without a row, read as O"
_LEFT_OUT = "rows without a gold token, left out"
_MOST_PAIRS = 40_000
"""Gold tokens times rows of one place of difference, above which it is not aligned."""

Sentence = Sequence[Row]
AlignedRows = tuple[Sequence[Token], Sequence[Row]]
"""Tokens of a gold document's text, and the row of each token."""
Pair = tuple[int | None, int | None]
"""The index of a gold token and that of its row; None for the one that is missing."""


def token_difference(token: str | None, surface: str) -> str | None:
    """The kind of difference of a row's token from a gold token; None if it is the same.

    The kind is `OTHER` unless both are surely the same token. A row without a token fits any.
    """
    # column files show a token that they cannot hold in a form of its own
    if token is None or token in (surface, shown_token(surface, TAB), shown_token(surface, SPACE)):
        return None
    readings, gold = _readings(token), _readings(surface)
    if _composed(token) == _composed(surface):
        return "tokens in another Unicode form"
    if readings & gold:
        return "HTML-escaped tokens"
    in_one_case = ({each.casefold() for each in side} for side in (readings, gold))
    return "tokens in another case" if set.intersection(*in_one_case) else OTHER


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _readings(text: str) -> set[str]:
    """A token as written, and with its HTML character references decoded."""
    return {_composed(text), _composed(html.unescape(text))}


@dataclass
class ChangedRows:
    """The rows of each gold document, and the differences by kind.

    `total` is the number of gold tokens and of rows without one; `differing` shows those of them
    that differ, `places` the first one's place and that of its gold document.
    """

    rows: list[AlignedRows] = field(default_factory=list)
    repairs: Repairs = field(default_factory=Repairs)
    total: int = 0
    differing: list[str] = field(default_factory=list)
    places: tuple[str, str] = ("", "")

    def add(self, what: str, places: tuple[str, str], example: str) -> None:
        """Counts a token that differs, at its place and that of its gold document."""
        if not self.differing:
            self.places = places
        self.differing.append(example)
        self.repairs.add(what, places[0], examples=[example])


def align_changed_tokens(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path, share: float
) -> ChangedRows | None:
    """The rows of each gold document, sentence by sentence.

    Sentence breaks may be in other places if the file has a row for each gold token, and most
    tokens of each sentence are the same. None if the sentences are not the same, or the file ends
    before the gold tokens do. Raises `CorpusError` if more than `share` of the tokens differ.
    """
    lengths = [len(document.tokens) for _, document in gold if document.tokens]
    ways = []
    if len(lengths) == len(sentences):
        ways.append(_by_sentences(gold, sentences, path))
    if lengths != [*map(len, sentences)] and sum(lengths) == sum(map(len, sentences)):
        ways.append(_with_other_breaks(gold, sentences, lengths, path))
    found = min(filter(None, ways), key=lambda each: len(each.differing), default=None)
    if found is not None and len(found.differing) > share * found.total:
        raise _too_many(found, share)
    return found


def _by_sentences(
    gold: Sequence[Placed], sentences: Sequence[Sentence], path: Path
) -> ChangedRows | None:
    found = ChangedRows()
    remaining = iter(sentences)
    for placed in gold:
        rows = next(remaining) if placed[1].tokens else ()
        aligned = _align_sentence(placed, rows, path, found)
        if aligned is None or (rows is sentences[-1] and _is_cut_off(rows, aligned[1])):
            return None
        found.rows.append(aligned)
    return found


def _with_other_breaks(
    gold: Sequence[Placed], sentences: Sequence[Sentence], lengths: Sequence[int], path: Path
) -> ChangedRows | None:
    """The same for sentences cut as those of gold; none of these differs in most of its tokens."""
    rows = [row for sentence in sentences for row in sentence]
    ends = list(itertools.accumulate(lengths))
    cut = [rows[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    found = _by_sentences(gold, cut, path)
    if found is None or any(row.token is None for row in rows):
        return None
    for (_, document), (_, aligned) in zip(gold, found.rows, strict=True):
        surfaces = map(document.surface, document.tokens or ())
        written = (row.token for row in aligned)
        same = [token_difference(*pair) != OTHER for pair in zip(written, surfaces, strict=True)]
        if 2 * same.count(False) > len(same):
            return None
    others = sorted(set(itertools.accumulate(map(len, sentences))).symmetric_difference(ends))
    found.repairs.add(OTHER_BREAKS, f"{path}:{rows[others[0]].line}", len(others))
    return found


def _is_cut_off(rows: Sentence, aligned: Sequence[Row]) -> bool:
    """Whether several gold tokens at the end of the last sentence have no row."""
    return len(rows) < len(aligned) and all(row.token is None for row in aligned[-2:])


def _align_sentence(
    gold: Placed, rows: Sentence, path: Path, found: ChangedRows
) -> AlignedRows | None:
    """The rows of one document, whose differences are counted; None if that is not certain."""
    gold_place, document = gold
    tokens = document.tokens or ()
    surfaces = [document.surface(token) for token in tokens]
    written = [row.token for row in rows]
    pairs: list[Pair] | None = [(index, index) for index in range(len(tokens))]
    if len(rows) != len(tokens):
        if (located := align_tokens(document.text, written)) is not None:
            found.repairs.add(OTHER_CUT, f"{path}:{rows[0].line}")
            found.total += len(tokens)
            return located.tokens, rows
        pairs = _edit_pairs(surfaces, written)
    found.total += len(pairs or ())
    aligned: list[Row] = []
    for one, other in pairs or ():
        line = aligned[-1].line if aligned else rows[0].line  # of the row before a missing one
        row = Row(line, None, OUTSIDE) if other is None else rows[other]
        places = f"{path}:{row.line}", gold_place
        if one is None:
            found.add(_LEFT_OUT, places, repr((row.token or row.tag)[:30]))
            continue
        aligned.append(row)
        surface = surfaces[one]
        difference = token_difference(row.token, surface)
        if other is None:
            found.add(_MISSING, places, repr(surface[:30]))
        elif difference == OTHER:
            found.add(OTHER, places, _difference_shown(row.token or "", surface))
        elif difference is not None:
            found.repairs.add(difference, places[0])
    return None if pairs is None else (tokens, aligned)


def _difference_shown(token: str, surface: str) -> str:
    """Both tokens, cut around the place where they begin to differ."""
    pairs = list(zip(token, surface, strict=False))
    same = next((index for index, (one, other) in enumerate(pairs) if one != other), len(pairs))
    first = max(0, same - 10) if same > 20 else 0
    shown = (("…" if first else "") + each[first : first + 30] for each in (token, surface))
    return " for ".join(map(repr, shown))


def _too_many(found: ChangedRows, share: float) -> CorpusError:
    differing, total = len(found.differing), found.total
    stated = math.ceil(100 * differing / total) / 100
    most = [example for example, _ in Counter(found.differing).most_common(5)]
    return CorpusError(
        f"{differing:,} of {total:,} tokens differ from the gold ones: {', '.join(most)}",
        place=found.places[0],
        expected=f"a share of at most {share:g}, and the tokens of the gold document at "
        f"{found.places[1]}",
        hint=f"if these are the same sentences, --changed-tokens {stated:g} "
        f"(changed_tokens={stated:g}) aligns them by position",
    )


def _edit_pairs(gold: Sequence[str], tokens: Sequence[str | None]) -> list[Pair] | None:
    """The alignment with the fewest changes; None if it cannot be found with certainty."""
    written = [token for token in tokens if token is not None]
    if len(written) < len(tokens):
        return None
    same = [token_difference(*each) != OTHER for each in zip(written, gold, strict=False)]
    first = same.index(False) if False in same else len(same)
    ends = zip(reversed(written[first:]), reversed(gold[first:]), strict=False)
    after = 0
    for token, surface in ends:
        if token_difference(token, surface) == OTHER:
            break
        after += 1
    one, other = gold[first : len(gold) - after], written[first : len(written) - after]
    if len(one) * len(other) > _MOST_PAIRS:
        return None
    middle = [
        (None if i is None else i + first, None if j is None else j + first)
        for i, j in _fewest_changes(one, other)
    ]
    last = [(len(gold) - left, len(written) - left) for left in range(after, 0, -1)]
    return [*((index, index) for index in range(first)), *middle, *last]


def _fewest_changes(gold: Sequence[str], written: Sequence[str]) -> list[Pair]:
    """Pairs with the fewest changes, and of those the ones that have most letters in common."""
    grain = 1 / (len(gold) + len(written) + 1)  # all letters together weigh less than a change
    letters = [Counter(each.casefold()) for each in written]
    costs = [[float(j) for j in range(len(written) + 1)]]
    for i, surface in enumerate(gold, 1):
        own, above, row = Counter(surface.casefold()), costs[-1], [float(i)]
        for j, token in enumerate(written, 1):
            pair = 0.0
            if token_difference(token, surface) == OTHER:
                shared = 2 * (own & letters[j - 1]).total() / (len(surface) + len(token))
                pair = 1 + grain * (1 - min(1.0, shared))
            row.append(min(above[j - 1] + pair, above[j] + 1, row[j - 1] + 1))
        costs.append(row)
    pairs: list[Pair] = []
    i, j = len(gold), len(written)
    while i and j:
        if costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append((i, None))
        elif costs[i][j] == costs[i][j - 1] + 1:
            j -= 1
            pairs.append((None, j))
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    pairs += [(index, None) for index in range(i - 1, -1, -1)]
    pairs += [(None, index) for index in range(j - 1, -1, -1)]
    return pairs[::-1]
