"""Models that other programs made: their tags, schemes and heads.

Each model's opinions are written down, so that the right entities are known. The texts of
`observe` are known to those models that show how they use their tags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import pipeline

from dictionary import Opinion, make_dictionary
from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.core.tags import TagScheme
from nerine.model.behaviour import PROBE
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.usage import Usage
from nerine.model.tagger import Tagger

CONLL = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")


def found(tagger: Tagger, text: str) -> list[tuple[str, str]]:
    return [(text[each.start : each.end], each.label) for each in tagger(text).entities]


def pipeline_of(folder: Path) -> Callable[[str], list[tuple[str, str]]]:
    run: Any = pipeline("token-classification", str(folder), aggregation_strategy="simple")
    return lambda text: [(each["word"].strip(), each["entity_group"]) for each in run(text)]


def make(
    folder: Path,
    opinions: Mapping[str, Opinion],
    tags: Sequence[str] = CONLL,
    names: Sequence[str] | None = None,
    **changes: Any,
) -> Path:
    id2label = None if names is None else dict(enumerate(names))
    return make_dictionary(folder, opinions, tags, id2label=id2label, texts=PROBE, **changes)


def load(folder: Path, **changes: Any) -> Tagger:
    return Tagger.load(folder, device="cpu", **changes)


SEEN_AS_IOB1: dict[str, Opinion] = {
    **dict.fromkeys(("Angela", "Merkel", "Emmanuel", "Macron", "John", "Smith"), "I-PER"),
    **dict.fromkeys(("Paris", "Seattle", "Washington", "Moscow"), "I-LOC"),
    "Microsoft": "I-ORG",
    "Anna": {"I-PER": 0.9, "B-LOC": 0.05, "O": 0.03},
    "Bern": "B-LOC",
}
SEEN_AS_IOB2: dict[str, Opinion] = {
    **dict.fromkeys(("Angela", "Emmanuel", "John"), "B-PER"),
    **dict.fromkeys(("Merkel", "Macron", "Smith"), "I-PER"),
    **dict.fromkeys(("Paris", "Seattle", "Washington", "Moscow"), "B-LOC"),
    "Microsoft": "B-ORG",
    "Anna": {"I-PER": 0.55, "B-PER": 0.4},
}


def test_a_model_trained_on_iob1_begins_entities_with_an_inside_tag(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, SEEN_AS_IOB1))
    text = "Anna left Paris , John Smith stayed"
    assert found(tagger, text) == [("Anna", "PER"), ("Paris", "LOC"), ("John Smith", "PER")]
    assert tagger(text).entities[0].score == pytest.approx(0.9, abs=0.01)
    assert tagger.settings.scheme is TagScheme.IOB1
    assert any("read as IOB1" in note and "with I- 9 times" in note for note in tagger.notes)


def test_a_begin_tag_begins_an_entity_in_iob1_too(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, SEEN_AS_IOB1))
    assert found(tagger, "Paris Bern") == [("Paris", "LOC"), ("Bern", "LOC")]
    assert found(tagger, "in Bern") == [("Bern", "LOC")]


def test_a_model_trained_on_iob2_is_decoded_with_its_scheme(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, SEEN_AS_IOB2))
    assert (tagger.settings.scheme, tagger.settings.decoding) == (TagScheme.IOB2, "viterbi")
    assert not any("tags" in note for note in tagger.notes)
    (entity,) = tagger("so Anna left").entities  # arg-max says `I-PER`, which cannot begin one
    assert entity.label == "PER"
    assert entity.score is not None
    assert entity.score > 0.9


def test_without_evidence_every_beginning_counts(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, {"Zora": "I-PER", "Quill": "B-LOC", "Isle": "I-LOC"}))
    text = "Zora saw Quill Isle"
    assert found(tagger, text) == [("Zora", "PER"), ("Quill Isle", "LOC")]
    assert any("the scheme of its tags is not known" in note for note in tagger.notes)


@pytest.mark.parametrize("decoding", ["viterbi", "argmax"])
def test_the_scheme_is_found_whatever_decoding_is_stated(tmp_path: Path, decoding: str) -> None:
    text = "Anna left Paris , John Smith stayed"
    right = [("Anna", "PER"), ("Paris", "LOC"), ("John Smith", "PER")]
    for name, opinions in (("IOB1", SEEN_AS_IOB1), ("IOB2", SEEN_AS_IOB2)):
        folder, saved = make(tmp_path / name, opinions), tmp_path / f"{name}-saved"
        save_checkpoint(saved, load_checkpoint(folder))
        for tagger in (load(folder, decoding=decoding), load(saved, decoding=decoding)):
            assert (tagger.settings.scheme.value, tagger.settings.decoding) == (name, decoding)
            assert found(tagger, text) == right


def test_a_saved_copy_takes_the_same_statements(tmp_path: Path) -> None:
    folder = make(tmp_path / "foreign", SEEN_AS_IOB2)
    stated = Usage(decoding="argmax")
    save_checkpoint(tmp_path / "saved", load_checkpoint(folder))
    save_checkpoint(tmp_path / "argmax", load_checkpoint(folder, usage=stated))
    foreign, saved = (load(each, scheme="IOB1") for each in (folder, tmp_path / "saved"))
    assert saved.settings == foreign.settings
    assert load(tmp_path / "argmax").settings.decoding == "argmax"


def test_a_stated_scheme_is_the_last_word(tmp_path: Path) -> None:
    folder = make(tmp_path, SEEN_AS_IOB1)
    tagger = load(folder, scheme="IOB2")
    assert tagger.settings.scheme is TagScheme.IOB2
    assert any("only" in note and "IOB2 allows" in note for note in tagger.notes)


def test_a_sliver_of_the_probability_is_no_certainty(tmp_path: Path) -> None:
    sure = {**SEEN_AS_IOB1, "Anna": {"I-PER": 0.9, "B-LOC": 0.09}}
    tagger = load(make(tmp_path, sure), scheme="IOB2")
    assert all((entity.score or 0) < 0.15 for entity in tagger("then Anna left").entities)


def test_outputs_without_a_meaning_count_as_o(tmp_path: Path) -> None:
    tags = ("O", "X", "B-PER", "I-PER", "[CLS]", "[SEP]")
    unsure = {"Max": {"O": 0.3, "X": 0.3, "B-PER": 0.4}, "Mona": {"X": 0.3, "B-PER": 0.7}}
    tagger = load(make(tmp_path, unsure, tags))
    assert tagger.settings.tags == ("O", "B-PER", "I-PER")
    (mona,) = tagger("Mona and Max").entities
    assert (mona.start, mona.end) == (0, 4)
    assert mona.score == pytest.approx(0.7, abs=0.01)
    assert any("read as O: X, [CLS], [SEP]" in note for note in tagger.notes)


def test_the_logits_of_outputs_of_one_tag_are_summed(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, {}, ("O", "X", "B-PER")))
    outputs = np.log(np.array([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]], dtype=np.float32))
    found = np.exp(tagger.inference.head.of_tags(outputs))
    assert np.allclose(found, [[0.5, 0.5], [0.95, 0.05]])


def test_one_label_without_a_begin_tag_leaves_the_others_alone(tmp_path: Path) -> None:
    tags = ("O", "B-PER", "I-PER", "I-DATE")
    names: dict[str, Opinion] = {"Ada": "B-PER", "Bo": "B-PER", "May": "I-DATE", "June": "I-DATE"}
    tagger = load(make(tmp_path, names, tags), scheme="IOB2")
    text = "Ada Bo in May June"
    assert found(tagger, text) == [("Ada", "PER"), ("Bo", "PER"), ("May June", "DATE")]


def test_names_of_outputs_can_be_stated_one_by_one(tmp_path: Path) -> None:
    names = ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")
    tags = ("O", "B-PER", "I-PER", "X")
    folder = make(tmp_path, {"Ada": "B-PER", "Lace": "I-PER", "the": "X"}, tags, names)
    stated = {"LABEL_0": "O", "LABEL_1": "B-person", "LABEL_2": "I-person", "LABEL_3": "O"}
    assert found(load(folder, tags=stated), "the Ada Lace") == [("Ada Lace", "person")]
    stated = {"LABEL_1": "B-person", "LABEL_2": "I-person"}
    assert found(load(folder, tags=stated), "the Ada Lace") == [("Ada Lace", "person")]
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder, tags={"LABEL_9": "O"})
    assert caught.value.expected == f"one of {', '.join(names)}"
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert "LABEL_1=B-person" in str(caught.value.hint)


def test_numbers_as_names_tell_nothing(tmp_path: Path) -> None:
    folder = make(tmp_path, {"Ada": "B-PER"}, ("O", "B-PER", "I-PER"), ("0", "1", "2"))
    with pytest.raises(CheckpointError, match=r"unnamed \(0 to 2\)"):
        load_checkpoint(folder)
    assert found(load(folder, tags={"0": "O", "1": "B-a", "2": "I-a"}), "of Ada") == [("Ada", "a")]


def test_labels_that_look_like_ends_and_single_words_are_found(tmp_path: Path) -> None:
    tags = ("O", "I-mail", "I-phone")
    opinions: dict[str, Opinion] = {"ada": "I-mail", "lace": "I-mail", "555": "I-phone"}
    tagger = load(make(tmp_path, opinions, tags, ("O", "E-mail", "PHONE")))
    assert found(tagger, "to ada lace 555") == [("ada lace", "E-mail"), ("555", "PHONE")]


def test_a_saved_foreign_model_tags_as_before(tmp_path: Path) -> None:
    tags = ("O", "X", "B_PER", "I_PER")
    folder = make(tmp_path / "foreign", {"Ada": "B_PER", "Lace": "I_PER", "the": "X"}, tags)
    save_checkpoint(tmp_path / "ours", load_checkpoint(folder))
    ours, foreign = load(tmp_path / "ours"), load(folder)
    assert ours.settings == foreign.settings
    assert found(ours, "the Ada Lace") == found(foreign, "the Ada Lace") == [("Ada Lace", "PER")]
    assert pipeline_of(tmp_path / "ours")("of Ada Lace") == [("Ada Lace", "PER")]


_PEOPLE = {"Ada": "PER", "Bo": "PER", "Lima": "LOC", "Oslo": "LOC", "Acme": "ORG"}
_TEXTS = (
    *("Ada left Lima", "in Oslo", "Acme hired Bo", "Ada , Bo and Lima", "no name here", "Oslo !"),
    *("then Ada saw Acme", "Bo", "Lima , Oslo , Acme", "a b c", "from Lima to Oslo by Bo"),
    *("Ada's Acme", "(Bo)", "Oslo: Ada", "Acme-", "\tAda\n", "Lima ... Lima", "Ada and Ada"),
    *("The end of Bo", "Oslo?"),
)
MODELS = {
    "IOB1 with all B-": (CONLL, CONLL, "I-{}", "bert", {}),
    "IOB2, BERT": (CONLL, CONLL, "B-{}", "bert", {}),
    "IOB2, XLM-R": (CONLL, CONLL, "B-{}", "xlm-roberta", {}),
    "IO, CamemBERT": (
        *((("O", "I-PER", "I-LOC", "I-ORG"),) * 2),
        *("I-{}", "camembert", {}),
    ),
    "IOB2, RoBERTa": (CONLL, CONLL, "B-{}", "roberta", {}),
    "labels alone": (*((("O", "PER", "LOC", "ORG"),) * 2), "{}", "bert", {}),
    "BIOES": (*((TagScheme.BIOES.tags(["PER", "LOC", "ORG"]),) * 2), "S-{}", "bert", {}),
    "BILOU, RoBERTa": (
        *((TagScheme.BILOU.tags(["PER", "LOC", "ORG"]),) * 2),
        *("U-{}", "roberta", {}),
    ),
    "LABEL_n with a mapping": (
        CONLL,
        tuple(f"LABEL_{index}" for index in range(len(CONLL))),
        *("B-{}", "bert", {f"LABEL_{index}": tag for index, tag in enumerate(CONLL)}),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_single_names_are_found_as_by_their_own_programs(tmp_path: Path, name: str) -> None:
    tags, outputs, written, kind, stated = MODELS[name]
    opinions: dict[str, Opinion] = {key: written.format(of) for key, of in _PEOPLE.items()}
    folder = make(tmp_path, opinions, tags, outputs, kind=kind)
    tagger = load(folder, tags=stated or None)
    simple = pipeline_of(folder)
    for text in _TEXTS:
        places = sorted(
            (text.index(key, start), key)
            for key in _PEOPLE
            for start in range(len(text))
            if text.startswith(key, start)
        )
        assert found(tagger, text) == [(key, _PEOPLE[key]) for _, key in places], text
        if not stated and "labels" not in name and "'" not in text:
            assert simple(text) == found(tagger, text), text


def test_labels_with_dots_and_spaces(tmp_path: Path) -> None:
    tags = ("O", "B-Date of Birth", "I-Date of Birth", "B-ID.number", "I-ID.number")
    opinions: dict[str, Opinion] = {
        "May": "B-Date of Birth",
        "1990": "I-Date of Birth",
        "77": "B-ID.number",
    }
    tagger = load(make(tmp_path, opinions, tags))
    text = "born May 1990 as 77"
    assert found(tagger, text) == [("May 1990", "Date of Birth"), ("77", "ID.number")]


def test_documents_are_the_same_alone_and_together(tmp_path: Path) -> None:
    tagger = load(make(tmp_path, SEEN_AS_IOB1))
    texts = [Document(text) for text in (*PROBE, "Anna left Paris")]
    for document, text in zip(tagger.predict(texts), texts, strict=True):
        alone = tagger(text).entities
        assert [each.label for each in document.entities] == [each.label for each in alone]
        scores = [each.score for each in alone]
        assert [each.score for each in document.entities] == pytest.approx(scores, abs=1e-5)
