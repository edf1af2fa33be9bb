"""Training runs: their checkpoints, states, interruptions and errors."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification, pipeline

import runs
from curves import Listener
from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, TrainingError
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord, read_epochs
from nerine.evaluation.evaluate import evaluate
from nerine.model.heads import TagHead
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.tagger import Tagger
from nerine.training.dataset import Collator, Examples, make_examples
from nerine.training.initialization import initialize_bias, new_checkpoint
from nerine.training.losses import GoldLoss
from nerine.training.run import TrainingRun
from nerine.training.settings import TrainingSettings
from nerine.training.states import States
from nerine.training.train import train
from nerine.training.validation import validate
from runs import corpus, small_run
from tiny import LONGEST

STEPS_AN_EPOCH = 6


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A run without an interruption."""
    return small_run(tmp_path_factory.mktemp("run") / "undisturbed", encoder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def assert_same_result(run: TrainingRun, other: TrainingRun) -> None:
    """The same epochs with the same scores, and the same weights to the bit."""
    for record, expected in zip(run.epochs, other.epochs, strict=True):
        assert without_time(record) == pytest.approx(without_time(expected), rel=1e-6)
        assert record.f1 == expected.f1
    mine, theirs = weights(run.folder), weights(other.folder)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def without_time(record: EpochRecord) -> dict[str, float]:
    return {name: value for name, value in record.to_dict().items() if "seconds" not in name}


def test_a_run_learns_and_leaves_a_checkpoint_that_all_can_load(undisturbed: TrainingRun) -> None:
    assert [record.epoch for record in undisturbed.epochs] == [1.0, 2.0, 3.0]
    assert undisturbed.epochs[-1].training_loss < undisturbed.epochs[0].training_loss
    assert undisturbed.best.f1 > 0.5
    result = evaluate(undisturbed.tagger(device="cpu"), corpus().validation)
    assert result.overall.f1 == undisturbed.best.f1
    assert result.scores.accuracy == undisturbed.best.accuracy
    folder = str(undisturbed.folder)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    assert model.config.id2label[1] == "B-location"
    tag: Any = pipeline("ner", model=folder)  # type: ignore[call-overload] # it takes folders
    found = tag("Mira was in Lisbon")
    assert {"entity", "start", "end"} <= found[0].keys()


def test_a_run_says_where_it_comes_from(undisturbed: TrainingRun) -> None:
    info = json.loads((undisturbed.folder / "nerine.json").read_text())
    assert info["scores"]["validation"]["f1"] == undisturbed.best.f1
    assert info["provenance"]["corpus"]["hash"] == corpus().hash
    assert info["provenance"]["corpus"]["documents"] == {"train": 24, "validation": 8}
    assert info["provenance"]["seed"] == 5
    assert info["provenance"]["versions"]["torch"] == torch.__version__
    assert "epochs = 3\n" in (undisturbed.folder / "settings.toml").read_text()
    names = {path.name for path in undisturbed.folder.iterdir()}
    assert "checkpoints" not in names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".part"))]


def test_the_same_seed_gives_the_same_weights(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    assert_same_result(small_run(tmp_path / "again", encoder), undisturbed)
    other = small_run(tmp_path / "other", encoder, seed=6)
    assert not torch.equal(
        weights(other.folder)["classifier.weight"],
        weights(undisturbed.folder)["classifier.weight"],
    )


def test_a_run_keeps_its_epochs(undisturbed: TrainingRun, encoder: Path, tmp_path: Path) -> None:
    assert read_epochs(undisturbed.folder) == undisturbed.epochs
    assert len(undisturbed.epochs) == 3
    assert read_epochs(encoder) is None
    listener = Listener(STEPS_AN_EPOCH + 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    small_run(tmp_path / "run", encoder, listener=listener)
    assert read_epochs(tmp_path / "run") is None
    resumed = small_run(tmp_path / "run", encoder, resume=True)
    assert read_epochs(tmp_path / "run") == resumed.epochs


def test_a_run_killed_while_publishing_can_be_resumed(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    monkeypatch.setattr("nerine.training.run.save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        small_run(folder, encoder)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="this training run has not ended"):
        Tagger.load(folder)
    resumed = small_run(folder, encoder, resume=True)
    assert_same_result(resumed, undisturbed)
    assert read_epochs(folder) == resumed.epochs


@pytest.mark.parametrize("content", ["[{", "{}x", "[1]", '[{"step": 1}]', '[{"epoch": 1.0}]', "1"])
def test_epochs_that_cannot_be_read_are_an_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "epochs.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"epochs\.json: cannot be read"):
        read_epochs(tmp_path)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(STEPS_AN_EPOCH, marks=pytest.mark.slow),
        2 * STEPS_AN_EPOCH,
        pytest.param(3 * STEPS_AN_EPOCH, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_in_a_save_resumes_with_the_same_result(
    step: int, undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, runs.__file__, str(folder), str(encoder)]
    died = subprocess.run([*command, "dies-in-save-of-step", str(step)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert step not in States(folder).steps()
    with pytest.raises(CheckpointError, match="this training run has not ended"):
        Tagger.load(folder)
    assert_same_result(small_run(folder, encoder, resume=True), undisturbed)
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (3, "SIGINT"),
        (STEPS_AN_EPOCH, "SIGTERM"),
        pytest.param(3, "SIGTERM", marks=pytest.mark.slow),
        pytest.param(STEPS_AN_EPOCH, "SIGINT", marks=pytest.mark.slow),
        pytest.param(STEPS_AN_EPOCH + 1, "SIGINT", marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_the_state_and_the_run_can_be_resumed(
    step: int, name: str, undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    listener = Listener(step, lambda: os.kill(os.getpid(), getattr(signal, name)))
    stopped = small_run(tmp_path / "run", encoder, listener=listener)
    assert stopped.interrupted == name
    assert listener.steps[-1] == step
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    again = Listener()
    resumed = small_run(tmp_path / "run", encoder, resume=True, listener=again)
    assert again.begun == [(step, 3 * STEPS_AN_EPOCH)]
    assert resumed.interrupted is None
    assert_same_result(resumed, undisturbed)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_state_is_skipped(
    damage: str, undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    listener = Listener(STEPS_AN_EPOCH + 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    small_run(folder, encoder, listener=listener)
    newest = States(folder).path(STEPS_AN_EPOCH + 3)
    file = newest / "optimizer.pt"
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-20] if damage == "cut" else content[:-20] + b"x" * 20)
    resumed = small_run(folder, encoder, resume=True)
    assert resumed.notes[0].startswith(f"state {newest} is damaged")
    assert resumed.notes[1] == f"resumed after step {STEPS_AN_EPOCH}"
    assert_same_result(resumed, undisturbed)


def test_states_can_be_saved_between_epochs(encoder: Path, tmp_path: Path) -> None:
    def steps() -> None:
        seen.append(States(tmp_path / "run").steps())

    seen: list[list[int]] = []
    small_run(tmp_path / "run", encoder, epochs=1, save_steps=2, listener=Listener(5, steps))
    assert seen == [[2, 4]]


def test_a_full_disk_is_an_error_that_leaves_the_last_state(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    def fill_up() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = tmp_path / "run"
    listener = Listener(STEPS_AN_EPOCH + 1, fill_up)
    try:
        with pytest.raises(TrainingError, match=r"the state after step 12 cannot be written"):
            small_run(folder, encoder, listener=listener)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert States(folder).newest_complete() == (STEPS_AN_EPOCH, [])
    assert_same_result(small_run(folder, encoder, resume=True), undisturbed)


def test_a_loss_that_is_not_finite_stops_the_run_with_step_and_documents(
    encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"loss is (nan|inf) at step \d+, on .*documents \d+"):
        small_run(tmp_path / "run", encoder, learning_rate=1e30, max_gradient_norm=1e30)


def test_a_run_is_not_resumed_under_other_conditions(encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    listener = Listener(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    small_run(folder, encoder, listener=listener)
    with pytest.raises(TrainingError, match="the folder is not empty"):
        small_run(folder, encoder)
    with pytest.raises(TrainingError, match="epochs was 3 and is now 4"):
        small_run(folder, encoder, resume=True, epochs=4)
    with pytest.raises(TrainingError, match="the corpus is different"):
        small_run(folder, encoder, resume=True, corpus=corpus(20))
    with pytest.raises(TrainingError, match="found no run to resume"):
        small_run(tmp_path / "nowhere", encoder, resume=True)


def test_a_run_that_has_ended_is_not_resumed(undisturbed: TrainingRun, encoder: Path) -> None:
    with pytest.raises(TrainingError, match="this run has ended"):
        small_run(undisturbed.folder, encoder, resume=True)


def test_without_a_validation_split_one_is_held_out_with_a_note(
    encoder: Path, tmp_path: Path
) -> None:
    given = corpus(validation=False)
    run = small_run(tmp_path / "run", encoder, corpus=given, epochs=1, validation_fraction=0.25)
    assert run.notes == (
        "the corpus has no validation split: 6 of 24 training documents were held out as one",
    )


def test_windows_that_the_encoder_does_not_allow_are_noted(encoder: Path, tmp_path: Path) -> None:
    asked = TrainingSettings(
        encoder=str(encoder), max_length=4 * LONGEST, overlap=2 * LONGEST, epochs=1
    )
    run = train(corpus(), output=tmp_path / "run", settings=asked)
    shorter, closer = run.notes
    assert shorter.startswith(f"windows have {LONGEST} subwords instead of {4 * LONGEST}")
    assert closer.endswith(
        f"{LONGEST // 4} subwords instead of {2 * LONGEST}: at most a quarter of {LONGEST}"
    )
    used = run.tagger().settings
    assert (used.max_length, used.overlap) == (LONGEST, LONGEST // 4)


def test_the_test_split_is_not_read(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    class Untouchable(tuple[Document, ...]):
        def __iter__(self) -> Any:
            raise AssertionError("the test split was read")

        def __getitem__(self, _: Any) -> Any:
            raise AssertionError("the test split was read")

    class WithTest(Corpus):
        @property
        def hash(self) -> str:
            return corpus().hash

    base = corpus()
    splits = dict(base.splits)
    given = WithTest(splits=splits, labels=base.labels, source=base.source)
    splits["test"] = Untouchable([Document("x")])  # a corpus reads its splits when it is made
    assert_same_result(small_run(tmp_path / "run", encoder, corpus=given), undisturbed)


@pytest.mark.parametrize(
    ("splits", "labels", "changes", "message"),
    [
        ([Document("no entity here")], (), {}, "has no entities"),
        (
            [Document("a b", (Entity(0, 1, "person"),))],
            ("person",),
            {"words": "tokens"},
            "document 0 of the training split has no tokens",
        ),
        ([Document("  ", (Entity(0, 1, "person"),))], ("person",), {}, "has no text"),
    ],
)
def test_a_corpus_that_cannot_be_learned_from(
    splits: list[Document],
    labels: tuple[str, ...],
    changes: dict[str, Any],
    message: str,
    encoder: Path,
    tmp_path: Path,
) -> None:
    documents = tuple(splits)
    given = Corpus({"train": documents, "validation": documents}, labels, "a test")
    with pytest.raises(TrainingError, match=message):
        small_run(tmp_path / "run", encoder, corpus=given, **changes)


def test_a_validation_label_that_training_lacks_is_missed_under_a_note(
    encoder: Path, tmp_path: Path
) -> None:
    strange = Document("Mira x", (Entity(0, 4, "person"), Entity(5, 6, "Person")))
    given = Corpus(
        {"train": corpus().train, "validation": (strange,)}, ("location", "person"), "a test"
    )
    run = small_run(tmp_path / "run", encoder, corpus=given)
    (note,) = (note for note in run.notes if "'Person' (1)" in note)
    assert "'person' differs only in upper and lower case" in note
    tagger = run.tagger(device="cpu")
    assert tagger.labels == ("location", "person")
    assert evaluate(tagger, given.validation).scores.labels["Person"].gold == 1
    # the loss is that of the words that have a right tag
    logits = tagger.inference.word_logits([strange])
    (right,) = np.flatnonzero([tag == "B-person" for tag in tagger.settings.tags])
    expected = -torch.log_softmax(torch.from_numpy(logits.values[0]), dim=-1)[right]
    _, loss = validate(tagger.inference, [strange])
    assert loss == pytest.approx(float(expected), abs=1e-5)


def test_a_training_label_that_the_corpus_does_not_name_is_an_error(
    encoder: Path, tmp_path: Path
) -> None:
    given = Corpus({"train": corpus().train}, ("person",), "a test")
    with pytest.raises(TrainingError, match="labels that the corpus does not name"):
        small_run(tmp_path / "run", encoder, corpus=given)


def test_early_stopping_ends_a_run_without_improvement(encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", encoder, learning_rate=1e-12, epochs=6, early_stopping=2)
    assert len(run.epochs) == 3
    assert run.best.epoch == 1.0


def initial(encoder: Path) -> tuple[Checkpoint, Examples]:
    """The initial checkpoint of a run, and its examples."""
    settings = TrainingSettings(encoder=str(encoder), max_length=64, overlap=8)
    checkpoint = new_checkpoint(corpus(), settings)
    tagger = Tagger.from_checkpoint(checkpoint, device="cpu")
    return checkpoint, make_examples(
        corpus().train, tagger.inference.encoder, tagger.inference.head
    )


def test_masking_masks_a_share_of_the_words_but_no_special_token(encoder: Path) -> None:
    checkpoint, examples = initial(encoder)
    tokenizer = checkpoint.tokenizer
    batch = Collator(examples, 0)([0, 1] * 1000)
    whole, words = batch["input_ids"], batch["words"]
    masked = GoldLoss(TagHead(checkpoint.settings), 0.25, tokenizer.mask_token_id).augment(batch)[
        "input_ids"
    ]
    hidden = masked == tokenizer.mask_token_id
    assert torch.equal(masked[~hidden], whole[~hidden])
    special = torch.isin(whole, torch.tensor(tokenizer.all_special_ids))
    assert special.any()
    assert not hidden[special].any()
    assert hidden[~special].float().mean().item() == pytest.approx(0.25, abs=0.02)
    inner = (words[:, 1:] == words[:, :-1]) & (words[:, 1:] >= 0)
    assert inner.any()
    assert torch.equal(hidden[:, 1:][inner], hidden[:, :-1][inner])


def test_the_head_is_initialized_with_the_shares_of_the_tags(encoder: Path) -> None:
    checkpoint, examples = initial(encoder)
    initialize_bias(checkpoint.model, examples)
    labels = examples.targets[examples.windows.words]
    shares = [(np.sum(labels == tag) + 1) / (np.sum(labels >= 0) + 5) for tag in range(5)]
    bias = checkpoint.model.classifier.bias.detach()
    assert torch.softmax(bias, 0).tolist() == pytest.approx(shares)


def test_frozen_embeddings_stay_as_they_were(encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", encoder, epochs=1, freeze_embeddings=True)
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(weights(run.folder)[f"bert.{name}"], weights(encoder)[name])


@pytest.mark.parametrize(
    "changes",
    [
        {"batching": "random"},
        {"gradient_accumulation": 2},
        {"precision": "bf16"},
        {"scheme": "BIOES", "schedule": "cosine", "dropout": 0.3},
        {"words": "tokens", "decoding": "argmax", "schedule": "constant"},
    ],
)
def test_other_settings_train_too(changes: dict[str, Any], encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", encoder, **changes)
    assert run.epochs[-1].training_loss < run.epochs[0].training_loss
    settings = run.tagger().settings
    assert settings.scheme.value == changes.get("scheme", "IOB2")
    assert (settings.words, settings.decoding) == (
        changes.get("words", "rule"),
        changes.get("decoding", "viterbi"),
    )


def test_the_listener_gets_every_step_and_epoch(encoder: Path, tmp_path: Path) -> None:
    listener = Listener()
    run = small_run(tmp_path / "run", encoder, listener=listener)
    assert listener.begun == [(0, 3 * STEPS_AN_EPOCH)]
    assert listener.steps == list(range(1, 3 * STEPS_AN_EPOCH + 1))
    assert tuple(listener.records) == run.epochs


def test_training_on_a_long_document_loses_no_label(tagger: Tagger) -> None:
    words = [
        f"Mira{index % 50}" if index % 7 == 0 else "w" * (index % 9 + 1) for index in range(5000)
    ]
    blank = Document.from_tokens(words)
    document = blank.with_entities(
        Entity(token.start, token.end, "person")
        for index, token in enumerate(blank.tokens or ())
        if index % 7 == 0
    )
    examples = make_examples([document], tagger.inference.encoder, tagger.inference.head)
    assert len(examples.windows) > 50
    labels = examples.targets[examples.windows.words]
    assert len(labels) == 5000
    assert int((labels == tagger.settings.tags.index("B-person")).sum()) == len(document.entities)
    assert (examples.adapted, examples.blind) == (0, 0)
