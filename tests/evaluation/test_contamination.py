"""How many of the scored texts a checkpoint has seen, and who says so."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import nerine
import runs
from nerine.cli import main
from nerine.core.document import Document
from nerine.core.sketches import earlier_splits, number_known, split_record, used_splits
from nerine.data.formats import write_documents
from nerine.evaluation.calibration import Thresholds, calibrate
from nerine.evaluation.contamination import Contamination, Role, TrainingTexts, gravest
from nerine.evaluation.report import make_report, to_html, to_markdown
from nerine.model.tagger import Tagger
from nerine.training.run import TrainingRun

CORPUS = runs.corpus(40, validation=False)
TEST = tuple(Document(f"{document.text} today") for document in CORPUS.train[:10])


def texts(*names: object) -> tuple[Document, ...]:
    return tuple(Document(str(name)) for name in names)


NUMBERS = st.lists(st.integers(0, 300), max_size=200)


@given(NUMBERS, NUMBERS)
def test_the_number_of_known_texts_is_exact(mine: list[int], theirs: list[int]) -> None:
    expected = sum(number in theirs for number in mine)
    assert number_known(texts(*mine), split_record(texts(*theirs))) == expected


def test_five_training_texts_of_many_are_noticed() -> None:
    record = split_record(texts(*range(5000)))
    assert number_known(texts(1, 10, 100, 1000, 4999), record) == 5
    assert number_known(texts(5001), record) == 0


@pytest.mark.parametrize("former", [False, True])
def test_the_number_is_estimated_for_a_very_large_split(former: bool) -> None:
    everything = texts(*range(4000))
    record = split_record(everything, 512)
    if former:  # written before records said whether they are complete
        del record["complete"]
    for share in (0.0, 0.25, 0.5, 1.0):
        known = int(2000 * share)
        mine = texts(*range(known), *(f"new {number}" for number in range(2000 - known)))
        assert number_known(mine, record) == pytest.approx(known, abs=200)
    assert number_known(everything, record) == 4000
    assert number_known(everything[::-1], record) == 4000
    assert number_known(texts(1, 2), record) is None  # two of 4,000 say nothing


def test_the_sentence_says_how_many_and_what_it_means() -> None:
    splits = {"train": split_record(texts(*range(40))), "validation": split_record(texts("v", "w"))}
    known = TrainingTexts({"splits": splits})

    def said(*names: object) -> str:
        return str(known.contamination(texts(*names)))

    unseen = "in training or in choosing its epoch or thresholds"
    assert said("a") == f"the checkpoint has not seen this text {unseen}"
    assert said("a", "b") == f"the checkpoint has seen none of these 2 texts {unseen}"
    assert said(7).startswith("the checkpoint was trained on this text: the scores ")
    assert said("a", "b", 7) == "the checkpoint was trained on 1 of these 3 texts"
    assert said(1, 2, 3).startswith("the checkpoint was trained on 3 of these 3 texts: the scores ")
    assert said("v", "w", 7) == (
        "the checkpoint was trained on 1 of these 3 texts; 2 of these 3 texts chose its epoch or "
        "its thresholds: the scores are somewhat too high"
    )
    assert said() == f"the checkpoint has seen none of these 0 texts {unseen}"


def test_the_gravest_of_several_runs_counts() -> None:
    found = [Contamination(4, role, {"train": 1}) for role in (Role.READ, Role.CHOSE, Role.UNKNOWN)]
    assert gravest(found) is found[1]
    assert gravest(()) is None


def test_texts_of_the_model_that_a_training_began_with_count() -> None:
    first = {"splits": used_splits(runs.corpus(12).splits)}
    second = {"splits": {"train": split_record(texts("a"))} | earlier_splits(first)}
    third = TrainingTexts({"splits": earlier_splits(second)})
    seen = third.contamination(runs.corpus(12).train)
    assert (seen.role, seen.trained) == (Role.TRAINED, 12)


def test_texts_on_which_thresholds_were_fitted_chose_them_if_they_are_used(tagger: Tagger) -> None:
    gold = runs.corpus(12).train
    predicted = [
        document.with_entities(
            type(each)(each.start, each.end, each.label, 0.5) for each in document.entities
        )
        for document in gold
    ]
    fitted = calibrate(gold, predicted, split="dev", corpus="c")
    again = type(fitted).from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    judge = copy.copy(tagger)
    judge.training_texts = TrainingTexts({"splits": {"train": split_record(texts("a"))}}, again)
    for thresholds, chose in ((again.thresholds, 12), (None, 0), (Thresholds(0.9), 0)):
        judge.thresholds = thresholds
        found = nerine.evaluate(judge, gold, samples=2).contamination
        assert found is not None
        assert found.chose == chose


# Whatever shows a score says it first


@pytest.fixture(scope="module")
def trained(
    encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> TrainingRun:
    place = tmp_path_factory.mktemp("trained") / "run"
    return runs.small_run(place, encoder_of("bert"), corpus=CORPUS, epochs=1)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of one file, with another name, whose texts are those of training."""
    file = tmp_path_factory.mktemp("seen") / "posts.jsonl"
    write_documents(reversed(CORPUS.train), file)
    return file


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def first_of(result: Result) -> Any:
    """The value of the first key of a result in JSON."""
    found = json.loads(result.stdout)
    assert next(iter(found)) == "contamination"
    return found["contamination"]


def test_python_says_first_which_texts_were_trained_on(trained: TrainingRun) -> None:
    tagger = trained.tagger()
    found = nerine.evaluate(tagger, CORPUS.train, samples=2)
    assert found.contamination is not None
    assert (found.contamination.trained, found.contamination.chose) == (32, 8)
    assert str(found).startswith("the checkpoint was trained on 32 of these 40 texts")
    assert next(iter(found.to_dict())) == "contamination"
    unseen = nerine.evaluate(tagger, [*TEST, *CORPUS.train[:1]], samples=2).contamination
    assert unseen is not None
    assert unseen.role is Role.UNSEEN
    assert (unseen.trained or 0) + (unseen.chose or 0) == 1
    without = nerine.evaluate_predictions(CORPUS.train, tagger.predict(CORPUS.train), samples=2)
    assert without.contamination is None


def test_commands_say_first_which_texts_were_trained_on(
    trained: TrainingRun, seen: Path, tmp_path: Path
) -> None:
    folder, warning = trained.folder, "warning: the checkpoint was trained on 32 of these 40 texts"
    few = ("--samples", 9)
    assert run("evaluate", folder, seen, *few).stdout.startswith(warning)
    assert first_of(run("evaluate", folder, seen, *few, "--json"))["trained"] == 32
    split = nerine.load_corpus(seen).splits
    calibrating = ("calibrate", folder, seen, "--split", next(iter(split)), "--dry-run")
    assert run(*calibrating).stdout.startswith(warning)
    assert first_of(run(*calibrating, "--json"))["trained"] == 32
    comparing = ("compare", seen, f"new={folder}", f"gold={seen}", *few)
    said = run(*comparing).stdout
    assert said.count("the checkpoint was trained on") == 1
    first, second = said.splitlines()[:2]
    assert first.startswith("warning: new: the checkpoint was trained on 32 of these 40 texts")
    assert second.startswith("note: gold: the predictions come without a checkpoint")
    found = first_of(run(*comparing, "--json"))
    assert found["new"]["trained"] == 32
    assert found["gold"] is None
    page = tmp_path / "report.html"
    result = run("report", folder, seen, "-o", page, *few)
    assert result.stderr.startswith(warning)
    assert "The checkpoint was trained on 32 of these 40 texts" in page.read_text()
    assert first_of(run("report", folder, seen, "--json", *few))["role"] == "trained"
    assert first_of(run("score", seen, seen, "--json", *few)) is None
    assert run("score", seen, seen, *few).stdout.startswith("note: the predictions come without")


def test_a_report_shows_it_above_the_scores() -> None:
    seen = Contamination(40, Role.TRAINED, {"train": 40})
    report = make_report(
        CORPUS.train,
        CORPUS.train,
        title="t",
        checkpoint="c",
        corpus="d",
        split="s",
        contamination=seen,
        samples=2,
    )
    for text, heading in ((to_html(report), "<h2"), (to_markdown(report), "## Scores")):
        before = text.partition(heading)[0]
        assert "he checkpoint was trained on 40 of these 40 texts" in before
    assert "<b>Warning" not in to_markdown(report)


def test_a_training_that_begins_with_a_checkpoint_keeps_its_record(
    trained: TrainingRun, tmp_path: Path
) -> None:
    further = runs.small_run(
        tmp_path / "further", trained.folder, corpus=runs.corpus(8), epochs=1
    ).tagger()
    assert further.training_texts.contamination(CORPUS.train).trained == 32
    splits = further.training_texts.provenance["splits"]
    assert [*splits] == ["train", "validation", "earlier train", "earlier validation"]
