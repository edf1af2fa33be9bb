"""CSV and TSV files with a header, whose named columns tell what the rows are.

A row is a token, an entity or a document::

    Sentence #,Word,POS,Tag               text,start,end,label
    Sentence: 1,Mira,NNP,B-person         Mira left.,0,4,person
    ,left,VBD,O

    text,label
    Mira left.,"[{""start"": 0, ""end"": 4, ""labels"": [""person""]}]"

Columns are recognised by their names, in upper or lower case; `ReadOptions.token_column`,
`tag_column` and `text_field` name others. The delimiter (comma, semicolon, TAB or bar) and the
quotes are found from the file, and said in the log's notes with the columns.

In `Document.meta`: of rows of tokens `columns`, for each token the values of its other columns, and
`column_names`; of rows of entities `entity_fields` as in span records; of rows of documents the
other columns by their names.
"""

from nerine.data.formats.tables.reading import read
from nerine.data.formats.tables.table import recognises
from nerine.data.formats.tables.writing import write

__all__ = ["read", "recognises", "write"]
