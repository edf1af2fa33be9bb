r"""Column files: one token a line with its tag, an empty line after each sentence.

CoNLL-2003 (four columns, `-DOCSTART-` lines), WNUT (two columns) and similar files. Each sentence
is a `Document`. Its text is its tokens joined by one space, unless a comment gives the text::

    # id = 17                       the document's id
    # text = Mira left (today).     its text, in which the tokens are found in order
    # text_json = "two\nlines"      its text as a JSON string, if a line cannot hold it
    # tokens = [[0, 4], [5, 9]]     the ranges of the tokens, if their surfaces are not enough
    # meta = {"url": "…"}           the rest of the document's meta, as JSON

`id_json` is an id as a JSON string. With `tokens`, the token column shows characters that it
cannot hold as `_`. A column file cannot hold scores of entities.

The columns of tokens and tags are judged by what they hold, unless options state them; a note says
what was taken, and doubt is an error. A first line may name the columns. Where no line is empty, a
column that names sentences or counts their tokens divides the documents. Several columns of tags
are layers of entities, which may be nested. CoNLL-2012 (`#begin document`) is read by its fixed
columns.

In `Document.meta`: `columns`, for each token the values of its other columns; `docstart`, the
columns of the `-DOCSTART-` line before the document; `comments`, the other comment lines. Comments
after the last sentence, and a `-DOCSTART-` line without sentences, are not kept.
"""

from __future__ import annotations

from nerine.data.formats.columns.reading import read, recognises
from nerine.data.formats.columns.writing import shown_token, write

EXTENSIONS = (
    *(".conll", ".bio", ".iob", ".iob2", ".tsv", ".txt", ".annotated", ".col"),
    *(".train", ".dev", ".test", ".testa", ".testb"),  # CoNLL-2003's own: eng.train, eng.testa
)

__all__ = ["EXTENSIONS", "read", "recognises", "shown_token", "write"]
