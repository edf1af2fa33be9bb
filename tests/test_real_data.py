"""Real encoders on real data: minutes on two cores (`make slow`)."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

import reports
import runs
from nerine.cli import main
from nerine.core.document import Document
from nerine.core.errors import MissingExtraError
from nerine.core.tags import Span, TagScheme
from nerine.core.words import word_spans
from nerine.data.corpus import Corpus, load_corpus
from nerine.evaluation.evaluate import evaluate
from nerine.evaluation.metrics import score
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from nerine.model.tagger import Tagger
from nerine.training.distillation.distill import distill
from nerine.training.distillation.student import make_student
from nerine.training.run import TrainingRun
from nerine.training.train import train
from places import WNUT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
_BOTH = ("teacher", "student")


@pytest.fixture(scope="module")
def wnut() -> Corpus:
    if not WNUT.is_dir():
        pytest.skip(f"WNUT 17 is not at {WNUT}")
    try:
        find_source(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return load_corpus(WNUT)


@pytest.fixture(scope="module")
def run(wnut: Corpus, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """The default recipe, cut down to two epochs."""
    return train(wnut, output=tmp_path_factory.mktemp("runs") / "wnut", epochs=2)


@pytest.fixture(scope="module")
def tagger(run: TrainingRun) -> Tagger:
    return run.tagger(device="cpu")


def tags(document: Document) -> list[str]:
    tokens = document.tokens or ()
    spans, adapted = word_spans(document, tokens)
    assert not adapted
    return TagScheme.IOB2.encode([Span(*span) for span in spans], len(tokens))


def test_the_default_recipe_learns_and_seqeval_agrees(tagger: Tagger, wnut: Corpus) -> None:
    predicted = tagger.predict(wnut.test)
    result = score(wnut.test, predicted)
    assert result == evaluate(tagger, wnut.test).scores
    assert result.overall.f1 > 0.35
    # seqeval knows tokens alone, so what was found on parts of tokens is set aside for both.
    whole = [
        index
        for index, document in enumerate(predicted)
        if not word_spans(document, document.tokens or ())[1]
    ]
    assert len(whole) > 0.98 * len(predicted)
    gold = [wnut.test[index] for index in whole]
    found = [predicted[index] for index in whole]
    expected = f1_score(
        [tags(document) for document in gold],
        [tags(document) for document in found],
        mode="strict",
        scheme=IOB2,
    )
    assert score(gold, found).overall.f1 == pytest.approx(expected)


def test_raw_text_and_its_tokens_give_the_same_entities(tagger: Tagger, wnut: Corpus) -> None:
    texts = tagger.predict(document.text for document in wnut.test)
    for raw, split in zip(texts, tagger.predict(wnut.test), strict=True):
        assert raw.entities == split.entities


def test_the_report_of_a_real_run_opens_in_a_browser(
    browser: Browser, run: TrainingRun, wnut: Corpus, tmp_path: Path
) -> None:
    page_file = tmp_path / "report.html"
    given = ["report", str(run.folder), str(WNUT), "-o", str(page_file)]
    assert CliRunner().invoke(main, given).exit_code == 0
    assert page_file.stat().st_size < 5_000_000
    with reports.opened(browser, page_file) as page:
        count = page.locator("#count")
        everything = count.text_content()
        page.locator("#choose-kind").select_option("missed")
        assert count.text_content() != everything
        assert page.locator("#found li").count() > 0
        page.locator("#search").fill("no text of this corpus holds these words")
        assert page.locator("#found li").count() == 0


def test_a_student_of_the_sample_stays_near_its_teacher(tmp_path: Path) -> None:
    sample = load_corpus("sample")
    teacher = train(sample, output=tmp_path / "teacher", epochs=8).folder
    before = make_student(load_checkpoint(teacher), (0, 1, 2))
    untaught = evaluate(Tagger.from_checkpoint(before), sample.validation).overall.f1
    student = distill(teacher, sample, output=tmp_path / "student", layers=3)
    taught = evaluate(Tagger.load(teacher), sample.validation).overall.f1
    assert taught - student.best.f1 < 0.15
    assert student.best.f1 > untaught + 0.2
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in _BOTH]
    assert sizes[1] < 0.8 * sizes[0]


def test_two_processes_score_as_one_within_the_spread_of_seeds(tmp_path: Path) -> None:
    sample = load_corpus("sample")

    def scores(processes: int) -> list[float]:
        return [
            train(
                sample,
                output=tmp_path / f"{processes}-{seed}",
                epochs=3,
                seed=seed,
                processes=processes,
            ).best.f1
            for seed in range(3)
        ]

    alone, together = scores(1), scores(2)
    spread = max(statistics.stdev(alone), statistics.stdev(together))
    assert min(alone) > 0.3
    assert abs(statistics.fmean(alone) - statistics.fmean(together)) < 2 * spread


def test_two_processes_train_together(encoder_of: Callable[[str], Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    given = [runs.__file__, str(tmp_path / "run"), str(encoder_of("bert"))]
    subprocess.run([*command, *given], check=True)
    result = evaluate(Tagger.load(tmp_path / "run", device="cpu"), runs.corpus().validation)
    assert result.overall.f1 > 0.5
