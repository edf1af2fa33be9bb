"""Real encoders on real data: minutes on two cores (`make slow`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

import runs
from nerine.corpus import Corpus, load_corpus
from nerine.document import Document
from nerine.errors import MissingExtraError
from nerine.evaluation import evaluate
from nerine.metrics import score
from nerine.pretrained import DEMO_ENCODER, resolve
from nerine.schemes import Span, TagScheme
from nerine.segmentation import word_spans
from nerine.tagger import Tagger
from nerine.training import train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
WNUT = Path(__file__).parents[2] / "shared" / "wnut17"


@pytest.fixture(scope="module")
def wnut() -> Corpus:
    if not WNUT.is_dir():
        pytest.skip(f"WNUT 17 is not at {WNUT}")
    try:
        resolve(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return load_corpus(WNUT)


@pytest.fixture(scope="module")
def tagger(wnut: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """The default recipe, cut down to two epochs."""
    run = train(wnut, output=tmp_path_factory.mktemp("runs") / "wnut", epochs=2)
    return run.tagger(device="cpu")


def tags(document: Document) -> list[str]:
    tokens = document.tokens or ()
    spans, adapted = word_spans(document, tokens)
    assert not adapted
    return TagScheme.IOB2.encode([Span(*span) for span in spans], len(tokens))


def test_the_default_recipe_learns_and_seqeval_agrees(tagger: Tagger, wnut: Corpus) -> None:
    predicted = tagger.predict(wnut.test)
    result = score(wnut.test, predicted)
    assert result == evaluate(tagger, wnut.test)
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


def test_two_processes_train_together(encoder_of: Callable[[str], Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    given = [runs.__file__, str(tmp_path / "run"), str(encoder_of("bert"))]
    subprocess.run([*command, *given], check=True)
    result = evaluate(Tagger.load(tmp_path / "run", device="cpu"), runs.corpus().validation)
    assert result.overall.f1 > 0.5
