"""Column files, read and written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, NerineError
from nerine.core.tags import Span, TagScheme
from nerine.data.formats import ReadLog, ReadOptions, WriteOptions, read_documents, write_documents
from nerine.data.formats.tagged_words import words_to_tag
from strategies import documents, tag_sequences, token_documents

CONLL_2003 = """\
-DOCSTART- -X- -X- O

EU NNP I-NP B-ORG
rejects VBZ I-VP O
German JJ I-NP B-MISC
call NN I-NP I-MISC

Peter NNP I-NP B-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- -X- O

BRUSSELS NNP I-NP B-LOC

"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns") / "corpus.conll"


def read(
    file: Path, text: str | bytes, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_documents(file, "columns", options or ReadOptions(), log))


def refused(file: Path, text: str | bytes, options: ReadOptions | None = None) -> NerineError:
    with pytest.raises(NerineError) as caught:
        read(file, text, options)
    return caught.value


def found(document: Document) -> list[tuple[str, str]]:
    return [(document.surface(entity), entity.label) for entity in document.entities]


def test_reads_conll_2003(file: Path) -> None:
    log = ReadLog()
    first, second, third = read(file, CONLL_2003, log=log)
    assert first.text == "EU rejects German call"
    assert found(first) == [("EU", "ORG"), ("German call", "MISC")]
    assert first.meta["docstart"] == ["-DOCSTART-", "-X-", "-X-", "O"]
    assert first.meta["columns"][1] == ["VBZ", "I-VP"]
    assert "docstart" not in second.meta
    assert "docstart" in third.meta
    assert log == ReadLog(documents=3, scheme=TagScheme.IOB2)


def test_writes_conll_2003_as_it_was(file: Path) -> None:
    write_documents(read(file, CONLL_2003), file, options=WriteOptions(separator="space"))
    assert file.read_text() == CONLL_2003


def test_reads_what_real_files_have(file: Path) -> None:
    text = "\ufeffMira\tB-person\r\nleft\tO\r\n\t\r\n \r\nNew York\tB-LOC\r\n"
    first, second = read(file, text)
    assert found(first) == [("Mira", "person")]
    assert (second.text, second.tokens) == ("New York", (Token(0, 8),))


@pytest.mark.parametrize("line", ["#\tO", "#NFL\tO", "#now\tB-LOC", "# id = 5\tO"])
def test_tokens_with_a_hash_are_no_comments(file: Path, line: str) -> None:
    surface = line.partition("\t")[0]
    assert read(file, f"{line}\nx\tO\n")[0].text == f"{surface} x"
    assert read(file, f"x\tO\n\n{line}\n")[1].text == surface
    assert read(file, f"{line}\n")[0].text == surface


def test_comments_give_id_and_text(file: Path) -> None:
    text = "# source = web\n# id = 7\n# text = Mira left.\n# plain\n"
    rows = "Mira\tB-person\nleft\tO\n.\tO\n"
    (document,) = read(file, text.replace("# plain", "#plain") + rows)
    assert (document.id, document.text) == ("7", "Mira left.")
    assert document.tokens == (Token(0, 4), Token(5, 9), Token(9, 10))
    assert document.meta["comments"] == ["# source = web", "#plain"]


def test_comments_between_spaces(file: Path) -> None:
    (document,) = read(file, "# id = O\n# sent id = 3\nMira B-person\n")
    assert (document.id, document.text) == ("O", "Mira")
    assert document.meta["comments"] == ["# sent id = 3"]


@pytest.mark.parametrize("comment", ["# a O", "# id = 5", "plain", "#a\nb"])
def test_comments_that_would_be_read_as_something_else_survive(file: Path, comment: str) -> None:
    document = replace(Document.from_tokens(["a"]), meta={"comments": [comment]})
    with_column = replace(document, meta={"comments": [comment], "columns": [["X"]]})
    write_documents([with_column], file, options=WriteOptions(separator="space"))
    assert list(read_documents(file)) == [with_column]


def test_columns_can_be_named(file: Path) -> None:
    options = ReadOptions(token_column=1, tag_column=2)
    (document,) = read(file, "1 Mira B-person x\n2 left O y\n", options)
    assert found(document) == [("Mira", "person")]
    assert document.meta["columns"] == [["1", "x"], ["2", "y"]]
    write_documents([document], file, options=WriteOptions(token_column=1, tag_column=2))
    assert file.read_text() == "1\tMira\tB-person\tx\n2\tleft\tO\ty\n\n"


def test_separator_can_be_stated(file: Path) -> None:
    assert read(file, "a\tb O\n", ReadOptions(separator="space"))[0].text == "a\tb"
    assert "'comma'" in str(refused(file, "a O\n", ReadOptions(separator="comma")))


@pytest.mark.parametrize("scheme", TagScheme)
def test_every_scheme_is_detected(file: Path, scheme: TagScheme) -> None:
    document = Document.from_tokens(["a", "b", "c", "d", "e"]).with_entities(
        [Entity(0, 3, "x"), Entity(4, 5, "x"), Entity(8, 9, "y")]
    )
    write_documents([document], file, options=WriteOptions(scheme=scheme))
    log = ReadLog()
    assert list(read_documents(file, log=log)) == [document]
    assert log.scheme is scheme


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a B-x\n\nb O\nc I-x\n", 4, "'I-x' cannot follow 'O'"),
        ("a B-x\nb person\n", 2, "tag 'person' has an unknown form"),
        ("a O\nb x O\n", 2, "3 columns"),
        ("a\tO\n\tO\n", 2, "the token is empty"),
        ("Mira\nleft\n", 1, "no tag column"),
        ("a\tO\nb\tB-x \n", 2, "the tag 'B-x ' has white space around it"),
        ("# text = Mira\nMira O\nleft O\n", 3, "'left' is not in the text"),
        ('# text_json = "a\na O\n', 1, "the comment '# text_json'"),
        ('# text_json = "ab"\n# tokens = [[0, 1]]\nb O\n', 1, "does not agree"),
        ("# text = ab\n# tokens = [[0, 9]]\nab O\n", 1, r"the range \[0, 9\)"),
        (b"a O\nb\xe9c O\n", 2, "byte 0xe9 at position 1"),
    ],
)
def test_bad_lines_are_refused_with_their_place(
    file: Path, text: str | bytes, place: int, words: str
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(file, text)
    assert caught.value.place == f"{file}:{place}"


def test_orphan_tags_have_two_ways_out(file: Path) -> None:
    hint = refused(file, "a B-x\nb O\nc I-x\n").hint or ""
    assert "--repair" in hint
    assert "--scheme" in hint


def test_repair_reads_leniently_and_counts(file: Path) -> None:
    log = ReadLog()
    options = ReadOptions(scheme=TagScheme.IOB2, repair=True)
    first, _ = read(file, "a O\nb I-x\nc I-y\n\nd B-x\n", options, log)
    assert found(first) == [("b", "x"), ("c", "y")]
    assert (log.repaired_tags, log.repaired_documents, log.documents) == (2, 1, 2)


@given(st.data(), st.sampled_from(TagScheme))
def test_repair_reads_any_tags_as_conlleval_does(
    file: Path, data: st.DataObject, scheme: TagScheme
) -> None:
    tags = data.draw(tag_sequences(scheme, legal=False))
    text = "".join(f"a {tag}\n" for tag in tags)
    found = read(file, text, ReadOptions(scheme=scheme, repair=True))
    spans = [Span(e.start // 2, e.end // 2 + 1, e.label) for d in found for e in d.entities]
    assert spans == scheme.decode(tags, "lenient")


@given(st.data(), st.sampled_from(TagScheme))
def test_legal_tags_are_read_as_they_are(
    file: Path, data: st.DataObject, scheme: TagScheme
) -> None:
    tags = data.draw(tag_sequences(scheme))
    text = "".join(f"a\t{tag}\n" for tag in tags) + "\n"
    found = read(file, text, ReadOptions(scheme=scheme))
    write_documents(found, file, options=WriteOptions(scheme=scheme))
    assert file.read_text() == (text if tags else "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ReadOptions(tag_column=4), "there is no column 4"),
        (ReadOptions(token_column=-3), "there is no column -3"),
        (ReadOptions(token_column=1, tag_column=-1), "named both"),
        (ReadOptions(tag_column="ner"), "tag_column is 'ner'"),
    ],
)
def test_columns_that_are_not_there(file: Path, options: ReadOptions, words: str) -> None:
    error = refused(file, "a O\n", options)
    assert words in error.found
    assert error.place == f"{file}:1"


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        list(read_documents(tmp_path / "gone.conll"))
    with pytest.raises(FormatError, match="this is a folder"):
        list(read_documents(tmp_path, "columns"))


def test_an_empty_file_has_no_documents(file: Path) -> None:
    assert read(file, "\n\n") == []


def test_reading_streams(file: Path) -> None:
    file.write_bytes(b"a O\n\n" * 10_000 + b"\xff\xff")
    lines = read_documents(file, options=ReadOptions(scheme=TagScheme.IOB2))
    assert next(lines).text == "a"
    with pytest.raises(FormatError, match="byte 0xff"):
        list(lines)


@given(st.lists(documents(), max_size=3), st.sampled_from(["tab", "space"]))
def test_documents_survive(file: Path, written: list[Document], separator: str) -> None:
    assert write_documents(written, file, options=WriteOptions(separator=separator)) == len(written)
    back = list(read_documents(file, options=ReadOptions(separator=separator)))
    assert [(d.text, d.entities, d.id, d.meta) for d in back] == [
        (d.text, d.entities, d.id, d.meta) for d in written
    ]
    assert [d.tokens for d in back] == [words_to_tag(d) for d in written]


@given(st.lists(token_documents(), min_size=1, max_size=3), st.sampled_from(["tab", "space"]))
def test_plain_documents_make_a_plain_file(
    file: Path, written: list[Document], separator: str
) -> None:
    write_documents(written, file, options=WriteOptions(separator=separator))
    back = list(read_documents(file))
    assert back == written
    text = file.read_bytes()
    write_documents(back, file, options=WriteOptions(separator=separator))
    assert file.read_bytes() == text


def test_words_are_cut_where_entities_demand_it() -> None:
    text = "ex-Mira  Okonjo"
    tokens = (Token(0, 7), Token(9, 15))
    inside = Document(text, (Entity(3, 7, "p"),), tokens)
    between = Document(text, (Entity(7, 8, "p"), Entity(8, 12, "q")), tokens)
    assert words_to_tag(inside) == (Token(0, 3), Token(3, 7), Token(9, 15))
    assert words_to_tag(between) == (
        *(Token(0, 7), Token(7, 8), Token(8, 9), Token(9, 12)),
        Token(12, 15),
    )


@given(documents())
def test_words_to_tag_are_tokens_of_the_text(document: Document) -> None:
    words = words_to_tag(document)
    assert Document(document.text, tokens=words).tokens == words
    edges = {word.start for word in words}, {word.end for word in words}
    assert all(e.start in edges[0] and e.end in edges[1] for e in document.entities)


def test_pieces_of_a_token_have_its_other_columns(file: Path) -> None:
    (document,) = read(file, "ex-Mira NN O\nleft VB O\n")
    write_documents([document.with_entities([Entity(3, 7, "p")])], file)
    assert file.read_text() == ("# text = ex-Mira left\nex-\tNN\tO\nMira\tNN\tB-p\nleft\tVB\tO\n\n")


def test_documents_without_other_columns_have_a_sign_in_them(file: Path) -> None:
    known = read(file, "a X O\n")
    write_documents([*known, Document.from_tokens(["b"])], file)
    assert file.read_text() == "a\tX\tO\n\nb\t_\tO\n\n"


def test_what_a_line_cannot_hold_is_hidden(file: Path) -> None:
    document = Document("a\tb \ud800", (Entity(0, 5, "x"),), (Token(0, 3), Token(4, 5)))
    write_documents([document], file)
    assert file.read_text() == (
        '# text_json = "a\\tb \\ud800"\n# tokens = [[0, 3], [4, 5]]\na_b\tB-x\n_\tI-x\n\n'
    )
    assert list(read_documents(file)) == [document]


@pytest.mark.parametrize("label", ["a\tb", "a\n", " ", "x "])
def test_labels_that_no_column_holds_are_refused(file: Path, label: str) -> None:
    document = Document.from_tokens(["a"]).with_entities([Entity(0, 1, label)])
    with pytest.raises(FormatError, match="would be read back as something else") as caught:
        write_documents([document], file)
    assert caught.value.place == f"{file}, document 1"


def test_a_label_that_utf_8_lacks_is_refused(file: Path) -> None:
    document = Document.from_tokens(["a"]).with_entities([Entity(0, 1, "\udc80")])
    with pytest.raises(FormatError, match="half of a surrogate pair"):
        write_documents([document], file)


def test_other_columns_must_agree(file: Path) -> None:
    (one,) = read(file, "a X O\n")
    (two,) = read(file, "a X Y O\n")
    with pytest.raises(FormatError, match="the tokens have 2 other columns"):
        write_documents([one, two], file)


def test_columns_to_write_must_exist(file: Path) -> None:
    with pytest.raises(FormatError, match="there is no column 2"):
        write_documents([Document.from_tokens(["a"])], file, options=WriteOptions(tag_column=2))


def test_only_line_feeds_end_lines(file: Path) -> None:
    tokens = ["a\x85", "b\u2028c", "\x1c"]
    text = "".join(f"{token}\tO\n" for token in tokens)
    assert read(file, text)[0].text == " ".join(tokens)


def test_a_file_is_written_whole_or_not_at_all(file: Path) -> None:
    file.write_text("before")
    with pytest.raises(FormatError, match="document 2"):
        write_documents([Document.from_tokens(["a"]), Document("\ud800\udc00")], file)
    assert file.read_text() == "before"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
