"""Adaptation: masking, held-out texts, losses, runs that are killed, and what is recorded."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

import nerine
import runs
from architectures import ARCHITECTURES, make_model
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, NerineError, TrainingError
from nerine.core.words import rule_words
from nerine.data.corpus import Corpus
from nerine.evaluation.contamination import Role
from nerine.model.backends.lean import takes_mask
from nerine.model.encoding import Encoder
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.pretrained import load_masked_language_model
from nerine.training.adaptation.adapt import AdaptationRun, adapt
from nerine.training.adaptation.loop import summed_loss
from nerine.training.adaptation.masking import Masking, MaskingCollator
from nerine.training.adaptation.measurements import Measurement
from nerine.training.adaptation.texts import Texts, read_texts, texts_folder
from nerine.training.states import States
from tiny import KINDS, make_tokenizer

STEPS = 12
MASK, ORDINARY = 4, np.arange(10, 50)


def posts(size: int = 60) -> list[str]:
    """Texts with a regularity: a name always goes with its town and its verb."""
    facts = ("Mira left Lisbon", "Ana was in Oslo", "Jonas met Kraków")
    return [f"{'so ' * (n % 4)}{facts[n % 3]} again {n}" for n in range(size)]


class Listener:
    """Keeps the progress, and calls `do` when step `after` is heard of."""

    def __init__(self, after: int = 0, do: Callable[[], Any] = lambda: None) -> None:
        self.after, self.do = after, do
        self.begun: list[tuple[int, int]] = []
        self.measurements: list[Measurement] = []
        self.best: list[bool] = []

    def started(self, step: int, steps: int) -> None:
        self.begun.append((step, steps))

    def stepped(self, step: int) -> None:
        if step == self.after:
            self.do()

    def measured(self, measurement: Measurement, *, best: bool) -> None:
        self.measurements.append(measurement)
        self.best.append(best)


def small_run(folder: Path, encoder: Path, **changes: Any) -> AdaptationRun:
    """Twelve steps, with dropout, measured after each third."""
    chosen = {
        "steps": STEPS,
        "validate_every": 3,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "precision": "fp32",
    }
    given = {**chosen, **changes}
    texts = given.pop("texts", None) or posts()
    return adapt(str(encoder), iter(texts), output=folder, **given)


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> AdaptationRun:
    """A run without an interruption."""
    return small_run(tmp_path_factory.mktemp("adapted") / "undisturbed", encoder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def assert_same_result(run: AdaptationRun, other: AdaptationRun) -> None:
    """The same losses, and the same weights to the bit."""
    assert [(each.step, each.loss) for each in run.measurements] == [
        (each.step, each.loss) for each in other.measurements
    ]
    mine, theirs = weights(run.folder), weights(other.folder)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


# -- masking -------------------------------------------------------------------------------------


@st.composite
def windows(draw: st.DrawFn) -> tuple[Any, Any]:
    """Subwords, and the numbers of their words between two special tokens."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=30))
    words = [-1, *(n for n, length in enumerate(lengths) for _ in range(length)), -1]
    ids = draw(st.lists(st.integers(5, 49), min_size=len(words), max_size=len(words)))
    return np.array(ids), np.array(words)


@given(windows(), st.floats(0.01, 0.9), st.integers(0, 2**64))
def test_whole_words_are_chosen_and_nothing_else_changes(
    window: tuple[Any, Any], share: float, number: int
) -> None:
    ids, words = window
    masking = Masking(share, MASK, ORDINARY, seed=0)
    shown, labels = masking.masked(ids, words, (0, number))
    predicted = labels != IGNORED
    assert not predicted[words < 0].any()
    chosen = {*words[predicted].tolist()}
    np.testing.assert_array_equal(predicted, np.isin(words, [*chosen]))
    np.testing.assert_array_equal(labels[predicted], ids[predicted])
    np.testing.assert_array_equal(shown[~predicted], ids[~predicted])
    assert {*shown[predicted].tolist()} <= {MASK, *ORDINARY.tolist(), *ids.tolist()}
    wanted = share * (words.max() + 1)
    assert max(1, int(wanted)) <= len(chosen) <= max(1, int(wanted) + 1)
    again = masking.masked(ids, words, (0, number))
    np.testing.assert_array_equal(again, (shown, labels))


def test_the_shares_are_those_of_bert() -> None:
    masking = Masking(0.15, MASK, np.array([7]), seed=0)
    ids, words = np.full(12, 9), np.array([-1, *range(10), -1])
    rows = [masking.masked(ids, words, (0, number)) for number in range(4000)]
    shown, labels = (np.stack(each) for each in zip(*rows, strict=True))
    predicted = labels != IGNORED
    assert predicted[:, 1:-1].mean() == pytest.approx(0.15, abs=0.005)
    for subword, share in ((MASK, 0.8), (7, 0.1), (9, 0.1)):
        assert (shown[predicted] == subword).mean() == pytest.approx(share, abs=0.015)


# -- texts ---------------------------------------------------------------------------------------


def read(texts: list[str], folder: Path, **options: Any) -> Texts:
    folder.mkdir(exist_ok=True)
    encoder = Encoder(make_tokenizer("bert"), words="rule", max_length=16, overlap=0)
    return read_texts(texts, encoder, folder, **options)


def test_windows_hold_the_texts_word_by_word(tmp_path: Path) -> None:
    texts = ["Mira left Lisbon", "", "a b c d e f g h i j k l m n o p q r s t u v", "Mira left"]
    found = read(texts, tmp_path)
    tokenizer = make_tokenizer("bert")
    rows = [found.window(index) for index in range(len(found))]
    decoded = [tokenizer.decode(ids, skip_special_tokens=True) for ids, _ in rows]
    assert decoded == [
        "mira left lisbon",
        "a b c d e f g h i j k l m n",
        "o p q r s t u v",
        "mira left",
    ]
    for text, (ids, words) in zip(decoded, rows, strict=True):
        assert (words[[0, -1]] == -1).all()
        assert words.max() + 1 == len(rule_words(text))
        assert len(ids) == len(words)
    assert found.parts.tolist() == [0, 0, 1, 0]
    assert found.record["read"] == 4
    assert found.record["blank"] == 1
    assert found.record["split"]["documents"] == 3


@given(st.lists(st.integers(0, 60), max_size=120), st.floats(0, 0.5))
def test_copies_of_a_text_are_on_one_side(numbers: list[int], share: float) -> None:
    hashes = np.array([each * 7919 % 61 for each in numbers], dtype=np.uint64)
    first = np.zeros(len(hashes), dtype=np.bool_)
    first[np.unique(hashes, return_index=True)[1]] = True
    empty = np.zeros(0)
    texts = Texts(
        empty.astype(np.int32),
        empty.astype(np.int16),
        np.arange(len(hashes) + 1),
        hashes,
        np.zeros(len(hashes), np.int64),
        first,
        {"left_out": 0},
    )
    different = len({*numbers})
    if different < 20:
        with pytest.raises(TrainingError, match=r"different text|no texts"):
            texts.held_out(share)
        return
    division = texts.held_out(share)
    train, held_out = (hashes[each].tolist() for each in (division.train, division.held_out))
    assert not {*train} & {*held_out}
    assert {*train} | {*held_out} == {*hashes.tolist()}
    assert len(held_out) == len({*held_out}) == division.held_out_texts
    assert division.held_out_texts == min(max(int(share * different), 10), different // 2)


# -- losses --------------------------------------------------------------------------------------

QUICK = {*KINDS, "mobilebert", "funnel", "fnet", "xlm", "esm", "rembert", "luke", "gpt2"}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind in QUICK else pytest.mark.slow) for kind in ARCHITECTURES],
)
def test_the_loss_of_each_architecture_is_that_of_transformers(kind: str, tmp_path: Path) -> None:
    make_model(tmp_path / kind, kind)
    if kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        with pytest.raises(CheckpointError, match=f"no masked-language head for {kind}"):
            load_masked_language_model(str(tmp_path / kind))
        return
    loaded = load_masked_language_model(str(tmp_path / kind))
    model = loaded.model.eval()
    texts = read(posts(20), tmp_path)
    masking = Masking.of(loaded.tokenizer, 0.3, seed=1)
    collate = MaskingCollator(
        texts, masking, loaded.tokenizer.pad_token_id, 8, has_mask=takes_mask(model)
    )
    batch = collate([(0, index) for index in range(6)])
    number = int((batch["labels"] != IGNORED).sum())
    loss = summed_loss(model, batch)
    with torch.no_grad():
        expected = model(**batch).loss
    assert float(loss.detach()) / number == pytest.approx(float(expected), rel=1e-4)
    loss.backward()
    inner = [each for name, each in model.base_model.named_parameters() if "embed" in name]
    assert any(each.grad is not None and each.grad.abs().sum() > 0 for each in inner)
    model.save_pretrained(tmp_path / "saved")
    again, info = AutoModelForMaskedLM.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not info["missing_keys"]
    with torch.no_grad():
        assert float(again.eval()(**batch).loss) == pytest.approx(float(expected), rel=1e-5)


def test_an_encoder_without_a_mask_token_is_refused(encoder: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(encoder)
    model.save_pretrained(tmp_path / "encoder")
    tokenizer = make_tokenizer("bert")
    maskless = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    maskless.save_pretrained(tmp_path / "encoder")
    with pytest.raises(CheckpointError, match="the tokenizer has no mask token"):
        small_run(tmp_path / "run", tmp_path / "encoder")
    assert not (tmp_path / "run").exists()


# -- runs ----------------------------------------------------------------------------------------


def test_a_run_lowers_the_held_out_loss_and_leaves_an_encoder(
    undisturbed: AdaptationRun, encoder: Path
) -> None:
    steps = [each.step for each in undisturbed.measurements]
    assert steps == [0, 3, 6, 9, 12]
    assert undisturbed.best.loss < undisturbed.before.loss - 1
    assert not undisturbed.learned_nothing
    assert undisturbed.texts == 60
    assert undisturbed.held_out == 10
    names = {path.name for path in undisturbed.folder.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *("adaptation.json", "settings.toml"),
    }
    for kind in (AutoModel, AutoModelForMaskedLM, AutoModelForTokenClassification):
        model = kind.from_pretrained(undisturbed.folder)
        own, given = (
            each.get_input_embeddings().weight
            for each in (model, AutoModel.from_pretrained(encoder))
        )
        assert not torch.equal(own, given)


def test_the_masks_of_held_out_texts_are_the_same_in_every_run(
    undisturbed: AdaptationRun, tmp_path: Path
) -> None:
    again = small_run(tmp_path / "again", undisturbed.folder, steps=1, seed=3)
    assert again.before.loss == pytest.approx(undisturbed.best.loss, rel=1e-6)
    assert not [note for note in again.notes if "head" in note]
    provenance = json.loads((again.folder / "adaptation.json").read_text())["provenance"]
    assert provenance["adaptation"]["texts"]["documents"] == 60
    assert {*provenance["splits"]} == {"unlabelled", "earlier unlabelled"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    undisturbed: AdaptationRun, encoder: Path, tmp_path: Path
) -> None:
    assert_same_result(small_run(tmp_path / "again", encoder), undisturbed)
    other = small_run(tmp_path / "other", encoder, seed=1)
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(weights(other.folder)[name], weights(undisturbed.folder)[name])


def test_weights_that_never_get_better_are_those_of_the_encoder(
    undisturbed: AdaptationRun, tmp_path: Path
) -> None:
    run = small_run(tmp_path / "run", undisturbed.folder, learning_rate=0.5)
    assert run.learned_nothing
    before, after = weights(undisturbed.folder), weights(run.folder)
    assert all(torch.equal(before[name], after[name]) for name in before)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", [1, 5])
def test_a_killed_run_resumes_with_the_same_result(
    step: int, undisturbed: AdaptationRun, encoder: Path, tmp_path: Path
) -> None:
    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        small_run(tmp_path / "run", encoder, listener=Listener(step, die))
    with pytest.raises(CheckpointError, match="this run has not ended"):
        runs.small_run(tmp_path / "ner", tmp_path / "run")
    again = Listener()
    resumed = small_run(tmp_path / "run", encoder, listener=again, resume=True)
    assert again.begun == [(3 * (step // 3), STEPS)]
    assert_same_result(resumed, undisturbed)
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.slow
def test_a_run_killed_while_the_encoder_is_written_can_be_resumed(
    undisturbed: AdaptationRun, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    module = sys.modules["nerine.training.adaptation.adapt"]
    monkeypatch.setattr(module, "save_encoder", die)
    with pytest.raises(Killed):
        small_run(tmp_path / "run", encoder)
    monkeypatch.undo()
    assert_same_result(small_run(tmp_path / "run", encoder, resume=True), undisturbed)
    # and with the best state damaged
    monkeypatch.setattr(module, "save_encoder", die)
    with pytest.raises(Killed):
        small_run(tmp_path / "other", encoder)
    monkeypatch.undo()
    state = States(tmp_path / "other").path(undisturbed.best.step) / "model.safetensors"
    state.write_bytes(state.read_bytes()[:-1])
    resumed = small_run(tmp_path / "other", encoder, resume=True)
    assert f"state {state.parent} is damaged and was skipped" in resumed.notes
    assert_same_result(resumed, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_saves_the_state_and_the_run_can_be_resumed(
    name: str, undisturbed: AdaptationRun, encoder: Path, tmp_path: Path
) -> None:
    listener = Listener(4, lambda: os.kill(os.getpid(), getattr(signal, name)))
    stopped = small_run(tmp_path / "run", encoder, listener=listener)
    assert stopped.interrupted == name
    assert States(tmp_path / "run").newest_complete() == (4, [])
    again = Listener()
    resumed = small_run(tmp_path / "run", encoder, listener=again, resume=True)
    assert again.begun == [(4, STEPS)]
    assert_same_result(resumed, undisturbed)


def test_a_signal_while_texts_are_read_stops_the_run_too(
    undisturbed: AdaptationRun, encoder: Path, tmp_path: Path
) -> None:
    def stopping() -> Iterator[str]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield from posts()

    stopped = small_run(tmp_path / "run", encoder, texts=stopping())
    assert (stopped.interrupted, stopped.measurements) == ("SIGTERM", ())
    assert_same_result(small_run(tmp_path / "run", encoder, resume=True), undisturbed)


def test_a_run_is_not_resumed_under_other_conditions(
    undisturbed: AdaptationRun, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    small_run(folder, encoder, listener=Listener(2, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    for changes, message in (
        ({}, "the folder is not empty"),
        ({"resume": True, "texts": posts()[1:]}, "resumed with other texts"),
        ({"resume": True, "masking": 0.3}, "masking was 0.15 and is now 0.3"),
        ({"resume": True, "without": [runs.corpus()]}, "corpora to keep clear of is different"),
    ):
        with pytest.raises(TrainingError, match=message):
            small_run(folder, encoder, **changes)
    with pytest.raises(TrainingError, match="the encoder is different"):
        small_run(folder, undisturbed.folder, resume=True)
    with pytest.raises(TrainingError, match="found no run to resume"):
        small_run(tmp_path / "nowhere", encoder, resume=True)
    with pytest.raises(TrainingError, match="this run has ended"):
        small_run(undisturbed.folder, encoder, resume=True)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([" ", "\n"], "there are no texts with words"),
        (["Mira left"] * 50, "1 different text with words"),
        (posts(19), "19 different texts"),
    ],
)
def test_too_few_texts_are_an_error_that_leaves_an_empty_folder(
    texts: list[str], message: str, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=message):
        small_run(tmp_path / "run", encoder, texts=texts)
    assert [*(tmp_path / "run").iterdir()] == []


def test_an_unknown_encoder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NerineError, match="there is no such folder"):
        small_run(tmp_path / "run", tmp_path / "none")


def test_a_loss_that_is_not_finite_stops_the_run(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step \d+"):
        small_run(tmp_path / "run", encoder, learning_rate=1e30, max_gradient_norm=1e30)


# -- records -------------------------------------------------------------------------------------


def corpus() -> Corpus:
    """A corpus that has all but one of its test texts from `posts`."""
    documents = runs.corpus().train
    test = (*map(Document, posts()[9::12]), Document("Nobody was there."))
    splits = {"train": documents, "validation": documents[:8], "test": test}
    return Corpus(splits, ("location", "person"), "a corpus")


def test_what_an_encoder_has_read_is_known_of_what_is_trained_from_it(
    encoder: Path, tmp_path: Path
) -> None:
    texts = [*posts(), *(document.text for document in corpus().validation)]
    adapted = small_run(tmp_path / "adapted", encoder, texts=texts, steps=1)
    record = json.loads((adapted.folder / "adaptation.json").read_text())["provenance"]
    assert record["losses"]["before"] == adapted.before.loss
    assert record["texts"]["documents"] == 68
    run = runs.small_run(tmp_path / "ner", adapted.folder, epochs=1, corpus=corpus())
    assert [note for note in run.notes if "adapted to 8 of the 8 validation texts" in note]
    info = json.loads((run.folder / "nerine.json").read_text())["provenance"]
    assert info["adaptation"]["texts"] == record["texts"]
    evaluation = nerine.evaluate(run.tagger(device="cpu"), corpus(), split="test")
    found = evaluation.contamination
    assert found is not None
    assert (found.role, found.read) == (Role.READ, 5)


def test_texts_like_those_of_a_corpus_are_left_out_and_listed(
    encoder: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "left-out.jsonl"
    copy = "SO Mira left LISBON   again 99"
    run = small_run(
        tmp_path / "run",
        encoder,
        texts=[*posts(), copy],
        steps=1,
        without=[corpus()],
        left_out=listed,
    )
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    # one or two "so", as many as the test texts have or one more
    near = [text for text in posts() if "Mira" in text and text.count("so ") in (1, 2)]
    assert [line["text"] for line in lines] == [*near, copy]
    assert {line["like"] for line in lines} == {"a corpus, test"}
    assert {line["similarity"] for line in lines} == {1.0, 5 / 6}
    assert (run.left_out, run.texts) == (11, 50)
    assert run.notes[0] == "11 texts left out, by their likeness to texts of a corpus"
    ner = runs.small_run(tmp_path / "ner", run.folder, epochs=1, corpus=corpus())
    evaluation = nerine.evaluate(ner.tagger(device="cpu"), corpus(), split="test")
    assert evaluation.contamination is not None
    assert evaluation.contamination.read == 0


def test_nothing_of_the_texts_stays_but_their_hashes(undisturbed: AdaptationRun) -> None:
    everything = b"".join(
        path.read_bytes() for path in undisturbed.folder.iterdir() if "tokenizer" not in path.name
    )
    assert b"Lisbon" not in everything
    assert not texts_folder(undisturbed.folder).exists()
