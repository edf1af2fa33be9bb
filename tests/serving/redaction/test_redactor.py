"""Texts without names: what stands for them, the same for the same name, and back again."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nerine
from nerine.core.document import Document, Entity
from nerine.core.errors import ArgumentError, SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.redaction import Redacted, Redactor
from nerine.serving.redaction.patterns import PATTERNS, find_patterns
from nerine.serving.redaction.redactor import MASK

KEY = "0123456789abcdef"
TEXT = "Mira Okonjo left Lisbon. 😀 mira OKONJO left."


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("label", "[person] left [place]. 😀 [person] left."),
        ("number", "[person 1] left [place 1]. 😀 [person 1] left."),
        ("mask", f"{MASK * 11} left {MASK * 6}. 😀 {MASK * 11} left."),
        ("remove", " left . 😀  left."),
        ("keep", TEXT),
        ({"place": "keep"}, "[person] left Lisbon. 😀 [person] left."),
        ({"person": "remove", "place": "number"}, " left [place 1]. 😀  left."),
    ],
)
def test_names_are_replaced_and_come_back(known: Tagger, how: Any, text: str) -> None:
    (found,) = nerine.redact(known, [TEXT], how=how)
    assert found.text == text
    assert found.restored() == TEXT


def test_hashes_are_the_same_for_the_same_name_and_key(known: Tagger) -> None:
    one, same, other = (
        Redactor(known, how="hash", key=key)(TEXT).text for key in (KEY, KEY.encode(), f"{KEY}!")
    )
    names = re.findall(r"\[person [0-9a-f]{16}\]", one)
    assert len(names) == 2
    assert len({*names}) == 1
    assert one == same
    assert one != other


def test_half_a_surrogate_pair_in_a_name(known: Tagger) -> None:
    broken = Document("Mira\ud83d left", (Entity(0, 5, "person"),))
    for how in ("hash", "stand-in", "number"):
        assert "Mira" not in Redactor(known, how=how, key=KEY).redacted(broken).text


def test_stand_ins_are_the_same_for_the_same_name_and_key(known: Tagger) -> None:
    one, again, other = (
        Redactor(known, how="stand-in", key=key)(TEXT) for key in (KEY, KEY, f"{KEY}!")
    )
    first, place, second = (one.text[each.start : each.end] for each in one.replacements)
    assert one == again
    assert one.text != other.text
    assert first == second
    assert re.fullmatch(r"\w[\w. '-]+", first)
    assert not {*first.casefold().split(), place.casefold()} & {"mira", "okonjo", "lisbon"}
    assert one.restored() == TEXT


def test_no_two_names_share_a_stand_in(known: Tagger) -> None:
    redact = Redactor(known, how="stand-in")
    assert redact.stand_ins is not None
    given_names = [redact.stand_ins.of("location", f"name {number}") for number in range(3000)]
    assert len({*given_names}) == 3000
    assert redact.stand_ins.again > 0  # as many names as this are drawn twice by chance


def test_a_stand_in_is_not_a_real_name(known: Tagger) -> None:
    usual = Redactor(known, how="stand-in", key=KEY)("Mira").text
    redact = Redactor(known, how="stand-in", key=KEY)
    assert redact.stand_ins is not None
    redact.stand_ins.avoid({usual.casefold()})
    assert redact("Mira").text != usual
    assert redact.stand_ins.again == 1


def test_no_word_of_a_stand_in_is_a_real_name_without_a_key(known: Tagger) -> None:
    names = [f"{first} {last}" for first in ("james", "mary") for last in ("smith", "lee")]
    for key in (None, KEY):
        redact = Redactor(known, how="stand-in", key=key)
        assert redact.stand_ins is not None
        real = {"john", "smith", "lee", "james", "linda", "davis", "mary"}
        redact.stand_ins.avoid(real)
        for name in names * 20:
            words = {*redact.stand_ins.of("person", name).casefold().split()}
            assert not words & {*name.split()}
            assert key or not words & real


def test_what_has_a_form_is_invented_in_that_form(known: Tagger) -> None:
    redact = Redactor(known, how="stand-in", key=KEY, patterns=PATTERNS)
    text = "zoe@example.org, bob@example.com; 4111 1111 1111 1111; GB82 WEST 1234 5698 7654 32"
    found = redact(text)
    labels = [each.label for each in find_patterns(found.text, PATTERNS)]
    assert labels == ["email", "email", "card", "iban"]
    assert redact.stand_ins is not None
    assert redact.stand_ins.again == 0


def test_labels_without_stand_ins_are_hashed(known: Tagger) -> None:
    document = Document("Mira left", (Entity(0, 4, "creative-work"),))
    redact = Redactor(known, how={"person": "stand-in"}, key=KEY)
    redact.how["creative-work"] = "stand-in"
    assert re.fullmatch(r"\[creative-work [0-9a-f]{16}\] left", redact.redacted(document).text)


def test_numbers_last_as_long_as_the_redactor(known: Tagger) -> None:
    redact = Redactor(known, how="number")
    texts = ["Lisbon", "Mira", "Mira Okonjo", "mira", "Lisbon left Mira"]
    assert [each.text for each in redact.pipe(texts)] == [
        "[place 1]",
        "[person 1]",
        "[person 2]",
        "[person 1]",
        "[place 1] left [person 1]",
    ]


def test_replacements_say_what_and_where_but_do_not_show_names(known: Tagger) -> None:
    found = Redactor(known)(Document(TEXT, id="7", meta={"text": "Mira"}))
    first, place, _ = found.replacements
    assert found.text[first.start : first.end] == "[person]"
    assert (place.label, place.original) == ("place", "Lisbon")
    assert first.score == pytest.approx(0.97, abs=0.02)
    assert found.id == "7"
    assert "Mira" not in repr(found)
    assert "Lisbon" not in repr(found)


@pytest.mark.parametrize("how", ["number", "hash", "stand-in"])
def test_names_come_back_in_an_answer(known: Tagger, how: str) -> None:
    found = Redactor(known, how=how, key=KEY)("Mira Okonjo left Lisbon. Ana left.")
    person, place, other = (found.text[each.start : each.end] for each in found.replacements)
    answer = f"{other} and {person} were in ({place}); {place}s."
    expected = f"Ana and Mira Okonjo were in (Lisbon); {place}s."
    if how != "stand-in":  # a bracket ends a word
        expected = expected.replace(f"{place}s", "Lisbons")
    assert found.restored_in(answer) == expected


def test_an_answer_with_one_sign_for_several_names_is_refused(known: Tagger) -> None:
    with pytest.raises(SettingsError, match=r"'\[person\]' stands for several names"):
        Redactor(known)("Mira left Ana.").restored_in("[person]")
    assert Redactor(known)("Mira left mira.").restored_in("Who is [person]?") == "Who is Mira?"
    assert Redactor(known, how="remove")("Mira left.").restored_in("left") == "left"


def test_a_name_is_replaced_where_it_was_not_found(known: Tagger) -> None:
    text = "Ann saw Joanne. Ann-Marie saw Ann, Annex, X and X."
    x = text.index("X")
    document = Document(text, (Entity(0, 3, "person", 0.9), Entity(x, x + 1, "place", 0.9)))
    assert Redactor(known).redacted(document).text == (
        "[person] saw Joanne. [person]-Marie saw [person], Annex, [place] and X."
    )
    assert Redactor(known, everywhere=False).redacted(document).text == (
        "[person] saw Joanne. Ann-Marie saw Ann, Annex, [place] and X."
    )
    kept = Document("Ann and Ann", (Entity(0, 3, "person"), Entity(8, 11, "place")))
    assert Redactor(known, how={"place": "keep"}).redacted(kept).text == "[person] and Ann"


def test_entities_that_overlap_are_replaced_as_one(known: Tagger) -> None:
    entities = (Entity(0, 4, "person"), Entity(0, 11, "place"), Entity(5, 18, "person"))
    found = Redactor(known).redacted(Document("Mira Okonjo Lisbon!", entities))
    assert found.text == "[person]!"
    assert found.restored() == "Mira Okonjo Lisbon!"


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A text of few signs, so that names repeat, with entities anywhere."""
    text = draw(st.text("ab -é😀", max_size=30))
    places = draw(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 6)), max_size=4))
    entities = {
        (start, min(start + length, len(text)), draw(st.sampled_from(["person", "place"])))
        for start, length in places
        if start < len(text)
    }
    return Document(text, tuple(Entity(*each) for each in sorted(entities)))


@given(documents(), st.sampled_from(["label", "number", "hash", "stand-in", "mask", "remove"]))
def test_every_byte_comes_back_and_no_name_stays(
    known: Tagger, document: Document, how: str
) -> None:
    redact = Redactor(known, how=how, key=KEY)
    found = redact.redacted(document)
    assert found.restored() == document.text
    left, before = [], 0
    for each in found.replacements:
        left.append(found.text[before : each.start])
        before = each.end
    kept = "\0".join([*left, found.text[before:]])
    names = [document.surface(each) for each in document.entities]
    names = [each for each in names if sum(map(str.isalnum, each)) > 1]
    # of two names that overlap where neither was found, one is replaced
    if not any(one != other and one in other for one in names for other in names):
        for name in names:
            assert not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", kept)


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
@pytest.mark.parametrize("how", ["number", "stand-in", "hash"])
def test_copies_and_pickles_go_on_alike(known: Tagger, how: str, make: Any) -> None:
    key = KEY if how == "hash" else None
    redact = Redactor(known, how=how, key=key, patterns=["email"])
    before = redact("Lisbon").text
    again = make(redact)
    text = "Mira left Lisbon for a@example.org"
    assert before in again(text).text
    assert again(text) == redact(text)


def test_long_texts_take_time_in_proportion(known: Tagger) -> None:
    many = "ann " * 50_000
    entities = tuple(Entity(start, start + 3, "person") for start in range(0, 100_000, 4))
    found = Redactor(known).redacted(Document(many, entities))
    assert "ann" not in found.text
    assert found.restored() == many


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"how": "blur"}, "how: 'blur' is not known"),
        ({"how": {"persons": "label"}}, "how: the label 'persons' is not known"),
        ({"how": "hash"}, "key: there is no key"),
        ({"how": "hash", "key": "hunter"}, "the key has 6 bytes"),
        ({"how": "label", "key": ""}, "the key has 0 bytes"),
        ({"patterns": ["card", "pin"]}, "patterns: 'pin' is not known"),
        ({"region": "GB"}, "region: no phone numbers are looked for"),
        ({"patterns": ["phone"], "region": "UK"}, "region: 'UK' is not known"),
        ({"how": "stand-in", "locale": "xx_YY"}, "locale: 'xx_YY' is not known"),
    ],
)
def test_what_cannot_be_used_is_an_error(
    known: Tagger, options: dict[str, Any], found: str
) -> None:
    with pytest.raises(SettingsError, match=found) as raised:
        Redactor(known, **options)
    assert "hunter" not in str(raised.value)


def test_an_item_that_is_no_text_is_an_error(known: Tagger) -> None:
    wrong: Any = [7]
    with pytest.raises(ArgumentError, match=r"texts\[0\] is an int"):
        nerine.redact(known, wrong)
    assert nerine.redact(known, []) == []
    assert nerine.redact(known, [""]) == [Redacted("")]


def test_a_checkpoint_is_named_as_elsewhere(known: Tagger) -> None:
    assert Path(known.name).is_dir()
    assert nerine.redact(known.name, ["Lisbon"])[0].text == "[place]"
