"""Formats of labelled text: one module each, one registry.

==============  ========================================  ==================================
name            files                                     a document is
==============  ========================================  ==================================
`columns`       CoNLL-2003, WNUT and similar files        a sentence: lines of token and tag
`conllu`        CoNLL-U, CoNLL-U Plus with tags           a sentence: lines of words
`spans`         JSON records: Nerine's, doccano's,        a record: text and ranges
                Prodigy's, Dataturks' and others
`words`         JSON records, as on the hub               a record: tokens and tags
`spacy-tuples`  JSON of spaCy's training tuples           a pair: text and annotations
`spacy-json`    JSON that spaCy 2 was trained with,       a paragraph: tokens and tags
                read only
`gliner`        JSON that GLiNER is trained with          a record: words and ranges of words
`brat`          folders of brat's `.txt` and `.ann`       a pair of files
`label-studio`  JSON exported by Label Studio             a task
`docbin`        spaCy's DocBin                            a `Doc`
`parquet`       Parquet, read only                        a row: tokens and tags, or text and
                                                          entities
`csv`           CSV and TSV with a header                 the rows of a sentence or text, or a row
`webanno`       WebAnno TSV 3 of WebAnno and INCEpTION,   a sentence
                read only
`bioc`          BioC as XML and JSON, read only           a passage
`pubtator`      PubTator                                  a title and an abstract
`i2b2`          i2b2's `.con` (2010) and XML (2014),      a note
                read only
==============  ========================================  ==================================

JSON records are one a line, in one array, or one after another in any indentation.

Files of lines are streamed, never held in memory as a whole. Files of tags are read twice, the
first time to detect their scheme, unless `ReadOptions.scheme` states it; so are files of ranges if
a record leaves open how offsets count (`ReadOptions.offsets`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerine.data.formats.options import ReadLog, ReadOptions, Style, TagFault, WriteOptions
    from nerine.data.formats.registry import (
        EXTENSIONS,
        FORMATS,
        detect_format,
        is_folder_of,
        read_documents,
        read_placed,
    )
    from nerine.data.formats.write import write_documents

__all__ = [
    "EXTENSIONS",
    "FORMATS",
    "ReadLog",
    "ReadOptions",
    "Style",
    "TagFault",
    "WriteOptions",
    "detect_format",
    "is_folder_of",
    "read_documents",
    "read_placed",
    "write_documents",
]

_OPTIONS = ("ReadLog", "ReadOptions", "Style", "TagFault", "WriteOptions")


def __getattr__(name: str) -> Any:
    """A public name, whose module is imported now: a server needs the options alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "write" if name == "write_documents" else "registry"
    module = "options" if name in _OPTIONS else module
    globals()[name] = value = getattr(import_module(f"{__name__}.{module}"), name)
    return value
