"""brat's standoff folders: entities, the lines beside them, and what brat has no place for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import CorpusError, FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents, write_documents

TEXT = "Mira Okonjo left\nTandem Labs for Lisbon.\n"
LINES = """\
T2\torganisation 17 28\tTandem Labs
#1\tAnnotatorNotes T2\ta firm
T1\tperson 0 11\tMira Okonjo
R1\tleft Arg1:T1 Arg2:T2
E1\tleft:T5 Who:T1
A1\tSure T1
*\tEquiv T1 T2
N1\tReference T7 Wiki:597\tLisbon
T7\tplace 33 39\tLisbon
"""
ENTITIES = (
    Entity(0, 11, "person"),
    Entity(17, 28, "organisation"),
    Entity(33, 39, "place"),
)
PIECES = ReadOptions(skip={"pieces"})


def pair(folder: Path, lines: str, text: str = TEXT, name: str = "a") -> Path:
    """The `.ann` file of a new pair in `folder`."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / f"{name}.ann").write_text(lines, encoding="utf-8")
    return folder / f"{name}.ann"


def read_one(
    path: Path, options: ReadOptions | None = None, log: ReadLog | None = None
) -> Document:
    (document,) = read_documents(path, None, options or ReadOptions(), log)
    return document


def test_a_pair_is_read_and_written_back_to_the_byte(tmp_path: Path) -> None:
    path = pair(tmp_path / "in", LINES)
    document = read_one(path)
    assert (document.text, document.entities, document.id) == (TEXT, ENTITIES, "a")
    write_documents([document], tmp_path / "out", "brat")
    written = {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()}
    assert written == {"a.txt": TEXT.encode(), "a.ann": LINES.encode()}


def test_annotations_without_a_text_are_of_the_format_that_they_show(tmp_path: Path) -> None:
    alone = tmp_path / "system.ann"
    alone.write_text("Bo\tB-PER\nran\tO\n\n")
    assert detect_format(alone) == "columns"
    alone.write_text("T1\tPER 0 2\tBo\n")
    assert detect_format(alone) == "brat"


@pytest.mark.parametrize("name", ["a.ann", "a.txt", ""])
def test_a_document_is_named_by_either_file_or_its_folder(tmp_path: Path, name: str) -> None:
    pair(tmp_path, LINES)
    assert detect_format(tmp_path / name) == "brat"
    assert read_one(tmp_path / name).entities == ENTITIES


def test_the_other_lines_survive_other_formats(tmp_path: Path) -> None:
    write_documents(read_documents(pair(tmp_path, LINES)), tmp_path / "b.conll")
    write_documents(read_documents(tmp_path / "b.conll"), tmp_path / "c", "brat")
    assert (tmp_path / "c" / "a.ann").read_text() == LINES
    # a column file has tokens, for which brat has no place
    assert (tmp_path / "c" / "nerine.jsonl").is_file()


def test_usual_files_leave_nothing_in_meta(tmp_path: Path) -> None:
    assert read_one(pair(tmp_path, "T1\tperson 0 4\tMira\nT2\tplace 33 39\tLisbon\n")).meta == {}
    assert read_one(pair(tmp_path, "")).entities == ()


@pytest.mark.parametrize(
    ("lines", "words", "line"),
    [
        ("T1\tperson 0 4\tMila\n", "shows 'Mila', but the text there is 'Mira'", 1),
        ("T1\tperson 0 4\tMira\nT1\tplace 33 39\tLisbon\n", "the id T1 is used twice", 2),
        ("\nT1\tperson 0 99\tMira\n", r"person has the range \[0, 99\)", 2),
        ("T1\tperson 4 4\t\n", r"person has the range \[4, 4\)", 1),
        ("T1 person 0 4 Mira\n", "is not a valid annotation", 1),
        (f"T1\tperson 0 {'4' * 5000}\tMira\n", "is not a valid annotation", 1),
        ("T1\tperson 0 4;12 16\tMira left\n", "the person at 0 4;12 16 is in pieces", 1),
    ],
)
def test_lines_that_are_no_entities_are_refused_with_their_place(
    tmp_path: Path, lines: str, words: str, line: int
) -> None:
    path = pair(tmp_path, lines)
    with pytest.raises(FormatError, match=words) as caught:
        read_one(path)
    assert caught.value.place == f"{path}:{line}"


NESTED = (
    "T1\tname 0 4\tMira\nT2\tperson 0 11\tMira Okonjo\nT5\tperson 0 11\tMira Okonjo\n"
    "T4\tverb 5 16\tOkonjo left\nT7\tgroup 0 11\tMira Okonjo\nR1\tis Arg1:T5 Arg2:T2\n"
)


def test_annotations_may_overlap_and_equal_ones_are_one_entity(tmp_path: Path) -> None:
    document = read_one(pair(tmp_path, NESTED))
    assert document.entities == (
        Entity(0, 4, "name"),
        Entity(0, 11, "group"),
        Entity(0, 11, "person"),
        Entity(5, 16, "verb"),
    )
    write_documents([document], tmp_path / "out", "brat")
    assert (tmp_path / "out" / "a.ann").read_text() == NESTED
    assert read_one(tmp_path / "out") == document
    fewer = document.with_entities(e for e in document.entities if e.label != "person")
    with pytest.raises(FormatError, match="refers to T2, which is no longer an entity"):
        write_documents([fewer], tmp_path / "less", "brat")


@pytest.mark.parametrize("feed", ["\n", "\r\n", "\n  "])
def test_pieces_that_only_line_ends_part_are_one_entity(tmp_path: Path, feed: str) -> None:
    text = f"North{feed}America 🦊{feed}and Peru"
    end = len(f"North{feed}America")
    line = f"T3\tplace 0 5;{end - 7} {end}\tNorth America\nR1\tis Arg1:T3 Arg2:T3\n"
    (tmp_path / "in").mkdir()
    path = pair(tmp_path / "in", line, text)
    log = ReadLog()
    (document,) = read_documents(path, log=log)
    assert [(each.start, each.end, each.label) for each in document.entities] == [(0, end, "place")]
    assert list(log.remarks.values()) == [1]
    write_documents([document], tmp_path / "out", "brat")
    assert (tmp_path / "out" / path.name).read_bytes() == line.encode()
    with pytest.raises(FormatError, match="shows 'North Peru'"):
        read_one(pair(tmp_path / "in", line.replace("North A", "North Peru\tA"), text))
    moved = Document(text, (Entity(1, end, "place"),), id="a", meta=document.meta)
    with pytest.raises(FormatError, match="no longer an entity"):
        write_documents([moved], tmp_path / "moved", "brat")


def test_annotations_in_pieces_are_an_error_or_skipped(tmp_path: Path) -> None:
    lines = (
        "T2\tperson 0 11\tMira Okonjo\nT3\tgroup 17 23;33 39\tTandem Lisbon\n"
        "R1\tis Arg1:T2 Arg2:T3\n"
    )
    with pytest.raises(FormatError, match="is in pieces") as caught:
        read_one(pair(tmp_path, lines))
    assert '--skip pieces (skip={"pieces"})' in (caught.value.hint or "")
    log = ReadLog()
    document = read_one(pair(tmp_path, lines), PIECES, log)
    assert document.entities == (Entity(0, 11, "person"),)
    assert log.skipped == {"pieces": 1}
    write_documents([document], tmp_path / "out", "brat")
    assert (tmp_path / "out" / "a.ann").read_text() == lines
    assert read_one(tmp_path / "out", PIECES) == document


def test_the_files_of_a_shared_task_are_read_like_one(tmp_path: Path) -> None:
    given, more = NESTED.splitlines(keepends=True)[:2], "T9\tleaving 12 16\tleft\nE1\tleaving:T9\n"
    folder = tmp_path / "in"
    for name in ("a", "b"):
        pair(folder, "".join(given), name=name).rename(folder / f"{name}.a1")
    (folder / "a.a2").write_text(more)
    for path in (folder / "a.a1", folder / "a.txt", folder / "a.a2"):
        assert detect_format(path) == "brat"
        assert [each.label for each in read_one(path).entities] == ["name", "person", "leaving"]
    assert detect_format(folder) == "brat"
    log = ReadLog()
    first, second = read_documents(folder, log=log)
    assert [each.label for each in second.entities] == ["name", "person"]
    assert log.remarks == {"with triggers of events, read as entities like others": 1}
    write_documents([first, second], tmp_path / "out", "brat")
    assert (tmp_path / "out" / "a.ann").read_text() == "".join(given) + more
    (corpus,) = load_corpus(folder).splits.values()
    assert len(corpus) == 2
    (folder / "a.ann").write_text("")
    with pytest.raises(FormatError, match=r"the annotations a.ann and a.a1") as caught:
        list(read_documents(folder))
    assert "move the other one" in (caught.value.hint or "")
    (folder / "a.ann").unlink()
    assert len(list(read_documents(folder))) == 2


def test_offsets_over_other_line_ends_or_in_utf_16_are_noticed(tmp_path: Path) -> None:
    crlf = TEXT.replace("\n", "\r\n")
    lines = "T1\tperson 0 11\tMira Okonjo\nT2\torganisation 17 28\tTandem Labs\n"
    lines += "T3\tgroup 17 23;33 39\tTandem Lisbon\n"
    log = ReadLog()
    document = read_one(pair(tmp_path / "in", lines, crlf), PIECES, log)
    assert [document.surface(each) for each in document.entities] == ["Mira Okonjo", "Tandem Labs"]
    assert log.notes == [
        "offsets count code points, and CR LF as one, as the entities' own texts show"
    ]
    write_documents([document], tmp_path / "out", "brat")
    written = (tmp_path / "out" / "a.ann").read_text().splitlines()
    assert written[1:] == [
        "T2\torganisation 18 29\tTandem Labs",
        "T3\tgroup 18 24;34 40\tTandem Lisbon",
    ]
    assert read_one(tmp_path / "out", PIECES) == document
    fox = "🦊 Mira saw Oslo"
    path = pair(tmp_path / "fox", "T1\tp 3 7\tMira\n", fox)
    pair(tmp_path / "fox", "T1\tp 3 7\n", fox, "b")
    log = ReadLog()
    first, second = read_documents(path.parent, log=log)
    assert (first.entities, second.entities) == ((Entity(2, 6, "p"),), (Entity(2, 6, "p"),))
    assert log.notes == ["offsets count UTF-16 code units, as the entities' own texts show"]
    with pytest.raises(FormatError, match="shows 'Mira'") as caught:
        read_one(path, ReadOptions(offsets="code-points"))
    assert '--offsets utf-16 (offsets="utf-16")' in (caught.value.hint or "")
    assert read_one(path, ReadOptions(offsets="utf-16")) == first


def test_all_lines_that_cannot_be_read_can_be_listed(tmp_path: Path) -> None:
    path = pair(tmp_path, "T1\tp 0 4\tMiro\nT2 x\nT3\tp 5 11\tOkonjo\nT4\tp 0 99\t\n")
    pair(tmp_path, "T1\tp 0 4;5 6\tMira O\n", name="b")
    log = ReadLog(unreadable=[])
    (document,) = read_documents(tmp_path, log=log)
    assert document.entities == (Entity(5, 11, "p"),)
    places = [each.place for each in log.unreadable or ()]
    assert places == [f"{path}:2", f"{path}:1", f"{path}:4", f"{path.with_name('b.ann')}:1"]


def test_white_space_in_the_shown_text_does_not_count(tmp_path: Path) -> None:
    # brat shows line ends as spaces
    document = read_one(pair(tmp_path, "T1\tx 12 23\tleft Tandem\n"))
    assert document.surface(document.entities[0]) == "left\nTandem"


def test_offsets_are_code_points_of_the_file_as_it_is(tmp_path: Path) -> None:
    text = "\ufeff🦊 Mira\r\nOslo"
    document = read_one(pair(tmp_path, "T1\tp 3 7\tMira\nT2\tq 9 13\tOslo\n", text))
    assert document.text == text
    assert [document.surface(each) for each in document.entities] == ["Mira", "Oslo"]


def test_a_changed_entity_gets_a_new_id(tmp_path: Path) -> None:
    document = read_one(pair(tmp_path, "T3\tperson 0 4\tMira\nT1\tplace 33 39\tLisbon\n"))
    kept = document.entities[1]
    changed = document.with_entities([Entity(0, 11, "person"), kept])
    write_documents([changed], tmp_path / "out", "brat")
    expected = "T1\tplace 33 39\tLisbon\nT4\tperson 0 11\tMira Okonjo\n"
    assert (tmp_path / "out" / "a.ann").read_text() == expected


@pytest.mark.parametrize("line", ["R1\tleft Arg1:T1 Arg2:T2", "#1\tNote T1\tx", "*\tEquiv T2 T1"])
def test_a_line_about_an_entity_that_is_gone_is_an_error(tmp_path: Path, line: str) -> None:
    lines = f"T1\tperson 0 4\tMira\nT2\tplace 33 39\tLisbon\n{line}\n"
    document = read_one(pair(tmp_path, lines))
    with pytest.raises(FormatError, match="refers to T1, which is no longer an entity") as caught:
        write_documents([document.with_entities(document.entities[1:])], tmp_path / "out", "brat")
    assert caught.value.place == f"{tmp_path / 'out'}, document 1"
    assert not (tmp_path / "out").exists()


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c.1"):
        pair(tmp_path, "", name, name)
    for name in ("README.txt", "annotation.conf", ".hidden.ann"):
        (tmp_path / name).write_text("x")
    assert [each.text for each in read_documents(tmp_path)] == ["a", "b", "c.1"]


def test_what_brat_has_no_place_for_comes_back(tmp_path: Path) -> None:
    before = [
        Document("z", id="z"),
        Document("Mira", (Entity(0, 4, "p", 0.5),), (Token(0, 2), Token(2, 4)), "a/b", {"u": [1]}),
        Document("", id="z"),
        Document("x"),
        Document("y", id="Z"),
        Document("w", id="00007"),
        Document("v"),
    ]
    assert write_documents(before, tmp_path / "out", "brat") == 7
    assert list(read_documents(tmp_path / "out")) == before
    names = {path.stem for path in (tmp_path / "out").glob("*.ann")}
    # names differ on systems that know no upper and lower case, too
    assert len({name.casefold() for name in names}) == 7


def test_without_need_there_is_no_index(tmp_path: Path) -> None:
    write_documents([Document("x", id="a"), Document("y", id="b")], tmp_path / "out", "brat")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.ann", "a.txt", "b.ann", "b.txt"]


def test_entities_edited_in_brat_lose_their_score_alone(tmp_path: Path) -> None:
    found = (Entity(0, 4, "p", 0.5), Entity(5, 9, "p", 0.75))
    write_documents([Document("Mira left", found, id="a")], tmp_path / "out", "brat")
    path = tmp_path / "out" / "a.ann"
    path.write_text(path.read_text().replace("p 5 9", "q 5 9"))
    assert read_one(path).entities == (found[0], Entity(5, 9, "q"))


def test_no_documents_are_a_folder_too(tmp_path: Path) -> None:
    assert write_documents([], tmp_path / "out", "brat") == 0
    assert list(read_documents(tmp_path / "out")) == []


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_documents([Document("x")], tmp_path / "out", "brat")
    before = sorted((tmp_path / "out").iterdir())
    with pytest.raises(FormatError, match="the folder is not empty"):
        write_documents([Document("y")], tmp_path / "out", "brat")
    assert sorted((tmp_path / "out").iterdir()) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(FormatError, match="this is a file"):
        write_documents([Document("y")], tmp_path / "file", "brat")
    with pytest.raises(FormatError, match="expected: the name of a folder"):
        write_documents([Document("y")], tmp_path / "y.ann")


@pytest.mark.parametrize("ids", [("test", "train"), ("train", "test", "dev")])
def test_documents_that_are_called_like_splits_stay_one_split(
    tmp_path: Path, ids: tuple[str, ...]
) -> None:
    documents = tuple(Document(f"the {id_} text", id=id_) for id_ in ids)
    write_documents(documents, tmp_path / "out", "brat")
    assert load_corpus(tmp_path / "out").splits == {"train": documents}


def test_new_ids_are_free_however_long_the_old_ones_are(tmp_path: Path) -> None:
    stored = [f"T{'9' * 5000}\tperson 0 1;2 3\tx", "T7\tperson 2 3;4 5\ty"]
    document = Document("x y z", (Entity(0, 1, "name"),), meta={"brat": stored})
    write_documents([document], tmp_path / "out", "brat")
    lines = (tmp_path / "out" / "00001.ann").read_text().splitlines()
    assert lines == [*stored, "T8\tname 0 1\tx"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document("x", (Entity(0, 1, "a b"),)), "the label 'a b' has white space"),
        (Document("x\ud800"), "half of a surrogate pair"),
        (Document("x", meta={"brat": 5}), "without the lines of an .ann file"),
        (Document("x", meta={"brat": ["a\nb"]}), "without the lines of an .ann file"),
        (Document("x", meta={"a": {1}}), "cannot be written as JSON"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, document: Document, words: str
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        write_documents([Document("good"), document], tmp_path / "out", "brat")
    assert caught.value.place == f"{tmp_path / 'out'}, document 2"
    assert list(tmp_path.iterdir()) == []


def test_files_without_the_other_half_are_refused(tmp_path: Path) -> None:
    path = pair(tmp_path, "")
    (tmp_path / "b.txt").write_text("b")
    with pytest.raises(FormatError, match="the text has no annotation file") as caught:
        list(read_documents(tmp_path))
    assert caught.value.place == str(tmp_path / "b.txt")
    for way, count in (("skip", 1), ("accept", 2)):
        assert f'--{way} unlabelled ({way}={{"unlabelled"}})' in (caught.value.hint or "")
        log = ReadLog()
        kinds = {"unlabelled"}
        options = ReadOptions(skip=kinds) if way == "skip" else ReadOptions(accept=kinds)
        assert len(list(read_documents(tmp_path, options=options, log=log))) == count
        assert (log.skipped if way == "skip" else log.accepted) == {"unlabelled": 1}
    (tmp_path / "a.txt").unlink()
    with pytest.raises(FormatError, match="there is no such file"):
        read_one(path)


def test_pairs_in_a_folder_inside_are_refused(tmp_path: Path) -> None:
    pair(tmp_path, "")
    pair(tmp_path / "more", "", name="b")
    with pytest.raises(FormatError, match="a folder inside holds annotations"):
        list(read_documents(tmp_path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"name": "gone"}', "gone.ann is missing"),
        ('{"name": "a"}\n{"name": "a"}', "listed twice"),
        ('{"name": 5}', "the name is not a name"),
        ('{"name": "a", "tokens": [[0, 999]]}', r"token 0 has the range \[0, 999\)"),
        ('{"name": "a", "tokens": 5}', "the field 'tokens' holds '5'"),
        ('{"name": "a", "meta": []}', "the field 'meta' holds"),
        ('{"name": "a", "scores": [[0, 4, "p", 7]]}', "the field 'scores' holds"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(tmp_path: Path, line: str, words: str) -> None:
    pair(tmp_path, "")
    (tmp_path / "nerine.jsonl").write_text(line)
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(tmp_path))
    assert str(tmp_path / "nerine.jsonl") in (caught.value.place or "")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of three folders, and what brat keeps beside them."""
    for split, numbers in {"train": 3, "dev": 1, "test": 2}.items():
        for number in range(numbers):
            pair(tmp_path / split, "T1\tperson 0 4\tMira\n", "Mira", f"test-{number}")
    (tmp_path / "annotation.conf").write_text("[entities]\nperson\n")
    return tmp_path


@pytest.mark.parametrize("format_", [None, "brat"])
def test_folders_are_splits(corpus: Path, format_: str | None) -> None:
    loaded = load_corpus(corpus, format=format_)
    sizes = {name: len(found) for name, found in loaded.splits.items()}
    assert sizes == {"train": 3, "validation": 1, "test": 2}
    assert loaded.place("test", 1) == str(corpus / "test" / "test-1.ann")


def test_folders_are_not_taken_for_other_formats(corpus: Path) -> None:
    with pytest.raises(CorpusError, match="no file has the name of a split"):
        load_corpus(corpus, format="columns")
    (corpus / "train.conll").write_text("Mira B-person\n")
    with pytest.raises(CorpusError, match="the train split: train, train"):
        load_corpus(corpus)


def test_a_single_folder_is_the_split_of_its_name(corpus: Path) -> None:
    assert list(load_corpus(corpus / "dev").splits) == ["validation"]
    assert len(load_corpus(corpus / "test").test) == 2


def test_pairs_that_are_called_like_splits_are_splits(tmp_path: Path) -> None:
    for name in ("train", "dev"):
        pair(tmp_path, "T1\tperson 0 4\tMira\n", name=name)
    loaded = load_corpus(tmp_path)
    assert {name: len(found) for name, found in loaded.splits.items()} == {
        "train": 1,
        "validation": 1,
    }
