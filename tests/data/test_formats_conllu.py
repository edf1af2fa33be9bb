"""CoNLL-U and CoNLL-U Plus, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, NerineError
from nerine.data.formats import (
    ReadLog,
    ReadOptions,
    detect_format,
    read_documents,
    write_documents,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conllu") / "corpus.conllu"


def read(
    file: Path, text: str, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    file.write_text(text, encoding="utf-8")
    return list(read_documents(file, "conllu", options or ReadOptions(), log))


def refused(file: Path, text: str, options: ReadOptions | None = None) -> NerineError:
    with pytest.raises(NerineError) as caught:
        read(file, text, options)
    return caught.value


def found(document: Document) -> list[tuple[str, str]]:
    return [(document.surface(entity), entity.label) for entity in document.entities]


def row(number: str, form: str, misc: str = "_", upos: str = "X") -> str:
    return "\t".join([number, form, "_", upos, "_", "_", "_", "_", "_", misc])


def rows(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines) + "\n"


def test_names_in_misc(file: Path) -> None:
    log = ReadLog()
    text = rows(
        "# newdoc id = a",
        "# sent_id = a-1",
        "# text = Finn Lee ran.",
        row("1", "Finn", "name=B-PER", "PROPN"),
        row("2", "Lee", "Gloss=x|name=I-PER", "PROPN"),
        row("3", "ran", "name=O|SpaceAfter=No", "VERB"),
        row("4", ".", "SpaceAfter=No|name=O", "PUNCT"),
    )
    (document,) = read(file, text, log=log)
    assert (document.text, document.id) == ("Finn Lee ran.", "a-1")
    assert found(document) == [("Finn Lee", "PER")]
    assert document.meta["comments"] == ["# newdoc id = a"]
    values = document.meta["conllu"]["values"]
    assert [value[1] for value in values] == ["PROPN", "PROPN", "VERB", "PUNCT"]
    assert [value[-1] for value in values] == ["_", "Gloss=x", "_", "SpaceAfter=No"]
    assert log.notes == ["columns: FORM token, MISC under 'name' tag (IOB2)"]
    assert detect_format(file) == "conllu"


@pytest.mark.parametrize(
    "tags", ["NER=B-PER NER=I-PER _", "NE=PER NE=PER _", "B-PER I-PER O", "ner=B_PER ner=I_PER _"]
)
def test_other_ways_to_name_entities_in_misc(file: Path, tags: str) -> None:
    first, second, third = tags.split()
    lines = [row("1", "Finn", first), row("2", "Lee", second), row("3", "ran", third)]
    (document,) = read(file, rows(*lines))
    assert found(document) == [("Finn Lee", "PER")]


@pytest.mark.parametrize("name", ["NER", "NE", "FINE:NER", "ner"])
def test_conllu_plus_names_its_columns(file: Path, name: str) -> None:
    text = f"# global.columns = ID FORM UPOS {name} MISC\n# text = Finn ran.\n" + rows(
        "1\tFinn\tPROPN\tB-PER\t_", "2\tran\tVERB\tO\tSpaceAfter=No", "3\t.\tPUNCT\t_\t_"
    )
    (document,) = read(file, text)
    assert (document.text, found(document)) == ("Finn ran.", [("Finn", "PER")])
    assert detect_format(file) == "conllu"


def test_spaces_come_from_misc_where_there_is_no_text(file: Path) -> None:
    text = rows(row("1", "Finn", "NER=B-PER|SpaceAfter=No"), row("2", ","), row("3", "no"))
    assert read(file, text)[0].text == "Finn, no"


def test_words_inside_multiword_tokens_make_the_text(file: Path) -> None:
    log = ReadLog()
    text = rows(
        "# text = im Haus!",
        row("1-2", "im"),
        row("1", "in", "name=O"),
        row("2", "dem", "name=O"),
        row("3", "Haus", "name=B-LOC|SpaceAfter=No"),
        row("3.1", "da"),
        row("4", "!", "name=O"),
    )
    (document,) = read(file, text, log=log)
    assert (document.text, found(document)) == ("in dem Haus!", [("Haus", "LOC")])
    assert document.meta["source_text"] == "im Haus!"
    assert [line[:3] for line in document.meta["conllu"]["lines"]] == [
        [0, "1-2", "im"],
        [3, "3.1", "da"],
    ]
    assert sum(log.remarks.values()) == 1
    write_documents([document], file)
    written = file.read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[:2] for line in written if not line.startswith("#")][:6] == [
        *(["1-2", "im"], ["1", "in"], ["2", "dem"], ["3", "Haus"], ["3.1", "da"], ["4", "!"]),
    ]
    assert list(read_documents(file)) == [document]


def test_other_columns_are_written_back(file: Path) -> None:
    text = "# global.columns = ID FORM UPOS NER MISC\n# sent_id = 1\n# text = Finn ran.\n" + rows(
        "1\tFinn\tPROPN\tB-PER\tGloss=x", "2\tran\tVERB\tO\tSpaceAfter=No", "3\t.\tPUNCT\tO\t_"
    )
    write_documents(read(file, text), file)
    assert file.read_text(encoding="utf-8") == text


def test_a_file_of_other_columns_is_read_as_they_are(file: Path) -> None:
    log = ReadLog()
    (document,) = read(file, "0\tFinn\tB-PER\n1\tran\tO\n", log=log)
    assert found(document) == [("Finn", "PER")]
    assert log.notes == ["columns: 1 token, 2 tag (IOB2); 0 counts tokens"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rows(row("1", "Finn", "Gloss=x")), "no column and no key in MISC holds tags"),
        (rows(row("1", "Finn", "a=B-X|b=B-Y")), "several keys in MISC hold tags"),
        (rows(row("1", "Finn", "name=B-X"), row("2", "ran", "name=PER")), "tag 'PER' has an unkn"),
        (rows("# text = Ann", row("1", "Finn", "name=B-X")), "'Finn' is not in the text"),
        ("# global.columns = ID FORM NER\n1\tFinn\n", "2 columns"),
        ("# global.columns = ID FORM NER\nx\tFinn\tO\n", "the id is 'x'"),
        ("# global.columns = ID FORM NER\n1\tFinn\rLee\tO\n", "a carriage return"),
        ("# global.columns = ID FORM NER\n1\t\tO\n", "the word is empty"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(file: Path, text: str, words: str) -> None:
    error = refused(file, text)
    assert words in error.found
    assert str(file) in (error.place or "")


def test_the_hint_about_several_keys_works(file: Path) -> None:
    text = rows(row("1", "Finn", "a=B-X|b=B-Y"))
    assert "--tag-column (tag_column=…)" in (refused(file, text).hint or "")
    assert found(read(file, text, ReadOptions(tag_column="b"))[0]) == [("Finn", "Y")]


def test_every_unreadable_line_is_listed(file: Path) -> None:
    log = ReadLog(unreadable=[])
    text = "# global.columns = ID FORM NER\n1\tFinn\tB-PER\n2\tran\n\n1\the\tO\nx\ty\tO\n"
    assert [each.text for each in read(file, text, log=log)] == ["Finn", "he"]
    assert [error.place for error in log.unreadable or ()] == [f"{file}:3", f"{file}:6"]


_CELLS = st.sampled_from(["_", "NOUN", "a=b", "Gloss=x|Y=z", "SpaceAfter=No", "O", "B-x", "1-2"])
_WORDS = st.sampled_from(["Finn", "ran", ",", "#", "# id = 5", "New York", "1-2", "_", "ø"])


@st.composite
def treebanks(draw: st.DrawFn) -> str:
    """CoNLL-U files with any columns, multiword tokens and empty nodes."""
    names = draw(st.lists(st.sampled_from(["UPOS", "FEATS", "X:A", "MISC"]), unique=True))
    lines = [f"# global.columns = ID FORM {' '.join([*names, 'NER'])}"]
    for number in range(draw(st.integers(1, 3))):
        lines.append(f"# sent_id = {number}")
        lines += draw(st.lists(st.sampled_from(["# newpar", "# text_en = x y"]), max_size=1))
        for index in range(1, 1 + draw(st.integers(1, 4))):
            ids = [f"{index}-{index + 1}"] * draw(st.booleans())
            ids += [str(index), *[f"{index}.1"] * draw(st.booleans())]
            for each in ids:
                cells = [draw(_CELLS) for _ in names]
                tag = draw(st.sampled_from(["O", "B-PER"])) if each.isdecimal() else "_"
                lines.append("\t".join([each, draw(_WORDS), *cells, tag]))
        lines.append("")
    return "\n".join(lines) + "\n"


@given(treebanks())
def test_what_was_read_is_read_again_after_writing(file: Path, text: str) -> None:
    first = read(file, text)
    write_documents(first, file)
    assert list(read_documents(file, "conllu")) == first


def test_entities_that_overlap_are_refused(file: Path) -> None:
    document = Document("abc", (Entity(0, 2, "x"), Entity(1, 3, "y")), (Token(0, 3),))
    with pytest.raises(FormatError, match="overlap"):
        write_documents([document], file)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_their_place(file: Path, content: bytes) -> None:
    file.write_bytes(b"# global.columns = ID FORM NER MISC\n1\tFinn\tB-X\t_\n" + content)
    try:
        list(read_documents(file, "conllu"))
    except NerineError as error:
        assert file.name in (error.place or "")  # noqa: PT017


def test_a_row_of_another_width_in_a_short_file_is_its_own_error(tmp_path: Path) -> None:
    path = tmp_path / "short.conllu"
    blank = "\t_" * 7
    path.write_text(f"1\tAnn{blank}\tNER=B-PER\n2\tran\tNER=O\n3\tfar{blank}\tNER=O\n\n")
    with pytest.raises(FormatError) as caught:
        list(read_documents(path))
    assert caught.value.place == f"{path}:2"
    log = ReadLog(unreadable=[])
    (document,) = read_documents(path, log=log)
    assert document.text == "Ann far"
    assert [each.place for each in log.unreadable or ()] == [f"{path}:2"]
