"""Cases about column files, CoNLL-U and tags."""

from __future__ import annotations

from hint_cases.files import document_of, written
from hints import Case
from nerine.core.document import Document, Token

CONVERT = "convert in.conll out.jsonl"
INES = ["[Ines](PER) met [Bo](PER)"]
UNIVERSAL = """\
1	Ines	Ines	PROPN	_	_	2	nsubj	_	Entity=B-PER|Old=O
2	met	meet	VERB	_	_	0	root	_	Entity=O|Old=O
3	Bo	Bo	PROPN	_	_	2	obj	_	Entity=O|Old=B-PER

"""


def with_columns(*values: str) -> Document:
    columns = [[*values]]
    return Document("Ines", (), (Token(0, 4),), meta={"columns": columns})


TABBED = document_of("Ines met", (0, 4, "a\tb"))

CASES = {
    "carriage returns as line ends": Case(
        CONVERT, {"in.conll": "Ines\tB-PER\rmet\tO\rBo\tB-PER\r"}, command=True, right=INES
    ),
    "two carriage returns": Case(
        CONVERT,
        {"in.conll": "Ines\tB-PER\r\r\nmet\tO\r\r\nBo\tB-PER\r\r\n"},
        command=True,
        right=INES,
    ),
    "another separator": Case(
        f"{CONVERT} --separator tab",
        {"in.conll": "Ines B-PER\nmet O\nBo B-PER\n"},
        {"--separator space": INES},
    ),
    "two columns of words": Case(
        CONVERT,
        {"in.conll": "Ines x B-PER\nmet y O\nBo x B-PER\n"},
        {"--token-column 0": INES},
    ),
    "two columns of words and a stated tag": Case(
        f"{CONVERT} --tag-column 2",
        {"in.conll": "Ines x B-PER\nmet y O\nBo x B-PER\n"},
        {"--token-column 0": INES},
    ),
    "a tag for every token and names": Case(
        CONVERT,
        {
            "in.conll": "Ines B-ONE B-PER\nmet B-TWO O\nher B-ONE O\nold I-ONE O\n"
            "friend I-ONE O\nin B-TWO O\nParis B-ONE B-LOC\nonce B-TWO O\nmore I-TWO O\n"
        },
        {"--tag-column 2": ["[Ines](PER) met her old friend in [Paris](LOC) once more"]},
    ),
    "two columns of labels without a prefix": Case(
        CONVERT,
        {"in.conll": "Ines noun person\nmet verb none\nBo noun person\n\nQuill noun person\n"},
        {
            "--token-column 0 --tag-column 2 --scheme-in IO": [
                "[Ines](person) [met](none) [Bo](person)",
                "[Quill](person)",
            ],
        },
    ),
    "labels without a prefix": Case(
        CONVERT,
        {"in.conll": "Ines noun\nmet verb\nBo noun\n\nBo noun\nmet verb\n"},
        {"--scheme-in IO": ["[Ines](noun) [met](verb) [Bo](noun)", "[Bo](noun) [met](verb)"]},
    ),
    "a line of another width": Case(
        CONVERT,
        {"in.conll": "Ines\tB-PER\nmet\nBo\tB-PER\n"},
        changes={"in.conll": "Ines\tB-PER\nmet\tO\nBo\tB-PER\n"},
        right=INES,
    ),
    "an empty line with white space": Case(
        CONVERT,
        {"in.conll": "Ines\tB-PER\n---\nBo\tB-PER\n"},
        changes={"in.conll": "Ines\tB-PER\n\nBo\tB-PER\n"},
        right=["[Ines](PER)", "[Bo](PER)"],
    ),
    "an empty token": Case(
        CONVERT,
        {"in.conll": "Ines\tB-PER\n\tO\nmet\tO\nBo\tB-PER\n"},
        {"--repair": INES},
    ),
    "ranges of tokens that do not fit": Case(
        CONVERT,
        {"in.conll": "# text = Ines met\n# tokens = [[0, 4], [5, 7]]\nInes\tB-PER\nmet\tO\n"},
        changes={"in.conll": "# text = Ines met\nInes\tB-PER\nmet\tO\n"},
        right=["[Ines](PER) met"],
    ),
    "a tag of another form": Case(
        f"{CONVERT} --tag-column 1",
        {"in.conll": "Ines\tB-X\tB-PER\nmet\tO\tO\nBo\tno X\tB-PER\n"},
        {"--tag-column 2": INES},
    ),
    "a tag of another form among usual ones": Case(
        CONVERT,
        {"in.conll": "Ines\tB-PER\nran\tO\nBo\tB_PER\n"},
        changes={"in.conll": "Ines\tB-PER\nran\tO\nBo\tB-PER\n"},
        right=["[Ines](PER) ran [Bo](PER)"],
    ),
    "a tag that is not the letter O": Case(
        f"{CONVERT} --tag-column 1",
        {"in.conll": "Ines\tB-PER\tB-PER\nmet\t_\tO\nBo\tB-PER\tB-PER\n"},
        {"--tag-column 2": INES},
        changes={"in.conll": "Ines\tB-PER\tB-PER\nmet\tO\tO\nBo\tB-PER\tB-PER\n"},
        right=INES,
    ),
    "a number among labels without a prefix": Case(
        f"{CONVERT} --scheme-in IO",
        {"in.conll": "Ines\tPER\nmet\t0\nBo\tPER\n"},
        changes={"in.conll": "Ines\tPER\nmet\tO\nBo\tPER\n"},
        then=f"{CONVERT} --scheme-in IO --tag-column 1",
        right=INES,
    ),
    "a stated column of labels without a prefix": Case(
        f"{CONVERT} --tag-column 1",
        {"in.conll": "Ines\tPER\nmet\tNONE\nBo\tPER\n"},
        {"--scheme-in IO": ["[Ines](PER) [met](NONE) [Bo](PER)"]},
        then=f"{CONVERT} --tag-column 1",
    ),
    "prefixes that a statement denies": Case(
        f"{CONVERT} --scheme-in IO",
        {"in.conll": "Ines\tB-PER\nmet\tO\nBo\tB-PER\n"},
        {"--scheme-in IOB2": INES},
    ),
    "letters without labels and without O": Case(
        f"{CONVERT} --tag-column 1",
        {"in.conll": "Ines\tB\nRoe\tI\nBo\tB\n"},
        {"--scheme-in IOB2": ["[Ines Roe](entity) [Bo](entity)"]},
        then=f"{CONVERT} --tag-column 1",
    ),
    "a sentence and its tags in a line": Case(
        "convert in.tsv out.jsonl",
        {"in.tsv": "Ines met Bo\tB-PER O B-PER\nBo left\tB-PER O\n"},
        command=True,
        right=["[Ines](PER) met [Bo](PER)", "[Bo](PER) left"],
    ),
    "commas without a header": Case(
        CONVERT, {"in.conll": "Ines,B-PER\nmet,O\nBo,B-PER\n\n"}, command=True, right=INES
    ),
    "a broken tag sequence": Case(
        f"{CONVERT} --scheme-in IOB2",
        {"in.conll": "Ines\tI-PER\nmet\tO\nBo\tI-PER\n"},
        {"--repair": INES, "--scheme-in IOB1": INES},
    ),
    "documents of different columns": Case(
        lambda: written("out.conll", with_columns("a"), with_columns("a", "b")),
        then=lambda: [
            *written("one.conll", with_columns("a")),
            *written("other.conll", with_columns("a", "b")),
        ],
        right=["Ines", "Ines"],
    ),
    "a label with a TAB": Case(
        lambda: written("out.conll", TABBED),
        then=lambda: written("out.jsonl", TABBED),
        right=["[Ines](a␉b) met"],
    ),
    "a label with a TAB in CoNLL-U": Case(
        lambda: written("out.conllu", TABBED),
        then=lambda: written("out.jsonl", TABBED),
        right=["[Ines](a␉b) met"],
    ),
    "half of a surrogate pair": Case(
        lambda: written("out.pubtator", document_of("Ines \ud83e", (0, 4, "PER"))),
        then=lambda: written("out.jsonl", document_of("Ines \ud83e", (0, 4, "PER"))),
        right=["[Ines](PER) �"],
    ),
    "two keys of tags in CoNLL-U": Case(
        "convert in.conllu out.jsonl",
        {"in.conllu": UNIVERSAL},
        {"--tag-column Entity": ["[Ines](PER) met Bo"], "--tag-column Old": ["Ines met [Bo](PER)"]},
    ),
    "no tags in CoNLL-U": Case(
        "convert in.conllu out.jsonl",
        {"in.conllu": "# global.columns = ID FORM NAME\n1\tInes\tB-PER\n2\tmet\tO\n3\tBo\tO\n\n"},
        {"--tag-column NAME": ["[Ines](PER) met Bo"]},
    ),
    "entities that overlap": Case(
        "convert in.jsonl out.conll",
        {
            "in.jsonl": '{"text": "Bo of Ghent", "entities": [{"start": 0, "end": 11, "label": "A"}'
            ', {"start": 6, "end": 11, "label": "B"}]}\n'
        },
        {
            "--overlaps outermost": ["[Bo of Ghent](A)"],
            "--overlaps innermost": ["Bo of [Ghent](B)"],
            "--overlaps first": ["[Bo of Ghent](A)"],
            "--overlaps drop": ["Bo of Ghent"],
        },
    ),
}
