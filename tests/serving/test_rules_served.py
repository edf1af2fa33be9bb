"""Rules beside a model hold in servers, files, spaCy and Presidio, and are known again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

import nerine
from nerine.core.errors import CheckpointError, NerineError, TaggingError
from nerine.model.rules import Rules, matching
from nerine.model.tagger import Tagger
from nerine.serving.http.service import ServedModel
from nerine.serving.presidio import NerineRecognizer
from served import TEXT, make_tagger
from servers import serving

CONTENT = r"""
[[rule]]
label = "product"
phrases = ["Tandem Labs"]

[[rule]]
label = "place"
patterns = ['\bGhent\b', '(?:a|aa)+$']
mode = "override"
"""
FOUND = ["Mira Okonjo", "Tandem Labs", "Lisbon", "Ghent"]
LABELS = ["person", "product", "location", "place"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(CONTENT)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose words, scheme and decoding need no statement."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    tagger = make_tagger(folder / "foreign")
    from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint

    loaded = load_checkpoint(folder / "foreign", scheme="IOB2")
    save_checkpoint(folder / "own", type(loaded)(loaded.model, loaded.tokenizer, tagger.settings))
    return folder / "own"


@pytest.fixture(scope="module")
def client(folder: Path, file: Path) -> Iterator[httpx.Client]:
    tagger = Tagger.load(folder, device="cpu", rules=file)
    with serving([ServedModel.of("ruled", tagger)]) as url, httpx.Client(base_url=url) as found:
        yield found


def texts(entities: Any, text: str = TEXT) -> list[str]:
    return [text[each["start"] : each["end"]] for each in entities]


def asked(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- over HTTP


@pytest.mark.parametrize("thresholds", [None, 0.7, {"product": 1.0, "location": 0.7}])
def test_each_contract_of_the_server_has_the_rules(client: httpx.Client, thresholds: Any) -> None:
    """Thresholds drop the model's Lisbon, and no entity of a rule."""
    expected = [each for each in FOUND if thresholds is None or each != "Lisbon"]
    body = {"documents": [TEXT], "thresholds": thresholds}
    answer = asked(client, "/tag", **body)
    (document,) = answer["documents"]
    assert texts(document["entities"]) == expected
    assert [each["score"] for each in document["entities"]].count(None) == 2
    explained = asked(client, "/explain", text=TEXT, thresholds=thresholds)
    assert texts(explained["entities"]) == expected
    assert [(each["text"], each["rule"]) for each in explained["rules"]] == [
        ("Tandem Labs", 1),
        ("Ghent", 2),
    ]


def test_contracts_that_need_a_number_have_1_for_an_entity_of_a_rule(client: httpx.Client) -> None:
    line = json.dumps(TEXT)
    lines = client.post("/tag", content=line, headers={"Content-Type": "application/x-ndjson"})
    assert texts(json.loads(lines.text)["entities"]) == FOUND
    groups = asked(client, "/", inputs=TEXT)
    assert [each["word"] for each in groups] == FOUND
    assert [each["score"] == 1 for each in groups] == [False, True, False, True]
    analysed = asked(client, "/analyze", text=TEXT, language="en", score_threshold=0.7)
    assert texts(analysed) == [each for each in FOUND if each != "Lisbon"]
    assert analysed[1]["score"] == 1
    kserve = asked(client, "/v1/models/ruled:predict", instances=[TEXT])
    assert [each["score"] for each in kserve["predictions"][0]].count(None) == 2
    labels = '<Labels name="l" toName="t"><Label value="product"/></Labels>'
    config = f'<View>{labels}<Text name="t" value="$text"/></View>'
    studio = asked(client, "/predict", tasks=[{"data": {"text": TEXT}}], label_config=config)
    assert studio["results"][0]["score"] == 1
    assert asked(client, "/ent", text=TEXT)[1] == {
        "start": 19,
        "end": 30,
        "type": "product",
        "text": "Tandem Labs",
    }


def test_the_server_says_that_rules_are_in_use(client: httpx.Client, file: Path) -> None:
    (model,) = client.get("/info").json()["models"]
    assert model["rules"] == "2 rules of rules.toml: 1 phrase, 2 patterns"
    assert set(model["labels"]) == set(LABELS)
    version = asked(client, "/tag", documents=[])["version"]
    assert version.endswith(f"+rules.{Rules.load(file).fingerprint[:12]}")


def test_a_rule_that_fails_on_a_text_is_a_problem_of_this_text(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_SECONDS", 0.05)
    trap = "a" * 90 + "b"
    good, bad = asked(client, "/tag", documents=[TEXT, trap])["documents"]
    assert texts(good["entities"]) == FOUND
    assert bad["cause"] == "model-failed"
    assert "rule 2" in bad["place"]
    assert client.post("/explain", json={"text": trap}).status_code == 424
    assert "took more than" in asked(client, "/", inputs=[trap])[0]["error"]


def test_a_client_reads_entities_of_rules(client: httpx.Client) -> None:
    with nerine.Client(str(client.base_url)) as own:
        found = own(TEXT)
    assert [found.surface(each) for each in found.entities] == FOUND
    assert [each.score is None for each in found.entities] == [False, True, False, True]


# --- files


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_tagged_files_have_the_rules(
    folder: Path, file: Path, tmp_path: Path, processes: int
) -> None:
    (tmp_path / "posts.txt").write_text(f"{TEXT}\n" * 5)
    tagger = Tagger.load(folder, device="cpu", rules=file)
    options = nerine.TaggingOptions(processes=processes)
    summary = nerine.tag_files(tagger, tmp_path / "posts.txt", tmp_path / "out.jsonl", options)
    assert dict(summary.entities) == dict.fromkeys(sorted(LABELS), 5)
    for line in (tmp_path / "out.jsonl").read_text().splitlines():
        assert texts(json.loads(line)["entities"]) == FOUND


class StoppedError(Exception):
    """A run is interrupted."""


class Stopping:
    """Interrupts a run after its first block."""

    def started(self, name: str, done: int, size: int | None) -> None:
        """Nothing happens yet."""

    def advanced(self, done: int, documents: int) -> None:
        raise StoppedError


def test_a_run_is_resumed_with_the_same_rules_only(
    folder: Path, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "posts.txt").write_text(f"{TEXT}\n" * 3)
    ruled, alone = (Tagger.load(folder, device="cpu", rules=each) for each in (file, None))
    other = Tagger.load(folder, device="cpu", rules=Rules.parse({"rule": [_rule("Ghent")]}))

    for number, (first, second, same) in enumerate(
        [(ruled, ruled, True), (ruled, alone, False), (alone, ruled, False), (ruled, other, False)]
    ):
        output = tmp_path / f"{number}.jsonl"
        with pytest.raises(StoppedError):
            nerine.tag_files(first, tmp_path / "posts.txt", output, listener=Stopping())
        resuming = nerine.TaggingOptions(start="resume")
        if same:
            nerine.tag_files(second, tmp_path / "posts.txt", output, resuming)
            assert len(output.read_text().splitlines()) == 3
        else:
            with pytest.raises(TaggingError, match="rules was"):
                nerine.tag_files(second, tmp_path / "posts.txt", output, resuming)


def _rule(phrase: str) -> dict[str, Any]:
    return {"label": "place", "phrases": [phrase], "mode": "override"}


# --- in other programs


def test_spacys_component_has_the_rules_and_knows_them_again(
    folder: Path, file: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copy(file, tmp_path / "own.toml"))
    nlp = spacy.blank("en")
    nlp.add_pipe("nerine", config={"model": str(folder), "device": "cpu", "rules": str(own)})
    doc = nlp(TEXT)
    assert [entity.text for entity in doc.ents] == FOUND
    assert [score is None for score in doc.spans["nerine"].attrs["scores"]] == [
        False,
        True,
        False,
        True,
    ]
    assert spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes()).text == TEXT
    nlp.to_disk(tmp_path / "pipeline")
    assert [each.label_ for each in spacy.load(tmp_path / "pipeline")(TEXT).ents] == LABELS
    own.write_text(CONTENT.replace("Tandem Labs", "Tandem"))
    with pytest.raises(CheckpointError, match="fingerprint of the rules"):
        spacy.load(tmp_path / "pipeline")
    own.unlink()
    with pytest.raises(NerineError, match="no such file"):
        spacy.load(tmp_path / "pipeline")


def test_presidios_recognizer_has_the_rules(folder: Path, file: Path) -> None:
    recognizer = NerineRecognizer(str(folder), device="cpu", rules=str(file), thresholds=0.7)
    blank = NoOpNlpEngine([{"lang_code": "en", "model_name": ""}])
    analyzer = AnalyzerEngine(RecognizerRegistry([recognizer]), blank)
    found = sorted(
        analyzer.analyze(TEXT, "en", return_decision_process=True), key=lambda each: each.start
    )
    assert [each.entity_type for each in found] == ["PERSON", "PRODUCT", "LOCATION"]
    assert [each.score == 1 for each in found] == [False, True, True]
    assert "a rule beside" in found[1].analysis_explanation.textual_explanation
    assert "+rules." in recognizer.version
    with pytest.raises(NerineError, match="decided where the model is loaded"):
        NerineRecognizer(recognizer.tagger, rules=str(file))
