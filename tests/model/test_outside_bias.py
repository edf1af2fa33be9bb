"""A bias of `O`: what it does to logits, how it is fitted, and that it reaches every use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nerine
from nerine.core.document import Document
from nerine.core.errors import CorpusError, SettingsError
from nerine.core.tags import TagScheme
from nerine.evaluation.metrics import Counts, score
from nerine.model.heads import TagHead
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.outside_bias import MIN_ENTITIES, OutsideBias, fit_outside_bias
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from runs import corpus, small_run

SETTINGS = ModelSettings(TagScheme.IOB2.tags(["location", "person"]), TagScheme.IOB2)


@given(bias=st.floats(-9, 9), seed=st.integers(0, 99))
def test_the_bias_is_added_to_the_logits_of_o_alone(bias: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=(7, 5)).astype(np.float32)
    changed = TagHead(dataclasses.replace(SETTINGS, outside_bias=bias)).of_tags(logits)
    assert changed.dtype == np.float32
    assert np.array_equal(changed[:, 1:], logits[:, 1:])
    assert np.allclose(changed[:, 0], logits[:, 0] + bias, atol=1e-5)


def test_settings_without_a_bias_are_written_as_before() -> None:
    assert "outside_bias" not in SETTINGS.to_dict()
    biased = dataclasses.replace(SETTINGS, outside_bias=-0.5)
    assert ModelSettings.from_dict(biased.to_dict()) == biased
    with pytest.raises(SettingsError, match="outside_bias"):
        dataclasses.replace(SETTINGS, outside_bias=float("nan"))


@pytest.fixture(scope="module")
def run(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that has seen too little, and so is too sure of `O`."""
    folder = tmp_path_factory.mktemp("bias") / "run"
    return small_run(
        folder, encoder_of("bert"), corpus=corpus(96), epochs=1, learning_rate=2e-3, fit_bias=True
    )


def counted(tagger: Tagger, documents: tuple[Document, ...]) -> Counts:
    return score(documents, tagger.predict(documents)).overall


def test_a_run_fits_the_bias_with_the_best_f1_on_validation(run: Any) -> None:
    """The tagger's own scores with each bias are the oracle."""
    checkpoint = load_checkpoint(run.folder)
    documents = corpus(96).validation
    value = checkpoint.settings.outside_bias
    assert value < 0
    assert any(f"a bias of {value:+.1f} for O" in note for note in run.notes)
    fitted = checkpoint.provenance["outside_bias"]
    assert fitted["value"] == value
    assert fitted["held_out"]["f1"] > fitted["before"]["f1"]

    def with_bias(bias: float) -> Tagger:
        settings = dataclasses.replace(checkpoint.settings, outside_bias=bias)
        return Tagger.from_checkpoint(dataclasses.replace(checkpoint, settings=settings))

    plain, biased = counted(with_bias(0.0), documents), counted(Tagger.load(run.folder), documents)
    assert fitted["before"]["f1"] == plain.f1
    assert fitted["after"]["f1"] == biased.f1
    assert biased.f1 > plain.f1
    assert biased.recall > plain.recall


def test_a_saved_bias_is_used_by_all_that_load_the_checkpoint(run: Any, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(run.folder)
    save_checkpoint(tmp_path / "copy", checkpoint)
    document = corpus(96).validation[0]
    first, again = Tagger.load(run.folder), Tagger.load(tmp_path / "copy")
    assert first.settings.outside_bias == checkpoint.settings.outside_bias
    assert first(document) == again(document)
    text = str(nerine.explain(first, document))
    assert f"{checkpoint.settings.outside_bias:+.1f} for O" in text


def test_a_bias_that_does_not_help_held_out_documents_is_not_taken() -> None:
    counts = Counts(5, 10, 10)
    fitted = OutsideBias(0.0, counts, counts, Counts(4, 10, 10))
    assert "no bias of O" in str(fitted)


def test_few_entities_fit_no_bias(run: Any, tmp_path: Path, encoder_of: Any) -> None:
    inference = Tagger.load(run.folder).inference
    few = corpus(12).validation
    with pytest.raises(CorpusError, match=f"at least {MIN_ENTITIES}"):
        fit_outside_bias(inference, few)
    short = small_run(tmp_path / "run", encoder_of("bert"), epochs=1, fit_bias=True)
    assert any("no bias of O was fitted" in note for note in short.notes)
    assert load_checkpoint(short.folder).settings.outside_bias == 0
