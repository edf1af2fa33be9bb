"""i2b2's notes: concepts by lines and tokens (2010), and tags by offsets in XML (2014)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents

TEXT = "Seen for Quill Fever .\nGiven inkol  tablets ; the quill\nfever went .\n"
CONCEPTS = """\
c="quill fever" 1:2 1:3||t="problem"
c="inkol tablets" 2:1 2:2||t="treatment"
c="the quill fever" 2:4 3:0||t="problem"
c="quill" 1:2 1:2||t="test"
"""


def note(folder: Path, concepts: str, text: str = TEXT, name: str = "n1") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / f"{name}.con").write_text(concepts)
    return folder / f"{name}.con"


def tagged(folder: Path, text: str, *tags: str, root: str = "deIdi2b2", name: str = "1") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.xml"
    lines = ("<TAGS>", *tags, "</TAGS>", f"</{root}>\n")
    start = f'<?xml version="1.0" encoding="UTF-8" ?>\n<{root}>\n<TEXT><![CDATA[{text}]]></TEXT>\n'
    path.write_text(start + "\n".join(lines), encoding="utf-8")
    return path


def read(path: Path, log: ReadLog | None = None, **options: Any) -> list[Document]:
    return list(read_documents(path, None, ReadOptions(**options), log))


def test_concepts_are_located_by_lines_and_tokens(tmp_path: Path) -> None:
    path = note(tmp_path, CONCEPTS)
    assert detect_format(path) == "i2b2"
    (document,) = read(path)
    assert (document.id, document.text) == ("n1", TEXT)
    assert [(each.label, document.surface(each)) for each in document.entities] == [
        ("test", "Quill"),
        ("problem", "Quill Fever"),
        ("treatment", "inkol  tablets"),
        ("problem", "the quill\nfever"),
    ]
    assert [document.surface(each) for each in document.tokens or ()] == TEXT.split()


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    (document,) = read(note(tmp_path, CONCEPTS, TEXT.replace("\n", "\r\n")))
    assert document.surface(document.entities[-1]) == "the quill\r\nfever"


def test_tokens_may_be_what_single_spaces_divide(tmp_path: Path) -> None:
    path = note(tmp_path, 'c="tablets" 2:3 2:3||t="x"\n')  # a token of nothing after "inkol"
    (document,) = read(path)
    assert document.surface(document.entities[0]) == "tablets"
    path = note(tmp_path, 'c="tablets" 2:3 2:3||t="x"\nc="tablets" 2:2 2:2||t="x"\n')
    with pytest.raises(FormatError, match="the concept shows 'tablets'") as caught:
        read(path)
    assert caught.value.place == f"{path}:1"


def test_quotes_in_a_concept_are_a_part_of_it(tmp_path: Path) -> None:
    path = note(tmp_path, 'c=""quill" 4:0" 1:1 1:2||t="x"\n', 'No "Quill" 4:0\n')
    (document,) = read(path)
    assert document.surface(document.entities[0]) == '"Quill" 4:0'


def test_the_text_may_be_in_a_folder_next_to_that_of_the_concepts(tmp_path: Path) -> None:
    path = note(tmp_path / "concept", CONCEPTS)
    (tmp_path / "txt").mkdir()
    (tmp_path / "concept" / "n1.txt").rename(tmp_path / "txt" / "n1.txt")
    assert len(read(path)[0].entities) == 4
    assert read(tmp_path / "concept") == read(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('c="quill" 1:0 1:0||t="x"', "the concept shows 'quill'"),
        ('c="quill" 9:0 9:0||t="x"', "9:0 9:0 is not a range of tokens"),
        ('c="quill" 1:99 1:99||t="x"', "1:99 1:99 is not a range of tokens"),
        ('c="quill" 0:2 0:2||t="x"', "0:2 0:2 is not a range of tokens"),
        ('c="quill" 1:3 1:2||t="x"', "1:3 1:2 is not a range of tokens"),
        ('c="quill" 1:2||t="x"', "is not a concept"),
        ('m="quill" 1:2 1:2||do="nm"', "is not a concept"),
        (f'c="quill" 1:{"2" * 5000} 1:2||t="x"', "is not a concept"),
    ],
)
def test_concepts_that_do_not_fit_are_refused_with_their_place(
    tmp_path: Path, line: str, words: str
) -> None:
    path = note(tmp_path, f'c="quill" 1:2 1:2||t="x"\n{line}\n')
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(path, "i2b2"))
    assert caught.value.place == f"{path}:2"


def test_a_concept_without_a_type_is_skipped_as_the_hint_says(tmp_path: Path) -> None:
    path = note(tmp_path, 'c="quill" 1:2 1:2||t=""\n')
    with pytest.raises(FormatError, match="--skip no-label"):
        read(path)
    assert [each.entities for each in read(path, skip={"no-label"})] == [()]


def test_files_without_a_text_are_refused(tmp_path: Path) -> None:
    path = note(tmp_path, CONCEPTS)
    path.with_suffix(".txt").unlink()
    with pytest.raises(FormatError, match="there is no such file") as caught:
        read(path)
    assert caught.value.place == str(path.with_suffix(".txt"))


def test_a_text_without_concepts_is_unlabelled(tmp_path: Path) -> None:
    note(tmp_path, CONCEPTS)
    (tmp_path / "n2.txt").write_text("Well .\n")
    (tmp_path / "README.txt").write_text("x")
    with pytest.raises(FormatError, match="the text has no file of concepts") as caught:
        read(tmp_path)
    assert caught.value.place == str(tmp_path / "n2.txt")
    assert "--skip unlabelled" in (caught.value.hint or "")
    log = ReadLog()
    assert [each.id for each in read(tmp_path, log, skip={"unlabelled"})] == ["n1"]
    assert log.skipped == {"unlabelled": 1}
    kept = read(tmp_path, log, accept={"unlabelled"})
    assert [(each.id, len(each.entities)) for each in kept] == [("n1", 4), ("n2", 0)]
    assert log.accepted == {"unlabelled": 1}


TAGS = (
    '<NAME id="P0" start="8" end="17" text="Ada Quill" TYPE="DOCTOR" comment="" />',
    '<DATE id="P1" start="21" end="25" text="2091" TYPE="DATE" comment="?" />',
    '<NAME id="P2" start="8" end="11" text="Ada" comment="" />',
)
NOTE = "Seen by Ada Quill in 2091."


def test_tags_are_entities(tmp_path: Path) -> None:
    path, log = tagged(tmp_path, NOTE, *TAGS), ReadLog()
    assert detect_format(path) == "i2b2"
    (document,) = read(path, log)
    assert (document.id, document.text, document.tokens) == ("1", NOTE, None)
    assert document.entities == (
        Entity(8, 11, "NAME"),
        Entity(8, 17, "DOCTOR"),
        Entity(21, 25, "DATE"),
    )
    assert document.meta["entity_fields"] == [
        [8, 11, "NAME", {"id": "P2"}],
        [8, 17, "DOCTOR", {"tag": "NAME", "id": "P0"}],
        [21, 25, "DATE", {"tag": "DATE", "id": "P1", "comment": "?"}],
    ]
    assert log.notes == ["i2b2: labels are TYPE; --control tag (control=…) takes the tags' names"]
    (by_tag,) = read(path, control="tag")  # as the note says
    assert [each.label for each in by_tag.entities] == ["NAME", "NAME", "DATE"]
    (by_comment,) = read(path, control="comment", skip={"no-label"})
    assert [each.label for each in by_comment.entities] == ["?"]


def test_files_with_another_root_are_recognised(tmp_path: Path) -> None:
    path = tagged(tmp_path, NOTE, *TAGS, root="NOTES")
    assert detect_format(path) == "i2b2"
    assert len(read(path)[0].entities) == 3


def test_a_tag_without_a_range_is_skipped_as_the_hint_says(tmp_path: Path) -> None:
    path = tagged(tmp_path, NOTE, TAGS[0], '<SMOKER id="D1" status="never" />')
    with pytest.raises(FormatError, match=r"the SMOKER .* has no characters") as caught:
        read(path)
    assert caught.value.place == f"{path}:6"
    assert '--skip empty (skip={"empty"})' in (caught.value.hint or "")
    assert [len(each.entities) for each in read(path, skip={"empty"})] == [1]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ('<NAME start="0" end="3" text="Ada"/>', "shows 'Ada', but the text there is 'See'"),
        ('<NAME start="8" end="99" text="Ada"/>', r"the entity NAME has the range \[8, 99\)"),
        ('<NAME start="8" text="Ada"/>', "the range '8' '' of <NAME> is not two numbers"),
        ('<NAME start="8" end="-1"/>', "is not two numbers"),
        (f'<NAME start="8" end="{"9" * 5000}"/>', "is not two numbers"),
    ],
)
def test_tags_that_do_not_fit_are_refused_with_their_place(
    tmp_path: Path, tag: str, words: str
) -> None:
    path = tagged(tmp_path, NOTE, tag)
    with pytest.raises(FormatError, match=words) as caught:
        read(path)
    assert caught.value.place == f"{path}:5"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<deIdi2b2><TEXT>x</TEXT></deIdi2b2>", "its root is <deIdi2b2>"),
        ("<a/>", "its root is <a>"),
        ("<deIdi2b2><TEXT>", "not valid XML"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "an entity of its own, 'e'"),
    ],
)
def test_other_xml_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(path, "i2b2"))
    assert (caught.value.place or "").startswith(str(path))


def test_folders_are_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            tagged(tmp_path / split, NOTE, *TAGS, name=f"{number}-01")
    loaded = load_corpus(tmp_path)
    assert {name: len(found) for name, found in loaded.splits.items()} == {"train": 3, "test": 2}
    assert [each.id for each in load_corpus(tmp_path / "test").test] == ["0-01", "1-01"]
    assert len(load_corpus(tmp_path, format="i2b2").test) == 2


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    note(tmp_path, CONCEPTS)
    path = note(tmp_path, 'c="x" 1:0 1:0||t="y"\n', name="n0")
    log = ReadLog(unreadable=[])
    assert [each.id for each in read(tmp_path, log)] == ["n1"]
    assert [error.place for error in log.unreadable or ()] == [f"{path}:1"]


@given(st.data())
def test_any_tokens_are_found_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    word = st.text('aB\u00e9\u0130\U0001f98a."|', min_size=1, max_size=3)
    lines = data.draw(st.lists(st.lists(word, min_size=1, max_size=4), min_size=1, max_size=4))
    space = data.draw(st.sampled_from([" ", "  ", " \t"]))
    places = [(row, column) for row, line in enumerate(lines) for column in range(len(line))]
    concepts, expected = [], []
    starts, at = {}, 0
    for row, line in enumerate(lines):
        for column, token in enumerate(line):
            starts[row, column] = at
            at += len(token) + (len(space) if column + 1 < len(line) else 1)
    for _ in range(data.draw(st.integers(0, 3))):
        first, last = sorted(data.draw(st.tuples(*[st.sampled_from(places)] * 2)))
        inside = [place for place in places if first <= place <= last]
        shown = " ".join(lines[row][column] for row, column in inside).lower()
        bounds = f"{first[0] + 1}:{first[1]} {last[0] + 1}:{last[1]}"
        concepts.append(f'c="{shown}" {bounds}||t="x"\n')
        expected.append((starts[first], starts[last] + len(lines[last[0]][last[1]])))
    text = "".join(f"{space.join(line)}\n" for line in lines)
    folder = tmp_path_factory.mktemp("i2b2")
    (document,) = read_documents(note(folder, "".join(concepts), text), "i2b2")
    found = {(each.start, each.end) for each in document.entities}
    assert found == set(expected)


@given(
    st.text("ab \n\u00e9\U0001f98a", min_size=1),
    st.sampled_from(["code-points", "utf-16", "bytes"]),
    st.data(),
)
def test_tags_in_any_unit_are_found_again(
    tmp_path_factory: pytest.TempPathFactory, text: str, unit: str, data: st.DataObject
) -> None:
    sizes: dict[str, Callable[[str], int]] = {
        "code-points": len,
        "bytes": lambda part: len(part.encode()),
        "utf-16": lambda part: len(part.encode("utf-16-le")) // 2,
    }
    size = sizes[unit]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    bounds = f'start="{size(text[:start])}" end="{size(text[:end])}"'
    shown = quoteattr(text[start:end], {"\n": "&#10;"})
    path = tagged(tmp_path_factory.mktemp("i2b2"), text, f'<X id="1" {bounds} text={shown}/>')
    (document,) = read(path, offsets=unit)
    assert (document.text, document.entities) == (text, (Entity(start, end, "X"),))
