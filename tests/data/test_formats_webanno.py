"""WebAnno TSV 3: sentences, layers, stacked and nested annotations, escapes and offsets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nerine.cli import main
from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents

NE = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"
POS = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue"
PERSON = "#T_SP=webanno.custom.Person|role|rank"
PLACE = "#T_SP=webanno.custom.Place|"
LINKS = "#T_SP=webanno.custom.Act|ROLE_webanno.custom.Act:who_webanno.custom.Link|x.Person|kind"
RELATION = "#T_RL=webanno.custom.Knows|since|BT_webanno.custom.Person"

SENTENCES = """\
#Text=Ada Quill met Bo in Ghent.
1-1	0-3	Ada	*[1]	PER[1]
1-2	4-9	Quill	*[1]	PER[1]
1-3	10-13	met	_	_
1-4	14-16	Bo	Q7	PER
1-5	17-19	in	_	_
1-6	20-25	Ghent	*	LOC
1-7	25-26	.	_	_

#Sentence.id=s2
#Text=Bo left.
2-1	28-30	Bo	*	PER
2-2	31-35	left	_	_
2-3	35-36	.	_	_
"""


def tsv(folder: Path, body: str, *layers: str, version: str = "3.3", name: str = "a.tsv") -> Path:
    """A new file of these layers (named entities if there are none)."""
    folder.mkdir(exist_ok=True)
    header = "\n".join((f"#FORMAT=WebAnno TSV {version}", *(layers or (NE,))))
    (folder / name).write_text(f"{header}\n\n\n{body}", encoding="utf-8", newline="")
    return folder / name


def shown(documents: list[Document]) -> list[list[tuple[str, str]]]:
    """Label and text of the entities of each document."""
    return [[(each.label, one.surface(each)) for each in one.entities] for one in documents]


def read(path: Path, log: ReadLog | None = None, **options: object) -> list[Document]:
    return list(read_documents(path, None, ReadOptions(**options), log))  # type: ignore[arg-type]


def test_a_sentence_is_a_document_with_its_own_tokens(tmp_path: Path) -> None:
    log = ReadLog()
    first, second = read(tsv(tmp_path, SENTENCES), log)
    assert first.text == "Ada Quill met Bo in Ghent."
    assert first.entities == (Entity(0, 9, "PER"), Entity(14, 16, "PER"), Entity(20, 25, "LOC"))
    assert [first.surface(each) for each in first.tokens or ()] == [*first.text[:-1].split(), "."]
    assert second == Document(
        "Bo left.", (Entity(0, 2, "PER"),), (Token(0, 2), Token(3, 7), Token(7, 8)), "s2"
    )
    assert first.meta == {"entity_fields": [[14, 16, "PER", {"identifier": "Q7"}]]}
    assert log.notes == ["webanno: layer NamedEntity, feature value"]


def test_a_last_tab_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    rows = [f"{line}\t" if "\t" in line else line for line in SENTENCES.splitlines()]
    changed = tsv(tmp_path, "\r\n".join(rows), name="b.tsv")
    assert read(changed) == read(tsv(tmp_path, SENTENCES))


def test_the_format_is_recognised_whatever_the_name_is(tmp_path: Path) -> None:
    assert detect_format(tsv(tmp_path, SENTENCES, name="annotator 1")) == "webanno"
    assert detect_format(tsv(tmp_path, SENTENCES, name="gold.conll")) == "webanno"


def test_stacked_nested_and_crossing_annotations_are_entities_of_their_own(tmp_path: Path) -> None:
    body = (
        "#Text=North Ghent City Bank\n"
        "1-1	0-5	North	*[1]	LOC[1]\n"
        "1-2	6-11	Ghent	*[1]|*[2]|*[3]	LOC[1]|ORG[2]|LOC[3]\n"
        "1-3	12-16	City	*[2]|*[3]|*[4]	ORG[2]|LOC[3]|X[4]\n"
        "1-4	17-21	Bank	*[2]|*[5]|*[4]	ORG[2]|X[5]|X[4]\n"
    )
    (document,) = read(tsv(tmp_path, body))
    assert document.entities == (
        Entity(0, 11, "LOC"),
        Entity(6, 16, "LOC"),
        Entity(6, 21, "ORG"),
        Entity(12, 21, "X"),
        Entity(17, 21, "X"),
    )


def test_the_same_annotation_twice_is_one_entity(tmp_path: Path) -> None:
    body = "#Text=Bo\n1-1	0-2	Bo	*[1]|Q1[2]	PER[1]|PER[2]\n"
    (document,) = read(tsv(tmp_path, body))
    assert document.entities == (Entity(0, 2, "PER"),)


def test_parts_of_tokens_begin_and_end_entities(tmp_path: Path) -> None:
    body = (
        "#Text=pre-Ghent times\n"
        "1-1	0-9	pre-Ghent	_	_\n"
        "1-1.1	4-9	Ghent	*	LOC\n"
        "1-1.2	0-3	pre	*[9]	X[9]\n"
        "1-2	10-15	times	*[9]	X[9]\n"
    )
    (document,) = read(tsv(tmp_path, body))
    assert document.entities == (Entity(0, 15, "X"), Entity(4, 9, "LOC"))
    assert document.tokens == (Token(0, 9), Token(10, 15))


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (r"A\[1\]", "A[1]"),
        (r"A\|B", "A|B"),
        (r"\*", "*"),
        (r"\_", "_"),
        (r"a\_b", "a_b"),
        (r"a_b", "a_b"),
        (r"a\\", "a\\"),
        (r"a\\[3]", "a\\"),
        (r"a\->b\;c", "a->b;c"),
        (r"a\tb\nc", "a\tb\nc"),
        ("http://x.org/Q_1[3]", "http://x.org/Q_1"),
    ],
)
def test_labels_are_unescaped(tmp_path: Path, written: str, label: str) -> None:
    (document,) = read(tsv(tmp_path, f"#Text=Bo\n1-1	0-2	Bo	*	{written}\n"))
    assert document.entities == (Entity(0, 2, label),)


def test_a_stack_is_divided_at_bars_that_are_not_escaped(tmp_path: Path) -> None:
    (document,) = read(
        tsv(tmp_path, "#Text=Bo\n1-1	0-2	Bo	*[1]|*[2]	a\\|b\\\\[1]|c[2]\n")
    )
    assert [each.label for each in document.entities] == ["a|b\\", "c"]


@pytest.mark.parametrize(
    ("version", "written", "text"),
    [
        ("3.3", r"a\tb", "a\tb"),
        ("3.2", r"a\\b \r", "a\\b \r"),
        ("3.2", r"C:\data", r"C:\data"),
        ("3.1", r"caf\u00e9 \ud83d\ude42", "caf\u00e9 \U0001f642"),
        ("3.0", r"a\"b", 'a"b'),
        ("3", r"a\101", "aA"),
        ("3.3", "a\n#Text=b", "a\nb"),
    ],
)
def test_texts_are_unescaped_as_their_version_escapes_them(
    tmp_path: Path, version: str, written: str, text: str
) -> None:
    path = tsv(tmp_path, f"#Text={written}\n1-1	0-1	{text[0]}	_	_\n", version=version)
    assert [each.text for each in read(path)] == [text]


def test_a_text_that_another_tool_left_unescaped_is_read_as_its_tokens_show(tmp_path: Path) -> None:
    path = tsv(
        tmp_path,
        "#Text=C:\\temp Bo\n1-1	0-7	C:\\temp	_	_\n1-2	8-10	Bo	*	PER\n",
    )
    assert shown(read(path)) == [[("PER", "Bo")]]
    path = tsv(
        tmp_path, '#Text=\\"Bo\\"\n1-1	0-1	"	_	_\n1-2	1-3	Bo	*	PER\n'
    )
    assert [each.text for each in read(path)] == ['"Bo"']


EMOJI_UTF_16 = (
    "#Text=\U0001f98a Bo ran\n1-1	0-2	\U0001f98a	_	_\n1-2	3-5	Bo	*	PER\n"
)
EMOJI_POINTS = (
    "#Text=\U0001f98a Bo ran\n1-1	0-1	\U0001f98a	_	_\n1-2	2-4	Bo	*	PER\n"
)


def test_offsets_count_utf_16_or_code_points_as_the_tokens_show(tmp_path: Path) -> None:
    assert shown(read(tsv(tmp_path, EMOJI_UTF_16))) == [[("PER", "Bo")]]
    log = ReadLog()
    assert shown(read(tsv(tmp_path, EMOJI_POINTS), log)) == [[("PER", "Bo")]]
    assert "webanno: offsets count code points, as the tokens show" in log.notes
    assert shown(read(tsv(tmp_path, EMOJI_POINTS), offsets="code-points")) == [[("PER", "Bo")]]


def test_units_of_offsets_are_never_mixed(tmp_path: Path) -> None:
    path = tsv(tmp_path, f"{EMOJI_UTF_16}\n{EMOJI_POINTS}")
    with pytest.raises(FormatError, match="is not at 0-1") as caught:
        read(path)
    assert caught.value.place == f"{path}:10"
    with pytest.raises(FormatError, match="is not at"):
        read(tsv(tmp_path, EMOJI_UTF_16), offsets="code-points")


def test_offsets_count_over_all_sentences(tmp_path: Path) -> None:
    body = "#Text=\U0001f98a\n1-1	0-2	\U0001f98a	_	_\n\n#Text=Bo\n2-1	2-4	Bo	*	PER\n"
    assert shown(read(tsv(tmp_path, body))) == [[], [("PER", "Bo")]]


def test_white_space_before_the_first_token_may_be_left_out_of_the_count(tmp_path: Path) -> None:
    (document,) = read(
        tsv(tmp_path, "#Text= Bo ran\n1-1	1-3	Bo	*	PER\n1-2	4-7	ran	_	_\n")
    )
    assert (document.text, document.entities) == (" Bo ran", (Entity(1, 3, "PER"),))


def test_tokens_that_differ_in_case_are_counted(tmp_path: Path) -> None:
    log = ReadLog()
    assert shown(read(tsv(tmp_path, "#Text=bo\n1-1	0-2	Bo	*	PER\n"), log)) == [
        [("PER", "bo")]
    ]
    assert log.remarks == {"whose tokens differ from the text in case": 1}


ACROSS = """\
#Text=Bo and
1-1	0-2	Bo	*[1]	PER[1]
1-2	3-6	and	*[2]	X[2]

#Text=Ada ran.
2-1	7-10	Ada	*[2]	X[2]
2-2	11-14	ran	*[1]	Y[1]
"""


def test_an_annotation_that_goes_on_in_the_next_sentence_is_in_pieces(tmp_path: Path) -> None:
    path = tsv(tmp_path, ACROSS)
    with pytest.raises(FormatError, match="the X 'and' goes on in the next sentence") as caught:
        read(path)
    assert caught.value.place == f"{path}:7"
    assert "--skip pieces" in str(caught.value)
    log = ReadLog()
    # the number 1 is at no sentence's end: it is counted anew
    assert shown(read(path, log, skip={"pieces"})) == [[("PER", "Bo")], [("Y", "ran")]]
    assert log.skipped == {"pieces": 1}
    assert "webanno: numbers in brackets begin again in other sentences" in log.notes


def test_an_annotation_with_a_gap_is_in_pieces(tmp_path: Path) -> None:
    rows = (
        "1-1	0-1	a	*[1]	X[1]",
        "1-2	2-3	b	_	_",
        "1-3	4-5	c	*[1]	X[1]",
    )
    body = "\n".join(("#Text=a b c", *rows))
    with pytest.raises(FormatError, match="the X 'a b c' is in several pieces"):
        read(tsv(tmp_path, body))
    assert shown(read(tsv(tmp_path, body), skip={"pieces"})) == [[]]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("1-1	0-2	Bo	*	*", "no-label"),
        ("1-1	0-2	Bo	_	_\n1-1.1	2-2		*	PER", "empty"),
    ],
)
def test_annotations_that_are_no_entities_are_skipped_as_the_hint_says(
    tmp_path: Path, line: str, kind: str
) -> None:
    path = tsv(tmp_path, f"#Text=Bo\n{line}\n")
    with pytest.raises(FormatError, match=f"--skip {kind} ") as caught:
        read(path)
    assert (caught.value.place or "").startswith(f"{path}:")
    log = ReadLog()
    assert shown(read(path, log, skip={kind})) == [[]]
    assert log.skipped == {kind: 1}


OWN = """\
#Text=Bo of Ghent
1-1	0-2	Bo	smith	2	_
1-2	3-5	of	_	_	_
1-3	6-11	Ghent	_	_	*
"""


def test_a_layer_of_ones_own_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = tsv(tmp_path, OWN, PERSON, PLACE)
    with pytest.raises(FormatError, match="has 2 features, and none called 'value'") as caught:
        read(path)
    assert caught.value.place == str(path)
    assert "--control webanno.custom.Person:role (control=…)" in str(caught.value)
    command = ["describe", str(path), "--control", "webanno.custom.Person:role"]
    assert CliRunner().invoke(main, command).exit_code == 0
    log = ReadLog()
    assert shown(read(path, log, control="webanno.custom.Person:role")) == [[("smith", "Bo")]]
    assert log.notes == ["webanno: layer Person, feature role; not read: Place"]
    assert shown(read(path, control="rank")) == [[("2", "Bo")]]
    assert shown(read(path, control="Person:rank")) == [[("2", "Bo")]]
    assert shown(read(path, control="Place")) == [[("Place", "Ghent")]]


def test_several_layers_without_named_entities_are_not_guessed_between(tmp_path: Path) -> None:
    body = "#Text=Bo\n1-1	0-2	Bo	*	_\n"
    path = tsv(tmp_path, body, PLACE, PLACE.replace("Place", "Thing"))
    with pytest.raises(FormatError, match="2 layers may hold the entities") as caught:
        read(path)
    assert "--control webanno.custom.Place (control=…)" in str(caught.value)
    assert shown(read(path, control="webanno.custom.Place")) == [[("Place", "Bo")]]
    assert shown(read(path, control="Thing")) == [[]]


def test_the_only_layer_of_ones_own_is_taken_and_said(tmp_path: Path) -> None:
    log = ReadLog()
    path = tsv(tmp_path, "#Text=Bo\n1-1	0-2	Bo	NNP	*	_	_\n", POS, PLACE, RELATION)
    assert shown(read(path, log)) == [[("Place", "Bo")]]
    assert log.notes == [
        "webanno: layer Place, its name is the label; not read: POS, Knows",
    ]
    assert shown(read(path, control="POS")) == [[("NNP", "Bo")]]


def test_columns_of_links_are_no_labels(tmp_path: Path) -> None:
    path = tsv(tmp_path, "#Text=Bo\n1-1	0-2	Bo	a;b	1-1;1-1	act	\n", LINKS)
    assert shown(read(path)) == [[("act", "Bo")]]


@pytest.mark.parametrize("layers", [[POS], [RELATION]])
def test_a_file_without_layers_of_entities_is_unlabelled(tmp_path: Path, layers: list[str]) -> None:
    values = "\t_" * sum(each.count("|") for each in layers)
    path = tsv(tmp_path, f"#Text=Bo\n1-1	0-2	Bo{values}\n", *layers)
    with pytest.raises(FormatError, match="no layer holds entities") as caught:
        read(path)
    assert '--accept unlabelled (accept={"unlabelled"})' in str(caught.value)
    log = ReadLog()
    assert shown(read(path, log, accept={"unlabelled"})) == [[]]
    assert log.accepted == {"unlabelled": 1}
    assert read(path, skip={"unlabelled"}) == []


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tsv(tmp_path, SENTENCES)
    with pytest.raises(FormatError, match="no single layer or feature is called 'Persn'") as caught:
        read(path, control="Persn")
    assert "NamedEntity:identifier" in str(caught.value)
    assert shown(read(path, control="Persn", accept={"unlabelled"})) == [[], []]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("#FORMAT=WebAnno TSV 2.0", "this is WebAnno TSV 2"),
        ("#FORMAT=WebAnno TSV 4.1", "this is WebAnno TSV 4"),
        (" # x.y.NamedEntity | value # x.y.POS | PosValue", "this is WebAnno TSV 2"),
        ("Bo B-PER", "the first line is 'Bo B-PER'"),
        ("", "the first line is ''"),
    ],
)
def test_other_versions_are_refused_by_name(tmp_path: Path, first: str, words: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(f"{first}\n#id=1\n#text=Bo\n1-1	Bo	B-PER	NNP\n")
    with pytest.raises(FormatError, match=words) as caught:
        list(read_documents(path, "webanno"))
    assert caught.value.place == f"{path}:1"
    assert ("export it as WebAnno TSV 3.3" in str(caught.value)) == ("this is" in words)
    if first.startswith(" # "):
        assert detect_format(path) == "webanno"


@pytest.mark.parametrize(
    ("body", "words", "line"),
    [
        ("1-1	0-2	Bo	*	PER\n", "has no text before it", 5),
        ("#Text=Bo\n1-1	0-2	Bo	*\n", "is not a line of a token with 2 columns", 6),
        ("#Text=Bo\n1-1	0-2	Bo	*	PER	more\n", "is not a line of a token", 6),
        ("#Text=Bo\n1-1	0-x	Bo	*	PER\n", "is not a line of a token", 6),
        ("#Text=Bo\n1-1	0-2	Al	*	PER\n", "the token 'Al' is not at 0-2", 6),
        ("#Text=Bo\n1-1	0-9	Bo	*	PER\n", "the token 'Bo' is not at 0-9", 6),
        ("#Text=Bo\n1-1.1	0-2	Bo	*	PER\n", "comes before its token", 6),
        ("#Text=Bo\n1-1	0-2	Bo	*	\n", "the column of NamedEntity is empty", 6),
        (
            "#Text=a b\n1-1	0-1	a	*[1]	X[1]\n1-2	2-3	b	*[1]	Y[1]\n",
            "has the labels X, Y",
            7,
        ),
        (
            "#Text=Bo\n1-1	0-2	Bo	_	_\n1-1.1	1-9	o	*	X\n",
            r"has the range \[1, 9\)",
            7,
        ),
    ],
)
def test_lines_that_do_not_fit_are_refused_with_their_place(
    tmp_path: Path, body: str, words: str, line: int
) -> None:
    path = tsv(tmp_path, f"{body}\n{SENTENCES}")
    with pytest.raises(FormatError, match=words) as caught:
        read(path)
    assert caught.value.place == f"{path}:{line}"
    log = ReadLog(unreadable=[])
    assert len(read(path, log)) >= 2  # the others are read
    assert [error.place for error in log.unreadable or ()] == [f"{path}:{line}"]


def test_other_lines_of_a_sentence_are_kept(tmp_path: Path) -> None:
    path = tsv(tmp_path, f"#Title=x\n#Genre=y\n\n\n{SENTENCES}")
    first, second = read(path)
    assert first.meta["webanno"] == ["#Title=x", "#Genre=y"]
    assert "webanno" not in second.meta


def test_a_text_without_tokens_is_a_document(tmp_path: Path) -> None:
    assert [each.text for each in read(tsv(tmp_path, f"#Text=Hm.\n\n{SENTENCES}"))][:2] == [
        "Hm.",
        "Ada Quill met Bo in Ghent.",
    ]


def test_a_folder_of_exports_is_one_split(tmp_path: Path) -> None:
    tsv(tmp_path / "dev", SENTENCES, name="b.tsv")
    tsv(tmp_path / "dev", "#Text=Hm.\n1-1	0-2	Hm	NN\n", POS, name="a.tsv")
    corpus = load_corpus(tmp_path / "dev")
    assert list(corpus.splits) == ["validation"]
    # WebAnno leaves layers without annotations out of a file
    assert shown(list(corpus.validation))[0] == []
    assert len(corpus.validation) == 3
    assert ["docstart" in each.meta for each in corpus.validation] == [True, True, False]
    tsv(tmp_path / "train", SENTENCES, name="c.tsv")
    assert {name: len(one) for name, one in load_corpus(tmp_path).splits.items()} == {
        "train": 2,
        "validation": 3,
    }


def test_an_exported_project_is_one_split(tmp_path: Path) -> None:
    folder = tmp_path / "annotation"
    folder.mkdir()
    for name in ("test 1.txt", "test 2.txt"):
        tsv(folder / name, SENTENCES, name="ada.tsv")
        tsv(folder / name, "#Text=Bo", name="INITIAL_CAS.tsv")
    assert len(load_corpus(folder).train) == 4
    tsv(folder / "test 2.txt", "#Text=Bo\n1-1	0-2	Bo	*	PER\n", name="bo.tsv")
    with pytest.raises(FormatError, match="the document has 2 annotators: ada, bo") as caught:
        load_corpus(folder)
    assert caught.value.place == str(folder / "test 2.txt")
    assert "--annotations by=ada (annotations=…)" in (caught.value.hint or "")
    assert len(load_corpus(folder, options=ReadOptions(annotations="by=ada")).train) == 4
    assert len(load_corpus(folder, options=ReadOptions(annotations="first")).train) == 4
    one = load_corpus(folder, options=ReadOptions(annotations="by=bo"))
    assert [each.text for each in one.train] == ["Bo"]
    assert "webanno: 1 folder without annotations that count" in one.logs["train"].notes


def test_files_that_are_called_like_splits_are_splits(tmp_path: Path) -> None:
    tsv(tmp_path, SENTENCES, name="train.tsv")
    tsv(tmp_path, SENTENCES, name="dev.tsv")
    assert set(load_corpus(tmp_path).splits) == {"train", "validation"}


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Tokens, and ranges of tokens with labels, any of them over each other."""
    characters = st.sampled_from("ab\u00e9\U0001f98a_*|[\\]")
    tokens = draw(st.lists(st.text(characters, min_size=1, max_size=3), min_size=1, max_size=5))
    bounds = st.tuples(st.integers(0, len(tokens) - 1), st.integers(1, len(tokens)))
    pairs = draw(st.sets(bounds.filter(lambda pair: pair[0] < pair[1]), max_size=5))
    labels = st.text("AB|[]*_\\;>-\t\n", min_size=1, max_size=3)
    return tokens, [(start, end, draw(labels)) for start, end in sorted(pairs)]


ESCAPES = (("\\", "\\\\"), ("[", "\\["), ("]", "\\]"), ("|", "\\|"), ("_", "\\_"), ("->", "\\->"))


def escaped(value: str) -> str:
    """A value as INCEpTION writes it: one replacement after another, from left to right."""
    pairs = dict((*ESCAPES, (";", "\\;"), ("\t", "\\t"), ("\n", "\\n"), ("*", "\\*")))
    found, at = "", 0
    while at < len(value):
        pattern = next((each for each in pairs if value.startswith(each, at)), value[at])
        found += pairs.get(pattern, pattern)
        at += len(pattern)
    return found


@given(st.lists(sentences(), min_size=1, max_size=3))
def test_what_a_plain_writer_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[str], list[tuple[int, int, str]]]],
) -> None:
    lines, offset, number, expected = [], 0, 0, []
    for tokens, spans in drawn:
        numbers = range(number + 1, number + 1 + len(spans))
        number += len(spans)
        text = " ".join(tokens)
        lines += [f"#Text={text.replace(chr(92), chr(92) * 2)}"]
        for index, token in enumerate(tokens):
            length = len(token.encode("utf-16-le")) // 2
            stack = [
                f"{escaped(label)}[{mark}]"
                for mark, (start, end, label) in zip(numbers, spans, strict=True)
                if start <= index < end
            ]
            values = ("|".join("*" for _ in stack) or "_", "|".join(stack) or "_")
            lines.append(
                "\t".join((f"1-{index + 1}", f"{offset}-{offset + length}", token, *values))
            )
            offset += length + 1
        lines.append("")
        starts = [sum(len(each) + 1 for each in tokens[:index]) for index in range(len(tokens) + 1)]
        entities = {(starts[start], starts[end] - 1, label) for start, end, label in spans}
        expected.append((text, sorted(entities)))
    path = tsv(tmp_path_factory.mktemp("webanno"), "\n".join(lines))
    found = read(path)
    assert [
        (each.text, [(one.start, one.end, one.label) for one in each.entities]) for each in found
    ] == expected
