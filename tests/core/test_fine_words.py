"""The finer version of the rule, on texts of many languages with what a native reader marks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.words import cut_words, rule_words, word_bounds
from strategies import texts

MARKED = [
    (
        "en",
        "[John]/[Jane] at a [pro-|Trump] rally; [Mr.|Smith] left [Paris].He says @[BBC] #[Rome]",
    ),
    (
        "en",
        "[Jean-Claude] of [Stoke-on-Trent] met [Ann Smith-Jones], [O'Brien], [al-Qaeda]'s [AT&T]",
    ),
    (
        "en",
        "[tumour]-suppressor, [HD]-affected, [COVID-19]-related [A-T]-specific [9/11] cases",
    ),
    (
        "fr",
        "L'[Oréal] d'[Alger] qu'[Anne] jusqu'[Angers] ; l’[Île-de-France], [Macron]-t-il",
    ),
    ("it", "dell'[Aquila], nell'[Umbria] e un'[Alfa Romeo] all'[ONU] c'è l'[Inter]"),
    ("ca", "l'[Hospitalet], d'[Andorra] i el [Col·legi d'Arquitectes] de [Sant Cugat]"),
    ("es", "el ex-[Yugoslavia] y [Castilla-La Mancha]; ¿[Ana]? ¡[Real Madrid]!"),
    ("pt", "disse-me o [Guimarães] em [Vila-Real] d'[Óbidos]"),
    ("de", "die [EU]-weite, [Merkel]-freundliche [Annegret Kramp-Karrenbauer] aus [Baden-Baden]"),
    ("nl", "oud-[PvdA]'er en [Den Haag], [Jan-Peter]'s [N.V. Shell]"),
    (
        "tr",
        "[Ankara]'da [Türkiye]’nin [NATO]'ya, [İstanbul]'dan; [ANKARA]'DA [2023]'te",
    ),
    ("pl", "Spotkanie [Chirac]'a, [Kennedy]'ego i [Blair]'em w [Bielsko-Biała]"),
    ("hu", "[NATO]-ban, az [EU]-hoz, [Budapest]-en; [2019]-ben"),
    ("ro", "[Facebook]-ul, [NATO]-ului și [Cluj-Napoca]"),
    ("fi", "[USA]:n ja [EU]:ssa, [Etelä-Korea] ei"),
    ("et", "[NATO]-le ja [EL]-i"),
    ("sv", "[EU]:s, [TV4]-chefen på [Sveriges Radio]"),
    ("uk", "[Лук'яненко] з [Кам'янця-Подільського]/[Львова]"),
    ("ru", "[Ростов-на-Дону] и [Санкт-Петербург]; экс-[СССР], про-[Путин]"),
    ("ko", "[서울]에서 [홍길동]은 [삼성]의, [부산]까지"),
    ("ja", "[トヨター]は[東京]で[山田]さんと"),
    ("zh", "[习近平]在[北京]会见[奥巴马]"),
    ("ar", "زار [محمد] [القاهرة]/[الرياض]"),
    ("he", "[צה״ל] ב־[ירושלים]"),
    ("hi", "[दिल्ली]/[मुंबई] में"),
    ("el", "ο [Γιώργος-Ιωάννης]/[Άννα] αντι-[ΝΑΤΟ]"),
    ("th", "[กรุงเทพ]และ[เชียงใหม่]"),
    ("ga", "[Ó Briain] agus an t-[Aontas]"),
]
"""Texts with entities in brackets; a bar is left out and only ends the part before it."""


SIGNS = st.text("aÉéb7l-‑'’/.&·@#_ \u0301서ー北\u05f4", max_size=30)
SIZE = 200_000


def marked(text: str) -> Document:
    """`"[John]/[Jane]"` as a document; in `[pro-|Trump]` only `Trump` is the entity."""
    plain, entities = "", []
    for piece in text.split("["):
        name, closed, rest = piece.partition("]")
        before, bar, inner = name.partition("|")
        if closed:
            start = len(plain) + (len(before) if bar else 0)
            entities.append(Entity(start, len(plain) + len(name) - len(bar), "name"))
            plain += f"{before}{inner}{rest}"
        else:
            plain += name
    return Document(plain, tuple(entities))


def surfaces(text: str) -> list[str]:
    return [text[word.start : word.end] for word in rule_words(text, "rule-2")]


@pytest.mark.parametrize("text", [pytest.param(text, id=language) for language, text in MARKED])
def test_what_a_native_reader_marks_is_a_run_of_words(text: str) -> None:
    document = marked(text)
    cut = [
        (document.surface(entity), document.surface(word))
        for entity, word in cut_words(document, "rule-2")
    ]
    assert cut == []


def test_the_first_rule_cuts_most_of_these_texts() -> None:
    cut = [text for _, text in MARKED if cut_words(marked(text))]
    assert len(cut) > len(MARKED) / 2


@pytest.mark.parametrize(
    "whole",
    [
        *("Jean-Claude", "Smith-Jones", "Stoke-on-Trent", "Villeneuve-sur-le-Lot", "al-Qaeda"),
        *("Saint-Jean-d'Acre", "COVID-19", "X-linked", "e-mail", "T-shirt", "by-election", "2-1"),
        *("O'Brien", "aujourd'hui", "Qur'an", "rock'n'roll", "Лук'яненко", "don't", "Ma'am"),
        *("U.S.", "v2.1", "nerine.org", "AT&T", "R&D", "9/11", "Col·legi", "צה״ל", "x@y.org"),
        *("https://a.b/c-d/E's", "दिल्ली-मुंबई", "snake_case", "Kramp-Karrenbauer"),
    ],
)
def test_names_and_signs_that_stay_whole(whole: str) -> None:
    assert surfaces(whole) == [whole]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pro-Trump anti-EU-Haltung", ["pro", "-", "Trump", "anti", "-", "EU-Haltung"]),
        ("and/or A/B", ["and", "/", "or", "A", "/", "B"]),
        ("Mr.Smith Ph.D. end.The", ["Mr", ".", "Smith", "Ph.D", ".", "end", ".", "The"]),
        ("John&Jane", ["John", "&", "Jane"]),
        ("l’Oréal L'Équipe qu'hier", ["l’", "Oréal", "L'", "Équipe", "qu'", "hier"]),
        ("Ankara'dakiler NATO'ya", ["Ankara", "'dakiler", "NATO", "'ya"]),
        ("@paul_w #Rome ##x @ #", ["@", "paul_w", "#", "Rome", "#", "#", "x", "@", "#"]),
        ("Mira's I'm we’ve don't", ["Mira", "'s", "I", "'m", "we", "’ve", "don't"]),
        ("서울에서 トヨター 北京", [*"서울에서", *"トヨター", *"北京"]),
        ("a--b x... -y", ["a", "-", "-", "b", "x", ".", ".", ".", "-", "y"]),
        ("U.S.-backed", ["U.S.", "-", "backed"]),
    ],
)
def test_examples_of_the_finer_rule(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


@example("a'\u0301b-C")
@example("l'h'a")
@given(texts() | SIGNS)
def test_each_character_but_white_space_is_in_one_word(text: str) -> None:
    words = rule_words(text, "rule-2")
    assert all(left.end <= right.start for left, right in itertools.pairwise(words))
    covered = [place for word in words for place in range(word.start, word.end)]
    assert covered == [place for place, char in enumerate(text) if not char.isspace()]


@given(st.text("aAé-'/.&1 l", max_size=30))
def test_the_finer_rule_divides_words_of_the_first_one_and_joins_none(text: str) -> None:
    coarse = rule_words(text)
    for word in rule_words(text, "rule-2"):
        assert any(each.start <= word.start and word.end <= each.end for each in coarse)


@pytest.mark.timeout(60)  # anything worse than linear takes hours at this size
@pytest.mark.parametrize("unit", ["a-", "A-a-", "a'", "l'a", "a/", "A-b.c'd/", "A-a", "-", "a&B"])
def test_time_is_linear(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    assert sum(word.end - word.start for word in rule_words(text, "rule-2")) == len(text)


def test_words_of_a_document_follow_the_setting() -> None:
    document = Document("pro-Trump", tokens=(Token(0, 9),))
    assert word_bounds(document, "rule-2") == [(0, 3), (3, 4), (4, 9)]
    assert word_bounds(document, "rule") == word_bounds(document, "tokens") == [(0, 9)]


def test_entities_that_words_cut_are_found_with_the_word() -> None:
    document = Document("New-York-based Ana", (Entity(0, 8, "place"), Entity(15, 18, "person")))
    assert cut_words(document) == [(document.entities[0], Token(0, 14))]
    assert cut_words(document, "rule-2") == []
    assert cut_words(Document("pro-Trump")) == []
