"""Ranges against the entities' own texts, and the units of offsets."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nerine.core.errors import FormatError
from nerine.data.formats import ReadLog, ReadOptions
from nerine.data.formats.offsets import Counting, OffsetChecker, StatedRange
from nerine.data.formats.options import Offsets

Records = Sequence[tuple[str, Sequence[StatedRange]]]

TEXTS = st.text(st.sampled_from("ab é中🙂👍🏼\n&;"), max_size=12)


def read(
    records: Records, options: ReadOptions | None = None, *, inclusive: bool = False
) -> tuple[list[list[str]], ReadLog]:
    """The surfaces of all ranges, and the log."""
    log = ReadLog()
    checker = OffsetChecker(lambda: records, options or ReadOptions(), log, inclusive=inclusive)
    found = []
    for text, stated in records:
        found.append([text[slice(*bounds)] for bounds in checker.ranges(text, stated) if bounds])
    return found, log


def offsets(text: str, start: int, end: int, unit: str) -> tuple[int, int]:
    """The range in a unit, by encoding what comes before."""
    encoding, size = {"code-points": ("utf-32-le", 4), "utf-16": ("utf-16-le", 2)}.get(
        unit, ("utf-8", 1)
    )
    before, inside = text[:start], text[:end]
    return len(before.encode(encoding)) // size, len(inside.encode(encoding)) // size


@given(TEXTS, st.data(), st.sampled_from(["code-points", "utf-16", "bytes"]))
def test_every_unit_is_converted_to_code_points(
    text: str, data: st.DataObject, unit: Offsets
) -> None:
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = offsets(text, start, end, unit)
    assert Counting(unit).of(text)(first, last) == (start, end)
    # an inclusive end is any unit of the last character
    assert Counting(unit, True).of(text)(first, last - 1) == (start, end)


@given(TEXTS, st.data(), st.sampled_from(["crlf", "lf", "html"]))
def test_offsets_of_another_form_of_the_text_are_converted(
    text: str, data: st.DataObject, form: str
) -> None:
    escapes = {"crlf": ("\n", "\r\n"), "lf": ("\n", "\r\n"), "html": ("&", "&amp;")}
    short, long = escapes[form]
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    longer = text.replace(short, long)
    longer_range = (
        len(text[:start].replace(short, long)),
        len(text[:end].replace(short, long)),
    )
    if form == "crlf":  # the file has line feeds, offsets counted CR LF
        assert Counting(form="crlf").of(text)(*longer_range) == (start, end)
    else:
        convert = Counting(form="lf" if form == "lf" else "html").of(longer)
        assert convert(start, end) == longer_range
        assert html.unescape(longer) == text or form == "lf"


def test_the_middle_of_a_character_is_nowhere() -> None:
    assert Counting("utf-16").of("a🙂b")(1, 2) == (1, -1)
    assert Counting("bytes").of("é")(1, 2) == (-1, 1)


EMOJI = "🙂🙂 Mira won"


@pytest.mark.parametrize(
    ("start", "end", "unit"), [(3, 7, "code points"), (5, 9, "UTF-16"), (9, 13, "bytes")]
)
def test_own_texts_of_one_record_tell_the_unit_of_the_file(start: int, end: int, unit: str) -> None:
    told = (EMOJI, [StatedRange(start, end, "Mira")])
    silent = (EMOJI, [StatedRange(start, end)])
    for records in ([told, silent], [silent, told], [("Mira", [StatedRange(0, 4)]), silent, told]):
        found, log = read(records)
        assert found[-2:] == [["Mira"], ["Mira"]]
        assert [unit in note for note in log.notes] == ([] if unit == "code points" else [True])
        assert log.remarks == {}


def test_units_are_never_mixed() -> None:
    mixed = [(EMOJI, [StatedRange(3, 7, "Mira")]), (EMOJI, [StatedRange(5, 9, "Mira")])]
    with pytest.raises(FormatError, match=r"\[5, 9\) shows 'Mira', but .* is 'ra w'") as caught:
        read(mixed)
    assert caught.value.expected == "the range [3, 7), where the text has it"
    hint = caught.value.hint or ""
    assert "count UTF-16 code units" in hint
    assert "to a file of their own" in hint
    # the way out that the hint names
    assert [read([each])[0] for each in mixed] == [[["Mira"]], [["Mira"]]]


def test_of_two_units_that_of_most_is_the_file_s() -> None:
    units = (EMOJI, [StatedRange(5, 9, "Mira")])
    points = (EMOJI, [StatedRange(3, 7, "Mira")])
    log = ReadLog()
    records = [units, points, units]
    checker = OffsetChecker(lambda: records, ReadOptions(), log)
    refused: list[FormatError] = []
    found = [checker.ranges(*each, refused.append) for each in records]
    assert found == [[(3, 7)], [None], [(3, 7)]]
    assert [error.found for error in refused] == ["an entity has the range [3, 7) and shows 'Mira'"]
    assert "count code points" in (refused[0].hint or "")
    assert log.notes == ["offsets count UTF-16 code units, as most of the entities' own texts show"]


@pytest.mark.parametrize("unit", ["utf-16", "bytes"])
def test_a_stated_unit_is_taken_and_a_hint_that_names_it_works(unit: Offsets) -> None:
    stated = StatedRange(*offsets(EMOJI, 3, 7, unit), "Mira")
    records = [(EMOJI, [stated])]
    assert read(records, ReadOptions(offsets=unit))[0] == [["Mira"]]
    with pytest.raises(FormatError, match=r"shows 'Mira'|has the range") as caught:
        read(records, ReadOptions(offsets="code-points"))
    hint = caught.value.hint or ""
    assert f'--offsets {unit} (offsets="{unit}")' in hint
    assert hint.count("--offsets") == 1


def test_the_edges_of_words_tell_the_unit_where_nothing_else_does() -> None:
    """doccano counts UTF-16 code units, and does not export the entities' texts."""
    text = "👩🏽‍🔬 phones Aino in Turku"
    start, end = offsets(text, text.index("Aino"), text.index(" in"), "utf-16")
    found, log = read([("Aino left", [StatedRange(0, 4)]), (text, [StatedRange(start, end)])])
    assert found == [["Aino"], ["Aino"]]
    (note,) = log.notes
    assert "UTF-16" in note
    assert "--offsets code-points" in note
    # the way out that the note names
    found, log = read([(text, [StatedRange(start, end)])], ReadOptions(offsets="code-points"))
    assert found[0] != ["Aino"]
    assert log.notes == []


def test_code_points_are_taken_if_they_fit_words() -> None:
    found, log = read([("🙂 Aino left", [StatedRange(2, 6)])])
    assert (found, log.notes, log.remarks) == ([["Aino"]], [], {})


def test_what_nothing_shows_is_read_as_code_points_and_counted() -> None:
    # both readings begin and end with words
    one = StatedRange(5, 6)
    records = [("🙂🙂 a b c", [one]), ("🙂🙂 d", []), ("🙂🙂 e f g", [one])]
    found, log = read(records)
    assert found == [["b"], [], ["f"]]
    ((remark, number),) = log.remarks.items()
    assert number == 2
    assert "--offsets utf-16" in remark
    assert read(records, ReadOptions(offsets="utf-16"))[0] == [["a"], [], ["e"]]


def test_offsets_outside_the_text_show_another_unit() -> None:
    # the last word lies outside in code points; one entity ends inside a word in any unit
    records = [("🙂🙂🙂 6x3 fast", [StatedRange(7, 9), StatedRange(11, 15)])]
    found, log = read(records)
    assert found == [["6x", "fast"]]
    assert "UTF-16" in log.notes[0]


def test_a_range_outside_the_text_is_an_error() -> None:
    with pytest.raises(FormatError, match=r"the entity PER has the range \[0, 9\)") as caught:
        read([("Mira", [StatedRange(0, 9, label="PER")])])
    assert caught.value.hint is None
    with pytest.raises(FormatError, match="more than 64 bits"):
        read([("Mira", [StatedRange(0, 10**4000)])])
    for bounds in ((-1, 2), (2, 2), (3, 1)):
        with pytest.raises(FormatError, match="has the range"):
            read([("Mira", [StatedRange(*bounds)])])


def test_inclusive_ends_are_an_error_that_names_the_option() -> None:
    records = [("Mira left", [StatedRange(0, 3, "Mira")]), ("So Ann", [StatedRange(3, 5, "Ann")])]
    with pytest.raises(FormatError, match="shows 'Mira', but the text there is 'Mir'") as caught:
        read(records)
    assert "--inclusive-ends (inclusive_ends=True)" in (caught.value.hint or "")
    assert read(records, ReadOptions(inclusive_ends=True))[0] == [["Mira"], ["Ann"]]
    # one exclusive end more, and no counting fits the file
    with pytest.raises(FormatError, match="shows 'Mira'") as caught:
        read([*records, ("Ann", [StatedRange(0, 3, "Ann")])])
    assert caught.value.hint is None


def test_an_entity_of_one_character_with_an_inclusive_end_is_named() -> None:
    with pytest.raises(FormatError, match=r"has the range \[2, 2\)") as caught:
        read([("a b", [StatedRange(2, 2)])])
    assert "--inclusive-ends" in (caught.value.hint or "")
    assert read([("a b", [StatedRange(2, 2)])], ReadOptions(inclusive_ends=True))[0] == [["b"]]


def test_a_range_of_no_characters_is_skipped_or_names_inclusive_ends_where_they_can_be() -> None:
    whole = ("Mira left", [StatedRange(0, 4)])
    for other in (whole, ("Mira left", [StatedRange(5, 9, "left")])):
        records = [("Mira left", [StatedRange(4, 4)]), other]
        with pytest.raises(FormatError, match=r"\[4, 4\), which has no characters") as caught:
            read(records)
        hint = caught.value.hint or ""
        assert '--skip empty (skip={"empty"})' in hint
        assert "--inclusive-ends" not in hint
        log = ReadLog()
        checker = OffsetChecker(lambda: records, ReadOptions(skip={"empty"}), log)  # noqa: B023
        assert checker.ranges(*records[0]) == [None]
        assert log.skipped == {"empty": 1}


def test_ends_that_are_all_short_by_one_are_inclusive() -> None:
    records = [("So Mira left", [StatedRange(3, 6)])] * 10
    with pytest.raises(FormatError, match="all 10 entities end one character before") as caught:
        read(records)
    hint = caught.value.hint or ""
    assert "--inclusive-ends" in hint
    assert "--offsets code-points" in hint
    assert read(records, ReadOptions(inclusive_ends=True))[0] == [["Mira"]] * 10
    assert read(records, ReadOptions(offsets="code-points"))[0] == [["Mir"]] * 10
    # of a few it is only said
    found, log = read(records[:3])
    assert found == [["Mir"]] * 3
    assert "--inclusive-ends" in log.notes[0]
    # one entity that ends with a word, and nothing is concluded
    found, log = read([*records, ("Ann", [StatedRange(0, 3)])])
    assert (found[-1], log.notes) == (["Ann"], [])


def test_a_format_of_inclusive_ends_is_read_so() -> None:
    assert read([("Mira left", [StatedRange(0, 3)])], inclusive=True)[0] == [["Mira"]]
    # unless its own texts say otherwise, all over the file
    records = [("Mira left", [StatedRange(0, 4, "Mira")]), ("Ann", [StatedRange(0, 3, "Ann")])]
    found, log = read(records, inclusive=True)
    assert found == [["Mira"], ["Ann"]]
    assert log.notes == ["offsets count code points, as the entities' own texts show"]


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("a\nb\nMira", 6, "a line feed as two"),
        ("🙂🙂\nb\nMira", 9, "a line feed as two"),
        ("a\r\nb\r\nMira", 4, "CR LF as one"),
        ("a &amp; b &lt; Mira", 8, "&amp; as one"),
    ],
)
def test_offsets_of_another_form_are_noticed_by_own_texts(
    text: str, start: int, words: str
) -> None:
    records = [
        ("Mira", [StatedRange(0, 4, "Mira")]),
        (text, [StatedRange(start, start + 4, "Mira")]),
    ]
    found, log = read(records)
    assert found == [["Mira"], ["Mira"]]
    assert [words in note for note in log.notes] == [True]


@pytest.mark.parametrize("shown", ["Mira  Okonjo", "Mira\nOkonjo ", "mira okonjo", "Mira\\nOkonjo"])
def test_white_space_and_case_are_not_compared(shown: str) -> None:
    assert read([("Mira\nOkonjo", [StatedRange(0, 11, shown)])])[0] == [["Mira\nOkonjo"]]


def test_composed_and_combining_characters_are_the_same_text() -> None:
    text = "Zoe\u0308 left"
    assert read([(text, [StatedRange(0, 4, "Zo\u00eb")])])[0] == [["Zoe\u0308"]]
    with pytest.raises(FormatError, match="shows 'Zo\u00eb', but the text there is 'Zoe'"):
        read([(text, [StatedRange(0, 3, "Zo\u00eb")])])


@pytest.mark.parametrize(("feed", "counted"), [("\n", 2), ("\r\n", 1)])
def test_the_edges_of_words_tell_how_line_ends_count(feed: str, counted: int) -> None:
    names = ["Mira", "Oskar", "Lena"]
    records = [
        (
            f"So{feed}{feed}said {name} to us",
            [StatedRange(2 * counted + 7, 2 * counted + 7 + len(name))],
        )
        for name in names
    ]
    found, log = read(records)
    assert found == [[name] for name in names]
    assert ["3 of 3 entities" in note and "CR LF" in note for note in log.notes] == [True]
    as_is, log = read(records, ReadOptions(offsets="code-points"))
    assert (as_is != found, log.notes) == (True, [])
    assert read(records[:2])[0] == as_is[:2]  # two may be chance


def test_ranges_that_are_short_everywhere_do_not_tell_how_line_ends_count() -> None:
    shifted = [("Mira ran", [StatedRange(1, 5)])] * 9
    records = [*shifted, *[("So\nMira ran", [StatedRange(4, 8)])] * 4]
    assert read(records)[0] == [["ira "]] * 13


def test_inclusive_ends_are_no_hint_where_own_texts_are_exact_otherwise() -> None:
    records = [("Mira saw Oskar", [StatedRange(0, 4, "Mira"), StatedRange(8, 13, "Oskar")])]
    with pytest.raises(FormatError, match="shows 'Oskar', but the text there is ' Oska'") as caught:
        read(records)
    assert caught.value.hint is None


def test_a_character_reference_is_its_character() -> None:
    assert read([("A&amp;B won", [StatedRange(0, 7, "A&B")])])[0] == [["A&amp;B"]]


def test_a_file_that_leaves_nothing_open_is_read_once() -> None:
    passes = []

    def records() -> Records:
        passes.append(1)
        return [("Mira won", [StatedRange(0, 4)])]

    checker = OffsetChecker(records, ReadOptions(), ReadLog())
    assert checker.ranges("Mira won", [StatedRange(0, 4)]) == [(0, 4)]
    assert checker.ranges("Mira won", [StatedRange(0, 4, "Mira")]) == [(0, 4)]
    assert passes == []
    assert checker.ranges("é Mira", [StatedRange(2, 6)]) == [(2, 6)]
    assert checker.ranges("Miranda", [StatedRange(0, 4)]) == [(0, 4)]
    assert passes == []
    assert checker.ranges("🙂 Mira", [StatedRange(2, 6)]) == [(2, 6)]
    assert checker.ranges("🙂 Mira", [StatedRange(2, 6)]) == [(2, 6)]
    assert passes == [1]


def test_a_file_is_decided_on_once_even_if_that_is_an_error() -> None:
    passes = []
    records = [("So Mira left", [StatedRange(3, 6)])] * 10

    def counted() -> Records:
        passes.append(1)
        return records

    checker = OffsetChecker(counted, ReadOptions(), ReadLog())
    errors = 0
    for text, stated in records:
        try:
            checker.ranges(text, stated)
        except FormatError:
            errors += 1
    assert (errors, passes) == (1, [1])


def test_the_first_pass_ends_where_nothing_is_left_to_learn() -> None:
    seen = []

    def watched(records: Records) -> Iterator[tuple[str, Sequence[StatedRange]]]:
        for number, record in enumerate(records):
            seen.append(number)
            yield record

    records = [("🙂 Aino left", [StatedRange(2, 6)])] * 5000
    checker = OffsetChecker(lambda: watched(records), ReadOptions(), ReadLog())
    assert checker.ranges(*records[0]) == [(2, 6)]
    assert len(seen) == 1000


def test_many_records_that_are_alike_in_all_units_decide_nothing() -> None:
    for shown in ("Mira", None):
        alike = [("Mira left", [StatedRange(0, 4, shown)])] * 1500
        found, _ = read([*alike, ("🙂🙂 Mira left", [StatedRange(5, 9, shown)])])
        assert found[-1] == ["Mira"]
