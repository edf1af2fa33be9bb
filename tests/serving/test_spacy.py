"""The component of a spaCy pipeline: the tagger's entities on spaCy's tokens, in its programs."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy import displacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from lookup import Opinion, make_lookup
from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, NerineError, ProcessError, SettingsError
from nerine.evaluation.metrics import score
from nerine.model.inference import Failure
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.tagger import Tagger
from nerine.serving.spacy import EntityComponent

HOSTILE = [
    "",
    " ",
    "\n\n",
    "😀 Mira Okonjo grüßt aus Kraków 👩‍👩‍👧",
    "e\u0301 combining: Zoe\u0308 Okonjo in Lisbon",
    "Mira's-Lisbon-based (Tandem)Labs!!!",
    "عمر في القاهرة 東京タワー Москва",
    "Mira Okonjo left Tandem Labs for Lisbon. " * 800,
]


OPINIONS: dict[str, Opinion] = {
    "mira": "B-person",
    "okonjo": "I-person",
    "tandem": "B-company",
    "labs": "I-company",
    "lisbon": {"B-place": 0.6, "O": 0.3},
    "left": "O",
}
TEXT = "Mira Okonjo left Tandem Labs, Lisbon."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows some words."""
    at = tmp_path_factory.mktemp("known") / "run"
    return make_lookup(at, ["company", "person", "place"], OPINIONS)


def pipeline(folder: Path | str, **config: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("nerine", config={"model": str(folder), **config})
    return nlp


def component_of(nlp: Language) -> EntityComponent:
    component: Any = nlp.get_pipe("nerine")
    assert isinstance(component, EntityComponent)
    return component


def exact(doc: Doc, key: str = "nerine") -> list[tuple[int, int, str]]:
    """The exact entities of a group of spans."""
    group = doc.spans[key]
    return [
        (start, end, span.label_)
        for span, (start, end) in zip(group, group.attrs["offsets"], strict=True)
    ]


def of_tagger(tagger: Tagger, text: str) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.label) for each in tagger(text).entities]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_group_has_the_entities_of_the_tagger(folder: Path, text: str) -> None:
    nlp, tagger = pipeline(folder), Tagger.load(folder)
    doc = nlp(text)
    assert exact(doc) == of_tagger(tagger, text)
    scores = [each.score for each in tagger(text).entities]
    assert doc.spans["nerine"].attrs["scores"] == pytest.approx(scores)
    assert len(doc.ents) + len(doc.spans["nerine_left_out"]) == len(scores)


def test_entities_are_those_of_the_document(folder: Path) -> None:
    doc = pipeline(folder)(TEXT)
    found = [(each.text, each.label_) for each in doc.ents]
    assert found == [("Mira Okonjo", "person"), ("Tandem Labs", "company"), ("Lisbon", "place")]
    assert doc[2].ent_iob_ == "O"  # and not unknown
    assert doc.spans["nerine"].attrs["scores"][2] == pytest.approx(0.63, abs=0.02)


class ByBlanks:
    """A tokenizer whose tokens are what stands between blanks."""

    def __init__(self, vocab: Any) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        words = text.split(" ")
        return Doc(self.vocab, words, [True] * (len(words) - 1) + [False])


@pytest.mark.parametrize(
    ("alignment", "ents", "left_out"),
    [
        ("expand", ["Mira Okonjo,Lisbon,"], ["Okonjo,Lisbon,"]),
        ("contract", ["Mira"], ["Okonjo,Lisbon,"]),
        ("strict", [], ["Mira Okonjo,Lisbon,", "Okonjo,Lisbon,"]),
    ],
)
def test_entities_within_tokens_are_aligned_or_counted(
    folder: Path, alignment: str, ents: list[str], left_out: list[str]
) -> None:
    nlp = pipeline(folder, alignment=alignment)
    nlp.tokenizer = ByBlanks(nlp.vocab)
    doc = nlp("In Mira Okonjo,Lisbon, left")
    assert [each.text for each in doc.ents] == ents
    assert [each.text for each in doc.spans["nerine_left_out"]] == left_out
    assert component_of(nlp).left_out == len(left_out)
    assert exact(doc, "nerine_left_out")[-1] == (15, 21, "place")


def test_entities_of_earlier_components_stay(folder: Path) -> None:
    def ruled(**config: Any) -> Doc:
        nlp = spacy.blank("en")
        ruler: Any = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "CITY", "pattern": "Lisbon", "id": "lis"}])
        nlp.add_pipe("nerine", config={"model": str(folder), **config})
        return nlp(TEXT)

    kept = ruled()
    assert [each.label_ for each in kept.ents] == ["person", "company", "CITY"]
    assert kept.ents[2].ent_id_ == "lis"
    assert [each.label_ for each in kept.spans["nerine_left_out"]] == ["place"]
    replaced = ruled(overwrite=True)
    assert [each.label_ for each in replaced.ents] == ["person", "company", "place"]
    assert len(replaced.spans["nerine_left_out"]) == 0


def test_labels_are_renamed_and_thresholds_hold(folder: Path) -> None:
    labels = {"person": "PERSON", "place": "GPE"}
    doc = pipeline(folder, labels=labels, thresholds={"place": 0.9})(TEXT)
    assert [(each.text, each.label_) for each in doc.ents] == [("Mira Okonjo", "PERSON")]
    nlp = pipeline(folder, labels=labels, spans_key="mine")
    assert nlp.pipe_labels["nerine"] == ["PERSON", "GPE"]
    doc = nlp(TEXT)
    assert [each.label_ for each in doc.spans["mine"]] == ["PERSON", "GPE"]


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"labels": {"persons": "PERSON"}}, "the model has no label 'persons'"),
        ({"thresholds": 2.0}, "2.0 is not a valid threshold"),
        ({"model": "no/such/folder"}, "no/such/folder"),
    ],
)
def test_what_cannot_be_used_is_an_error(folder: Path, config: dict[str, Any], found: str) -> None:
    with pytest.raises(NerineError, match=found):
        pipeline(
            **{"folder": folder, **config} if "model" not in config else {"folder": "x", **config}
        )


def test_a_stream_has_the_results_of_single_documents_in_order(folder: Path) -> None:
    nlp = pipeline(folder)
    texts = [*HOSTILE, *(f"{TEXT} {number}" for number in range(400))]
    docs = list(nlp.pipe(texts, batch_size=64))
    assert [doc.text for doc in docs] == texts
    assert [exact(doc) for doc in docs] == [exact(nlp(text)) for text in texts]
    pairs = list(nlp.pipe([(text, number) for number, text in enumerate(texts)], as_tuples=True))
    assert [number for _, number in pairs] == list(range(len(texts)))


def test_two_processes_give_the_same(folder: Path) -> None:
    nlp = pipeline(folder)
    texts = [f"{TEXT} {number}" for number in range(60)]
    docs = list(nlp.pipe(texts, n_process=2, batch_size=10))
    assert [exact(doc) for doc in docs] == [exact(doc) for doc in nlp.pipe(texts)]
    assert docs[0].spans["nerine"].attrs == nlp(texts[0]).spans["nerine"].attrs


def test_a_text_that_fails_goes_to_the_error_handler(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = pipeline(folder)
    component = component_of(nlp)

    def fails(texts: Any) -> Iterator[Document | Failure]:
        for number, text in enumerate(texts):
            document = Document(text)
            yield document if number != 1 else Failure(document, CheckpointError("a logit is NaN"))

    monkeypatch.setattr(component.tagger, "pipe_with_errors", fails)
    with pytest.raises(CheckpointError, match="a logit is NaN"):
        list(nlp.pipe(["a", "b", "c"]))
    failed: list[Any] = []

    def note(name: str, component: Any, docs: list[Doc], error: Exception) -> Any:
        failed.append((name, docs[0].text))

    nlp.set_error_handler(note)
    assert [doc.text for doc in nlp.pipe(["a", "b", "c"])] == ["a", "c"]
    assert failed == [("nerine", "b")]


def test_a_pipeline_is_saved_by_its_source_and_fingerprint(folder: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(folder, tmp_path / "run"))
    nlp = pipeline(own, labels={"person": "PERSON"})
    nlp.to_disk(tmp_path / "pipeline")
    record = json.loads((tmp_path / "pipeline" / "nerine" / "nerine.json").read_text())
    assert record["model"] == str(own)
    assert sum(path.stat().st_size for path in (tmp_path / "pipeline").rglob("*")) < 5e5
    loaded = spacy.load(tmp_path / "pipeline")
    assert [each.label_ for each in loaded(TEXT).ents] == ["PERSON"]
    again = spacy.blank("en")
    again.add_pipe("nerine", config={"model": str(own)})
    again.from_bytes(nlp.to_bytes())

    shutil.rmtree(own)
    make_lookup(own, ["company", "person", "place"], {**OPINIONS, "left": "B-person"})
    with pytest.raises(CheckpointError, match="another one than when this pipeline was saved"):
        spacy.load(tmp_path / "pipeline")
    shutil.move(own, tmp_path / "moved")
    with pytest.raises(NerineError, match="run"):
        spacy.load(tmp_path / "pipeline")


def test_a_pipeline_whose_checkpoint_has_moved_is_loaded_with_its_new_place(
    folder: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(folder, tmp_path / "run"))
    pipeline(own).to_disk(tmp_path / "pipeline")
    shutil.move(own, tmp_path / "moved")
    config = {"components": {"nerine": {"model": str(tmp_path / "moved")}}}
    assert len(spacy.load(tmp_path / "pipeline", config=config)(TEXT).ents) == 3


def test_an_alignment_that_is_unknown_is_an_error(folder: Path) -> None:
    wrong: Any = "near"
    with pytest.raises(SettingsError, match="alignment: 'near' is not known"):
        EntityComponent(Tagger.load(folder), alignment=wrong)


def test_it_can_be_pickled_and_copied(folder: Path) -> None:
    nlp = pipeline(folder, labels={"person": "PERSON"})
    component = component_of(nlp)
    for same in (pickle.loads(pickle.dumps(component)), copy.deepcopy(component)):
        assert exact(same(nlp.make_doc(TEXT))) == exact(nlp(TEXT))
    in_memory = EntityComponent(Tagger.from_checkpoint(load_checkpoint(folder)))
    with pytest.raises(ProcessError, match="made in memory"):
        pickle.dumps(in_memory)


def test_scores_of_spacy_are_ours(folder: Path) -> None:
    nlp = pipeline(folder)
    gold = [
        (TEXT, [(0, 11, "person"), (17, 28, "company"), (30, 36, "company")]),
        ("Lisbon left", [(0, 6, "place")]),
        ("Nobody left Labs", [(0, 6, "person")]),
    ]
    examples = []
    for text, entities in gold:
        reference = nlp.make_doc(text)
        spans = [span for each in entities for span in [reference.char_span(*each)] if span]
        assert len(spans) == len(entities)
        reference.set_ents(spans, default="outside")
        examples.append(Example(nlp.make_doc(text), reference))
    theirs = nlp.evaluate(examples)
    documents = [
        Document(text, entities=tuple(Entity(*each) for each in entities))
        for text, entities in gold
    ]
    ours = score(documents, Tagger.load(folder).predict([text for text, _ in gold]))
    assert theirs["ents_f"] == pytest.approx(ours.overall.f1)
    assert theirs["ents_p"] == pytest.approx(ours.overall.precision)
    assert theirs["ents_per_type"]["person"]["r"] == pytest.approx(ours.labels["person"].recall)


def test_its_results_are_drawn_and_kept_by_spacys_own_tools(folder: Path, tmp_path: Path) -> None:
    nlp = pipeline(folder)
    doc = nlp(TEXT)
    assert "Tandem Labs" in displacy.render(doc, style="ent", page=True, jupyter=False)
    bin_ = DocBin(docs=[doc], store_user_data=True)
    back = next(iter(DocBin().from_bytes(bin_.to_bytes()).get_docs(nlp.vocab)))
    assert exact(back) == exact(doc)
    analysis = nlp.analyze_pipes()
    assert analysis
    assert "doc.ents" in analysis["summary"]["nerine"]["assigns"]


@pytest.mark.slow
def test_spacy_apply_runs_it(folder: Path, tmp_path: Path) -> None:
    pipeline(folder).to_disk(tmp_path / "pipeline")
    (tmp_path / "in.txt").write_text(TEXT)
    command = [sys.executable, "-m", "spacy", "apply", tmp_path / "pipeline"]
    subprocess.run(
        [*map(str, command), str(tmp_path / "in.txt"), str(tmp_path / "out.spacy")],
        check=True,
        capture_output=True,
    )
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    assert [len(doc.ents) for doc in docs] == [3]


@given(st.text(max_size=60))
def test_nothing_is_lost_on_any_text(folder: Path, text: str) -> None:
    nlp, tagger = shared_pipeline(folder)
    made = f"Mira {text} Lisbon{text}"
    doc = nlp(made)
    assert doc.text == made
    everything = {*exact(doc), *exact(doc, "nerine_left_out")}
    assert everything == {*of_tagger(tagger, made)}


_made: dict[Path, tuple[Language, Tagger]] = {}


def shared_pipeline(folder: Path) -> tuple[Language, Tagger]:
    """A pipeline and a tagger, made once."""
    if folder not in _made:
        _made[folder] = pipeline(folder), Tagger.load(folder)
    return _made[folder]
