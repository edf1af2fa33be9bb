"""What teachers say: several of them, other tokenizers, texts without labels, and their weights."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from safetensors.torch import load_file

import nerine
import runs
from lookup import make_lookup
from nerine.core.document import Document
from nerine.core.errors import ArgumentError, SettingsError
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.data.near_duplicates import near_duplicates
from nerine.model.decoding import Decoder
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nerine.model.settings import TransitionScores
from nerine.model.tagger import Tagger
from nerine.training.batches import DrawnBatches
from nerine.training.crf import zero_scores
from nerine.training.dataset import UNKNOWN, Collator, make_examples
from nerine.training.distillation import targets
from nerine.training.distillation.loss import DistillationLoss, certainty
from nerine.training.distillation.preparation import prepare, without_near_duplicates
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.distillation.student import count_layers
from nerine.training.distillation.targets import (
    KeptTargets,
    keep_targets,
    mean_probabilities,
)
from nerine.training.distillation.teachers import (
    Teacher,
    TeachersTogether,
    check_agreement,
    columns_of,
    load_teacher,
    run_on_batches,
)
from nerine.training.losses import divergence
from nerine.training.run import TrainingRun
from tiny import documents, make_checkpoint

TAGS = ("O", "B-location", "I-location", "B-person", "I-person")
KNOWN = {"mira": "B-person", "okonjo": "I-person", "oslo": "B-location", "was": "O", "in": "O"}


def read(folder: Path) -> Teacher:
    return load_teacher(folder, revision=None, scheme=None, tags=None, usage=None)


def other_weights(folder: Path, seed: int, to: Path, order: list[int] | None = None) -> Path:
    """The checkpoint in `folder` with another random head, its tags in this order."""
    loaded = load_checkpoint(folder)
    torch.manual_seed(seed)
    with torch.no_grad():
        loaded.model.classifier.weight.normal_(std=0.5)
    return reordered(loaded, to, order or list(range(len(loaded.settings.tags))))


def reordered(loaded: Checkpoint, to: Path, order: list[int]) -> Path:
    """A copy whose output `i` is the output `order[i]` of the checkpoint."""
    model = copy.deepcopy(loaded.model)
    tags = tuple(loaded.settings.tags[index] for index in order)
    with torch.no_grad():
        model.classifier.weight.copy_(loaded.model.classifier.weight[order])
        model.classifier.bias.copy_(loaded.model.classifier.bias[order])
    model.config.id2label = dict(enumerate(tags))
    model.config.label2id = {tag: index for index, tag in enumerate(tags)}
    settings = dataclasses.replace(loaded.settings, tags=tags)
    save_checkpoint(to, dataclasses.replace(loaded, model=model, settings=settings))
    return to


@pytest.fixture(scope="module")
def pair(
    checkpoint_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Two teachers with one tokenizer; the second has its tags in another order."""
    folder = tmp_path_factory.mktemp("pair")
    first = other_weights(checkpoint_of("bert"), 1, folder / "a")
    return [first, other_weights(checkpoint_of("bert"), 2, folder / "b", [3, 0, 4, 1, 2])]


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def by_hand(folders: list[Path], texts: list[Document]) -> Any:
    """The mean of the probabilities that taggers give, in the order of `TAGS`."""
    found = []
    for folder in folders:
        tagger = nerine.Tagger.load(folder, device="cpu")
        logits = tagger.inference.word_logits(texts).values.astype(np.float64)
        found.append(softmax(logits)[:, [tagger.settings.tags.index(tag) for tag in TAGS]])
    return sum(found) / len(found)


def test_the_mean_of_two_teachers_is_that_of_their_probabilities(pair: list[Path]) -> None:
    texts = documents()
    teachers = [read(folder) for folder in pair]
    expected = by_hand(pair, texts)
    np.testing.assert_allclose(mean_probabilities(teachers, TAGS, texts), expected, atol=1e-6)
    student = teachers[0].checkpoint
    teaching = run_on_batches(teachers, student)
    assert isinstance(teaching, TeachersTogether)
    encoder = Encoder.of(student.tokenizer, student.settings)
    examples = make_examples(texts, encoder, TagHead(student.settings))
    batch = Collator(examples, 0)(range(len(examples)))
    words = batch["labels"] != IGNORED
    found = teaching(batch, words).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected[batch["numbers"][words]], atol=1e-5)


def test_teachers_with_the_same_tags_in_another_order_agree(pair: list[Path]) -> None:
    first, other = (read(folder) for folder in pair)
    assert first.settings.tags != other.settings.tags
    check_agreement([first, other])
    assert columns_of(other.settings, TAGS) == ((1,), (3,), (4,), (0,), (2,))


def test_teachers_that_disagree_are_an_error(
    pair: list[Path], checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    def refused(other: Path, message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            check_agreement([read(pair[0]), read(other)])

    ships = make_checkpoint(tmp_path / "ships", labels=("location", "ship"))
    refused(ships, "have other tags: B-location, B-ship, I-location, I-ship, O in ")
    refused(make_checkpoint(tmp_path / "tokens", words="tokens"), "have other words: tokens in ")
    refused(make_checkpoint(tmp_path / "bioes", scheme="BIOES"), "have other scheme: BIOES in ")
    whole = make_checkpoint(tmp_path / "whole", words="tokenizer")
    with pytest.raises(SettingsError, match="are those of its tokenizer"):
        check_agreement([read(whole)])
    with pytest.raises(ArgumentError, match="there is no teacher"):
        nerine.distill([], runs.corpus(), output=tmp_path / "run")


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that knows each word by its text, and takes 16 subwords at once."""
    return make_lookup(tmp_path_factory.mktemp("lookup") / "run", ("location", "person"), KNOWN)


@profile(max_examples=8)
@given(st.lists(st.lists(st.sampled_from([*KNOWN, "ghent"]), min_size=1, max_size=90), max_size=4))
def test_targets_fall_on_the_words_that_they_are_of(
    knowing: Path,
    checkpoint_of: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[str]],
) -> None:
    """The student has another tokenizer and other windows, and texts are longer than both."""
    texts = [Document(" ".join(words)) for words in [["mira"], *sentences]]
    teacher, student = read(knowing), load_checkpoint(checkpoint_of("roberta"))
    folder = tmp_path_factory.mktemp("targets")
    assert run_on_batches([teacher], student) is None
    keep_targets(folder, [teacher], student.settings.tags, texts)
    encoder = Encoder.of(student.tokenizer, student.settings)
    examples = make_examples(texts, encoder, TagHead(student.settings))
    kept = KeptTargets.read(folder, texts, student.settings.words, examples.windows.encoding)
    batch = Collator(examples, 1)(range(len(examples)))
    seen = batch["labels"] != IGNORED
    probs = kept(batch, seen).exp().numpy()
    assert len(probs) == 1 + sum(map(len, sentences))
    rows = itertools.count()
    for window, row in enumerate(seen.tolist()):
        document = texts[batch["documents"][window]].text
        for place in (place for place, is_word in enumerate(row) if is_word):
            number = batch["numbers"][window, place]
            start, end = examples.windows.encoding.word_bounds[number]
            piece = student.tokenizer.convert_ids_to_tokens(int(batch["input_ids"][window, place]))
            assert document[start:end].startswith(piece.lstrip("Ġ"))
            own = probs[next(rows)]
            expected = student.settings.tags.index(KNOWN.get(document[start:end], "O"))
            assert own[expected] == pytest.approx(0.97, abs=0.005)
            assert own.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_word_that_a_tokenizer_does_not_see_has_the_mean_of_the_others(
    knowing: Path, checkpoint_of: Callable[..., Path]
) -> None:
    texts = [Document("mira \x01 oslo")]  # the tokenizer of the first drops control characters
    both = [read(knowing), read(checkpoint_of("roberta"))]
    one = mean_probabilities(both[:1], TAGS, texts)
    other = mean_probabilities(both[1:], TAGS, texts)
    assert np.isnan(one).all(axis=1).tolist() == [False, True, False]
    found = mean_probabilities(both, TAGS, texts)
    np.testing.assert_allclose(found[1], other[1])
    np.testing.assert_allclose(found[[0, 2]], (one[[0, 2]] + other[[0, 2]]) / 2)


def test_words_without_a_target_add_nothing(checkpoint_of: Callable[..., Path]) -> None:
    student = load_checkpoint(checkpoint_of("bert"))
    encoder = Encoder.of(student.tokenizer, student.settings)
    texts = [Document("Mira was in Oslo")]
    examples = make_examples(texts, encoder, TagHead(student.settings))
    batch = Collator(examples, 0)([0])
    batch["labels"][batch["labels"] != IGNORED] = UNKNOWN
    values = np.full((4, 5), 0.1, dtype=np.float32)
    values[:, 0] = 0.6
    logits = {"logits": torch.randn(*batch["labels"].shape, 5)}

    def loss(rows: list[int]) -> float:
        teaching = KeptTargets(values, np.array(rows))
        made = DistillationLoss.of(teaching, student, DistillationSettings(temperature=1.0), 0)
        return float(made(logits, made.augment(batch)))

    alone = [loss([index if index == row else -1 for index in range(4)]) for row in range(4)]
    assert loss([0, -1, 2, 3]) == pytest.approx(alone[0] + alone[2] + alone[3], rel=1e-5)
    assert loss([-1, -1, -1, -1]) == 0


def test_certainty_is_one_minus_the_normalised_entropy() -> None:
    probs = np.array([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3], [1.0, 1e-30, 1e-30]])
    expected = [1 + (p * np.log(p)).sum() / np.log(3) for p in probs]
    found = certainty(torch.from_numpy(np.log(probs)))
    np.testing.assert_allclose(found.numpy(), np.clip(expected, 0, 1), atol=1e-6)


def test_uncertain_words_of_unlabelled_texts_count_less(
    pair: list[Path], checkpoint_of: Callable[..., Path]
) -> None:
    student = load_checkpoint(checkpoint_of("bert"))
    encoder = Encoder.of(student.tokenizer, student.settings)
    labelled, others = documents()[:2], [Document("Mira was in Oslo"), Document("so it rains")]
    examples = make_examples(labelled, encoder, TagHead(student.settings), others)
    batch = Collator(examples, 0)(range(len(examples)))
    words = batch["labels"] != IGNORED
    settings = DistillationSettings(confidence="words", temperature=1.5, gold_weight=0.0)
    teaching = run_on_batches([read(folder) for folder in pair], student)
    assert teaching is not None
    torch.manual_seed(3)
    logits = torch.randn(*words.shape, 5)
    loss = DistillationLoss.of(teaching, student, settings, len(labelled))
    taught = teaching(batch, words).double().numpy()
    p, q = softmax(taught / 1.5), softmax(logits[words].double().numpy() / 1.5)
    each = 1.5**2 * (p * np.log(p / q)).sum(axis=1)
    sure = 1 + (np.exp(taught) * taught).sum(axis=1) / np.log(5)
    number = batch["documents"][:, None].expand_as(words)[words].numpy()
    expected = (each * np.where(number >= 2, sure, 1)).sum()
    assert float(loss({"logits": logits}, batch)) == pytest.approx(expected, rel=1e-4)
    assert sure[number >= 2].max() < 0.99  # so that the weights matter
    plain = dataclasses.replace(loss, settings=DistillationSettings(gold_weight=0.0))
    assert float(plain({"logits": logits}, batch)) == pytest.approx(
        float(divergence(torch.from_numpy(taught), logits[words], 2.0)), rel=1e-4
    )


def test_marginals_are_those_of_all_sequences() -> None:
    scores = np.random.default_rng(1)
    learned = TransitionScores(
        tuple(tuple(row) for row in scores.normal(size=(3, 3)).tolist()),
        tuple(scores.normal(size=3).tolist()),
        tuple(scores.normal(size=3).tolist()),
    )
    tags = ("O", "B-a", "I-a")
    lengths = [3, 0, 1, 2]
    logits = scores.normal(size=(6, 3))
    for given_scores in (None, learned):
        found = Decoder(tags, TagScheme.IOB2, learned=given_scores).marginals(logits, lengths)
        first = 0
        for length in lengths:
            own = logits[first : first + length]
            expected = np.zeros((length, 3))
            for tagged in itertools.product(range(3), repeat=length):
                pairs = list(itertools.pairwise((0, *tagged)))
                if any(before == 0 and after == 2 for before, after in pairs):
                    continue
                total = sum(own[place, tag] for place, tag in enumerate(tagged))
                if given_scores and length:
                    total += given_scores.start[tagged[0]] + given_scores.end[tagged[-1]]
                    total += sum(given_scores.between[i][j] for i, j in pairs[1:])
                for place, tag in enumerate(tagged):
                    expected[place, tag] += np.exp(total)
            expected /= expected.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(found[first : first + length], expected, atol=1e-9)
            first += length


def test_a_teacher_with_a_crf_gives_the_marginals_of_its_tags(
    pair: list[Path], tmp_path: Path
) -> None:
    loaded = load_checkpoint(pair[0])
    draw = np.random.default_rng(4)
    learned = TransitionScores(
        tuple(tuple(row) for row in draw.normal(size=(5, 5)).tolist()), (0.0,) * 5, (0.0,) * 5
    )
    settings = dataclasses.replace(loaded.settings, transitions=learned)
    save_checkpoint(tmp_path / "crf", dataclasses.replace(loaded, settings=settings))
    teacher = read(tmp_path / "crf")
    logits = teacher.tagger.inference.word_logits(documents())
    decoder = Decoder(loaded.settings.tags, TagScheme.IOB2, learned=learned)
    expected = decoder.marginals(logits.values, logits.encoding.lengths)
    order = [loaded.settings.tags.index(tag) for tag in TAGS]
    np.testing.assert_allclose(mean_probabilities([teacher], TAGS, documents()), expected[:, order])
    assert run_on_batches([teacher, read(pair[1])], teacher.checkpoint) is None
    chosen = DistillationSettings(layers=1)
    made = prepare(runs.corpus(), [teacher, read(pair[1])], chosen, [])
    assert made.student.settings.transitions == zero_scores(5)  # to be learned
    assert made.settings.crf


@given(st.data())
def test_each_pass_has_all_labelled_windows_and_others_of_the_rest(data: st.DataObject) -> None:
    lengths = np.array(data.draw(st.lists(st.integers(3, 60), min_size=2, max_size=40)))
    labelled = data.draw(st.integers(1, len(lengths) - 1))
    rest = len(lengths) - labelled
    drawn = data.draw(st.integers(1, rest))
    settings = DistillationSettings(
        batch_size=4, token_budget=128, seed=data.draw(st.integers(0, 9))
    )
    batches = DrawnBatches(lengths, labelled, drawn, settings)
    seen: Counter[int] = Counter()
    for epoch in range(-(-rest // drawn)):
        batches.set_epoch(epoch)
        made = list(batches)
        assert len(made) == len(batches)
        assert all(len(each) == 1 or len(each) * max(lengths[each]) <= 128 for each in made)
        indices = [index for batch in made for index in batch]
        assert sorted(index for index in indices if index < labelled) == list(range(labelled))
        others = [index for index in indices if index >= labelled]
        assert len(others) == drawn == len({*others})
        seen.update(others)
        again = DrawnBatches(lengths, labelled, drawn, settings)
        again.set_epoch(epoch)
        assert list(again) == made
    assert len(seen) == rest  # each window was drawn before the passes begin again


_sentences = st.lists(st.sampled_from("abcdef"), max_size=8).map(" ".join)


@given(st.lists(_sentences, max_size=8), st.lists(_sentences, max_size=4), st.lists(_sentences))
def test_near_duplicates_of_scored_texts_are_left_out(
    texts: list[str], validation: list[str], test: list[str]
) -> None:
    splits = {
        "train": (Document("a"),),
        "validation": tuple(map(Document, validation)),
        "test": tuple(map(Document, test)),
    }
    corpus = Corpus(splits, ("person",), "a test")
    given_texts = [Document(text) for text in texts]
    kept, left_out = without_near_duplicates(corpus, given_texts, DistillationSettings())
    alike = {*near_duplicates(texts, of=[*validation, *test])}
    assert [each.text for each in kept] == [
        text for index, text in enumerate(texts) if index not in alike
    ]
    assert left_out == {
        name: number
        for name, split in (("validation", validation), ("test", test))
        if (number := len(near_duplicates(texts, of=split)))
    }
    all_of_them = DistillationSettings(drop_near_duplicates=False)
    assert without_near_duplicates(corpus, given_texts, all_of_them) == (given_texts, {})


# -- whole runs ----------------------------------------------------------------------------------

RAW = [f"{name} was in {place} once more" for name in ("Mira", "Ana") for place in ("Oslo", "Rome")]
SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "seed": 5}


@pytest.fixture(scope="module")
def teacher(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny teacher of two layers that knows four names."""
    folder = tmp_path_factory.mktemp("teacher") / "run"
    return runs.small_run(folder, encoder_of("bert"), epochs=4, masking=0.2).folder


def own_encoder(teacher: Path, encoder: Path, folder: Path, **changes: Any) -> TrainingRun:
    given: dict[str, Any] = {**SMALL, "unlabelled": RAW, **changes}
    return nerine.distill(teacher, runs.corpus(20), output=folder, encoder=str(encoder), **given)


class Stopping:
    """A listener that interrupts the run after some steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if step == self.after:
            os.kill(os.getpid(), signal.SIGTERM)

    def evaluated(self, record: Any, *, best: bool) -> None: ...


@pytest.fixture(scope="module")
def undisturbed(
    teacher: Path, encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> TrainingRun:
    """A student with another tokenizer."""
    folder = tmp_path_factory.mktemp("own") / "run"
    return own_encoder(teacher, encoder_of("roberta"), folder, unlabelled_per_gold=0.1)


def test_a_student_with_another_encoder_learns_from_its_teacher(
    teacher: Path, undisturbed: TrainingRun
) -> None:
    tagger = undisturbed.tagger(device="cpu")
    own, taught = tagger.settings, load_checkpoint(teacher).settings
    assert dataclasses.replace(own, transitions=None) == taught
    assert type(load_checkpoint(undisturbed.folder).model).__name__.startswith("Roberta")
    assert undisturbed.best.f1 > 0.5
    assert any("words are masked, but not replaced" in note for note in undisturbed.notes)
    about = json.loads((undisturbed.folder / "nerine.json").read_text())["provenance"]
    assert about["encoder"]["kind"] == "folder"
    assert about["settings"]["replacing"] == 0
    assert about["unlabelled"]["documents"] == len(RAW)
    assert not (undisturbed.folder / "checkpoints").exists()
    # what the teacher has seen is not new to the student
    assert {name: each["documents"] for name, each in about["splits"].items()} == {
        "train": 20,
        "validation": 6,
        "unlabelled": len(RAW),
        "teacher 1 train": 24,
        "teacher 1 validation": 8,
    }


def test_a_resumed_run_labels_nothing_again_and_has_the_same_result(
    teacher: Path,
    encoder_of: Callable[[str], Path],
    undisturbed: TrainingRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder, folder = encoder_of("roberta"), tmp_path / "run"
    changes = {"unlabelled_per_gold": 0.1}
    stopped = own_encoder(teacher, encoder, folder, listener=Stopping(7), **changes)
    assert stopped.interrupted == "SIGTERM"
    with monkeypatch.context() as patch:
        patch.setattr(targets, "mean_probabilities", None)  # whoever calls it fails
        resumed = own_encoder(teacher, encoder, folder, resume=True, **changes)
    assert "the texts are not labelled again: their targets were kept" in resumed.notes
    mine, theirs = (load_file(each / "model.safetensors") for each in (folder, undisturbed.folder))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    found, kept = (load_checkpoint(each.folder).settings for each in (resumed, undisturbed))
    assert found == kept
    assert [each.f1 for each in resumed.epochs] == [each.f1 for each in undisturbed.epochs]


@pytest.mark.parametrize("crf", [None, True, False])
def test_a_student_with_another_encoder_learns_scores_of_pairs_unless_told(
    teacher: Path, encoder_of: Callable[[str], Path], tmp_path: Path, crf: bool | None
) -> None:
    run = own_encoder(teacher, encoder_of("roberta"), tmp_path / "run", crf=crf)
    scores = run.tagger(device="cpu").settings.transitions
    assert (scores is not None) is (crf is not False)
    assert scores is None or any(any(row) for row in scores.between)
    assert ("transitions: learned" in "\n".join(run.notes)) is (crf is None)
    assert nerine.TrainingSettings().layer_decay == 0.8
    assert "layer_decay = 0.8\n" in (run.folder / "settings.toml").read_text()


def test_the_bias_of_a_teacher_is_not_taught(pair: list[Path], tmp_path: Path) -> None:
    """Neither in its probabilities, nor in the settings of its student."""
    loaded = load_checkpoint(pair[0])
    settings = dataclasses.replace(loaded.settings, outside_bias=-3.0)
    save_checkpoint(tmp_path / "biased", dataclasses.replace(loaded, settings=settings))
    plain, biased = read(pair[0]), read(tmp_path / "biased")
    texts = [Document("mira was in oslo")]
    np.testing.assert_array_equal(
        mean_probabilities([plain], TAGS, texts), mean_probabilities([biased], TAGS, texts)
    )
    assert biased.settings == plain.settings
    assert Tagger.load(tmp_path / "biased", device="cpu").settings.outside_bias == -3.0


def test_teachers_tag_in_the_precision_of_the_training(knowing: Path, tmp_path: Path) -> None:
    teachers, texts = [read(knowing)], [Document("mira was in oslo")]
    exact = mean_probabilities(teachers, TAGS, texts)
    keep_targets(tmp_path, teachers, TAGS, texts, "bf16")
    mixed = np.load(tmp_path / targets.FILE)
    assert 0 < np.abs(mixed - exact).max() < 0.02
    assert keep_targets(tmp_path, teachers, TAGS, texts)
    np.testing.assert_array_equal(np.load(tmp_path / targets.FILE), exact.astype("f4"))


def test_damaged_targets_are_made_again(knowing: Path, tmp_path: Path) -> None:
    teachers, texts = [read(knowing)], [Document("mira was in oslo"), Document("")]
    assert keep_targets(tmp_path, teachers, TAGS, texts)
    assert not keep_targets(tmp_path, teachers, TAGS, texts)
    whole = (tmp_path / targets.FILE).read_bytes()
    (tmp_path / targets.FILE).write_bytes(whole[:-4] + b"\0\0\0\0")
    assert keep_targets(tmp_path, teachers, TAGS, texts)
    assert (tmp_path / targets.FILE).read_bytes() == whole
    assert keep_targets(tmp_path, teachers, TAGS, texts[:1])
    np.testing.assert_array_equal(
        np.load(tmp_path / targets.FILE), mean_probabilities(teachers, TAGS, texts).astype("f4")
    )


def test_several_teachers_teach_a_student_of_the_first_ones_layers(
    teacher: Path, tmp_path: Path
) -> None:
    other = reordered(load_checkpoint(teacher), tmp_path / "other", [4, 3, 2, 1, 0])
    given = {**SMALL, "epochs": 1, "layers": 1}
    run = nerine.distill([teacher, other], runs.corpus(), output=tmp_path / "run", **given)
    alone = nerine.distill(teacher, runs.corpus(), output=tmp_path / "alone", **given)
    # two teachers that say the same teach as one does
    for mine, theirs in zip(run.epochs, alone.epochs, strict=True):
        assert mine.training_loss == pytest.approx(theirs.training_loss, rel=1e-2)
    assert "the teachers' validation F1 is 1.0000, 1.0000, and 1.0000 together" in run.notes
    about = json.loads((run.folder / "nerine.json").read_text())["provenance"]
    assert [each["source"] for each in about["further_teachers"]] == ["other"]
    assert about["teacher"]["source"] == teacher.name


def test_a_student_may_have_the_lowest_layers_of_its_encoder(
    pair: list[Path], encoder_of: Callable[[str], Path]
) -> None:
    teachers = [read(folder) for folder in pair]
    encoder = encoder_of("distilbert")
    settings = DistillationSettings(encoder=str(encoder), layers=1)
    made = prepare(runs.corpus(), teachers, settings, [])
    assert count_layers(made.student.model) == 1
    whole = prepare(runs.corpus(), teachers, dataclasses.replace(settings, layers=None), [])
    assert count_layers(whole.student.model) == 2
    mine, theirs = made.student.model.state_dict(), whole.student.model.state_dict()
    lowest = [name for name in mine if ".layer.0." in name]
    assert lowest
    assert all(torch.equal(mine[name], theirs[name]) for name in lowest)
    assert made.student.settings.tags == teachers[0].settings.tags
    # steps, their learning rate and validations are planned as in training
    assert (made.settings.steps or 0) >= 200
    assert made.settings.validate_every
    with pytest.raises(SettingsError, match="layers 0, 1, 2 of an encoder that has 2"):
        prepare(runs.corpus(), teachers, dataclasses.replace(settings, layers=3), [])


def test_texts_like_those_of_the_scored_splits_are_left_out_of_a_run(
    teacher: Path, tmp_path: Path
) -> None:
    copies = [document.text for document in runs.corpus().validation]
    run = nerine.distill(
        teacher,
        runs.corpus(),
        output=tmp_path / "run",
        unlabelled=[*RAW, *copies],
        confidence="words",
        **{**SMALL, "epochs": 1, "layers": 1},
    )
    about = json.loads((run.folder / "nerine.json").read_text())["provenance"]["unlabelled"]
    assert about["documents"] == len(RAW)
    assert about["left_out"] == {"validation": 8}
    expected = (
        "8 unlabelled texts left out: equal or nearly equal to a text of the validation split"
    )
    assert expected in run.notes
