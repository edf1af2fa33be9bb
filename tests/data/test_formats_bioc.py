"""BioC as XML and JSON: passages, offsets over the document, locations, and hostile XML."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents, read_placed
from nerine.data.formats.standoff import bioc_json, xml_nodes
from strategies import texts

Item = dict[str, Any]


def annotation(start: int, text: str | None, label: str | None = "P", **other: Any) -> Item:
    length = other.pop("length", len(text or ""))
    infons = {**({} if label is None else {"type": label}), **other.pop("infons", {})}
    locations = other.pop("locations", [{"offset": start, "length": length}])
    return {"id": "1", "infons": infons, "text": text, "locations": locations, **other}


def passage(offset: int, text: str | None, *found: Item, **other: Any) -> Item:
    return {"offset": offset, "infons": {}, "text": text, "annotations": list(found), **other}


def document(*passages: Item, **other: Any) -> Item:
    return {"id": "d", "infons": {}, "passages": list(passages), "relations": [], **other}


def collection(*found: Item) -> Item:
    return {"source": "x", "date": "", "key": "", "infons": {}, "documents": list(found)}


def as_xml(item: Item, tag: str = "collection") -> str:
    """The XML of an item in the form of BioC's JSON."""
    plain = {key: value for key, value in item.items() if isinstance(value, str | int)}
    names = {"documents": "document", "passages": "passage", "sentences": "sentence"}
    names |= {"annotations": "annotation", "relations": "relation"}
    if tag in ("annotation", "relation"):
        attributes = f" id={quoteattr(str(plain.pop('id', '')))}"
    else:
        attributes = ""
    parts = [
        f"<infon key={quoteattr(k)}>{escape(v)}</infon>" for k, v in item.get("infons", {}).items()
    ]
    parts += [f"<{key}>{escape(str(value))}</{key}>" for key, value in plain.items()]
    parts += [
        f'<location offset="{each["offset"]}" length="{each["length"]}"/>'
        for each in item.get("locations", ())
    ]
    parts += [as_xml(each, name) for key, name in names.items() for each in item.get(key, ())]
    return f"<{tag}{attributes}>{''.join(parts)}</{tag}>"


def bioc(folder: Path, item: Item, form: str = "json") -> Path:
    path = folder / f"a.{form}"
    start = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
    content = json.dumps(item, indent=1) if form == "json" else start + as_xml(item)
    path.write_text(content, encoding="utf-8")
    return path


def read(path: Path, log: ReadLog | None = None, **options: Any) -> list[Document]:
    return list(read_documents(path, None, ReadOptions(**options), log))


forms = pytest.mark.parametrize("form", ["json", "xml"])

TWO = collection(
    document(
        passage(0, "Ada Quill", annotation(0, "Ada Quill", infons={"identifier": "Q1"})),
        passage(10, "met Bo & Al", annotation(14, "Bo"), infons={"type": "abstract"}),
        id="7",
    ),
    document(passage(0, "Bo ran", annotation(0, "Bo")), relations=[{"id": "R1"}], id="8"),
)


@forms
def test_a_passage_is_a_document(tmp_path: Path, form: str) -> None:
    path, log = bioc(tmp_path, TWO, form), ReadLog()
    assert detect_format(path) == "bioc"
    first, second, third = read(path, log)
    assert (first.id, first.text, first.entities) == ("7/1", "Ada Quill", (Entity(0, 9, "P"),))
    assert first.meta["entity_fields"] == [[0, 9, "P", {"identifier": "Q1", "id": "1"}]]
    assert (second.id, second.text, second.entities) == ("7/2", "met Bo & Al", (Entity(4, 6, "P"),))
    assert second.meta["infons"] == {"type": "abstract"}
    assert (third.id, third.entities) == ("8", (Entity(0, 2, "P"),))
    # passages of one document stay in one split
    assert ["docstart" in each.meta for each in (first, second, third)] == [True, False, True]
    assert log.notes == ["bioc: relations are not read"]


def test_xml_places_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(as_xml(TWO).replace("<passage>", "\n<passage>"))
    assert [place for place, _ in read_placed(path)] == [f"{path}:{line}" for line in (2, 3, 4)]


def test_json_comes_in_several_wrappings(tmp_path: Path) -> None:
    expected = read(bioc(tmp_path, TWO))
    for number, value in enumerate(
        ([TWO], TWO["documents"], {"PubTator3": TWO["documents"]}, json.loads(json.dumps(TWO)))
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(value))
        assert detect_format(path) == "bioc"
        assert read(path) == expected
    for lines in (TWO["documents"], [collection(each) for each in TWO["documents"]]):
        path = tmp_path / "lines"
        path.write_text("\n".join(json.dumps(each) for each in lines))
        assert detect_format(path) == "bioc"
        assert read(path) == expected
    path.write_text(json.dumps([collection(each) for each in TWO["documents"]]))
    assert read(path) == expected
    infons = {**TWO, "infons": {"documents": "[{", "x": {"deep": {"er": []}}}}
    path.write_text(json.dumps(infons, indent=2))
    assert read(path) == expected
    path.write_text(json.dumps(TWO)[:-1] + ', "version": 1.0}\n')
    assert read(path) == expected


def test_a_long_collection_is_read_document_by_document(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("w") as stream:
        stream.write('{"source": "x", "documents": [\n')
        for number in range(3000):
            text = f"{number} " + "Bo ran. " * 500
            one = document(passage(0, text, annotation(len(f"{number} "), "Bo")), id=str(number))
            stream.write(f"{',' if number else ''}{json.dumps(one)}\n")
        stream.write("]}")
    assert path.stat().st_size > 12_000_000
    tracemalloc.start()
    places = [place for place, _ in read_placed(path, "bioc")]
    assert tracemalloc.get_traced_memory()[1] < 12_000_000
    tracemalloc.stop()
    assert places == [f"{path}:{number + 2}" for number in range(3000)]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("", "not valid JSON"),
        ("]", "not valid JSON"),
        ("]} x", "not valid JSON"),
        ('], "date": tru}', "not valid JSON"),
        ("{}]}", "a comma or the end of the documents is missing"),
        (", ]}", "not valid JSON"),
    ],
)
def test_a_collection_that_does_not_end_well_is_refused(
    tmp_path: Path, end: str, words: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(TWO, indent=1)[:-4].rstrip().removesuffix("]") + end)
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(path, "bioc"))
    assert (caught.value.place or "").startswith(f"{path}:")


@forms
def test_sentences_are_documents_if_only_they_have_texts(tmp_path: Path, form: str) -> None:
    sentences = [passage(0, "Bo ran.", annotation(0, "Bo")), passage(8, "Ada sat.")]
    whole = passage(0, None, annotation(8, "Ada"), sentences=sentences)
    del whole["text"]
    item = collection(document(whole, annotations=[annotation(3, "ran", "X")]))
    first, second = read(bioc(tmp_path, item, form))
    assert (first.text, first.entities) == ("Bo ran.", (Entity(0, 2, "P"), Entity(3, 6, "X")))
    assert (second.text, second.entities) == ("Ada sat.", (Entity(0, 3, "P"),))


@forms
def test_annotations_of_sentences_in_a_passage_with_a_text_are_its_own(
    tmp_path: Path, form: str
) -> None:
    inside = passage(104, "Bo ran.", annotation(104, "Bo"))
    item = collection(document(passage(100, "So. Bo ran.", sentences=[inside])))
    (found,) = read(bioc(tmp_path, item, form))
    assert (found.text, found.entities) == ("So. Bo ran.", (Entity(4, 6, "P"),))


def test_passages_without_a_text_are_left_out(tmp_path: Path) -> None:
    item = collection(document(passage(0, ""), passage(0, "Bo", annotation(0, "Bo"))))
    assert [(each.id, each.text) for each in read(bioc(tmp_path, item))] == [("d", "Bo")]


UNITS = {"code-points": (2, 2), "utf-16": (3, 2), "bytes": (5, 2)}


@forms
@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_offsets_is_found_out_from_the_file(
    tmp_path: Path, unit: str, form: str
) -> None:
    start, length = UNITS[unit]
    item = collection(
        document(passage(0, "Al", annotation(0, "Al"))),
        document(passage(50, "\U0001f98a Bo", annotation(50 + start, "Bo", length=length))),
    )
    path, log = bioc(tmp_path, item, form), ReadLog()
    assert read(path, log)[1].entities == (Entity(2, 4, "P"),)
    assert bool(log.notes) == (unit != "code-points")
    assert read(path, offsets=unit) == read(path)


@forms
@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (annotation(0, "Bo", None), "no-label"),
        (annotation(0, "Bo", locations=[]), "empty"),
        (annotation(1, "", length=0), "empty"),
        (
            annotation(0, "Bo ... Al", locations=[{"offset": o, "length": 2} for o in (0, 7)]),
            "pieces",
        ),
    ],
)
def test_annotations_that_are_no_entities_are_skipped_as_the_hint_says(
    tmp_path: Path, form: str, found: Item, kind: str
) -> None:
    path = bioc(tmp_path, collection(document(passage(0, "Bo and Al", found))), form)
    with pytest.raises(FormatError) as caught:
        read(path)
    assert f'--skip {kind} (skip={{"{kind}"}})' in (caught.value.hint or "")
    assert (caught.value.place or "").startswith(f"{path}:")
    log = ReadLog()
    assert [each.entities for each in read(path, log, skip={kind})] == [()]
    assert log.skipped == {kind: 1}


def test_another_infon_may_hold_the_labels(tmp_path: Path) -> None:
    found = annotation(0, "Bo", infons={"concept": "person"})
    path = bioc(tmp_path, collection(document(passage(0, "Bo", found))))
    (one,) = read(path, control="concept")
    assert one.entities == (Entity(0, 2, "person"),)
    assert one.meta["entity_fields"] == [[0, 2, "person", {"type": "P", "id": "1"}]]


@forms
@pytest.mark.parametrize(
    ("found", "words"),
    [
        (annotation(0, "Al"), "shows 'Al', but the text there is 'Bo'"),
        (annotation(7, "Bo"), r"the entity P has the range \[7, 9\)"),
        (annotation(0, None, length=9), r"has the range \[0, 9\)"),
        (annotation(0, "Bo", locations=[{"offset": -1, "length": 2}]), "an offset is"),
        (annotation(0, "Bo", locations=[{"offset": "x", "length": 2}]), "an offset is 'x'"),
        (annotation(0, "Bo", locations=[{"offset": 0, "length": "9" * 5000}]), "a length is '999"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(
    tmp_path: Path, form: str, found: Item, words: str
) -> None:
    path = bioc(tmp_path, collection(document(passage(0, "Bo ran", found))), form)
    with pytest.raises(FormatError, match=words) as caught:
        read(path)
    assert (caught.value.place or "").startswith(f"{path}:")


def test_an_annotation_before_all_passages_is_refused(tmp_path: Path) -> None:
    item = collection(document(passage(9, "Bo"), annotations=[annotation(0, "Bo")]))
    with pytest.raises(FormatError, match="'Bo' is before the first passage"):
        read(bioc(tmp_path, item))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"passages": [{"offset": 0', "not valid JSON"),
        ('{"documents": [5]}', "the document is 5"),
        ('{"documents": [{"passages": {}}]}', "the field 'passages' is an object"),
        ('{"documents": [{"passages": [null]}]}', "the element of 'passages' is null"),
        ('{"passages": [{"text": "x"}]}', "the offset of a passage or sentence is null"),
        (
            '{"passages": [{"offset": true, "text": "x"}]}',
            "offset of a passage or sentence is true",
        ),
        ('{"passages": [{"offset": 0, "text": 5}]}', "the text is 5"),
        ('{"passages": [{"offset": 0, "infons": 5}]}', "the object of infons is 5"),
        ('{"passages": [{"offset": 0, "annotations": [{"text": 5}]}]}', "of an annotation is 5"),
        ('{"text": "x"}', "this is an object without documents and passages"),
        ("[[]]", "this is an array without documents and passages"),
        (f"{'[' * 100_000}", "not valid JSON"),
        ('{"documents": [], "documents2": NaN}', "not valid JSON"),
        ("<collection>", "not valid XML"),
        ("<collection/>", "the file has no <document>"),
        ("<collection><document><passage/></document></collection>", "the offset of a passage"),
        (f"<a>{'<b>' * 200}", "elements are nested more than 100 deep"),
        ('<?xml version="1.0" encoding="x-none"?><a/>', "not valid XML"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.bioc"
    path.write_text(content)
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(path, "bioc"))
    assert (caught.value.place or "").startswith(str(path))


def test_entities_that_a_file_defines_are_refused(tmp_path: Path) -> None:
    # ten lines of these would stand for gigabytes
    lines = ['<!ENTITY e0 "Bo Bo Bo Bo Bo Bo Bo Bo Bo Bo">']
    lines += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    path = bioc(tmp_path, collection(document(passage(0, "BOMB"))), "xml")
    plain = path.read_text()
    definition = f"<!DOCTYPE collection [{''.join(lines)}]>"
    hostile = plain.replace('<!DOCTYPE collection SYSTEM "BioC.dtd">', definition)
    path.write_text(hostile.replace("BOMB", "&e9;"))
    tracemalloc.start()
    with pytest.raises(FormatError, match="an entity of its own, 'e0'") as caught:
        list(read_documents(path, "bioc"))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert caught.value.place == f"{path}:2"
    path.write_text(plain.replace("BOMB", "Bo"))  # as the hint says
    assert [each.text for each in read(path)] == ["Bo"]


@pytest.mark.parametrize("system", ['SYSTEM "BioC.dtd"', 'SYSTEM "file:///etc/passwd"'])
def test_no_file_is_loaded_for_an_entity(tmp_path: Path, system: str) -> None:
    path = tmp_path / "a.xml"
    for head in (
        f"<!DOCTYPE collection {system}>",
        f"<!DOCTYPE collection [<!ENTITY x {system}>]>",
        f"<!DOCTYPE collection [<!ENTITY % x {system}>%x;]>",
    ):
        path.write_text(head + as_xml(collection(document(passage(0, "BO")))).replace("BO", "&x;"))
        with pytest.raises(FormatError, match="an entity of its own, 'x'"):
            list(read_documents(path, "bioc"))


@pytest.mark.parametrize(
    "content",
    [
        '<collection><document a="AAAA',
        "<collection><document><passage><text>AAAA",
        "<collection><document>AAAA",
        "<collection><!-- AAAA",
        "<collection><document><passage><annotation/>AAAA",
        '{"documents": [{"passages": "AAAA',
        '{"documents": [AAAA',
        '{"passages": "AAAA',
        "[AAAA",
        '{"documents": [], "x": "AAAA',
    ],
)
def test_what_does_not_end_takes_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    for module in (xml_nodes, bioc_json):
        monkeypatch.setattr(module, "_LONGEST", 1_000_000)
    path = tmp_path / "a.bioc"
    path.write_text(content.replace("AAAA", "1 " * 5_000_000))
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"has more than|no value ends|is 1") as caught:
        list(read_documents(path, "bioc"))
    assert tracemalloc.get_traced_memory()[1] < 9_000_000
    tracemalloc.stop()
    assert caught.value.place == f"{path}:1"


def test_xml_in_other_encodings_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    body = as_xml(collection(document(passage(0, "Caf\u00e9 Bo", annotation(5, "Bo")))))
    for encoding in ("iso-8859-1", "utf-16", "utf-8-sig"):
        name = encoding.removesuffix("-sig")
        path.write_bytes(f'<?xml version="1.0" encoding="{name}"?>{body}'.encode(encoding))
        assert [each.text for each in read_documents(path, "bioc")] == ["Caf\u00e9 Bo"]


def test_a_folder_of_files_is_one_split(tmp_path: Path) -> None:
    for split, count in (("train", 2), ("test", 1)):
        (tmp_path / split).mkdir()
        for number in range(count):
            item = collection(document(passage(0, f"Bo {number}", annotation(0, "Bo"))))
            (tmp_path / split / f"PMC{number}.xml").write_text(as_xml(item))
    corpus = load_corpus(tmp_path)
    assert {name: len(found) for name, found in corpus.splits.items()} == {"train": 2, "test": 1}
    assert [each.text for each in load_corpus(tmp_path / "train").train] == ["Bo 0", "Bo 1"]
    (tmp_path / "train" / "more").mkdir()
    (tmp_path / "train" / "more" / "b.xml").write_text("<collection/>")
    with pytest.raises(FormatError, match="a folder inside holds such files too"):
        load_corpus(tmp_path / "train")


def test_a_folder_of_other_files_is_not_one_split(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "Bo", "entities": []}')
    with pytest.raises(CorpusError, match="no file has the name of a split"):
        load_corpus(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="the folder has no file"):
        list(read_documents(tmp_path / "empty", "bioc"))


@st.composite
def passages(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, int]]]:
    """Texts, and ranges in them: number of the text, start and end."""
    found = [text for text in draw(st.lists(texts(), min_size=1, max_size=3)) if text]
    # XML knows fewer characters than JSON, and turns line ends into one kind
    found = ["".join(c for c in text if c.isprintable()) or "x" for text in found] or ["x"]
    ranges = []
    for number, text in enumerate(found):
        bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
        pairs = draw(st.sets(bounds.filter(lambda pair: pair[0] < pair[1]), max_size=3))
        ranges += [(number, *pair) for pair in sorted(pairs)]
    return found, ranges


@pytest.mark.parametrize("unit", UNITS)
@given(drawn=passages())
def test_xml_and_json_give_the_same_documents_in_any_unit(
    tmp_path_factory: pytest.TempPathFactory,
    unit: str,
    drawn: tuple[list[str], list[tuple[int, int, int]]],
) -> None:
    sizes: dict[str, Callable[[str], int]] = {
        "code-points": len,
        "utf-16": lambda text: len(text.encode("utf-16-le")) // 2,
        "bytes": lambda text: len(text.encode()),
    }
    size = sizes[unit]
    found, ranges = drawn
    offset, items = 0, []
    for number, text in enumerate(found):
        inside = [
            annotation(offset + size(text[:start]), text[start:end], length=size(text[start:end]))
            for n, start, end in ranges
            if n == number
        ]
        items.append(passage(offset, text, *inside))
        offset += size(text) + 1
    item = collection(document(*items))
    folder = tmp_path_factory.mktemp("bioc")
    by_json = read(bioc(folder, item), offsets=unit)
    assert by_json == read(bioc(folder, item, "xml"), offsets=unit)
    assert [each.text for each in by_json] == found
    assert [
        (number, entity.start, entity.end)
        for number, each in enumerate(by_json)
        for entity in each.entities
    ] == ranges
