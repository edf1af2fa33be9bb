"""CSV and TSV files with a header."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, NerineError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, WriteOptions, read_documents, write_documents
from nerine.data.formats.head import Head
from nerine.data.formats.tables import recognises
from strategies import documents

TOKENS = 'Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-per\n,Byron,NNP,I-per\n,"""","""",O\n'


def found_in(
    folder: Path, content: str | bytes, options: ReadOptions | None = None, name: str = "in.csv"
) -> tuple[list[Document], ReadLog]:
    path, log = folder / name, ReadLog()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_documents(path, "csv", options or ReadOptions(), log)), log


def refused(folder: Path, content: str | bytes, **options: Any) -> NerineError:
    with pytest.raises(FormatError) as caught:
        found_in(folder, content, ReadOptions(**options))
    return caught.value


def line_of(error: NerineError) -> str:
    return (error.place or "").rpartition("/")[2]


def names_in(document: Document) -> list[tuple[str, str]]:
    return [(document.surface(each), each.label) for each in document.entities]


# writing


@settings(max_examples=100)
@given(st.lists(documents(scores=True), max_size=3), st.sampled_from(list(TagScheme)))
def test_documents_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, before: list[Document], scheme: TagScheme
) -> None:
    path = tmp_path_factory.getbasetemp() / "there-and-back.csv"
    write_documents(before, path, "csv", WriteOptions(scheme=scheme))
    assert list(read_documents(path, "csv", ReadOptions(scheme=scheme))) == before


@given(st.lists(documents(), min_size=1, max_size=3))
def test_what_is_written_is_what_pythons_csv_reads(
    tmp_path_factory: pytest.TempPathFactory, before: list[Document]
) -> None:
    path = tmp_path_factory.getbasetemp() / "oracle.csv"
    write_documents(before, path, "csv")
    text = path.read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in rows} == {4}
    assert [*dict.fromkeys(row[0] for row in rows[1:])] == [str(n) for n in range(len(before))]
    assert len(rows) == text.count("\n"), "a row extends over several lines"


def test_a_table_is_written_as_simpletransformers_wants_it(tmp_path: Path) -> None:
    first = Document.from_tokens(["Ada", "Byron", ","], id="0").with_entities([Entity(0, 9, "per")])
    second = replace(Document.from_tokens(["x"]), text='x"\ny', tokens=None, meta={"a": 1})
    path = tmp_path / "out.csv"
    assert write_documents([first, second], path) == 2
    extras = (
        '"{""text"": ""x\\""\\ny"", ""offsets"": [[0, 1], [1, 2], [3, 4]], '
        '""id"": null, ""tokens"": null, ""meta"": {""a"": 1}}"'
    )
    assert path.read_text().splitlines() == [
        "sentence_id,words,labels,extras",
        "0,Ada,B-per,",
        "0,Byron,I-per,",
        '0,",",O,',
        f"1,x,O,{extras}",
        '1,"""",O,',
        "1,y,O,",
    ]
    assert list(read_documents(path)) == [first, second]


def test_entities_that_overlap_are_not_written(tmp_path: Path) -> None:
    nested = Document("Ada Byron", (Entity(0, 3, "first"), Entity(0, 9, "per")))
    with pytest.raises(NerineError, match="overlap others"):
        write_documents([nested], tmp_path / "out.csv")


@pytest.mark.parametrize(
    "extras",
    [
        "{",
        "[]",
        '{"text": 1}',
        '{"text": "Ada left", "offsets": [[0, 2]]}',
        '{"offsets": [[0, 3]]}',
        '{"text": "Bob"}',
        '{"tokens": [[7, 9]]}',
        '{"id": 5}',
        '{"meta": 5}',
        '{"id": ' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_extras_that_are_changed_are_an_error(tmp_path: Path, extras: str) -> None:
    cell = extras.replace('"', '""')
    content = f'sentence_id,words,labels,extras\n0,Ada,B-per,"{cell}"\n'
    assert line_of(refused(tmp_path, content)).startswith("in.csv:2")


# rows of tokens


def test_a_sentence_number_is_filled_forward(tmp_path: Path) -> None:
    found, log = found_in(tmp_path, f"{TOKENS}Sentence: 2,Rome,NNP,B-geo\n,fell,VBD,O\n")
    assert [each.text for each in found] == ['Ada Byron "', "Rome fell"]
    assert [names_in(each) for each in found] == [[("Ada Byron", "per")], [("Rome", "geo")]]
    assert [each.id for each in found] == ["Sentence: 1", "Sentence: 2"]
    assert found[0].meta == {"columns": [["NNP"], ["NNP"], ['"']], "column_names": ["POS"]}
    assert ", ".join(log.notes) == (
        "table with commas: each row is a token: 'Word' is the token, 'Tag' is the tag, "
        "'Sentence #' is the sentence; kept: 'POS'"
    )


@pytest.mark.parametrize(
    "header",
    [
        "sentence_id,words,labels",
        "Sentence_ID,token,NER",
        "sent_no,Form,ner_tags",
        "doc_id,word,Label",
        "id,tokens,tags",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_names_and_delimiters_that_are_known(
    tmp_path: Path, header: str, delimiter: str, end: str
) -> None:
    rows = [header, "0,Ada,B-per", "0,left,O", "1,Rome,B-geo", "1,fell,O"]
    content = end.join(rows).replace(",", delimiter) + end
    found, _ = found_in(tmp_path, f"\ufeff{content}")
    assert [each.text for each in found] == ["Ada left", "Rome fell"]
    assert [each.id for each in found] == ["0", "1"]
    assert recognises(Head.of(tmp_path / "in.csv"))


def test_columns_with_other_names_are_stated(tmp_path: Path) -> None:
    content = "sentence_id,mot,etiquette\n0,Ada,B-per\n0,left,O\n"
    error = refused(tmp_path, content)
    assert "the columns do not tell what the rows are: 'sentence_id', 'mot'" in error.found
    assert "--token-column" in (error.hint or "")
    options = ReadOptions(token_column="mot", tag_column="etiquette")
    assert names_in(found_in(tmp_path, content, options)[0][0]) == [("Ada", "per")]
    assert "no column is called 'x'" in refused(tmp_path, content, tag_column="x").found


def test_two_columns_of_tags_are_asked_about(tmp_path: Path) -> None:
    content = "sentence_id,word,tag,label\n0,Ada,NNP,B-per\n0,left,VBD,O\n"
    error = refused(tmp_path, content)
    assert "the columns 'tag' and 'label' may all hold the tags" in error.found
    assert "--tag-column 'tag'" in (error.hint or "")
    found, _ = found_in(tmp_path, content, ReadOptions(tag_column="label"))
    assert names_in(found[0]) == [("Ada", "per")]
    named = content.replace("label", "ner")
    assert names_in(found_in(tmp_path, named)[0][0]) == [("Ada", "per")]


def test_sentences_of_several_documents_may_have_the_same_numbers(tmp_path: Path) -> None:
    content = "doc,sentence_id,word,tag\na,1,Ada,O\na,1,left,O\nb,1,Rome,O\nb,1,fell,O\n"
    found, _ = found_in(tmp_path, content)
    assert [(each.id, each.text) for each in found] == [("a:1", "Ada left"), ("b:1", "Rome fell")]


def test_a_number_that_begins_again_is_an_error_or_repaired(tmp_path: Path) -> None:
    content = "sentence_id,word,tag\n1,Ada,O\n1,left,O\n2,Rome,O\n1,fell,O\n"
    error = refused(tmp_path, content)
    assert line_of(error) == "in.csv:5"
    assert "'1' in the column 'sentence_id' begins again, after rows from line 2" in error.found
    assert "--repair" in (error.hint or "")
    found, log = found_in(tmp_path, content, ReadOptions(repair=True))
    assert [each.text for each in found] == ["Ada left", "Rome", "fell"]
    assert log.remarks == {"whose number or name an earlier document has too": 1}


def test_an_empty_row_ends_a_sentence_where_no_column_does(tmp_path: Path) -> None:
    found, _ = found_in(tmp_path, "word,tag\nAda,B-per\nleft,O\n\nRome,B-geo\n,\nfell,O\n")
    assert [each.text for each in found] == ["Ada left", "Rome", "fell"]
    for header, row in (("word,tag", "Ada,O\n"), ("id,word,tag", "{},Ada,O\n")):
        content = f"{header}\n" + "".join(row.format(n) for n in range(30))
        assert "no column tells where a sentence begins" in refused(tmp_path, content).found


def test_an_empty_token_is_an_error_or_left_out(tmp_path: Path) -> None:
    content = "sentence_id,word,tag\n1,Ada,B-per\n1,,O\n1,left,O\n"
    error = refused(tmp_path, content)
    assert (line_of(error), error.found) == ("in.csv:3", "the token is empty")
    found, log = found_in(tmp_path, content, ReadOptions(repair=True))
    assert found[0].text == "Ada left"
    assert log.remarks == {"with an empty token left out whose tag was 'O'": 1}


def test_numbers_of_tags_have_names(tmp_path: Path) -> None:
    content = "sentence_id,word,tag\n1,Ada,1\n1,left,0\n"
    assert "numbers, such as 1, without names" in refused(tmp_path, content).found
    found, _ = found_in(tmp_path, content, ReadOptions(tag_names=("O", "B-per")))
    assert names_in(found[0]) == [("Ada", "per")]
    known = ReadOptions(known_tag_names={"tag": ("O", "B-per")})
    assert names_in(found_in(tmp_path, content, known)[0][0]) == [("Ada", "per")]


@pytest.mark.parametrize("tag", ["", "0", "I-loc", "B_per"])
def test_a_wrong_tag_has_the_line_of_its_token(tmp_path: Path, tag: str) -> None:
    content = f"sentence_id,word,tag\n1,Ada,B-per\n\n1,saw,O\n1,Rome,{tag}\n2,x,B-per\n"
    error = refused(tmp_path, content, scheme=TagScheme.IOB2)
    assert line_of(error) == "in.csv:5"
    assert repr(tag) in error.found


def test_line_ends_with_two_carriage_returns_are_line_ends(tmp_path: Path) -> None:
    found, _ = found_in(tmp_path, "sentence_id,word,tag\r\r\n1,Ada,B-per\r\r\n")
    assert names_in(found[0]) == [("Ada", "per")]


def test_tokens_with_ranges_are_tokens(tmp_path: Path) -> None:
    content = "sentence_id,word,start,end,tag\n0,left,4,8,O\n0,Ada,0,3,B-per\n"
    found, _ = found_in(tmp_path, content)
    assert names_in(found[0]) == [("Ada", "per")]


# quotes


def test_quotes_in_other_files_may_be_characters(tmp_path: Path) -> None:
    rows = ["sentence_id\tword\ttag", '0\t"\tO', "0\tAda\tB-per", '0\t"\tO', "1\tRome\tO"]
    found, log = found_in(tmp_path, "\n".join(rows))
    assert [each.text for each in found] == ['" Ada "', "Rome"]
    assert "quotes are characters of their cells" in log.notes[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (['0\t""""\tO', "0\tAda\tO"], ['"', "Ada"]),  # doubled: csv.writer
        (['0\t"Ada"\tO', "0\tleft\tO"], ['"Ada"', "left"]),  # no program quotes this one alone
        (['0\t"a\tb"\tO', "0\tleft\tO"], ["a\tb", "left"]),
        (['0\t5"\tO', '0\t"Ada" Byron\tO'], ['5"', '"Ada" Byron']),
        (['0\t"Ada\tO', "0\tleft\tO"], ['"Ada', "left"]),
    ],
)
def test_the_file_tells_whether_quotes_surround_cells(
    tmp_path: Path, rows: list[str], words: list[str]
) -> None:
    found, _ = found_in(tmp_path, "\n".join(["sentence_id\tword\ttag", *rows]))
    assert [found[0].surface(each) for each in found[0].tokens or ()] == words


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('sentence_id,word,tag\n0,"Ada",O\n0,"a"b",O\n', "in.csv:3"),
        ('"sentence_id"\t"word"\t"tag"\n0\tAda\tO\n0\t"a"b"\tO\n', "in.csv:3"),
        ('sentence_id,word,tag\n0,"Ada",O\n0,",O\n0,",O\n', "in.csv:3"),
        ('text,label\n"Ada, she\nleft",O O O\n', "in.csv:2"),
    ],
)
def test_files_that_contradict_themselves_are_not_read(
    tmp_path: Path, content: str, place: str
) -> None:
    assert line_of(refused(tmp_path, content)) == place


def test_texts_in_quotes_may_have_several_lines(tmp_path: Path) -> None:
    content = 'text;label\n"Ada\r\nleft";B-per O\nRome; B-geo\n'
    found, _ = found_in(tmp_path, content)
    assert [each.text for each in found] == ["Ada\r\nleft", "Rome"]


def test_a_header_in_quotes_tells_that_quotes_surround_cells(tmp_path: Path) -> None:
    found, _ = found_in(tmp_path, '"sentence_id"\t"word"\t"tag"\n0\t"Ada"\t"O"\n')
    assert found[0].text == "Ada"


def test_two_lone_quotes_do_not_swallow_the_rows_between_them(tmp_path: Path) -> None:
    lone = 'sentence_id,word,tag\n0,",O\n0,Ada,B-per\n0,",O\n'
    found, log = found_in(tmp_path, lone)
    assert found[0].text == '" Ada "'
    assert "quotes are characters" in log.notes[0]
    error = refused(tmp_path, f'{lone}1,"Byron, Ada",B-per\n')
    assert line_of(error) == "in.csv:2"
    assert "each of these lines would be a row of its own" in error.found
    found, _ = found_in(tmp_path, f'{lone}1,"Byron, Ada",B-per\n'.replace(',",', ',"""",'))
    assert [each.text for each in found] == ['" Ada "', "Byron, Ada"]


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        ('sentence_id,word,tag\n0,"a,b",O\n0,"Ada,O\n0,left,O\n', 3, "is not closed before the en"),
        ('sentence_id,word,tag\n0,"a,b",O\n0,"Ada"s,O\n', 3, "characters follow the closing quote"),
        ("sentence_id,word,tag\n0,Ada\n", 2, "the row has 2 cells"),
        ("sentence_id,word,tag\r0,Ada,O\r", 1, "a carriage return stands inside"),
        ("sentence_id,word,tag\n0,Ada,O\r0,left,O\n", 2, "a carriage return stands inside"),
        ("", None, "the file is empty"),
        ("\n\n", None, "the file is empty"),
        ("8931701,Title,1,1,111,135,syndrome\n", 1, "the columns do not tell"),
        ("sentence_id,word,word,tag\n", 1, "2 columns are called 'word'"),
    ],
)
def test_rows_that_cannot_be_read(
    tmp_path: Path, content: str, place: int | None, found: str
) -> None:
    error = refused(tmp_path, content)
    assert found in error.found
    assert line_of(error) == ("in.csv" if place is None else f"in.csv:{place}")


def test_memory_is_bounded_where_a_quote_is_not_closed(tmp_path: Path) -> None:
    lines = "0,left the house and went on,O\n" * 150_000
    error = refused(tmp_path, f'sentence_id,word,tag\n0,"a,b",O\n0,"Ada,O\n{lines}')
    assert line_of(error) == "in.csv:3"
    assert "is not closed within 4 MiB" in error.found
    error = refused(tmp_path, f"sentence_id,word,tag\n0,{'x' * (1 << 23)},O\n")
    assert (line_of(error), error.found) == ("in.csv:2", "this line is longer than 4 MiB")


@pytest.mark.parametrize(
    ("content", "place", "hint", "command"),
    [
        (
            "sentence_id,word,tag\n0,Zoë,B-per\n".encode("cp1252"),
            2,
            "iconv",
            "iconv -f CP1252 -t UTF-8 <in.csv >new.csv",
        ),
        (
            "sentence_id,word,tag\r0,Zoë,B-per\r".encode(),
            1,
            r"tr '\r' '\n' < FILE > NEW",
            r"tr '\r' '\n' <in.csv >new.csv",
        ),
    ],
)
def test_files_in_other_encodings_are_converted_as_the_hint_says(
    tmp_path: Path, content: bytes, place: int, hint: str, command: str
) -> None:
    error = refused(tmp_path, content)
    assert line_of(error) == f"in.csv:{place}"
    assert hint in (error.hint or "")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    (document,) = read_documents(tmp_path / "new.csv")
    assert names_in(document) == [("Zoë", "per")]


@pytest.mark.parametrize(
    "content",
    ["start,end,label,corps\n0,3,per,Ada left\n", "corps,label\nAda left,B-per O\n"],
)
def test_the_column_of_texts_is_stated(tmp_path: Path, content: str) -> None:
    assert "--text-field" in (refused(tmp_path, content).hint or "")
    found, _ = found_in(tmp_path, content, ReadOptions(text_field="corps"))
    assert names_in(found[0]) == [("Ada", "per")]


def test_an_entity_in_pieces_is_an_error_or_skipped(tmp_path: Path) -> None:
    value = "[{'offsets': [[0, 3], [4, 8]], 'label': 'per'}, {'offsets': [[4, 8]], 'label': 'act'}]"
    content = f'text,label\nAda left,"{value}"\n'
    assert "--skip pieces" in (refused(tmp_path, content).hint or "")
    found, log = found_in(tmp_path, content, ReadOptions(skip=frozenset({"pieces"})))
    assert (names_in(found[0]), log.skipped) == ([("left", "act")], {"pieces": 1})


def test_a_document_and_a_sentence_column_are_one_id(tmp_path: Path) -> None:
    content = (
        "document_id,sentence_id,tokens,ner_tags\n7,2,\"['Ada', 'left']\",\"['B-per', 'O']\"\n"
    )
    found, _ = found_in(tmp_path, content)
    assert (found[0].id, names_in(found[0])) == ("7:2", [("Ada", "per")])


# rows of entities


def test_rows_of_entities_repeat_their_text_or_not(tmp_path: Path) -> None:
    for second in ("Ada saw Rome", ""):
        content = (
            "text,start,end,label\nAda saw Rome,8,12,geo\n"
            f"{second},0,3,per\nNobody came,,,\nRome fell,0,4,geo\n"
        )
        found, _ = found_in(tmp_path, content)
        assert [names_in(each) for each in found] == [
            [("Ada", "per"), ("Rome", "geo")],
            [],
            [("Rome", "geo")],
        ]
        assert recognises(Head.of(tmp_path / "in.csv"))


def test_rows_of_entities_have_ids_and_own_texts(tmp_path: Path) -> None:
    content = (
        "id;text;entity;begin;end;type;note\n7;Ada saw Rome;Ada;0;3;per;sure\n"
        "7;;Ada;0;3;per;twice\n7;;Ada saw;0;7;act;\n8;Ada saw Rome;;;;;\n"
    )
    found, _ = found_in(tmp_path, content)
    assert [each.id for each in found] == ["7", "8"]
    assert names_in(found[0]) == [("Ada", "per"), ("Ada saw", "act")]
    fields = found[0].meta["entity_fields"]
    assert fields[0] == [0, 3, "per", {"note": "sure"}]
    error = refused(tmp_path, content.replace("Ada;0", "Adam;0", 1))
    assert line_of(error) == "in.csv:2"
    assert error.found == "the entity per [0, 3) shows 'Adam', but the text there is 'Ada'"


def test_ids_that_number_entities_are_not_those_of_texts(tmp_path: Path) -> None:
    content = "id,text,start,end,label\n1,Ada saw Rome,0,3,per\n2,Ada saw Rome,8,12,geo\n"
    found, log = found_in(tmp_path, content)
    assert [names_in(each) for each in found] == [[("Ada", "per"), ("Rome", "geo")]]
    assert "'id' numbers entities" in log.notes[1]


@pytest.mark.parametrize(
    ("option", "start", "end"),
    [
        ({"offsets": "utf-16"}, 3, 6),
        ({"offsets": "bytes"}, 5, 8),
        ({"inclusive_ends": True}, 2, 4),
        ({"offsets": "utf-16", "inclusive_ends": True}, 3, 5),
    ],
)
def test_ranges_of_another_unit_are_read_or_name_the_option(
    tmp_path: Path, option: dict[str, Any], start: int, end: int
) -> None:
    content = f"text,entity,start,end,label\n😀 Ada left,Ada,{start},{end},per\n"
    if "inclusive_ends" in option:
        error = refused(tmp_path, content)
        names = {"offsets": '--offsets {0} (offsets="{0}")', "inclusive_ends": "--inclusive-ends"}
        for name, value in option.items():
            assert names[name].format(value) in (error.hint or "")
    else:  # the own texts of the whole file show the unit
        found, log = found_in(tmp_path, content)
        assert names_in(found[0]) == [("Ada", "per")]
        assert any("as the entities' own texts show" in note for note in log.notes)
    found, _ = found_in(tmp_path, content, ReadOptions(**option))
    assert names_in(found[0]) == [("Ada", "per")]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("Ada left,0,x,per", "'x' is not an offset"),
        ("Ada left,,3,per", "'' is not an offset"),
        ("Ada left,0,30,per", "the entity per has the range [0, 30)"),
        ("Ada left,3,3,per", "has no characters"),
        ("Ada left,3,2,per", "the entity per has the range [3, 2)"),
        ("Ada left,0,3,", "has no label"),
    ],
)
def test_rows_of_entities_that_cannot_be_read(tmp_path: Path, row: str, found: str) -> None:
    error = refused(tmp_path, f"text,start,end,label\n{row}\n")
    assert found in error.found
    assert line_of(error) == "in.csv:2"


def test_a_check_lists_the_rows_that_cannot_be_read(tmp_path: Path) -> None:
    log = ReadLog(unreadable=[])
    path = tmp_path / "in.csv"
    for content, texts in (
        ("text,start,end,label\nAda left,0,x,per\n,4,8,act\nRome,0,9,geo\nOslo,0,4,geo\n", 2),
        ("text,label\nAda left,OTHER\nRome,\nOslo,[]\nLima,\"[(0, 9, 'geo')]\"\n", 1),
    ):
        path.write_text(content)
        log = ReadLog(unreadable=[])
        found = list(read_documents(path, "csv", ReadOptions(text_field="text"), log))
        assert len(found) == texts
        lines = [line_of(error) for error in log.unreadable or ()]
        expected = ["in.csv:2", "in.csv:4"] if texts == 2 else ["in.csv:2", "in.csv:3", "in.csv:5"]
        assert lines == expected


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("Sentence #,Word,Tag\n1,Ada,B-per\n,,O\n,ran\n2,far,B_per\n3,Bo,B-per\n", [3, 4, 5]),
        ("text,labels\nAda ran,B-per O\nBo\nBo,no tag\nBo,B-per\n", [3, 4]),
        ("tokens,ner_tags\n\"['Ada']\",['B-per']\n['Bo'],['B-per'\n['Bo'],['B-per']\n", [3]),
    ],
)
def test_a_check_of_tokens_lists_each_row_by_its_line(
    tmp_path: Path, content: str, lines: list[int]
) -> None:
    path, log = tmp_path / "in.csv", ReadLog(unreadable=[])
    path.write_text(content)
    documents = list(read_documents(path, "csv", log=log))
    assert sorted(line_of(each) for each in log.unreadable or ()) == [
        f"in.csv:{line}" for line in lines
    ]
    assert [each.text for each in documents if each.entities][-1].endswith("Bo")


def test_tokens_and_tags_of_a_sentence_may_be_in_one_row(tmp_path: Path) -> None:
    content = "sent_id,tokens,labels\n1,Ada Byron left,B-per I-per O\n2,Bo,B-per\n"
    first, second = found_in(tmp_path, content)[0]
    assert (first.text, names_in(first)) == ("Ada Byron left", [("Ada Byron", "per")])
    assert (second.id, names_in(second)) == ("2", [("Bo", "per")])


def test_several_tags_in_a_row_of_a_token_are_an_error(tmp_path: Path) -> None:
    content = "sent_id,tokens,labels\n1,Bo,B-per\n2,Ada Byron left,B-per I-per O\n"
    error = refused(tmp_path, content)
    assert line_of(error) == "in.csv:3"
    assert "several tags" in error.found
    named = "sent_id,tokens,labels\n1,Bo,B-Natural Person\n"
    assert names_in(found_in(tmp_path, named)[0][0]) == [("Bo", "Natural Person")]


@pytest.mark.parametrize("first", ["1", "Sentence 1", "s-1", "1.0"])
def test_a_column_called_sentence_may_hold_its_number(tmp_path: Path, first: str) -> None:
    second = first.replace("1", "2")
    content = f"sentence,token,tag\n{first},Ada,B-per\n{first},left,O\n{second},Bo,B-per\n"
    assert [each.text for each in found_in(tmp_path, content)[0]] == ["Ada left", "Bo"]


def test_quotes_around_every_cell_of_a_column_surround_them(tmp_path: Path) -> None:
    rows = 'text;start;end;label\n"Ada left";0;3;per\n"Bo ran";0;2;per\n'
    assert [names_in(each) for each in found_in(tmp_path, rows)[0]] == [
        [("Ada", "per")],
        [("Bo", "per")],
    ]
    tokens = 'sentence_id;word;tag\n1;"Ada";B-per\n1;"left";O\n'
    assert [each.text for each in found_in(tmp_path, tokens)[0]] == ["Ada left"]
    some = 'sentence_id;word;tag\n1;"Ada";B-per\n1;left;O\n'
    assert [each.text for each in found_in(tmp_path, some)[0]] == ['"Ada" left']


def test_an_entity_of_no_characters_is_an_error_or_skipped(tmp_path: Path) -> None:
    content = "text,start,end,label\nAda left,3,3,per\n,4,8,act\n"
    assert "--skip empty" in (refused(tmp_path, content).hint or "")
    found, log = found_in(tmp_path, content, ReadOptions(skip=frozenset({"empty"})))
    assert (names_in(found[0]), log.skipped) == ([("left", "act")], {"empty": 1})


def test_entities_without_a_label_are_skipped(tmp_path: Path) -> None:
    content = "text,start,end,label\nAda left,0,3,\n,4,8,act\n"
    assert "--skip no-label" in (refused(tmp_path, content).hint or "")
    found, log = found_in(tmp_path, content, ReadOptions(skip=frozenset({"no-label"})))
    assert names_in(found[0]) == [("left", "act")]
    assert log.skipped == {"no-label": 1}


def test_texts_of_comprehend_are_lines_of_files_next_to_the_table(tmp_path: Path) -> None:
    (tmp_path / "documents.txt").write_text("Ada saw Rome\nNobody came\nRome fell\n")
    content = (
        "File,Line,Begin Offset,End Offset,Type\ndocuments.txt,0,0,3,PERSON\n"
        "documents.txt,2,0,4,PLACE\ndocuments.txt,0,8,12,PLACE\n"
    )
    found, _ = found_in(tmp_path, content)
    assert [names_in(each) for each in found] == [
        [("Ada", "PERSON"), ("Rome", "PLACE")],
        [],
        [("Rome", "PLACE")],
    ]
    assert [each.id for each in found] == [f"documents.txt:{n}" for n in range(3)]
    error = refused(tmp_path, content.replace(",2,", ",9,"))
    assert (line_of(error), error.found) == (
        "in.csv:3",
        "the file documents.txt has no line 9, counted from 0",
    )


def test_texts_of_comprehend_are_whole_files_without_a_line_column(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ada saw\nRome")
    found, _ = found_in(tmp_path, "File,Begin Offset,End Offset,Type\na.txt,8,12,PLACE\n")
    assert (found[0].id, names_in(found[0])) == ("a.txt", [("Rome", "PLACE")])


@pytest.mark.parametrize("name", ["gone.txt", "../in.csv", "/etc/passwd", "..", "a\0b", "x/y.txt"])
def test_no_other_file_is_opened(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path, f"File,Begin Offset,End Offset,Type\n{name},0,1,X\n")
    assert line_of(error) == "in.csv:2"
    assert "next to this one" in error.found


def test_entities_without_texts_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, "start,end,label\n0,3,per\n")
    assert "no column holds the texts" in error.found


# rows of documents


def cell(value: object) -> str:
    return str(value).replace('"', '""')


REGION = {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}


@pytest.mark.parametrize(
    "value",
    [
        json.dumps([REGION]),
        json.dumps([{"start": 0, "end": 3, "label": "PER"}]),
        "[(0, 3, 'PER')]",
        "{'entities': [(0, 3, 'PER')]}",
        "[[0, 3, 'PER']]",
        "[{'start_offset': 0, 'end_offset': 3, 'label': 'PER'}]",
        "B-PER O",
        "B-PER,O",
        "['B-PER', 'O']",
        "('B-PER', 'O')",
        "['B-PER' 'O']",
        '["B-PER", "O"]',
    ],
)
def test_a_cell_holds_the_entities_or_tags_of_a_text(tmp_path: Path, value: str) -> None:
    content = f'id,text,label,lead_time\n1,Ada left,"{cell(value)}",2.5\n'
    found, _ = found_in(tmp_path, content)
    assert [names_in(each) for each in found] == [[("Ada", "PER")]]
    assert (found[0].id, found[0].meta) == ("1", {"lead_time": "2.5"})
    assert recognises(Head.of(tmp_path / "in.csv"))


@pytest.mark.parametrize(
    ("tokens", "tags"),
    [
        ("['Ada', 'left']", "['B-PER', 'O']"),
        ("['Ada' 'left']", "[1 0]"),
        ("['Ada'\n 'left']", "[1, 0]"),
        ('["Ada", "left"]', '["B-PER", "O"]'),
    ],
)
def test_cells_hold_lists_of_tokens_and_tags(tmp_path: Path, tokens: str, tags: str) -> None:
    content = f'tokens,ner_tags\n"{cell(tokens)}","{cell(tags)}"\n'
    found, _ = found_in(tmp_path, content, ReadOptions(tag_names=("O", "B-PER")))
    assert [names_in(each) for each in found] == [[("Ada", "PER")]]


def test_a_sentence_column_with_tags_in_a_list(tmp_path: Path) -> None:
    content = (
        "Sentence #,Sentence,POS,Tag\nSentence: 1,Ada left,\"['NNP', 'VBD']\",\"['B-per', 'O']\"\n"
    )
    found, _ = found_in(tmp_path, content)
    assert (found[0].id, names_in(found[0])) == ("Sentence: 1", [("Ada", "per")])
    assert found[0].meta == {"POS": "['NNP', 'VBD']"}


@pytest.mark.parametrize(
    "value",
    [
        "OTHER",
        "PERSON: Ada | PLACE: Rome",
        "[" * 3000,
        "[{'start': 0, 'end': 3",
        "['a' 'b', 'c']",
        "['a' 'b' ... 'c']",
        "[" + "9" * 5000 + "]",
        "[(0x" + "f" * 9000 + ", 3, 'PER')]",
        "[" * 900 + "]" * 900,
        "[" * 150 + "]" * 150,
        "{'a': " * 60 + "1" + "}" * 60,
        "[{}]",
        "[1.5]",
        "[None]",
        "__import__('os')",
        "[{'choices': ['x']}]",
        "{'a': 1}",
        "[(0, 3)]",
        "[(0, 3, 5)]",
        "[('a', 3, 'PER')]",
        "['O', 'O', 'O']",
        "['\\ud800', 'O']",
        '[{"start": 0, "end": 3, "text": "Adam", "labels": ["PER"]}]',
    ],
)
def test_cells_that_cannot_be_read(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, f'text,label\nAda left,"{cell(value)}"\n')
    assert line_of(error).startswith("in.csv:2")


def test_a_text_without_annotation_is_skipped_or_kept(tmp_path: Path) -> None:
    content = f'text,label\nAda left,"{cell(json.dumps([REGION]))}"\nNobody came,\n'
    error = refused(tmp_path, content)
    assert line_of(error) == "in.csv:3"
    assert "--skip unlabelled" in (error.hint or "")
    found, log = found_in(tmp_path, content, ReadOptions(skip=frozenset({"unlabelled"})))
    assert ([each.text for each in found], log.skipped) == (["Ada left"], {"unlabelled": 1})
    found, log = found_in(tmp_path, content, ReadOptions(accept=frozenset({"unlabelled"})))
    assert ([names_in(each) for each in found], log.accepted) == (
        [[("Ada", "PER")], []],
        {"unlabelled": 1},
    )
    tags = "text,label\nAda left,B-PER O\nNobody came,\n"
    found, log = found_in(tmp_path, tags, ReadOptions(accept=frozenset({"unlabelled"})))
    assert ([len(each.entities) for each in found], log.accepted) == ([1, 0], {"unlabelled": 1})


def test_several_annotators_of_a_text_are_asked_about(tmp_path: Path) -> None:
    def row(task: int, label: str, who: str, when: str) -> str:
        value = cell(json.dumps([REGION | {"labels": [label]}]))
        return f'{task},Ada left,"{value}",{who},{when},{when}\n'

    header = "id,text,label,annotator,created_at,updated_at\n"
    content = header + row(1, "A", "kim", "2026-02") + row(1, "B", "lou", "2026-01")
    content += row(2, "C", "kim", "2026-03")
    error = refused(tmp_path, content)
    assert (line_of(error), error.found) == ("in.csv:2", "the text has 2 annotations, by kim, lou")
    assert "--annotations first, latest, union or by=NAME" in (error.hint or "")
    for way, labels in {
        "first": [["B"], ["C"]],
        "latest": [["A"], ["C"]],
        "union": [["A", "B"], ["C"]],
        "by=kim": [["A"], ["C"]],
    }.items():
        found, log = found_in(tmp_path, content, ReadOptions(annotations=way))
        assert [[each.label for each in document.entities] for document in found] == labels
        assert list(log.remarks.values()) == [1]
    error = refused(tmp_path, content, annotations="by=lou")
    assert error.found == "the text has no annotation by 'lou', but by kim"
    for by_lou, options in {
        (("B",),): ReadOptions(annotations="by=lou", skip={"unlabelled"}),
        (("B",), ()): ReadOptions(annotations="by=lou", accept={"unlabelled"}),
    }.items():
        found, _ = found_in(tmp_path, content, options)
        assert [[each.label for each in document.entities] for document in found] == [
            *map(list, by_lou)
        ]
    without = f'text,label\nAda left,"{cell(json.dumps([REGION]))}"\n'
    error = refused(tmp_path, without, annotations="by=lou")
    assert error.found == "no column tells the annotators"


def test_an_annotation_of_label_studio_without_regions_has_no_entities(tmp_path: Path) -> None:
    value = cell(json.dumps([REGION]))
    content = f'id,text,label,annotation_id\n1,Ada left,"{value}",4\n2,Nobody came,,5\n'
    found, log = found_in(tmp_path, content)
    assert ([names_in(each) for each in found], log.accepted) == ([[("Ada", "PER")], []], {})
    assert "'label' is empty" in refused(tmp_path, f"{content}3,Bo,,\n").found


def test_labelled_ranges_in_two_columns_are_asked_about(tmp_path: Path) -> None:
    values = [cell(json.dumps([REGION | {"labels": [name]}])) for name in ("PER", "glad")]
    content = 'text,label,mood\nSo it goes,[],\nAda left,"{}","{}"\n'.format(*values)
    error = refused(tmp_path, content)
    assert (line_of(error), error.found) == (
        "in.csv:3",
        "entities are in the columns 'label' and 'mood'",
    )
    for name, label in (("label", "PER"), ("mood", "glad")):
        options = ReadOptions(tag_column=name, accept={"unlabelled"})
        found, _ = found_in(tmp_path, content, options)
        assert [names_in(each) for each in found] == [[], [("Ada", label)]]


def test_a_region_with_two_labels_is_two_entities(tmp_path: Path) -> None:
    value = cell(json.dumps([REGION | {"labels": ["PER", "POET"]}, REGION]))
    found, _ = found_in(tmp_path, f'text,label\nAda left,"{value}"\n')
    assert names_in(found[0]) == [("Ada", "PER"), ("Ada", "POET")]


# recognition and hostile files


@pytest.mark.parametrize(
    "content",
    [
        "Ada\tB-per\nleft\tO\n",
        "Ada,B-per\nleft,O\n",
        '{"text": "Ada", "entities": []}\n',
        "# global.columns = ID FORM NER\n1\tAda\tB-per\n",
        "sentence_id,word,tag\n",
        "text,label\n",
        "a,b\n1,2\n",
        "",
        "word,tag\nAda,O,O\n",
    ],
)
def test_other_files_are_not_taken_for_tables(tmp_path: Path, content: str) -> None:
    path = tmp_path / "in.tsv"
    path.write_text(content)
    assert not recognises(Head.of(path))


_PIECES = st.sampled_from(
    [
        *("sentence_id", "word", "tag", "text", "start", "end", "label", "File", "Line", "tokens"),
        *(",", "\t", ";", "\n", "\r\n", '"', '""', "0", "3", "-1", "B-per", "O", "Ada", "[", "]"),
        *("['a' 'b']", '[{""start"":0}]', "{", "}", "(", "\r", "\0", "9" * 400, "é"),
    ]
)


@settings(max_examples=150)
@given(
    st.sampled_from(
        [
            "sentence_id,word,tag\n",
            "text,start,end,label\n",
            "text,label\n",
            "tokens\tner_tags\n",
            "",
        ]
    ),
    st.lists(_PIECES, max_size=40),
    st.binary(max_size=3),
    st.booleans(),
)
def test_any_bytes_are_documents_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory,
    header: str,
    pieces: list[str],
    tail: bytes,
    repair: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(f"{header}{''.join(pieces)}".encode() + tail)
    with contextlib.suppress(FormatError):
        list(read_documents(path, "csv", ReadOptions(repair=repair)))
    recognises(Head.of(path))


def test_the_ranges_of_tokens_come_back(tmp_path: Path) -> None:
    document = Document("Ada  left", tokens=(Token(0, 3), Token(5, 9)), id="0")
    write_documents([document], tmp_path / "a.csv")
    assert list(read_documents(tmp_path / "a.csv")) == [document]
