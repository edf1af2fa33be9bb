"""Files that the page of a server reads and writes, in a browser where there is one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nerine.core.document import Document, Entity
from nerine.data.formats import read_documents
from nerine.model.tagger import Tagger
from served import download, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

TEXTS = (
    "😀 Mira Okonjo left Lisbon, 😀 then Ghent.",
    "Nobody was there.",
    ' two  spaces, a "quote",\ta tab; Ghent',
    "Ghent\r\nand Mira\n",
    "# Mira",
    "Ge\u0301\u0301nt 👩‍👩‍👧 Mira",
)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page at its view of files."""
    with opened(browser, address) as found:
        found.get_by_role("tab", name="File").click()
        yield found


def choose(page: Page, path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    page.locator("#file").set_input_files(path)


def tagged(page: Page, count: int) -> None:
    page.get_by_role("button", name=f"Tag {count} text").click()
    page.get_by_text(f"{count} text{'s' * (count > 1)} tagged.").wait_for()


def jsonl(records: Sequence[Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def found_in(documents: Iterable[Document]) -> list[tuple[str, list[Entity]]]:
    """Texts with their entities, without scores."""
    return [
        (document.text, [Entity(each.start, each.end, each.label) for each in document.entities])
        for document in documents
    ]


def test_lines_are_read_back_as_the_tagger_tags(page: Page, tagger: Tagger, tmp_path: Path) -> None:
    choose(page, tmp_path / "posts.jsonl", jsonl([{"text": text} for text in TEXTS]))
    tagged(page, len(TEXTS))
    path = tmp_path / "found.jsonl"
    path.write_bytes(download(page, "#panel-file", "JSON lines").encode())
    expected = [(text, tagger(text).entities) for text in TEXTS]
    assert [(each.text, each.entities) for each in read_documents(path)] == expected


def test_a_table_is_read_back_and_has_the_probabilities(
    page: Page, tagger: Tagger, tmp_path: Path
) -> None:
    choose(page, tmp_path / "posts.jsonl", jsonl([{"text": text} for text in TEXTS]))
    tagged(page, len(TEXTS))
    path = tmp_path / "found.csv"
    path.write_bytes(download(page, "#panel-file", "CSV").encode())
    assert found_in(read_documents(path)) == found_in(map(tagger, TEXTS))
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    scores = [float(row["probability"]) for row in rows if row["probability"]]
    assert scores == [each.score for text in TEXTS for each in tagger(text).entities]


def test_columns_are_read_back_without_scores(page: Page, tagger: Tagger, tmp_path: Path) -> None:
    choose(page, tmp_path / "posts.jsonl", jsonl([{"text": text, "id": text} for text in TEXTS]))
    tagged(page, len(TEXTS))
    path = tmp_path / "found.conll"
    path.write_bytes(download(page, "#panel-file", "Columns").encode())
    found = list(read_documents(path))
    assert found_in(found) == found_in(map(tagger, TEXTS))
    assert [each.id for each in found] == [*TEXTS]
    assert "no probabilities" in page.locator("#file-downloads").inner_text()


def test_fields_of_records_are_kept(page: Page, tmp_path: Path) -> None:
    line = (
        '{"id": 1234567890123456789, "text": "Mira", "label": "spam", "price": 1.0, '
        '"__proto__": {"x": 1}, "entities": [[0, 1, "gold"]]}\n'
    )
    choose(page, tmp_path / "posts.jsonl", line)
    tagged(page, 1)
    content = download(page, "#panel-file", "JSON lines")
    assert '"id":1234567890123456789' in content
    assert '"price":1.0' in content
    found = json.loads(content)
    assert found["__proto__"] == {"x": 1}
    assert found["more_fields"] == {"label": "spam", "entities": [[0, 1, "gold"]]}
    assert [each["label"] for each in found["entities"]] == ["person"]


def test_tokens_of_records_go_to_the_server(page: Page, tmp_path: Path) -> None:
    asked: list[Any] = []

    def look(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.continue_()

    page.route("**/tag", look)
    record = {"text": "😀 Mira", "tokens": [[0, 1], [2, 6]]}
    choose(page, tmp_path / "posts.jsonl", jsonl([record]))
    tagged(page, 1)
    assert asked[0]["offset_unit"] == "utf-16"
    assert asked[0]["documents"] == [{"text": "😀 Mira", "tokens": [[0, 2], [3, 7]]}]
    found = json.loads(download(page, "#panel-file", "JSON lines"))
    assert found["tokens"] == record["tokens"]
    assert found["offsets"] == "code-points"


def test_cells_that_spreadsheets_run_are_escaped_and_named(page: Page, tmp_path: Path) -> None:
    texts = ["=1+1 Mira", "+Ghent", "Mira", "'Mira", "@Mira", "-Mira"]
    records = [{"text": text, "id": f"=id{n}"} for n, text in enumerate(texts)]
    choose(page, tmp_path / "posts.jsonl", jsonl(records))
    tagged(page, len(texts))
    path = tmp_path / "found.csv"
    path.write_bytes(download(page, "#panel-file", "CSV").encode())
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell[:1] in {*"=+-@\t\r\n"} and cell] == []
    restored = []
    for row in rows:
        for name in row["escaped"].split():
            row[name] = row[name].removeprefix("'")
        restored.append((row["id"], row["text"]))
    assert restored == [(f"=id{n}", text) for n, text in enumerate(texts)]
    assert "10 of the cells" in page.locator("#file-downloads").inner_text()


def test_a_table_offers_its_columns(page: Page, tmp_path: Path) -> None:
    table = 'n;text;note\n1;"Mira;\n""left"" Ghent";x\n2;;y\n3;Lisbon;"Mira"\n'
    choose(page, tmp_path / "posts.csv", table)
    page.get_by_text("2 texts; 1 empty text left out", exact=True).wait_for()
    tagged(page, 2)
    assert page.locator("#documents .number").all_inner_texts() == ["2", "1"]
    lines = download(page, "#panel-file", "JSON lines").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ['Mira;\n"left" Ghent', "Lisbon"]
    assert json.loads(lines[0])["note"] == "x"
    page.get_by_label("Column of the texts").select_option(label="note")
    page.get_by_text("3 texts", exact=True).wait_for()


def test_a_text_file_is_lines_or_one_text(page: Page, tmp_path: Path) -> None:
    choose(page, tmp_path / "posts.txt", "Mira\r\n\r\nGhent 😀\n")
    page.get_by_text("2 texts; 1 empty text left out", exact=True).wait_for()
    page.locator("#choice").select_option("whole")
    tagged(page, 1)
    found = json.loads(download(page, "#panel-file", "JSON lines"))
    assert found["text"] == "Mira\r\n\r\nGhent 😀\n"
    assert [(each["start"], each["end"]) for each in found["entities"]] == [(0, 4), (8, 13)]


def test_columns_become_sentences(page: Page, tmp_path: Path) -> None:
    choose(page, tmp_path / "a.conll", "# id = 1\n1\tMira\tO\n2\tleft\tO\n\n1\tGhent\tO\n")
    tagged(page, 2)
    assert page.locator("#documents .number").all_inner_texts() == ["1", "1"]
    found = download(page, "#panel-file", "Columns")
    assert found == "Mira\tB-person\nleft\tO\n\nGhent\tB-location\n\n"


def test_a_file_that_cannot_be_read_says_where(page: Page, tmp_path: Path) -> None:
    cases: list[tuple[str, str | bytes, str]] = [
        ("a.txt", b"caf\xe9", "not in UTF-8"),
        ("a.jsonl", '{"text": "Mira"}\n{"text": \n', "a.jsonl:2"),
        ("b.jsonl", '{"text": "Mira"}\n{"other": 1}\n', "b.jsonl:2"),
        ("a.jsonl", "17\n", "not a JSON object"),
        ("a.csv", "text,x\nMira\n", "Row 2 has 1 columns"),
        ("a.csv", 'text,x\n"Mira,1\n', "does not end"),
        ("a.conll", "\n", "no words"),
    ]
    for name, content, shown in cases:
        choose(page, tmp_path / name, content)
        page.locator("#file-error", has_text=shown).wait_for()
        assert page.locator("#run").is_hidden()
    choose(page, tmp_path / "a.txt", "Mira")
    page.get_by_role("button", name="Tag 1 text").wait_for()
    assert page.locator("#file-error").is_hidden()
