"""Rules of `nerine check`: each finds what it is for, and lets pass what is right."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, labels_of
from nerine.core.errors import FormatError, SettingsError
from nerine.curation.checks import RULES, CheckReport, check_corpus
from nerine.curation.checks.characters import code_point
from nerine.data.corpus import Corpus, load_corpus
from nerine.data.formats import ReadOptions
from strategies import documents

_MARKED = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")


def marked(text: str) -> Document:
    """A document from a text with entities as `[Mira|person]`."""
    plain, entities, position = "", [], 0
    for match in _MARKED.finditer(text):
        plain += text[position : match.start()]
        entities.append(Entity(len(plain), len(plain) + len(match[1]), match[2]))
        plain += match[1]
        position = match.end()
    return Document(plain + text[position:], tuple(entities))


def corpus_of(**splits: Sequence[str]) -> Corpus:
    found = {name: tuple(marked(text) for text in texts) for name, texts in splits.items()}
    deciding = found.get("train", next(iter(found.values()), ()))
    return Corpus(found, labels_of(deciding), "here")


def train(*texts: str) -> Corpus:
    return corpus_of(train=texts)


def found_by(rule: str, corpus: Corpus) -> list[str]:
    return [each.message for each in check_corpus(corpus, only=[rule]).findings]


@dataclass(frozen=True)
class Case:
    """A corpus that breaks a rule with what is said of it, and corpora that do not."""

    wrong: Corpus
    said: Sequence[str]
    right: Sequence[Corpus] = field(default_factory=tuple)


NAMES = [f"[{name}|person] sleeps" for name in ("Ada", "Bo", "Cy", "Di", "Ed")]
MANY = [f"[Mira{letter}|person] met [Oslo{letter}|place]" for letter in "abcdefghijklmnopqrstuvwxy"]
LONG = "The quick brown fox jumps over the lazy dog near the old river bank"

NESTED = Document(
    "at Oslo University now",
    (Entity(3, 7, "place"), Entity(3, 18, "organisation"), Entity(8, 18, "organisation")),
)

CASES = {
    "numbers": Case(
        train("0 1 2", "[3|number] 4"),
        ["the text is '0 1 2'; --token-column names the column", "'3 4'"],
        [train("7", "7 up", "1,000 2")],
    ),
    "shared-prefix": Case(
        corpus_of(train=["en:[Mira|person] en:left"] * 50, test=["Mira left"] * 50),
        ["each of the 100 words of the train split begins with 'en:'"],
        [train("en:left " * 99), train("en:left " * 100 + "left"), train(" ")],
    ),
    "overlap": Case(
        Corpus({"train": (NESTED,)}, ("organisation", "place"), "here"),
        [
            "the 'organisation' 'Oslo University' overlaps the 'place' 'Oslo'",
            "the 'organisation' 'University' overlaps the 'organisation' 'Oslo University'",
        ],
        [train("[Oslo|place][University|organisation]")],
    ),
    "similar-labels": Case(
        train("[Mira|creative-work] is [Oslo|Creative_Work]"),
        ["differ in case, hyphens or spaces only: 'Creative_Work' (here, train document 0) and"],
        [train("[Mira|person] in [Oslo|place]")],
    ),
    "relabelled-text": Case(
        corpus_of(train=["[Mira|person] left", "Mira left"], test=["[Mira|place] left"]),
        [
            (
                "'Mira left' stands at here, train document 0 too, with other entities: 'Mira' is "
                "no entity here and 'person' there"
            ),
            (
                "'Mira left' stands in the train split at here, train document 0 too, with other "
                "entities: 'Mira' is 'place' here and 'person' there"
            ),
        ],
        [corpus_of(train=["[Mira|person] left"] * 2, test=["[Mira|person] left", "Mira left."])],
    ),
    "repeated-text": Case(
        train("[Mira|person] left", "[Mira|person] left", "Mira left"),
        ["train document 0 too, with the same entities", "train document 0 too, with other"],
        [corpus_of(train=["Mira left", "Mira  left"], test=["Mira left"]), train(" ", " ")],
    ),
    "leaked-text": Case(
        corpus_of(train=["a b", "c"], validation=["[a|x] b"], test=["a b", "a b"]),
        ["in the train split at here, train document 0 too, with other entities"]
        + ["in the train split at here, train document 0 too, with the same entities"] * 2,
        [corpus_of(train=["a", "a"], test=["b"])],
    ),
    "near-leak": Case(
        corpus_of(train=[f"@mira {LONG} 17"], test=[f"@otto {LONG.upper()}  18"]),
        [f"'@otto {LONG.upper()[:54]}…' nearly stands at here, train document 0: the same but for"],
        [
            corpus_of(train=[LONG], test=[LONG]),
            corpus_of(train=[LONG, LONG + " x"], test=["The quick brown fox jumps over the cat"]),
            corpus_of(train=["one two three 4"], test=["One two three 5"]),
        ],
    ),
    "near-repeat": Case(
        train(f"{LONG} in [May|date]", f"{LONG} in [June|date]", "it sleeps by the sea today"),
        ["words 0.88, only here: 'june', only there: 'may'; with other entities"],
        [train(LONG, LONG), train(LONG, LONG[:36])],
    ),
    "several-labels": Case(
        train("[Oslo|place] and [Oslo|place]", "[Oslo|team] won"),
        ["'Oslo': 'place' twice (here, train document 0, here, train document 0); 'team' once"],
        [train("[Oslo|place] and [oslo|team]", "[Rio|place]")],
    ),
    "several-labels-by-case": Case(
        train("[Oslo|place] and [OSLO|team]"),
        ["'Oslo' and 'OSLO': 'place' once (here, train document 0); 'team' once"],
        [train("[Oslo|place] and [OSLO|place]"), train("[Oslo|place] [Oslo|team] [OSLO|team]")],
    ),
    "unlabelled-mention": Case(
        train(
            *["so [New Haven|place] won"] * 2,
            "to New Haven, now",
            *["[Mira|x]"] * 3,
            "a Mira",
            *["at [Tandem|x] now"] * 5,
            "The Tandem won",
            "So. “The Tandem” won",
            *["[UK|place]"] * 5,
            "uk or so UK",
        ),
        [
            "'New Haven' is no entity here, elsewhere 'place' twice (here, train document 0, here",
            "'Mira' is no entity here, elsewhere 'x' 3 times",
            *["'Tandem' is no entity here, elsewhere 'x' 5 times"] * 2,
            "'UK' is no entity here, elsewhere 'place' 5 times",
        ],
        [
            train(*["[Apple|corp] won"] * 3, "an apple", "see Apple now"),
            train(*["[Oslo|place] won"] * 3, "the Oslo Accords", "the New Oslo", "@Oslo", "Oslos"),
            train(*["[Oslo|place] won"] * 2, "see Oslo now"),
            train(*["[Oslo|place] won"] * 3, *["see Oslo now"] * 3),
            train(*["[The Game|work] won"] * 3, "the game", "THE GAME"),
            train(*["[Mira|person] won"] * 3, "the [big Mira show|work]"),
            train(*["[Mira|person] won", "[Ann Lee|person] won"] * 3, "Ann Mira won"),
            train(*["[Mira|person] won"] * 3, "so the The Mira won"),
        ],
    ),
    "several-boundaries": Case(
        train(
            *["so [Maria Lopez|x] won"] * 2,
            "then [Maria|x] Lopez left",
            *["to [Oslo|place] now", "in [Oslo|place] now"],
            "to [Oslo now|place]",
            *["the [big Lake|place]", "a [big Lake|place]", "so big [Lake|place] won"],
            *["[New York|place]"] * 2,
            *["of New [York|place]"] * 3,
        ),
        [
            "'Maria' is labelled here, elsewhere 'Maria Lopez' twice (here, train document 0, here",
            "'Oslo now' is labelled here, elsewhere 'Oslo' twice (here, train document 3",
            "'Lake' is labelled here, elsewhere 'big Lake' twice",
            *["'New York' is labelled here, elsewhere 'York' 3 times"] * 2,
        ],
        [
            train("[Maria Lopez|x] won", "[Maria|x] won", "[Lopez|x] won", "Maria Lopez won"),
            train("[Oslo Accords|x] won", "[Oslo|place] won", "so won"),
            train("[Maria|x] [Lopez|x] won", "[Maria Lopez|x] won"),
            train("[The Maria Lopez|x] won", "[Maria Lopez|x] won"),
        ],
    ),
    "entity-of-signs": Case(
        train("he [?! …|x] left"),
        ["the 'x' '?! …' holds neither letter nor digit"],
        [train("[7|x]")],
    ),
    "entity-of-digits": Case(
        train(*NAMES * 4, "[1984|person] left"),
        ["the 'person' '1984' holds no letter, as 1 of 21 entities of its label"],
        [train("[1984|year] and [1985|year]"), train(*NAMES * 4, "[U2|person]")],
    ),
    "entity-outer-space": Case(
        train("by[ Mira|person] and [Otto |person]"),
        ["' Mira' begins with white space", "'Otto ' ends with white space"],
        [train("by [Mira Okonjo|person]")],
    ),
    "entity-outer-punctuation": Case(
        train("[“Mira|a], [Oslo,|b] [(Rio|c] [Lisbon.|d] [Bonn)|e] ['Ada'|f]"),
        [
            "begins with '“'",
            "ends with ','",
            "begins with '('",
            "ends with '.'",
            "ends with ')'",
            'begins with "\'" and ends with "\'"',
        ],
        [
            train("[@mira|a] [#oslo|b] [Yahoo!|c] [U.S.|d] [Inc.|e] [Rio (city)|f] [(G)I-dle|g]"),
            train("['Heroes' show|a] [.NET|b] [/r/news|c] [the \"Ride\"|d] [?!|e] [R&D|f] [(a)|g]"),
        ],
    ),
    "long-entity": Case(
        train(*NAMES, "[The Very Long : And Winding Name Of A Band|person]"),
        ["has 9 words; the median of its label is 1"],
        [train(*NAMES, "[The Rather Long Name Of A Band|person]"), train(f"[{LONG}|work]")],
    ),
    "entity-inside-word": Case(
        train("the [Oslo|place]-based, un[cut|x]"),
        [
            (
                "'Oslo' begins or ends inside the word 'Oslo-based', "
                "which nerine train --words rule-2 divides"
            ),
            "'cut' begins or ends inside the word 'uncut'",
        ],
        [train("[Mira|person]'s bag in [Oslo|place].")],
    ),
    "missing-split": Case(
        train("a"),
        ["there is no validation split to choose by", "there is no test split to report scores on"],
        [corpus_of(train=["a"], validation=["b"], test=["c"])],
    ),
    "unlabelled-split": Case(
        corpus_of(train=["[a|x]"], validation=["b"], test=[]),
        ["no document of the validation split has an entity", "the test split is empty"],
        [corpus_of(train=["[a|x]", "b"], test=["[b|x]"])],
    ),
    "small-split": Case(
        corpus_of(train=NAMES, test=NAMES * 5),
        ["the test split has 25 entities: a recall of 0.5 is known to within 20 points only"],
        [corpus_of(train=["[a|x]"], test=NAMES * 20)],
    ),
    "empty-document": Case(
        train("a", " \u3000"), ["the text ' \\u3000' is empty"], [train("a", ".")]
    ),
    "documents-without-entities": Case(
        corpus_of(train=NAMES, validation=[*NAMES, "a", "b"], test=[*NAMES, *"abcdefghijklmnop"]),
        [
            "2 of 7 documents of the validation split have no entity (29%, 0% in the training",
            "16 of 21 documents of the test split have no entity (76%, 0% in the training split)",
        ],
        [corpus_of(train=[*NAMES * 2, "a"], test=NAMES), corpus_of(train=["a"])],
    ),
    "rare-label": Case(
        train(*MANY, "[a|rare]"),
        ["'rare' has 1 entity in the train split"],
        [train(*MANY)],
    ),
    "label-imbalance": Case(
        train(*MANY, "[a|rare]"),
        ["'person' has 25 entities, 'rare' has 1"],
        [train(*MANY), train("[a|x]")],
    ),
    "absent-label": Case(
        corpus_of(train=["[a|x] [b|y]"], test=["[a|x]"]),
        ["the test split has no 'y'"],
        [corpus_of(train=["[a|x]"], test=["[a|x]"])],
    ),
    "control-character": Case(
        train("Mira\x1b[31m\x00 \x9b \x1b"),
        [
            "U+001B ESCAPE in 'Mira\\x1b[31m\\x00 ",
            "U+0000 NULL in",
            "U+009B (control character) in",
        ],
        [train("a\tb\r\nc é")],
    ),
    "mojibake": Case(
        train("He said â€œcafÃ© olÃ©â€\x9d", "ÐœÐ¾Ñ\x81ÐºÐ²Ð°", "party ðŸ˜‚"),
        [
            "'â€œ' is '“' in UTF-8, read wrongly, in 'He said â€œcafÃ© olÃ©â€\\x9d', and 2 more",
            "is 'Москва' in UTF-8, read wrongly",
            "'ðŸ˜‚' is '😂'",
        ],
        [train("café “olé” Москва 😂", "«A MINHA IRMû", "São Paulo", "Ã la carte", "Â", "«É»")],
    ),
    "replacement-character": Case(
        train("caf\ufffd and \ufffd"), ["U+FFFD REPLACEMENT CHARACTER in 'caf� and �', twice"]
    ),
    "zero-width-character": Case(
        train("zero\u200bwidth", "a\u200db", "\ufeffMira", "soft\u00adhyphen", "x\U000e0041"),
        [
            "U+200B ZERO WIDTH SPACE in 'zero\\u200bwidth'",
            "U+200D ZERO WIDTH JOINER",
            "U+FEFF ZERO WIDTH NO-BREAK SPACE",
            "U+00AD SOFT HYPHEN",
            "U+E0041 TAG LATIN CAPITAL LETTER A",
        ],
        [
            train(
                "👩\u200d🚀 👨🏽\u200d🚀",
                "می\u200cخواهم",
                "क्\u200dष",
                "🏴\U000e0067\U000e0062\U000e007f",
            )
        ],
    ),
    "direction-mark": Case(
        train("abc\u202edef", "שלום \u202e abc", "left\u200f"),
        ["U+202E RIGHT-TO-LEFT OVERRIDE"] * 2 + ["U+200F RIGHT-TO-LEFT MARK in 'left\\u200f'"],
        [train("שלום\u200f Mira", "abc")],
    ),
    "private-character": Case(train("a\ue000"), ["U+E000 (private use) in 'a\\ue000'"]),
    "no-character": Case(
        train("a\ufdd0", "b\ud800"),
        ["U+FDD0 (no character of Unicode)", "U+D800 (half of a surrogate pair)"],
    ),
    "mixed-scripts": Case(
        train("\u0410pple and pay\u03bfff", "Яolling"),
        [
            "'Аpple' holds U+0410 CYRILLIC CAPITAL LETTER A among Latin letters",
            "holds U+03BF GREEK SMALL LETTER OMICRON among",
            "holds U+042F CYRILLIC CAPITAL LETTER YA",
        ],
        [train("Москва-city Ω λx αβ µm 5μm ΔT", "Apple")],
    ),
    "html-entity": Case(
        train("AT&amp;T &lt;3", "a & gt ; b", "caf&#233;"),
        ["'&amp;' is '&' in HTML, in 'AT&amp;T &lt;3', and 1 more", "'& gt ;' is '>'", "is 'é'"],
        [train("AT&T; R&D; &unknown; & amper ; Q&A;")],
    ),
    "not-composed": Case(
        train("cafe\u0301 ole\u0301"),
        ["U+0065 LATIN SMALL LETTER E, U+0301 COMBINING ACUTE ACCENT would be U+00E9 LATIN SMALL"],
        [train("café", "x\u0301")],
    ),
    "unusual-space": Case(
        train("10\u00a0km", "a\u2028b"),
        ["U+00A0 NO-BREAK SPACE in '10\\xa0km'", "U+2028 LINE SEPARATOR"],
        [train("a b\tc\u3000d")],
    ),
}
OF_FILES = {"unreadable", "tag-fault", "mixed-schemes", "unknown-label"}
OF_ENCODERS = {"unknown-word", "blind-word", "long-text", "subwords-per-word"}


def test_each_rule_has_a_case() -> None:
    assert {*CASES, *OF_FILES, *OF_ENCODERS} == set(RULES)
    assert {name for name, rule in RULES.items() if rule.needs_encoder} == OF_ENCODERS


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_what_is_wrong(name: str) -> None:
    found = found_by(name, CASES[name].wrong)
    assert len(found) == len(CASES[name].said), found
    for message, said in zip(found, CASES[name].said, strict=True):
        assert said in message


@pytest.mark.parametrize("name", CASES)
def test_a_rule_lets_pass_what_is_right(name: str) -> None:
    clean = train("[Mira|person] left [Oslo|place].", "It rains in [Lisbon|place] today")
    for right in (*CASES[name].right, *([] if name in _SHARES else [clean])):
        assert found_by(name, right) == []


_SHARES = {"missing-split", "rare-label"}
"""Rules that find something in any corpus as small as that."""


@pytest.mark.parametrize("name", RULES)
def test_rules_are_described(name: str) -> None:
    rule = RULES[name]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert rule.severity in ("error", "warning", "note")
    assert rule.meaning
    assert "\n" not in rule.meaning


def test_findings_know_where_they_are() -> None:
    (finding,) = check_corpus(CASES["entity-of-signs"].wrong, only=["entity-of-signs"]).findings
    assert (finding.split, finding.document, finding.start, finding.end) == ("train", 0, 3, 7)
    assert (finding.rule, finding.severity) == ("entity-of-signs", "warning")
    (finding,) = check_corpus(CASES["several-labels"].wrong, only=["several-labels"]).findings
    assert finding.place == "here, train document 1"
    assert finding.others == ("here, train document 0",) * 2


def test_a_rule_can_be_switched_off() -> None:
    report = check_corpus(train("a", "a"), off=["missing-split"])
    assert [each.rule for each in report.findings] == ["repeated-text", "unlabelled-split"]
    assert "missing-split" not in [rule.name for rule in report.rules]


@pytest.mark.parametrize("off", [[], ["repeted-text"]])
def test_an_unknown_rule_is_refused_with_the_nearest(off: list[str]) -> None:
    with pytest.raises(SettingsError, match="no rule is called 'repeted-text'") as caught:
        check_corpus(train("a"), off=off, only=[] if off else ["repeted-text"])
    assert caught.value.hint == "the nearest one is 'repeated-text'"


def test_a_rule_about_subwords_needs_an_encoder() -> None:
    with pytest.raises(SettingsError, match="'long-text' looks at subwords") as caught:
        check_corpus(train("a"), only=["long-text"])
    assert "--encoder" in (caught.value.hint or "")


@pytest.mark.parametrize("corpus", [Corpus({}, (), "here"), Corpus({"train": ()}, (), "here")])
def test_an_empty_corpus_can_be_checked(corpus: Corpus) -> None:
    report = check_corpus(corpus)
    assert {each.rule for each in report.findings} <= {"missing-split", "unlabelled-split"}
    assert report.reaches("note")


def test_a_report_counts() -> None:
    report = check_corpus(train("[a|x] ", "a "), only=["relabelled-text", "missing-split"])
    assert [report.count(each) for each in ("error", "warning", "note")] == [1, 0, 2]
    assert report.reaches("error")
    milder = check_corpus(train("[a|x]", "[a|x]"), only=["repeated-text"])
    assert (milder.reaches("error"), milder.reaches("warning")) == (False, True)
    described = json.loads(json.dumps(report.to_dict()))
    assert described["counts"] == {"error": 1, "warning": 0, "note": 2}
    assert [each["findings"] for each in described["rules"]] == [1, 2]
    assert described["findings"][0]["others"] == ["here, train document 0"]


@settings(max_examples=50)
@given(st.lists(documents(), max_size=5), st.lists(documents(), max_size=3))
def test_no_text_stops_a_check(train: list[Document], test: list[Document]) -> None:
    corpus = Corpus({"train": tuple(train), "test": tuple(test)}, labels_of(train), "here")
    report = check_corpus(corpus)
    for finding in report.findings:
        assert finding.message.isprintable() or not any(
            unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in finding.message
        )
        if finding.start is not None and finding.end is not None:
            text = corpus.splits[finding.split or ""][finding.document or 0].text
            assert 0 <= finding.start <= finding.end <= len(text)
    assert check_corpus(corpus) == report


@given(st.characters())
def test_a_code_point_is_named_as_unicode_does(char: str) -> None:
    number, _, name = code_point(char).partition(" ")
    assert int(number.removeprefix("U+"), 16) == ord(char)
    if not name.startswith("("):
        assert unicodedata.lookup(name) == char
    elif ord(char) > 0x9F:
        assert unicodedata.name(char, None) is None


def test_subwords_are_looked_at_with_an_encoder(encoder_of: Callable[[str], Path]) -> None:
    corpus = train("Mira left ☃ and ☃", "a\u200b \u200b b", "Oslo " * 200)
    report = check_corpus(corpus, encoder=str(encoder_of("bert")), only=sorted(OF_ENCODERS))
    said = {rule: [each.message for each in report.of(rule)] for rule in OF_ENCODERS}
    assert "'☃' (U+2603 SNOWMAN) is unknown to the encoder, twice" in said["unknown-word"]
    assert [each for each in said["blind-word"] if "U+200B ZERO WIDTH SPACE" in each]
    assert re.fullmatch(r"\d+ subwords make \d windows of at most 128", said["long-text"][0])
    assert re.match(
        r"\d\.\d\d subwords per word in the train split; ", said["subwords-per-word"][0]
    )
    assert len(said["long-text"]) == len(said["subwords-per-word"]) == 1


def test_subwords_of_known_words_are_right(encoder_of: Callable[[str], Path]) -> None:
    rules = sorted(OF_ENCODERS - {"subwords-per-word"})
    report = check_corpus(train("Nobody was there ."), encoder=str(encoder_of("bert")), only=rules)
    assert report.findings == ()


def checked(folder: Path, rule: str) -> CheckReport:
    options = ReadOptions(repair=True)
    corpus = load_corpus(folder, options=options, for_checking=True)
    return check_corpus(corpus, only=[rule])


def test_each_line_that_cannot_be_read_is_found_and_the_rest_is_checked(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(
        "Mira\tB-person\nleft\n\nOslo\tB-place\nwon\tX\n\nBo\tB-person\n"
    )
    (tmp_path / "test.jsonl").write_text(
        '{"text": "Mira ?!", "entities": [[5, 7, "person"]]}\n{"text": \n[]\n'
        '{"text": "Rio", "entities": [[0, 9, "place"]]}\n{"text": "Rio"}\n'
    )
    found = checked(tmp_path, "unreadable").findings
    assert [each.place.removeprefix(f"{tmp_path}/") for each in found] == [
        "train.conll:2",
        "train.conll:5",
        "test.jsonl:2",
        "test.jsonl:3",
        "test.jsonl:4",
        "test.jsonl:5",
    ]
    assert "expected: 0 <= start < end <= 3" in found[-2].message
    assert "hint: --skip unlabelled" in found[-1].message
    assert len(checked(tmp_path, "entity-of-signs").findings) == 1
    with pytest.raises(FormatError, match=r"train\.conll:2"):
        load_corpus(tmp_path)


def test_each_broken_tag_is_found_in_its_line(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(
        "# id = 1\n# a comment\n\nMira\tB-person\nleft\tO\nOslo\tI-place\nO\tI-x\n\nRio\tB-place\n"
    )
    (tmp_path / "test.jsonl").write_text(
        '{"tokens": ["Mira"], "tags": ["O"]}\n{"tokens": ["a", "b"], "tags": ["B-place", "I-x"]}\n'
    )
    found = checked(tmp_path, "tag-fault").findings
    assert [(each.place, each.message) for each in found] == [
        (f"{tmp_path}/train.conll:6", "'I-place' cannot follow 'O' in IOB2, at 'Oslo'"),
        (f"{tmp_path}/train.conll:7", "'I-x' cannot follow 'I-place' in IOB2, at 'O'"),
        (f"{tmp_path}/test.jsonl:2, token 1", "'I-x' cannot follow 'B-place' in IOB2, at 'b'"),
    ]
    assert (found[0].document, found[0].start, found[0].end) == (0, 10, 14)
    assert checked(tmp_path / "test.jsonl", "unknown-label").findings == ()


def test_broken_tags_of_a_divided_split_keep_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("".join(f"word{n} O\nOslo I-place\n\nMira{n} B-x\n\n" for n in range(9)))
    corpus = load_corpus(path, options=ReadOptions(repair=True)).hold_out_validation(0.2)
    found = check_corpus(corpus, only=["tag-fault"]).findings
    assert [each.place for each in found] == [f"{path}:{2 + 5 * n}" for n in range(9)]
    assert {each.document for each in found} == {None}


def test_mixed_schemes_are_found_in_a_split_and_between_splits(tmp_path: Path) -> None:
    train = tmp_path / "train.conll"
    train.write_text("Mira B-p\nOkonjo I-p\n\nOslo I-q\nleft O\n\nRio I-q\n\nBonn B-q\n")
    test = tmp_path / "test.conll"
    test.write_text("Mira B-p\nOkonjo E-p\nRio S-q\n")
    found = checked(tmp_path, "mixed-schemes").findings
    assert [each.message for each in found] == [
        "the train split is IOB2, but 2 documents in it fit IOB1 and not IOB2",
        "the splits are written in different schemes: train is IOB2, test is BIOES",
    ]
    assert (found[0].place, found[0].others) == (f"{train}:4", (f"{train}:7",))
    test.write_text("Mira O\n")
    train.write_text("Mira I-p\n")
    assert checked(tmp_path, "mixed-schemes").findings == ()


def test_unknown_labels_are_found_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Mira B-person\nin O\nOslo B-place\n")
    (tmp_path / "test.conll").write_text(
        "# a comment\nMira\tB-Person\n\na\tO\nOtto\tB-Person\n\nx\tB-zzzz\n"
    )
    found = checked(tmp_path, "unknown-label").findings
    assert [(each.place, each.message) for each in found] == [
        (
            f"{tmp_path}/test.conll:2",
            (
                "the label 'Person' of the test split is not in the training split (2 entities); "
                "'person' differs only in upper and lower case"
            ),
        ),
        (
            f"{tmp_path}/test.conll:7",
            "the label 'zzzz' of the test split is not in the training split (1 entity)",
        ),
    ]
    assert found[0].others == (f"{tmp_path}/test.conll:5",)
    (tmp_path / "train.conll").unlink()
    assert checked(tmp_path, "unknown-label").findings == ()


def test_an_entity_is_found_in_the_line_of_its_first_token(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("-DOCSTART- O\n\n# id = 7\n\n# text = Mira  left, Oslo.\nMira O\nleft, B-x\n")
    (finding,) = checked(path, "entity-outer-punctuation").findings
    assert finding.place == f"{path}:7"
    path.with_name("test.jsonl").write_text('\n{"text": "left,", "entities": [[0, 5, "x"]]}\n')
    (finding,) = checked(tmp_path / "test.jsonl", "entity-outer-punctuation").findings
    assert finding.place == f"{tmp_path}/test.jsonl:2"
