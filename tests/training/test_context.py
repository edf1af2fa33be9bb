"""Training with the sentences around each one: what is learned, and what depends on what."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import nerine
from curves import EXACT, Listener, assert_same_curve
from nerine.core.document import Context, Document, Entity
from nerine.core.errors import TrainingError
from nerine.data.corpus import Corpus
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.training.batches import batches_of
from nerine.training.dataset import Collator, make_examples
from nerine.training.plan import plan_training
from nerine.training.run import TrainingRun
from nerine.training.settings import RunSettings, TrainingSettings
from nerine.training.train import train

BEFORE = ("In Lisbon it rains .", "Who told Ana ?")
LABELS = ("location", "person")
SENTENCE = "Mira was late ."


def corpus(articles: int = 24) -> Corpus:
    """Articles of two sentences, of which the first alone tells the label of the second's name."""
    documents = []
    for number in range(articles):
        meta = {"document": number}
        entity = Entity(0, 4, LABELS[number % 2])
        documents += [
            Document(BEFORE[number % 2], meta=meta),
            Document(SENTENCE, (entity,), meta=meta),
        ]
    return Corpus.from_documents(train=documents, validation=documents[:8])


def without_documents(documents: Sequence[Document]) -> list[Document]:
    return [replace(each, meta={}, context=None) for each in documents]


def small_run(folder: Path, encoder: Path, **changes: Any) -> TrainingRun:
    chosen = {"context": 16, "epochs": 6, "batch_size": 8, "learning_rate": 1e-2, **changes}
    sizes: dict[str, Any] = {"max_length": 32, "overlap": 4, "averaging": 0.9}
    return train(corpus(), output=folder, encoder=str(encoder), **sizes, **chosen)


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def seeing(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    return small_run(tmp_path_factory.mktemp("run") / "seeing", encoder)


def test_a_label_that_the_sentence_before_tells_is_learned_from_it(seeing: TrainingRun) -> None:
    assert seeing.best.f1 == 1.0
    assert seeing.notes[0] == "context: 48 of 48 training documents are sentences of longer ones"
    tagger = seeing.tagger(device="cpu")
    assert tagger.settings.context == 16
    for first, label in zip(BEFORE, LABELS, strict=True):
        (_, found) = tagger.predict(nerine.with_context([first, SENTENCE], one_document=True))
        assert [entity.label for entity in found.entities] == [label]
    assert nerine.evaluate(tagger, corpus(), split="validation").overall.f1 == 1.0
    alone = nerine.evaluate(tagger, without_documents(corpus().train))
    assert alone.overall.f1 == 0.5


def test_without_context_it_cannot_be_learned(encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "alone", encoder, context=0)
    assert run.best.f1 == 0.5
    assert run.notes == ()


def test_a_run_that_is_resumed_ends_as_one_that_was_not(
    seeing: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    listener = Listener(8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert small_run(tmp_path / "run", encoder, listener=listener).interrupted
    run = small_run(tmp_path / "run", encoder, resume=True)
    found, expected = (load_file(each.folder / "model.safetensors") for each in (run, seeing))
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_two_processes_have_the_curve_of_one(encoder: Path, tmp_path: Path) -> None:
    alone, pair = (
        small_run(tmp_path / str(processes), encoder, processes=processes, **EXACT)
        for processes in (1, 2)
    )
    assert_same_curve(pair, alone)


def test_a_corpus_without_documents_is_refused(encoder: Path, tmp_path: Path) -> None:
    train_split = without_documents(corpus().train)
    alone = Corpus.from_documents(train=train_split, validation=train_split[:4])
    with pytest.raises(TrainingError, match="no training document is a sentence of a longer one"):
        train(alone, output=tmp_path / "run", encoder=str(encoder), context=4, epochs=1)
    assert not (tmp_path / "run").exists()


def test_a_plan_counts_the_documents_own_subwords(encoder: Path) -> None:
    asked = TrainingSettings(encoder=str(encoder), batch_size=48, token_budget=64)
    alone, seeing = (
        plan_training(corpus(), replace(asked, context=context)).facts for context in (0, 16)
    )
    assert replace(seeing, batches=alone.batches) == alone
    assert seeing.batches > alone.batches  # they are filled sooner


# --- batches


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
    st.sampled_from(["budget", "random"]),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_each_window_comes_once_an_epoch_with_or_without_its_context(
    lengths: list[int], batching: str, seed: int, epoch: int
) -> None:
    settings = RunSettings(seed=seed, batch_size=4).changed({"batching": batching})
    plain, found, again = (
        batches_of(np.array(lengths), settings, has_context=has_context)
        for has_context in (False, True, True)
    )
    for each in (plain, found, again):
        each.set_epoch(epoch)
    batches = list(found)
    assert [[index % len(lengths) for index in batch] for batch in batches] == list(plain)
    assert batches == list(again)
    assert len(found) == len(plain)


def test_about_half_of_the_windows_are_without_context_others_in_each_epoch() -> None:
    batches = batches_of(np.ones(2000, dtype=np.int64), RunSettings(), has_context=True)
    without = []
    for epoch in range(2):
        batches.set_epoch(epoch)
        without.append({index % 2000 for batch in batches for index in batch if index >= 2000})
    assert all(900 < len(each) < 1100 for each in without)
    assert 400 < len(without[0] & without[1]) < 600


def test_a_batch_has_targets_for_the_words_of_the_document_alone(seeing: TrainingRun) -> None:
    checkpoint = load_checkpoint(seeing.folder)
    encoder = Encoder.of(checkpoint.tokenizer, checkpoint.settings)
    bare = Encoder.of(checkpoint.tokenizer, replace(checkpoint.settings, context=0))
    head = TagHead(checkpoint.settings)
    documents = corpus(4).train
    plain = Collator(make_examples(documents, bare, head), 0)(range(8))
    examples = make_examples(documents, encoder, head)
    assert len(examples) == 8
    collator = Collator(examples, 0)
    without = collator(range(8, 16))
    assert all(torch.equal(without[name], plain[name]) for name in plain)
    batch = collator(range(8))
    assert batch["input_ids"].shape[1] > plain["input_ids"].shape[1]
    for name in ("labels", "words"):
        ignored = IGNORED if name == "labels" else -1
        for row, expected in zip(batch[name], plain[name], strict=True):
            assert row[row != ignored].tolist() == expected[expected != ignored].tolist()
    assert batch["attention_mask"].sum(dim=1).tolist() == examples.windows.lengths.tolist()


# --- a student


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_student_sees_what_its_teacher_sees(seeing: TrainingRun, tmp_path: Path) -> None:
    run = nerine.distill(
        seeing.folder,
        corpus(),
        output=tmp_path / "student",
        layers=1,
        epochs=6,
        batch_size=8,
        learning_rate=1e-2,
        averaging=0.9,
        replacing=0.0,
        masking=0.0,
        unlabelled=[SENTENCE],
    )
    assert run.tagger(device="cpu").settings == seeing.tagger(device="cpu").settings
    assert run.best.f1 == 1.0
    assert any(note.startswith("context: 48 of 48") for note in run.notes)


def test_a_context_is_no_document() -> None:
    document = Document(SENTENCE, context=Context(("Mira left .",)))
    assert nerine.Corpus.from_documents(train=[document]).train == (Document(SENTENCE),)
