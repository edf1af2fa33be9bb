"""Columns of column files judged by what they hold: the right ones are taken and said, or none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document
from nerine.core.errors import FormatError, NerineError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, read_documents
from nerine.data.formats.columns import recognises
from nerine.data.formats.head import Head

Found = list[tuple[str, list[tuple[str, str]]]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged") / "corpus.tsv"


def read(
    file: Path, text: str | bytes, options: ReadOptions | None = None
) -> tuple[Found, list[str]]:
    """The texts with their entities, and the notes."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    log = ReadLog()
    documents = list(read_documents(file, "columns", options or ReadOptions(), log))
    return [(each.text, entities(each)) for each in documents], log.notes


def entities(document: Document) -> list[tuple[str, str]]:
    return [(document.surface(each), each.label) for each in document.entities]


def refused(file: Path, text: str | bytes, options: ReadOptions | None = None) -> NerineError:
    with pytest.raises(NerineError) as caught:
        read(file, text, options)
    return caught.value


def tabbed(text: str) -> str:
    return text.replace(" ", "\t")


ANN = [("Ann Roe ran", [("Ann Roe", "PER")]), ("Rio sank", [("Rio", "LOC")])]
SENTENCES = "columns: 1 token, 2 tag (IOB2); 0 names sentences and divides documents"
LAYOUTS = {
    "token tag": ("Ann B-PER|Roe I-PER|ran O||Rio B-LOC|sank O", ""),
    "CoNLL-2003": (
        "Ann NNP B-NP B-PER|Roe NNP I-NP I-PER|ran VBD B-VP O||Rio NNP B-NP B-LOC|sank VBD B-VP O",
        "",
    ),
    "index": (
        "0 Ann B-PER|1 Roe I-PER|2 ran O||0 Rio B-LOC|1 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 counts tokens",
    ),
    "index from 1": (
        "1 Ann B-PER|2 Roe I-PER|3 ran O||1 Rio B-LOC|2 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 counts tokens",
    ),
    "index through the file": (
        "0 Ann B-PER|1 Roe I-PER|2 ran O||3 Rio B-LOC|4 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 counts tokens",
    ),
    "index, no empty lines": (
        "1 Ann B-PER|2 Roe I-PER|3 ran O|1 Rio B-LOC|2 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 counts tokens and divides documents",
    ),
    "sentence id": (
        "7 Ann B-PER|7 Roe I-PER|7 ran O|8 Rio B-LOC|8 sank O",
        SENTENCES,
    ),
    "sentence id at the end": (
        "Ann B-PER s1|Roe I-PER s1|ran O s1|Rio B-LOC s2|sank O s2",
        "columns: 0 token, 1 tag (IOB2); 2 names sentences and divides documents",
    ),
    "sentence id and index": (
        "s1 1 Ann B-PER|s1 2 Roe I-PER|s1 3 ran O|s2 1 Rio B-LOC|s2 2 sank O",
        (
            "columns: 2 token, 3 tag (IOB2); "
            "0 names sentences and divides documents, 1 counts tokens"
        ),
    ),
    "sentence id from 0": (
        "sentence words labels|0 Ann B-PER|0 Roe I-PER|0 ran O|1 Rio B-LOC|1 sank O",
        f"{SENTENCES}; line 1 names them",
    ),
    "index with a hash": (
        "#0 Ann B-PER|#1 Roe I-PER|#2 ran O||#3 Rio B-LOC|#4 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 holds identifiers",
    ),
    "heads and relations": (
        "Ann 3 nsubj B-PER|Roe 1 flat I-PER|ran 0 root O||Rio 2 dep B-LOC|sank 0 root O",
        "columns: 0 token, 3 tag (IOB2); 1 holds numbers, 2 holds syntactic relations",
    ),
    "document id": (
        "a17 Ann B-PER|a17 Roe I-PER|a17 ran O||a17 Rio B-LOC|a17 sank O",
        "columns: 1 token, 2 tag (IOB2); 0 holds one value",
    ),
    "two layers": (
        "Ann B-PER O|Roe I-PER B-LOC|ran O O||Rio B-LOC O|sank O O",
        "columns: 0 token, 1 tag (IOB2); 2 holds tags too",
    ),
    "tag first": (
        "B-PER Ann|I-PER Roe|O ran||B-LOC Rio|O sank",
        "columns: 1 token, 0 tag (IOB2)",
    ),
    "tag in the middle": (
        "Ann B-PER NNP|Roe I-PER NNP|ran O VBD||Rio B-LOC NNP|sank O VBD",
        "columns: 0 token, 1 tag (IOB2); 2 holds parts of speech",
    ),
    "score at the end": (
        "Ann B-PER 0.98|Roe I-PER 0.5|ran O 1.0||Rio B-LOC .7|sank O 1e-3",
        "columns: 0 token, 1 tag (IOB2); 2 holds numbers",
    ),
    "offsets": (
        "Ann 0 3 B-PER|Roe 4 7 I-PER|ran 8 11 O||Rio 13 16 B-LOC|sank 17 21 O",
        "columns: 0 token, 3 tag (IOB2); 1 holds numbers, 2 holds numbers",
    ),
    "trailing TAB": (
        "Ann B-PER |Roe I-PER |ran O ||Rio B-LOC |sank O ",
        "columns: 0 token, 1 tag (IOB2); 2 is empty",
    ),
    "lemma": (
        "Ann Ann B-PER|Roe Roe I-PER|ran run O||Rio Rio B-LOC|sank sink O",
        "columns: 0 token, 2 tag (IOB2); 1 holds words too",
    ),
    "empty columns": (
        "Ann _ _ B-PER|Roe _ _ I-PER|ran _ _ O||Rio _ _ B-LOC|sank _ _ O",
        "columns: 0 token, 3 tag (IOB2); 1 is empty, 2 is empty",
    ),
    "header": (
        "Word POS Tag|Ann NNP B-PER|Roe NNP I-PER|ran VBD O||Rio NNP B-LOC|sank VBD O",
        "columns: 0 token, 2 tag (IOB2); 1 holds parts of speech; line 1 names them",
    ),
    "header of other order": (
        "ner|Ann".replace("ner|Ann", "NER token|B-PER Ann|I-PER Roe|O ran||B-LOC Rio|O sank"),
        "columns: 1 token, 0 tag (IOB2); line 1 names them",
    ),
    "header with sentence ids": (
        "sentence_id words labels|3 Ann B-PER|3 Roe I-PER|3 ran O|9 Rio B-LOC|9 sank O",
        (
            "columns: 1 token, 2 tag (IOB2); "
            "0 names sentences and divides documents; line 1 names them"
        ),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_right_columns_are_taken_and_said(file: Path, name: str) -> None:
    rows, note = LAYOUTS[name]
    found, notes = read(file, tabbed(rows.replace("|", "\n") + "\n"))
    assert found == ANN
    assert notes == ([note] if note else [])


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "index with a hash"])
def test_the_content_tells_that_it_is_a_column_file(file: Path, name: str) -> None:
    file.write_text(tabbed(LAYOUTS[name][0].replace("|", "\n") + "\n"))
    assert recognises(Head.of(file))


@pytest.mark.parametrize(
    "text",
    [
        "Ann left Rio.\nShe ran.\n",
        '{"text": "Ann left", "entities": []}\n' * 5,
        "text,label\nAnn,PER\n",
        "T1\tPER 0 3\tAnn\nT2\tLOC 9 12\tRio\n",
        "Ann\tNNP\nRoe\tNNP\nran\tVBD\n",
        "the\tDET\nO\tPROPN\n",
        '[" B-", [], {}]\n',
        '["Ann", "B-PER", "O"]\n["Rio", "B-LOC", "O"]\n',
    ],
)
def test_other_files_are_not_recognised(file: Path, text: str) -> None:
    file.write_text(text)
    assert not recognises(Head.of(file))


def test_sentence_names_in_first_lines_alone_divide(file: Path) -> None:
    text = "Sentence #\tWord\tTag\nSentence: 1\tAnn\tB-PER\n\tran\tO\nSentence: 2\tRio\tB-LOC\n"
    found, _ = read(file, text)
    assert found == [("Ann ran", [("Ann", "PER")]), ("Rio", [("Rio", "LOC")])]


DOUBTFUL = {
    "two columns of words": "haus house O|hund dog B-X||baum tree O",
    "parts of speech alone": "Ann PROPN|ran VERB|. PUNCT",
    "words alone in two columns": "Ann Roe|ran home|and slept",
    "ids without words": "".join(f"{number} O|" for number in range(9)),
    "chunks of another tag set": "".join(f"w{'abcdefghij'[i]}x B-Q{i % 3} O|" for i in range(9))
    + "wz O B-PER",
    "labels in another column": "Ann B PER|Roe I PER|ran O _",
    "lemmas first": "ann Ann B-PER|run ran O|the The O",
    "document names without digits": "alpha Ann B-PER|alpha ran O|beta Rio B-LOC|beta sank O",
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubt_is_an_error_that_shows_the_columns(file: Path, name: str) -> None:
    error = refused(file, tabbed(DOUBTFUL[name].replace("|", "\n") + "\n"))
    assert error.place == f"{file}:1"
    assert error.found.count("; ") >= 1
    assert "column" in (error.hint or "")


def test_the_named_columns_end_the_doubt(file: Path) -> None:
    text = tabbed("haus house O\nhund dog B-X\n")
    assert "--token-column (token_column=…)" in (refused(file, text).hint or "")
    found, notes = read(file, text, ReadOptions(token_column=1))
    assert found == [("house dog", [("dog", "X")])]
    assert notes == ["columns: 1 token, 2 tag (IOB2); 0 holds words too"]
    assert read(file, text, ReadOptions(token_column=0, tag_column=2))[1] == []


def test_columns_can_be_named_as_in_the_header(file: Path) -> None:
    text = tabbed("token ner pos\nAnn B-PER B-NP\nran O O\n")
    assert read(file, text, ReadOptions(tag_column="POS"))[0] == [("Ann ran", [("Ann", "NP")])]


def test_layers_are_nested_entities(file: Path) -> None:
    text = tabbed("1 New B-ORG B-LOC\n2 York I-ORG I-LOC\n3 Times I-ORG O\n4 Rio B-LOC B-LOC\n")
    found, _ = read(file, text, ReadOptions(tag_column=(2, 3)))
    assert found == [
        ("New York Times Rio", [("New York", "LOC"), ("New York Times", "ORG"), ("Rio", "LOC")])
    ]


@pytest.mark.parametrize(
    ("rows", "labels", "scheme", "note"),
    [
        ("Ann PER|Roe PER|ran O", [("Ann Roe", "PER")], "IOB2", "labels without a prefix (IO)"),
        ("Ann person-actor|ran O", [("Ann", "person-actor")], "IOB2", "(IO)"),
        ("Ann B|Roe I|ran O|Rio B", [("Ann Roe", "entity"), ("Rio", "entity")], "IOB2", "'entity'"),
        ("Ann B-PER|de M-PER|Roe E-PER|ran O", [("Ann de Roe", "PER")], "BIOES", "BMES"),
        (
            "Ann B-PER|de M-PER|Roe E-PER|Rio W-LOC",
            [("Ann de Roe", "PER"), ("Rio", "LOC")],
            "BIOES",
            "BMES",
        ),
        ("Ann B_PER|Roe I_PER|ran O", [("Ann Roe", "PER")], "IOB2", "'"),
        ("Ann PER-B|Roe PER-I|ran O", [("Ann Roe", "PER")], "IOB2", "'"),
        ("Ann b-per|Roe i-per|ran o", [("Ann Roe", "per")], "IOB2", "'"),
        ("Ann (PER*|Roe *)|ran *|Rio (LOC)", [("Ann Roe", "PER"), ("Rio", "LOC")], "IOB2", "brack"),
        (
            "New (ORG(LOC*|York *)|Times *)",
            [("New York", "LOC"), ("New York Times", "ORG")],
            "IOB2",
            "brack",
        ),
    ],
)
def test_other_notations_are_read_and_said(
    file: Path, rows: str, labels: list[tuple[str, str]], scheme: str, note: str
) -> None:
    file.write_text(tabbed(rows.replace("|", "\n") + "\n"))
    log = ReadLog()
    (document,) = read_documents(file, "columns", log=log)
    assert entities(document) == labels
    assert log.scheme is TagScheme(scheme)
    assert [each for each in log.notes if note in each]


@pytest.mark.parametrize("tags", ["B_PER PER O", "B-PER PER O", "B_PER I-PER O", "x-B y O"])
def test_mixed_notations_are_refused(file: Path, tags: str) -> None:
    text = "".join(f"word{'abc'[i]}\t{tag}\n" for i, tag in enumerate(tags.split()))
    assert isinstance(refused(file, text), FormatError)


def test_labels_without_any_o_need_to_be_stated(file: Path) -> None:
    text = "Ann\tPER\nRoe\tPER\n"
    assert "--scheme-in IO (scheme='IO')" in (refused(file, text).hint or "")
    assert read(file, text, ReadOptions(scheme="IO"))[0] == [("Ann Roe", [("Ann Roe", "PER")])]


def test_letters_without_labels_and_o_need_a_stated_scheme(file: Path) -> None:
    refused(file, "An\tB\nn\tE\nran\tS\n")
    found, _ = read(file, "An\tB\nn\tI\nran\tB\n", ReadOptions(scheme=TagScheme.IOB2, tag_column=1))
    assert found == [("An n ran", [("An n", "entity"), ("ran", "entity")])]


@given(st.lists(st.sampled_from(["O", "PER", "LOC"]), min_size=1, max_size=9))
def test_io_is_read_as_runs(file: Path, tags: list[str]) -> None:
    """Against a plain walk over the tags."""
    expected, previous = [], "O"
    for index, tag in enumerate(tags):
        if tag not in ("O", previous):
            expected.append([index, index + 1, tag])
        elif tag != "O":
            expected[-1][1] = index + 1
        previous = tag
    file.write_text("".join(f"a\t{tag}\n" for tag in tags))
    options = ReadOptions(scheme="IO", token_column=0, tag_column=1)
    (document,) = read_documents(file, "columns", options)
    assert [[e.start // 2, e.end // 2 + 1, e.label] for e in document.entities] == expected


@pytest.mark.parametrize(
    ("rows", "line", "found"),
    [
        ("Ann B-PER|ran O|", 1, "'B-PER'"),
        ("Ann B-PER|ran 0|Roe B-PER", 1, "'B-PER'"),
        ("BRCA1 B|gene I|fails O", 1, "'B'"),
        ("Ann PER|ran 0|", 2, "'0'"),
        ("Ann PER|ran _|Roe LOC", 2, "'_'"),
    ],
)
def test_stated_labels_have_no_prefix_and_no_other_sign_for_o(
    file: Path, rows: str, line: int, found: str
) -> None:
    file.write_text(tabbed(rows.replace("|", "\n") + "\n"))
    with pytest.raises(FormatError) as caught:
        list(read_documents(file, "columns", ReadOptions(scheme="IO")))
    assert caught.value.place == f"{file}:{line}"
    assert found in caught.value.found


def test_stated_labels_may_look_like_prefixes_among_others(file: Path) -> None:
    text = "a@b.example\tE-mail\nfor\tO\nAnn\tperson\nRoe\tperson\n"
    assert "--scheme-in IO" in (refused(file, text).hint or "")
    (_, labels), *_ = read(file, text, ReadOptions(scheme="IO"))[0]
    assert labels == [("a@b.example", "E-mail"), ("Ann Roe", "person")]


@pytest.mark.parametrize(
    "rows",
    ["Ann left Ulm|B-PER O B-LOC\nBo ran|B-PER O\n", "Ann left|O O\nBo|B-PER\nin Ulm|O B-LOC\n"],
)
def test_the_tags_of_a_sentence_in_a_line_are_not_one_tag(file: Path, rows: str) -> None:
    error = refused(file, rows.replace("|", "\t"))
    assert "several tags a line" in error.found


def test_several_tags_in_one_line_of_many_are_its_error(file: Path) -> None:
    error = refused(file, "Ann\tB-PER\nleft Ulm\tO B-LOC\nthen\tO\n")
    assert error.place == f"{file}:2"
    found, _ = read(file, "Ann Roe\tB-Legal Person\nran\tO\n")
    assert found == [("Ann Roe ran", [("Ann Roe", "Legal Person")])]


def test_signs_without_letters_are_not_tokens(file: Path) -> None:
    found, notes = read(file, "Ann\tB-PER\t+\nran\tO\t-\nfar\tO\t+\n")
    assert found == [("Ann ran far", [("Ann", "PER")])]
    assert notes == ["columns: 0 token, 1 tag (IOB2); 2 holds words too"]


def test_inside_alone_is_io_with_a_prefix(file: Path) -> None:
    text = "Ann\tI-PER\nRoe\tI-PER\nin\tO\nUlm\tI-LOC\n"
    ((_, labels),) = read(file, text, ReadOptions(scheme="IO"))[0]
    assert labels == [("Ann Roe", "PER"), ("Ulm", "LOC")]


def test_a_missing_o_is_said_of_stated_labels(file: Path) -> None:
    file.write_text("Ann\tPER\nran\tOTHER\n")
    log = ReadLog()
    list(read_documents(file, "columns", ReadOptions(scheme="IO"), log))
    assert any("every word is in an entity" in each for each in log.notes)


DIVIDED = [
    ("d1", "0", "1", "Ann", "B-PER"),
    ("d1", "0", "2", "left", "O"),
    ("d1", "1", "1", "Ulm", "B-LOC"),
    ("d1", "1", "2", "sleeps", "O"),
    ("d2", "0", "1", "Bo", "B-PER"),
    ("d2", "0", "2", "ran", "O"),
]
"""Rows with the names of a document, of its sentence, and of the token in it."""


@pytest.mark.parametrize(
    ("columns", "header", "dividers"),
    [
        ((0, 1, 2, 3, 4), "", [0, 1]),
        ((0, 1, 3, 4), "", [0, 1]),
        ((0, 2, 3, 4), "", [1]),
        ((2, 0, 3, 4), "", [0]),
        ((3, 4, 0, 1), "", [2, 3]),
        ((0, 1, 3, 4), "doc_id sent_id token tag", [0, 1]),
        ((0, 2, 3, 4), "doc_id token_id token tag", [1]),
    ],
)
def test_the_finest_column_divides_documents(
    file: Path, columns: tuple[int, ...], header: str, dividers: list[int]
) -> None:
    rows = [" ".join(row[index] for index in columns) for row in DIVIDED]
    found, notes = read(file, tabbed("".join(f"{row}\n" for row in filter(None, [header, *rows]))))
    assert [text for text, _ in found] == ["Ann left", "Ulm sleeps", "Bo ran"]
    assert [int(each) for each in re.findall(r"(\d) [\w ]+ divides", notes[0])] == dividers


def test_the_name_of_a_long_first_document_divides(file: Path) -> None:
    words = [letter * length for length in range(1, 41) for letter in "abcdefghijklmnop"]
    rows = "".join(f"n7\t{word}\tO\n" for word in words)
    found, _ = read(file, f"{rows}n8\tAnn\tB-PER\n")
    assert [len(text.split()) for text, _ in found] == [640, 1]
    found, _ = read(file, f"{rows}n8\tAnn\tB-PER\n".replace("n7", "x").replace("n8", "y"))
    assert len(found) == 1


def test_a_named_column_of_something_else_does_not_divide(file: Path) -> None:
    rows = "id token head tag|1 Ann 2 B-PER|2 ran 2 O|3 to 3 O|4 Ulm 3 B-LOC|"
    found, _ = read(file, tabbed(rows.replace("|", "\n")))
    assert [text for text, _ in found] == ["Ann ran to Ulm"]


SOURCES = [
    "#\thttps://news.example/7\t[2009-10-17]\t",
    "#\tnews.example\t[2009-10-17]",
    "# id 5d6d-7e domain=en",
    "# sent_id = 4",
]


@pytest.mark.parametrize("comment", SOURCES)
def test_hashes_that_cannot_be_tokens_are_comments(file: Path, comment: str) -> None:
    rows = tabbed("1 Ann B-PER O\n2 ran O O\n")
    text = f"{comment}\n{rows}\n{comment}\n{rows}"
    found, _ = read(file, text)
    assert found == [("Ann ran", [("Ann", "PER")])] * 2
    file.write_text(text)
    assert [each.meta["comments"] for each in read_documents(file, "columns")] == [[comment]] * 2


def test_multiconer_has_comments_between_spaces(file: Path) -> None:
    text = "# id 17 domain=en\nann _ _ B-PER\n#one _ _ O\n"
    assert read(file, text)[0] == [("ann #one", [("ann", "PER")])]


def test_multiword_tokens_and_empty_nodes_are_no_words(file: Path) -> None:
    text = tabbed("1-2 im _ O\n1 in _ O\n2 dem _ O\n2.1 nichts _ O\n3 Rio _ B-LOC\n")
    assert read(file, text)[0] == [("in dem Rio", [("Rio", "LOC")])]


CONLL_2012 = """\
#begin document (nw/x/00/x_0001); part 000
nw/x/00/x_0001 0 0 Ann NNP (TOP(S(NP* - - - - (PERSON* (ARG0* (12
nw/x/00/x_0001 0 1 Roe NNP *) - - - - *) *) 12)
nw/x/00/x_0001 0 2 ran VBD (VP*)) run 01 1 - * (V*) -

nw/x/00/x_0001 0 0 Rio NNP (TOP(NP*)) - - - - (GPE) (4)
#end document
"""


def test_conll_2012_is_read_by_its_fixed_columns(file: Path) -> None:
    found, notes = read(file, CONLL_2012)
    assert found == [("Ann Roe ran", [("Ann Roe", "PERSON")]), ("Rio", [("Rio", "GPE")])]
    assert any("left out" in note for note in notes)


@pytest.mark.parametrize(
    "content", [b"Ann\tB-PER\rran\tO\r", b"Ann\tB-PER\rran\tO\rRio\tB-LOC\n", b"Ann\tB-PER\r\r\n"]
)
def test_old_line_ends_are_named_and_the_hint_mends_them(file: Path, content: bytes) -> None:
    error = refused(file, content)
    assert "carriage return" in error.found
    follow(error, file)
    assert read(file, file.read_bytes())[0][0][1][0] == ("Ann", "PER")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16le", "utf-16be", "cp1252", "utf-8"])
def test_encodings_are_named_and_the_hint_mends_them(file: Path, encoding: str) -> None:
    text = "Åsa\tB-PER\nran\tO\n“\tO\n"
    if encoding == "utf-8":
        assert read(file, "\ufeff" + text)[0] == [("Åsa ran “", [("Åsa", "PER")])]
        return
    error = refused(file, text.encode(encoding))
    assert encoding[:6].upper() in str(error).upper()
    follow(error, file)
    assert read(file, file.read_bytes())[0] == [("Åsa ran “", [("Åsa", "PER")])]


def test_a_damaged_line_among_others_in_utf_8(file: Path) -> None:
    error = refused(file, "Åsa\tB-PER\n".encode() + "Zoë".encode() + b"\xff\tO\n")
    follow(error, file)
    assert read(file, file.read_bytes())[0] == [("Åsa Zoë", [("Åsa", "PER")])]


def follow(error: NerineError, file: Path) -> None:
    """Runs the command in a hint, with the file's name in it."""
    hint = error.hint or ""
    command = hint[min(hint.find(name) for name in ("iconv", "tr ") if name in hint) :]
    command = command.partition(" > NEW")[0].replace("FILE", str(file))
    file.write_bytes(subprocess.run(command, shell=True, capture_output=True, check=False).stdout)


def test_empty_tokens_are_left_out_when_repaired(file: Path) -> None:
    text = "\tB-PER\nRoe\tI-PER\nran\tO\n\tO\n\nRio\tB-LOC\n\tI-LOC\nsank\tO\n\nx\tO\n\tB-LOC\n"
    assert "--repair" in (refused(file, text).hint or "")
    file.write_text(text)
    log = ReadLog()
    documents = list(read_documents(file, "columns", ReadOptions(repair=True), log))
    assert [(each.text, entities(each)) for each in documents] == [
        ("Roe ran", [("Roe", "PER")]),
        ("Rio sank", [("Rio", "LOC")]),
        ("x", []),
    ]
    assert log.remarks == {
        "with empty tokens, which are left out": 3,
        "with entities of empty tokens alone, which are left out": 1,
    }
    assert log.repaired_tags == 0


def test_every_unreadable_line_is_listed(file: Path) -> None:
    file.write_bytes(b"Ann\tB-PER\nran\tO\tmore\nfor\n\tO\nRio\tB_LOC\nx\xe9\tO\nin\tO\n\nhe\tO\n")
    log = ReadLog(unreadable=[])
    documents = list(read_documents(file, "columns", log=log))
    lines = [int((error.place or "").rpartition(":")[2]) for error in log.unreadable or ()]
    assert sorted(lines) == [2, 3, 4, 5, 6]
    assert [each.text for each in documents] == ["Ann in", "he"]
    assert [entities(each) for each in documents] == [[("Ann", "PER")], []]


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused_with_their_place(
    file: Path, content: bytes, repair: bool
) -> None:
    file.write_bytes(b"0\tAnn\tB-PER\n" + content)
    try:
        list(read_documents(file, "columns", ReadOptions(repair=repair)))
    except NerineError as error:
        assert file.name in (error.place or "")  # noqa: PT017
