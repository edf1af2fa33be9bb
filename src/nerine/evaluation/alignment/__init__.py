"""Gold documents and any system's output → documents side by side.

Systems write small faults into their files. What can be aligned by position is aligned, and every
repair is counted; what can't is an error with both places.

============  ====================================================================
module        what lives there
============  ====================================================================
`repairs`     the repairs that were made, counted, with the first place of each
`rows`        a tolerant reader of column files
`rowwise`     rows of a column file ↔ gold documents
`textwise`    predicted documents ↔ gold documents
`characters`  two texts that differ in white space, HTML escapes and Unicode forms
============  ====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, FormatError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_placed
from nerine.data.formats.column_layout import Layout, find_layout
from nerine.evaluation.alignment.repairs import Repair, Repairs
from nerine.evaluation.alignment.rows import read_rows, sentences_in
from nerine.evaluation.alignment.rowwise import align_rows, broken_tags, read_tags, scheme_of
from nerine.evaluation.alignment.textwise import Placed, align_texts

__all__ = ["Pairing", "Repair", "pair", "pair_columns"]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Gold and predicted documents, side by side, with equal texts.

    - `predicted` holds the entities that the strict reading of tags finds, `lenient` those of
      conlleval's reading (Tjong Kim Sang & Buchholz, 2000); they are the same where the output has
      no tags, or legal ones.
    - `scheme` is that of the predicted tags; None where there are none.
    - `places` says where the gold documents stand.
    """

    gold: tuple[Document, ...]
    predicted: tuple[Document, ...]
    lenient: tuple[Document, ...]
    places: tuple[str, ...]
    repairs: tuple[Repair, ...]
    scheme: TagScheme | None = None

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Predicted labels that no gold entity has."""
        known = labels_of(self.gold)
        return tuple(label for label in labels_of(self.lenient) if label not in known)


def pair(
    gold: Sequence[Document],
    places: Sequence[str],
    predicted: Path,
    *,
    gold_scheme: TagScheme | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions | None = None,
) -> Pairing:
    """Sets the documents of the file `predicted` beside `gold`, which stand at `places`.

    `format` and `options` say how the file is to be read; `gold_scheme` helps where its tags
    leave the scheme open. Raises `CorpusError` for what cannot be aligned, `FormatError` for a
    file that cannot be read.
    """
    options = options or ReadOptions()
    reference = list(zip(places, gold, strict=True))
    repairs = Repairs()
    if (format or detect_format(predicted)) == "columns":
        return _pair_rows(reference, predicted, gold_scheme, options, repairs)
    log = ReadLog()
    lenient = _documents(predicted, format, options, log)
    if log.scheme is TagScheme.IOB1 and gold_scheme is TagScheme.IOB2 and not options.scheme:
        options = replace(options, scheme=gold_scheme)  # as `scheme_of` has it
        lenient = _documents(predicted, format, options, log := ReadLog())
    strict = lenient
    if log.scheme and log.faults:
        repairs.add(broken_tags(log.scheme), log.faults[0].place, log.repaired_tags)
        strict = _documents(predicted, format, replace(options, reading="strict"), ReadLog())
    aligned = align_texts(reference, strict, repairs)
    return Pairing(
        tuple(gold),
        aligned,
        aligned if strict is lenient else align_texts(reference, lenient, Repairs()),
        tuple(places),
        repairs.made(),
        log.scheme,
    )


def _documents(path: Path, format_: str | None, options: ReadOptions, log: ReadLog) -> list[Placed]:
    tolerant = replace(options, repair=True, unlabelled=True)
    return list(read_placed(path, format_, tolerant, log))


def _pair_rows(
    gold: Sequence[Placed],
    path: Path,
    gold_scheme: TagScheme | None,
    options: ReadOptions,
    repairs: Repairs,
) -> Pairing:
    rows = read_rows(path, options, repairs)
    sentences = sentences_in(rows)
    tags = [[row.tag for row in sentence] for sentence in sentences]
    scheme = options.scheme or scheme_of(tags, gold_scheme)
    tagged = align_rows(gold, sentences, path, repairs)
    strict, lenient = read_tags(gold, tagged, scheme, repairs)
    places = tuple(place for place, _ in gold)
    documents = tuple(document for _, document in gold)
    return Pairing(documents, strict, lenient, places, repairs.made(), scheme)


def pair_columns(
    path: Path,
    gold_column: int,
    predicted_column: int,
    options: ReadOptions | None = None,
    *,
    predicted_scheme: TagScheme | None = None,
) -> Pairing:
    """Gold and predicted tags from two columns of one file, as conlleval takes them (Tjong Kim Sang
    & Buchholz, 2000).

    Columns are numbers from 0, or from -1 backwards. Gold tags that break their scheme are an
    error, unless `options.repair` has them read leniently. `options.scheme` is that of the gold
    tags.
    """
    options = options or ReadOptions()
    repairs = Repairs()
    own = replace(options, tag_column=predicted_column, scheme=predicted_scheme)
    _check_width(find_layout(path, own), path)
    gold_options = replace(options, tag_column=gold_column)
    _check_columns(find_layout(path, gold_options), predicted_column, path)
    gold = list(read_placed(path, "columns", gold_options, log := ReadLog()))
    if not gold:
        raise CorpusError("there is no document", place=str(path), expected="at least one")
    if log.scheme and log.faults:
        repairs.add(f"gold {broken_tags(log.scheme)}", log.faults[0].place, log.repaired_tags)
    return _pair_rows(gold, path, log.scheme, own, repairs)


def _check_width(layout: Layout, path: Path) -> None:
    if 0 < layout.width < 3:
        raise CorpusError(
            f"there are {layout.width} columns",
            place=f"{path}:{layout.line}",
            expected="a token, its gold tag and its predicted tag in every line",
            hint="where the predicted tags stand in another file, name that one too",
        )


def _check_columns(gold: Layout, predicted: int, path: Path) -> None:
    """Raises `FormatError` where one column would be compared with itself, or with the tokens."""
    for column, what in ((gold.tag, "gold tags"), (gold.token, "tokens")):
        if gold.width and predicted % gold.width == column:
            raise FormatError(
                f"column {predicted} is named both for the {what} and for the predicted tags",
                place=f"{path}:{gold.line}",
                expected=f"two different ones of {gold.width} columns",
            )
