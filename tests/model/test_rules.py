"""Rules beside a model: what they match, what stays next to the model, and where they hold."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import regex
import spacy
from hypothesis import given
from hypothesis import strategies as st

import nerine
from lookup import make_lookup
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.core.words import rule_words
from nerine.evaluation.calibration import Thresholds
from nerine.evaluation.metrics import Signature
from nerine.model.inference import Failure
from nerine.model.rules import Rules, matching
from nerine.model.rules.rule import Case, Mode, Rule
from nerine.model.tagger import Tagger

TEXT = "Mira left Tandem Labs in Lisbon."
SLOW = {"label": "slow", "patterns": [r"(?:a|aa)+$"]}
TRAP = "a" * 90 + "b"
"""A text on which `SLOW` takes forever."""


def rules(*tables: dict[str, Any]) -> Rules:
    return Rules.parse({"rule": list(tables)})


def product(*phrases: str, label: str = "product", **values: Any) -> dict[str, Any]:
    return {"label": label, "phrases": list(phrases), **values}


def shown(document: Document) -> list[str]:
    return [f"{document.surface(each)}/{each.label}" for each in document.entities]


def found(text: str, *tables: dict[str, Any]) -> list[str]:
    """What rules find in a text without a model."""
    return [each.partition("/")[0] for each in shown(rules(*tables).apply(Document(text)))]


def matches_of(own: Rules, text: str) -> list[matching.RuleMatch]:
    return matching.Matcher(own.rules, "").matches(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    opinions = {"mira": "B-person", "tandem": "B-company", "lisbon": {"B-place": 0.6, "O": 0.3}}
    return make_lookup(
        tmp_path_factory.mktemp("rules") / "run",
        ["person", "company", "place"],
        {**opinions, "labs": "I-company", "left": "O", "in": "O"},  # type: ignore[dict-item]
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "products.toml"
    path.write_text(
        """
[[rule]]
label = "product"
phrases = ["Tandem"]
mode = "override"

[[rule]]
label = "verb"
patterns = ['\\bleft\\b']
"""
    )
    return path


@pytest.fixture
def tagger(folder: Path, file: Path) -> Tagger:
    return Tagger.load(folder, device="cpu", rules=file)


# --- what phrases match

PIECES = ["a", "b", "ß", "ss", "S", "İ", "i̇", "I", "ı", "e\u0301", "é", "京", "都", "ไ", "ทย", " "]
PIECES += [
    "\ufffd",
    "👍",
    "👍🏽",
    "🇵🇹",
    "🇵",
    "\u200d",
    "-",
    "'",
    "_",
    "1",
    "ﬁ",
    "ſ",
    "Σ",
    "ς",
    "\u0301",
]
WORDS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
NLP = spacy.blank("xx")
PHRASES = WORDS.map(str.strip).filter(bool)
TEXTS = st.lists(WORDS | st.sampled_from(["\ud800", "\n"]), max_size=6).map("".join)


def is_bound(text: str, at: int) -> bool:
    """Whether a phrase may begin or end there, by the Unicode data of Python and of `regex`."""
    if at in (0, len(text)):
        return True
    letter = r"[\p{L}\p{N}\p{M}_]"
    unspaced = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
    in_word = [
        regex.match(letter, c) and not regex.match(unspaced, c) for c in text[at - 1 : at + 1]
    ]
    return not all(in_word) and at in {m.end() for m in regex.finditer(r"\X", text)}


@given(TEXTS, st.lists(PHRASES, min_size=1, max_size=4, unique_by=str.casefold), st.booleans())
def test_phrases_match_what_a_search_of_all_ranges_finds(
    text: str, phrases: list[str], ignore: bool
) -> None:
    case: Case = "ignore" if ignore else "exact"

    def same(piece: str, phrase: str) -> bool:
        return piece == phrase or (ignore and piece.casefold() == phrase.casefold())

    expected = {
        (start, end, phrase)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        for phrase in phrases
        if same(text[start:end], phrase) and is_bound(text, start) and is_bound(text, end)
    }
    matches = matches_of(Rules((Rule("x", tuple(phrases), case=case),)), text)
    assert {(each.start, each.end, each.found_by) for each in matches} == expected
    assert len(matches) == len(expected)


@given(
    st.lists(st.sampled_from(["New", "York", "City", "of", "new"]), max_size=12),
    st.lists(
        st.lists(st.sampled_from(["New", "York", "City"]), min_size=1, max_size=3).map(" ".join),
        min_size=1,
        max_size=4,
        unique=True,
    ),
)
def test_phrases_of_words_are_those_of_spacys_phrase_matcher(
    words: list[str], phrases: list[str]
) -> None:
    text = " ".join(words)
    matcher = spacy.matcher.PhraseMatcher(NLP.vocab)
    matcher.add("x", [NLP.make_doc(each) for each in phrases])
    doc = NLP.make_doc(text)
    spans = [doc[start:end] for _, start, end in matcher(doc)]
    theirs = spacy.util.filter_spans(spans)  # the longest first, then the first in the text
    document = rules(product(*phrases)).apply(Document(text))
    assert [(e.start, e.end) for e in document.entities] == [
        (span.start_char, span.end_char) for span in theirs
    ]


@pytest.mark.parametrize(
    ("text", "phrase", "times"),
    [
        ("Nerine, Nerine's Nerine-based @Nerine", "Nerine", 4),
        ("Nerines xNerine Nerine2 _Nerine", "Nerine", 0),
        ("C++ and C++11", "C++", 2),
        ("我住在东京都。", "东京", 1),
        ("ประเทศไทยสวย", "ไทย", 1),
        ("서울에서", "서울", 0),
        ("Zoe\u0301 Zoe", "Zoe", 1),
        ("👍🏽 👍", "👍", 1),
        ("👩‍👩‍👧", "👧", 0),
        ("🇵🇹🇵🇹", "🇵🇹", 2),
    ],
)
def test_phrases_are_whole_words(text: str, phrase: str, times: int) -> None:
    assert found(text, product(phrase)) == [phrase] * times


def test_ignoring_case_keeps_the_offsets_of_the_text() -> None:
    ignoring = product("STRASSE", "nerine", "s", case="ignore")
    assert found("İİ Straße ß NERINE ŉ S", ignoring) == ["Straße", "NERINE", "S"]
    assert found("Nerine NERINE", product("Nerine")) == ["Nerine"]


def test_a_phrase_is_a_word_of_the_tagger() -> None:
    """Wherever a word of the rule stands, a rule with this word finds it."""
    text = "Zoë's AT&T v2.1 — 东京 #Tandem U.S. 👩‍👩‍👧 don't e\u0301t\u00e9"
    for word in rule_words(text):
        piece = text[word.start : word.end]
        spans = {(each.start, each.end) for each in matches_of(rules(product(piece)), text)}
        assert (word.start, word.end) in spans, piece


def test_patterns_match_as_those_of_regex() -> None:
    pattern = {"label": "inv", "patterns": [r"\bINV-\d{6}\b", r"(?<=No )\p{Lu}+"]}
    assert found("INV-123456 xINV-123456 No ÄB", pattern) == ["INV-123456", "ÄB"]
    assert found("straße STRASSE", {"label": "s", "patterns": ["strasse"], "case": "ignore"}) == [
        "straße",
        "STRASSE",
    ]


def test_a_pattern_that_never_ends_is_an_error_that_names_the_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "_SECONDS", 0.05)
    slow = rules(product("Nerine"), SLOW)
    began = time.monotonic()
    with pytest.raises(SettingsError, match="took more than") as caught:
        slow.apply(Document(TRAP))
    assert caught.value.place == "rule 2"
    assert time.monotonic() - began < 20
    assert shown(slow.apply(Document("aa"))) == ["aa/slow"]
    possessive = {"label": "fast", "patterns": [r"(?:a|aa)++$"]}  # what the hint says
    assert rules(possessive).apply(Document(TRAP)).entities == ()


# --- the model's entities and the rules'

MODES: list[Mode] = ["fill", "add", "override"]


@pytest.mark.parametrize(
    ("mode", "phrase", "expected"),
    [
        ("fill", "left", ["Mira/person", "left/x", "Tandem Labs/company"]),
        ("fill", "Tandem", ["Mira/person", "Tandem Labs/company"]),
        ("fill", "left Tandem Labs", ["Mira/person", "Tandem Labs/company"]),
        ("add", "left", ["Mira/person", "left/x", "Tandem Labs/company"]),
        ("add", "Tandem", ["Mira/person", "Tandem Labs/company"]),
        ("add", "Tandem Labs", ["Mira/person", "Tandem Labs/company"]),
        ("add", "left Tandem Labs", ["Mira/person", "left Tandem Labs/x"]),
        ("override", "Tandem", ["Mira/person", "Tandem/x"]),
        ("override", "Tandem Labs", ["Mira/person", "Tandem Labs/x"]),
        ("override", "Mira left Tandem", ["Mira left Tandem/x"]),
    ],
)
def test_what_each_mode_does(mode: Mode, phrase: str, expected: list[str]) -> None:
    entities = (Entity(0, 4, "person", 0.9), Entity(10, 21, "company", 0.8))
    document = Document(TEXT, entities, id="a", meta={"b": 1})
    result = rules(product(phrase, label="x", mode=mode)).apply(document)
    assert shown(result) == expected
    assert result.with_entities(document.entities) == document
    assert {each for each in result.entities if each.score is not None} <= set(entities)


def test_of_rules_the_longest_match_stays_then_that_of_the_earlier_rule() -> None:
    assert shown(
        rules(product("New", "York City", label="a"), product("New York", label="b")).apply(
            Document("New York City")
        )
    ) == ["New/a", "York City/a"]
    both = [product("Nerine", label=label) for label in ("a", "b")]
    assert shown(rules(*both).apply(Document("Nerine"))) == ["Nerine/a"]


def test_a_match_that_its_mode_leaves_out_stands_in_the_way_of_none() -> None:
    document = Document("Tandem Labs 3", (Entity(12, 13, "number", 0.9),))
    both = rules(product("Tandem Labs 3"), product("Tandem", label="company", mode="override"))
    assert shown(both.apply(document)) == ["Tandem/company", "3/number"]


@st.composite
def choices(draw: st.DrawFn) -> tuple[Document, Rules]:
    text = draw(st.text("abc ", min_size=1, max_size=16))
    bounds = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    entities = tuple(Entity(start, end, "model", 0.5) for start, end in pairs)
    pieces = st.text("abc ", min_size=1, max_size=5).map(str.strip).filter(bool)
    tables = draw(
        st.lists(
            st.tuples(
                st.lists(pieces, min_size=1, max_size=3, unique=True), st.sampled_from(MODES)
            ),
            min_size=1,
            max_size=3,
        )
    )
    made = tuple(
        Rule(str(n), patterns=tuple(phrases), mode=mode) for n, (phrases, mode) in enumerate(tables)
    )
    return Document(text, entities), Rules(made)


@given(choices())
def test_what_stays_is_what_the_definition_says(given_: tuple[Document, Rules]) -> None:
    document, own = given_

    def overlap(one: Any, other: Any) -> bool:
        return bool(one.start < other.end and other.start < one.end)

    kept: list[Any] = []
    matches = {(m.end - m.start, -m.rule, -m.start): m for m in matches_of(own, document.text)}
    for _, match in sorted(matches.items(), reverse=True):
        against = [each for each in document.entities if overlap(match, each)]
        length = match.end - match.start
        may = match.mode == "override" or not against
        may |= match.mode == "add" and all(each.end - each.start < length for each in against)
        if may and not any(overlap(match, each) for each in kept):
            kept.append(match)
    expected: set[Any] = {(each.start, each.end, each.label, None) for each in kept}
    expected |= {
        (each.start, each.end, each.label, each.score)
        for each in document.entities
        if not any(overlap(each, match) for match in kept)
    }
    result = own.apply(document)
    assert {(e.start, e.end, e.label, e.score) for e in result.entities} == expected
    assert result.overlapping() == ()
    steps = own.steps(document)
    kept_steps = {(each.start, each.end, each.label) for each in steps if each.kept}
    assert kept_steps == {(each.start, each.end, each.label) for each in kept}
    assert len(steps) == len(matches_of(own, document.text))


# --- bad input


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        ("", "bad.toml", "there is no rule"),
        ("rule = 3", "bad.toml", "not a list of tables"),
        ("[[rule]\n", "bad.toml", "not valid TOML"),
        ("[[rules]]\n", "bad.toml", "unknown key 'rules'"),
        ('[[rule]]\nphrases = ["a"]', "bad.toml: rule 1", "no label"),
        ('[[rule]]\nlabel = "a"', "bad.toml: rule 1", "neither phrases nor patterns"),
        ('[[rule]]\nlabel = ""\nphrases = ["a"]', "bad.toml: rule 1: label", "not a label"),
        ('[[rule]]\nlabel = 3\nphrases = ["a"]', "bad.toml: rule 1: Rule", "label is an int"),
        ('[[rule]]\nlabel = "a"\nphrases = "b"', "bad.toml: rule 1: Rule", "phrases is a"),
        ('[[rule]]\nlabel = "a"\nphrase = ["b"]', "bad.toml: rule 1", "unknown key 'phrase'"),
        (
            '[[rule]]\nlabel = "a"\nphrases = ["b"]\n[[rule]]\nlabel = "c"\nphrases = ["d", " "]',
            "bad.toml: rule 2: phrases[1]",
            "the phrase is empty",
        ),
        (
            '[[rule]]\nlabel = "a"\nphrases = [" b"]',
            "bad.toml: rule 1: phrases[0]",
            "white space",
        ),
        (
            '[[rule]]\nlabel = "a"\nphrases = ["b", "c", "b"]',
            "bad.toml: rule 1",
            "1 phrase or pattern is there more than once, among them 'b'",
        ),
        (
            '[[rule]]\nlabel = "a"\nphrases = ["ß", "SS"]\ncase = "ignore"',
            "bad.toml: rule 1",
            "more than once if case is ignored",
        ),
        (
            "[[rule]]\nlabel = 'a'\npatterns = ['(b']",
            "bad.toml: rule 1: patterns[0]",
            "not a valid pattern",
        ),
        *(
            (
                f"[[rule]]\nlabel = 'a'\npatterns = ['c', '{pattern}']",
                "bad.toml: rule 1: patterns[1]",
                "matches the empty text",
            )
            for pattern in ("b*", r"\b", "(?=x)|b?")
        ),
        (
            '[[rule]]\nlabel = "a"\nphrases = ["b"]\nmode = "replace"',
            "bad.toml: rule 1: mode",
            "'replace' is not known",
        ),
        (
            '[[rule]]\nlabel = "a"\nphrases = ["b"]\ncase = "lower"',
            "bad.toml: rule 1: case",
            "'lower' is not known",
        ),
        ('[[rule]]\nlabel = "a"\nfile = "none.txt"', "bad.toml: rule 1: file", "no such file"),
        ('[[rule]]\nlabel = "a"\nfile = 3', "bad.toml: rule 1: file", "not the name of a file"),
        ('[[rule]]\nlabel = "a"\nfile = "empty.txt"', "bad.toml: rule 1: file", "no phrase"),
    ],
)
def test_a_bad_file_is_an_error_with_its_place(
    content: str, place: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=regex.escape(message)) as caught:
        Rules.load(path)
    assert str(caught.value).startswith(f"{tmp_path}/{place}")
    assert caught.value.expected or caught.value.hint or "file" in place


def test_a_missing_file_is_an_error_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        Tagger.load(tmp_path / "no-model", rules=tmp_path / "none.toml")


def test_phrases_come_from_a_file_next_to_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "products.txt").write_bytes("\ufeffNerine\r\n\n  Tandem 3 \n#3".encode())
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nlabel = "product"\nphrases = ["Quill"]\nfile = "products.txt"')
    assert Rules.load(path).rules[0].phrases == ("Quill", "Nerine", "Tandem 3", "#3")
    monkeypatch.chdir(tmp_path)
    parsed = rules({"label": "product", "phrases": ["Quill"], "file": "products.txt"})
    assert parsed == Rules.load(path)


# --- rules as values


def test_rules_are_equal_by_content_and_pickled_once(file: Path) -> None:
    own = Rules.load(file)
    again = Rules.load(file)
    assert own == again
    assert hash(own) == hash(again)
    assert own.fingerprint == again.fingerprint
    assert str(own) == "2 rules of products.toml: 1 phrase, 1 pattern"
    assert pickle.loads(pickle.dumps(own)) is own
    assert copy.deepcopy(own) is own
    one = product("a", "b")
    others = [
        product("ab"),
        product("b", "a"),
        product("a", "b", mode="add"),
        product("a", "b", case="ignore"),
        product("a", "b", label="x"),
        {**product("a"), "patterns": ["b"]},
    ]
    assert len({rules(each).fingerprint for each in [one, *others]}) == 7


def test_one_automaton_serves_100_000_phrases() -> None:
    phrases = [f"name {number:06}" for number in range(100_000)]
    text = "so name 099999 and name 000007, name 0000070"
    assert found(text, product(*phrases)) == ["name 099999", "name 000007"]


# --- a tagger with rules


def test_rules_hold_in_every_way_to_tag(tagger: Tagger, folder: Path) -> None:
    expected = ["Mira/person", "left/verb", "Tandem/product", "Lisbon/place"]
    ways: list[Callable[[], Document]] = [
        lambda: tagger(TEXT),
        lambda: tagger.predict([TEXT])[0],
        lambda: next(tagger.pipe(iter([TEXT]))),
        lambda: tagger.predict([TEXT] * 300)[-1],
        lambda: nerine.explain(tagger, TEXT).document,
        lambda: copy.copy(tagger)(TEXT),
        lambda: copy.deepcopy(tagger)(TEXT),
        lambda: pickle.loads(pickle.dumps(tagger))(TEXT),
    ]
    for way in ways:
        assert shown(way()) == expected
    outcome = next(tagger.pipe_with_errors(iter([TEXT])))
    assert isinstance(outcome, Document)
    assert shown(outcome) == expected
    scores = {each.label: each.score for each in tagger(TEXT).entities}
    assert scores["product"] is scores["verb"] is None
    alone = Tagger.load(folder, device="cpu")
    assert shown(alone(TEXT)) == ["Mira/person", "Tandem Labs/company", "Lisbon/place"]
    assert alone.labels == ("person", "company", "place")
    assert tagger.labels == ("person", "company", "place", "product", "verb")


def test_thresholds_are_for_the_model_and_drop_no_entity_of_a_rule(folder: Path) -> None:
    fill = rules(product("Lisbon", "Mira", label="rule"))
    tagger = Tagger.load(folder, device="cpu", rules=fill, thresholds=0.9)
    assert shown(tagger(TEXT)) == ["Mira/person", "Tandem Labs/company", "Lisbon/rule"]
    with pytest.raises(CorpusError, match="no score"):  # said, and not dropped
        next(nerine.apply_thresholds([tagger(TEXT)], Thresholds(0.5)))


def test_a_pickle_in_another_process_has_the_rules(tagger: Tagger) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(tagger, TEXT).result(60) == tagger(TEXT)


def test_a_tagger_says_that_rules_are_in_use(tagger: Tagger) -> None:
    said = "2 rules of products.toml: 1 phrase, 1 pattern"
    assert tagger.notes[-1] == f"the model's entities are changed by {said}"
    assert said in str(tagger).partition("\nthe model's")[0]
    tagger.rules = None
    assert "product" not in tagger.labels
    assert shown(tagger(TEXT))[1] == "Tandem Labs/company"


def test_an_explanation_says_which_rule_an_entity_is_from(tagger: Tagger) -> None:
    explained = nerine.explain(tagger, TEXT)
    assert [(each.text, each.rule, each.found_by, each.kept) for each in explained.rules] == [
        ("left", 2, r"\bleft\b", True),
        ("Tandem", 1, "Tandem", True),
    ]
    assert explained.rules[1].outcome == "entity, in place of [Tandem Labs](company) of the model"
    titles = [table.title[:8] for table in explained.tables()]
    assert titles[-2:] == ["6. Rules", "7. Entit"]
    assert explained.tables()[-1].rows[1] == ("5", "9", "verb", "left", "of a rule")
    assert [each["rule"] for each in explained.to_dict()["rules"]] == [2, 1]


def test_a_text_on_which_a_rule_fails_is_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_SECONDS", 0.05)
    tagger = Tagger.load(folder, device="cpu", rules=rules(SLOW))
    outcomes = list(tagger.pipe_with_errors([TEXT, TRAP, TEXT]))
    assert [isinstance(each, Failure) for each in outcomes] == [False, True, False]
    assert isinstance(outcomes[1], Failure)
    assert "rule 1" in str(outcomes[1].error)
    with pytest.raises(SettingsError, match="rule 1"):
        tagger(TRAP)


# --- figures


def test_a_figure_with_rules_says_so(tagger: Tagger, folder: Path) -> None:
    gold = [Document(TEXT, (Entity(0, 4, "person"), Entity(10, 16, "product")))]
    mark = f"|rules:{tagger.rules.fingerprint[:12]}" if tagger.rules else ""
    with_rules = nerine.evaluate(tagger, gold, samples=5)
    assert with_rules.overall.correct == 2
    assert str(with_rules.signature).endswith(mark)
    alone = nerine.evaluate(Tagger.load(folder, device="cpu"), gold, samples=5)
    assert alone.overall.correct == 1
    assert f"{alone.signature}{mark}" == str(with_rules.signature)
    assert "rules" not in str(Signature.of(gold))
    corpus = nerine.Corpus.from_documents(train=gold, test=gold)
    report = nerine.report(tagger, corpus, samples=5)
    assert report.scores.overall.correct == 2
    assert str(report.evaluation.signature).endswith(mark)
    assert any("2 rules of products.toml" in note for note in report.notes)


def test_thresholds_are_fitted_to_the_model_alone(tagger: Tagger, folder: Path) -> None:
    gold = [Document(TEXT, (Entity(0, 4, "person"), Entity(10, 16, "product")))] * 12
    corpus = nerine.Corpus.from_documents(train=gold, validation=gold)
    with_rules = nerine.calibrate(tagger, corpus)
    assert with_rules == nerine.calibrate(Tagger.load(folder, device="cpu"), corpus)
    assert tagger.rules is not None
