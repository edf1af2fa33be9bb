"""Entities of the texts in data frames: lists and the long form, of pandas and polars alike."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lookup import make_lookup
from nerine.core.errors import ArgumentError, FormatError, SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.frames import tag_frame

polars = pytest.importorskip("polars", reason="needs the package polars")

TEXTS = ["Mira left Lisbon", None, "", "😀 Lisbon", "nothing", "Mira in Lisbon " * 900]
KINDS = [pd.DataFrame, polars.DataFrame]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    opinions = {"mira": "B-person", "lisbon": "B-place", "left": "O", "in": "O"}
    folder = tmp_path_factory.mktemp("known") / "run"
    return Tagger.load(make_lookup(folder, ["person", "place"], opinions))


def rows_of(frame: Any) -> list[dict[str, Any]]:
    records = frame.to_dict("records") if isinstance(frame, pd.DataFrame) else frame.to_dicts()
    return [{str(name): value for name, value in row.items()} for row in records]


def expected(tagger: Tagger) -> list[Any]:
    return [
        None
        if text is None
        else [
            {
                "start": each.start,
                "end": each.end,
                "label": each.label,
                "score": pytest.approx(each.score),
            }
            for each in tagger(text).entities
        ]
        for text in TEXTS
    ]


def is_null(value: Any) -> bool:
    return value is None or value is pd.NA


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_gets_a_column_and_keeps_the_rest(kind: Any, tagger: Tagger) -> None:
    frame = kind({"id": list(range(len(TEXTS))), "body": TEXTS})
    tagged = tag_frame(frame, tagger, text="body")
    assert type(tagged) is kind
    assert list(frame.columns) == ["id", "body"], "the frame that was given stays as it is"
    assert list(tagged.columns) == ["id", "body", "entities"]
    rows = rows_of(tagged)
    assert [row["id"] for row in rows] == list(range(len(TEXTS)))
    found = [None if is_null(row["entities"]) else row["entities"] for row in rows]
    assert found == expected(tagger)


@pytest.mark.parametrize("kind", KINDS)
def test_the_long_form_has_a_row_for_each_entity(kind: Any, tagger: Tagger) -> None:
    frame = kind({"body": TEXTS, "start": [0] * len(TEXTS), "entities": ["x"] * len(TEXTS)})
    long = tag_frame(frame, tagger, text="body", form="long")
    assert type(long) is kind
    assert list(long.columns) == ["row", "start", "end", "label", "score", "text"]
    rows = rows_of(long)
    assert rows == [
        {"row": row, **entity, "text": TEXTS[row][entity["start"] : entity["end"]]}  # type: ignore[index]
        for row, entities in enumerate(expected(tagger))
        for entity in entities or []
    ]
    assert rows[2]["text"] == "Lisbon"


def test_the_index_of_pandas_is_kept_also_where_it_repeats(tagger: Tagger) -> None:
    frame = pd.DataFrame({"text": TEXTS[:4]}, index=["b", "b", "a", "c"])
    assert list(tag_frame(frame, tagger).index) == ["b", "b", "a", "c"]
    long = tag_frame(frame, tagger, form="long")
    assert list(long.index) == ["b", "b", "c"]
    assert list(frame.iloc[long["row"]].index) == list(long.index)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["list", "long"])
def test_a_frame_without_rows_stays_one(kind: Any, form: Any, tagger: Tagger) -> None:
    frame = kind({"text": ["Mira"]})[:0]
    assert len(tag_frame(frame, tagger, form=form)) == 0


def test_categories_of_both_are_texts(tagger: Tagger) -> None:
    texts = ["Mira", "Lisbon", "Mira"]
    for frame in (
        pd.DataFrame({"text": pd.Categorical(texts)}),
        polars.DataFrame({"text": polars.Series(texts, dtype=polars.Categorical)}),
        pd.DataFrame({"text": pd.array(texts, dtype="string[pyarrow]")}),
    ):
        assert [len(row["entities"]) for row in rows_of(tag_frame(frame, tagger))] == [1, 1, 1]


def test_cells_that_hold_no_text_are_an_error_or_have_a_reason(tagger: Tagger) -> None:
    frame = pd.DataFrame({"text": ["Mira", 7, float("nan")]})
    with pytest.raises(FormatError, match="the cell is of type int"):
        tag_frame(frame, tagger)
    tagged = tag_frame(frame, tagger, errors="error")
    assert [is_null(each) for each in tagged["error"]] == [True, False, True]
    with pytest.raises(FormatError, match="a column of strings"):
        tag_frame(pd.DataFrame({"text": [1, 2]}), tagger)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"text": "body"}, "no column called 'body'"),
        ({"into": "text"}, "three names"),
        ({"form": "wide"}, "'wide' is not known"),
        ({"form": "long", "errors": "error"}, "the long form has no column for errors"),
        ({"labels": ["town"]}, "the model has no label 'town'"),
    ],
)
def test_what_cannot_be_used_is_an_error(
    options: dict[str, Any], found: str, tagger: Tagger
) -> None:
    with pytest.raises((FormatError, SettingsError), match=found):
        tag_frame(pd.DataFrame({"text": TEXTS}), tagger, **options)


@pytest.mark.parametrize("frame", [polars.LazyFrame({"text": ["a"]}), {"text": ["a"]}, None])
def test_something_else_than_a_frame_is_an_error(frame: Any, tagger: Tagger) -> None:
    with pytest.raises(ArgumentError, match="expected: a DataFrame of pandas or polars"):
        tag_frame(frame, tagger)
