"""BioC, the exchange format of biomedical corpora, as XML or JSON; read only.

::

    <collection><document><id>23</id>
      <passage>
        <offset>0</offset><text>Mira Okonjo at Tandem Labs</text>
        <annotation id="1">
          <infon key="type">person</infon>
          <location offset="0" length="11"/><text>Mira Okonjo</text>
        </annotation>
      </passage>
    </document></collection>

In JSON the same names are fields, and lists are in the plural; the file is a collection, a
document, an array of these, or one of them a line, as PubTator writes them.

A document of ours is a passage, or a sentence if only sentences have texts: BioC does not hold what
is between them. Its id is that of its document with its number: `23/1`. A folder of files is one
split. If there are several documents, the first passage of each has a `docstart` in its meta, so
that passages of one document stay in one split.

Labels are the infon `type`; `ReadOptions.control` names another one. The other infons and the id of
an annotation are kept in `meta["entity_fields"]`, the infons of a passage in `meta["infons"]`;
relations are not read. Offsets count from the beginning of the document, in code points, UTF-16
units or bytes, as the annotations' own texts in the whole file show, or as `ReadOptions.offsets`
states. An annotation with several locations is of the kind `pieces`, one without any of the kind
`empty`.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.data.formats.head import Head
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions, Unusual
from nerine.data.formats.standoff.bioc_items import Annotation, Article, Piece, read_articles
from nerine.data.formats.standoff.folders import files_of
from nerine.data.formats.standoff.regions import Passage, Region, document_of, stated_in

EXTENSIONS = (".xml", ".json")

_XML = re.compile(
    r"\s*(<\?xml[^>]*\?>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE collection[^>\[]*>\s*)?<collection[\s>]",
    re.DOTALL,
)
_JSON_PASSAGES = re.compile(r'(?<!\\)"passages"\s*:\s*\[\s*\{')


def recognises(head: Head) -> bool:
    """Whether a file begins like a BioC collection or document."""
    if _XML.match(head.text):
        return "BioC.dtd" in head.text or "<passage" in head.text
    is_json = head.text.lstrip()[:1] in ("{", "[")
    return is_json and '"offset"' in head.text and bool(_JSON_PASSAGES.search(head.text))


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The passages of a file, each with its place."""
    key = options.control or "type"
    files = files_of(path, EXTENSIONS)

    def articles() -> Iterator[Article]:
        for file in files:
            yield from read_articles(file)

    def stated() -> Iterator[tuple[str, list[StatedRange]]]:
        for article in articles():
            yield from stated_in(_passages(article, key))

    checker = OffsetChecker(stated, options, log)
    has_several = len(list(itertools.islice(articles(), 2))) > 1
    for article in articles():
        if article.has_relations:
            log.add_note("bioc: relations are not read")
        for index, passage in enumerate(_passages(article, key)):
            if index == 0 and has_several:
                passage.meta["docstart"] = ["-DOCSTART-"]
            yield passage.place, document_of(passage, checker, options, log)


def _passages(article: Article, key: str) -> Iterator[Passage]:
    """The passages and sentences that have a text, with their annotations."""
    pieces: list[Piece] = []
    nested: list[list[Annotation]] = []
    others = list(article.annotations)  # of the document, or of passages without a text
    for passage in article.passages:
        if passage.text or not passage.sentences:
            pieces.append(passage)
            nested.append(
                [*passage.annotations, *(a for each in passage.sentences for a in each.annotations)]
            )
        else:
            others += passage.annotations
            pieces += passage.sentences
            nested += [list(each.annotations) for each in passage.sentences]
    by_offset = sorted(range(len(pieces)), key=lambda index: pieces[index].offset)
    offsets = [pieces[index].offset for index in by_offset]
    for annotation in others:
        first = min((offset for offset, _ in annotation.locations), default=0)
        rank = bisect_right(offsets, first) - 1
        if rank < 0:
            raise FormatError(
                f"the annotation {annotation.text!r} is before the first passage",
                place=annotation.place,
                expected="offsets that count from the beginning of the document",
            )
        nested[by_offset[rank]].append(annotation)
    pairs = [
        (piece, found)
        for piece, found in zip(pieces, nested, strict=True)
        if piece.text or found  # a passage may hold infons alone
    ]
    for number, (piece, found) in enumerate(pairs, start=1):
        id_ = article.id if len(pairs) == 1 else f"{article.id or ''}/{number}"
        regions = [_region(each, piece.offset, key) for each in found]
        meta: dict[str, Any] = {"infons": piece.infons} if piece.infons else {}
        yield Passage(piece.text or "", regions, piece.place, id_, meta=meta)


def _region(annotation: Annotation, base: int, key: str) -> Region:
    fault: Unusual | None = None
    if len(annotation.locations) != 1:
        fault = "pieces" if annotation.locations else "empty"
    start = min((offset for offset, _ in annotation.locations), default=base)
    end = max((offset + length for offset, length in annotation.locations), default=base)
    label = annotation.infons.get(key)
    fields = {name: value for name, value in annotation.infons.items() if name != key}
    if annotation.id is not None:
        fields.setdefault("id", annotation.id)
    return Region(
        start - base,
        end - base,
        label if isinstance(label, str) else "",
        annotation.place,
        annotation.text,
        fault,
        fields,
    )
