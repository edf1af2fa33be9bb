"""Distillation: making students from teachers, and training them."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForTokenClassification

import nerine
import runs
from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, SettingsError, TrainingError
from nerine.data.corpus import Corpus
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.usage import Usage
from nerine.model.tagger import Tagger
from nerine.training.dataset import UNKNOWN, Collator, make_examples
from nerine.training.distillation.loss import DistillationLoss
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.distillation.student import count_layers, lowest_layers, make_student
from nerine.training.distillation.teachers import OneTeacher
from nerine.training.losses import divergence
from nerine.training.recipes import read_settings
from nerine.training.run import TrainingRun
from tiny import KINDS, documents, make_foreign, make_tokenizer


@pytest.fixture(scope="module")
def teacher(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny teacher of two layers that knows four names."""
    folder = tmp_path_factory.mktemp("teacher") / "run"
    return runs.small_run(folder, encoder_of("bert"), epochs=4, masking=0.2).folder


def small_student(teacher: Path, folder: Path, **changes: Any) -> TrainingRun:
    """Two epochs of six batches, with dropout and replaced words, so the random state matters."""
    chosen = {"layers": 1, "epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "seed": 5}
    given = {**chosen, **changes}
    corpus = given.pop("corpus", None) or runs.corpus()
    return nerine.distill(teacher, corpus, output=folder, **given)


@pytest.fixture(scope="module")
def undisturbed(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A run without an interruption."""
    return small_student(teacher, tmp_path_factory.mktemp("student") / "undisturbed")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def test_the_lowest_layers_are_kept() -> None:
    assert lowest_layers(3, 6) == (0, 1, 2)
    assert lowest_layers(1, 2) == (0,)


@pytest.mark.parametrize("kept", [0, 6, 7])
def test_a_student_has_fewer_layers_than_its_teacher(kept: int) -> None:
    with pytest.raises(
        SettingsError, match=f"{kept} layers for the student of a teacher that has 6"
    ):
        lowest_layers(kept, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_of_all_layers_is_its_teacher(
    kind: str, checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    teacher = load_checkpoint(checkpoint_of(kind))
    assert count_layers(teacher.model) == 2
    save_checkpoint(tmp_path / "student", make_student(teacher, [0, 1]))
    expected = Tagger.load(checkpoint_of(kind), device="cpu").inference.word_logits(documents())
    found = Tagger.load(tmp_path / "student", device="cpu").inference.word_logits(documents())
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_has_some_layers_and_all_else_of_its_teacher(
    kind: str, checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    teacher = load_checkpoint(checkpoint_of(kind))
    keep = [0] if kind == "modernbert" else [1]
    student = make_student(teacher, keep)
    assert student.settings == teacher.settings
    theirs = teacher.model.state_dict()
    number = f".{keep[0]}."
    for name, values in student.model.state_dict().items():
        source = name if name in theirs and ".0." not in name else name.replace(".0.", number, 1)
        assert torch.equal(values, theirs[source]), name
    save_checkpoint(tmp_path / "student", student)
    assert AutoConfig.from_pretrained(tmp_path / "student").num_hidden_layers == 1
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "student").eval()
    ids = torch.arange(8)[None]
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, student.model.eval()(input_ids=ids).logits)


def test_a_student_shares_no_memory_with_its_teacher(checkpoint_of: Callable[..., Path]) -> None:
    teacher = load_checkpoint(checkpoint_of())
    student = make_student(teacher, [0])
    before = {name: values.clone() for name, values in teacher.model.state_dict().items()}
    with torch.no_grad():
        for parameter in student.model.parameters():
            parameter.add_(1)
    after = teacher.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_first_layer_that_is_unlike_the_others_has_to_be_kept(
    checkpoint_of: Callable[..., Path],
) -> None:
    with pytest.raises(
        CheckpointError, match=r"does not work with these layers alone: .*attn_norm"
    ) as e:
        make_student(load_checkpoint(checkpoint_of("modernbert")), [1])
    assert "keep the first layer too" in str(e.value)


def test_layers_that_share_their_weights_cannot_be_chosen(tmp_path: Path) -> None:
    tokenizer = make_tokenizer("bert")
    config = AutoConfig.for_model(
        "albert",
        vocab_size=len(tokenizer),
        num_hidden_layers=3,
        hidden_size=32,
        embedding_size=16,
        num_attention_heads=4,
        intermediate_size=64,
        id2label={0: "O", 1: "B-person", 2: "I-person"},
        label2id={"O": 0, "B-person": 1, "I-person": 2},
    )
    AutoModelForTokenClassification.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="has no list of 3 layers to choose from"):
        make_student(load_checkpoint(tmp_path), [0])


def loss_of(teacher: Path, **changes: Any) -> tuple[DistillationLoss, Tagger]:
    """The loss of a student of `teacher` with its first layer, and the teacher's tagger."""
    checkpoint = load_checkpoint(teacher)
    settings = DistillationSettings(
        **{"keep_layers": (0,), "masking": 0.0, "replacing": 0.0, **changes}
    )
    mask_id = checkpoint.tokenizer.mask_token_id
    loss = DistillationLoss(
        OneTeacher(checkpoint.model),
        TagHead(checkpoint.settings),
        settings,
        mask_id,
        torch.arange(10, 20),
    )
    return loss, Tagger.from_checkpoint(checkpoint, device="cpu")


def tagger_model(loss: DistillationLoss) -> Any:
    """The only teacher's model."""
    assert isinstance(loss.teaching, OneTeacher)
    return loss.teaching.model.eval()


def batch_of(tagger: Tagger, texts: list[Document]) -> dict[str, torch.Tensor]:
    examples = make_examples(texts, tagger.inference.encoder, tagger.inference.head)
    return Collator(examples, tagger.inference.tokenizer.pad_token_id)(range(len(examples)))


def test_the_teachers_probabilities_are_those_of_tagging(teacher: Path) -> None:
    """Also in a long text. The loss of uniform predictions follows from the tagger's logits."""
    loss, tagger = loss_of(teacher, temperature=1.0, gold_weight=0.0)
    long = Document.from_tokens(
        [word for text in runs.corpus().train for word in text.text.split()]
    )
    texts = [long, *runs.corpus().train[:3]]
    batch = batch_of(tagger, texts)
    assert len(batch["labels"]) > 4
    tags = len(tagger.settings.tags)
    uniform = {"logits": torch.zeros(*batch["labels"].shape, tags)}
    logits = np.concatenate([read.values for read in tagger.inference.word_logits(texts)])
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = (probs * np.log(probs * tags)).sum()
    assert float(loss(uniform, batch)) == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_that_of_the_formula(teacher: Path) -> None:
    loss, tagger = loss_of(teacher, temperature=3.0, gold_weight=0.25)
    batch = dict(batch_of(tagger, list(runs.corpus().train[:5])))
    words = batch["labels"] != IGNORED
    row, column = words.nonzero()[0].tolist()
    batch["labels"][row, column] = UNKNOWN
    torch.manual_seed(1)
    student = {"logits": torch.randn(*words.shape, len(tagger.settings.tags))}
    seen = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        taught = tagger_model(loss)(**seen)
    soft = hard = 0.0
    for i, j in words.nonzero().tolist():
        p = torch.softmax(taught.logits[i, j] / 3.0, 0)
        q = torch.softmax(student["logits"][i, j] / 3.0, 0)
        soft += 9.0 * float((p * (p / q).log()).sum())
        if (i, j) != (row, column):
            hard -= float(torch.log_softmax(student["logits"][i, j], 0)[batch["labels"][i, j]])
    expected = 0.75 * soft + 0.25 * hard
    assert float(loss(student, batch)) == pytest.approx(expected, rel=1e-4)


def test_equal_predictions_have_no_divergence() -> None:
    logits = torch.randn(7, 5)
    assert float(divergence(logits, logits + 3.0, 2.0)) == pytest.approx(0.0, abs=1e-5)
    assert float(divergence(logits, logits.flip(1))) > 0


def test_words_are_replaced_whole_and_lose_their_label(teacher: Path) -> None:
    loss, tagger = loss_of(teacher, replacing=0.4)
    texts = list(runs.corpus().train)
    examples = make_examples(texts, tagger.inference.encoder, tagger.inference.head)
    batch = Collator(examples, tagger.inference.tokenizer.pad_token_id)([*range(len(texts))] * 40)
    torch.manual_seed(0)
    augmented = loss.augment(batch)
    bearing = batch["labels"] != IGNORED
    replaced = augmented["labels"] == UNKNOWN
    assert replaced[bearing].float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert torch.equal(augmented["labels"][~replaced], batch["labels"][~replaced])
    inside = ((augmented["input_ids"] >= 10) & (augmented["input_ids"] < 20))[replaced]
    assert bool(inside.all())
    kept = augmented["input_ids"] == batch["input_ids"]
    assert bool(kept[batch["words"] < 0].all())
    assert bool(kept[bearing & ~replaced].all())
    assert torch.equal(batch["labels"], Collator(examples, 0)([*range(len(texts))] * 40)["labels"])


def test_texts_without_labels_count_as_words_without_labels(tagger: Tagger) -> None:
    encoder, head = tagger.inference.encoder, tagger.inference.head
    texts = [Document(document.text) for document in documents()]
    labelled, both = (make_examples(documents(), encoder, head, more) for more in ([], texts))
    assert len(both) == 2 * len(labelled)
    assert [window.document for window in both.windows] == [*range(2 * len(texts))]
    labels = Collator(labelled, 0)(range(len(labelled)))["labels"]
    further = Collator(both, 0)(range(len(labelled), len(both)))["labels"]
    assert torch.equal(further, torch.where(labels == IGNORED, IGNORED, UNKNOWN))
    assert both.entities == labelled.entities


def mean_divergence(teacher: Path, student: Path | Tagger) -> float:
    """The mean divergence over the words of the training texts."""
    other = student if isinstance(student, Tagger) else Tagger.load(student, device="cpu")
    texts = runs.corpus().train
    pairs = [
        np.concatenate([read.values for read in tagger.inference.word_logits(texts)])
        for tagger in (Tagger.load(teacher, device="cpu"), other)
    ]
    first, second = (torch.from_numpy(each) for each in pairs)
    return float(divergence(first, second)) / len(first)


def test_a_student_comes_nearer_to_its_teacher(teacher: Path, tmp_path: Path) -> None:
    before = Tagger.from_checkpoint(make_student(load_checkpoint(teacher), [1]), device="cpu")
    plain = {"gold_weight": 0.0, "masking": 0.0, "replacing": 0.0, "averaging": 0.0}
    run = small_student(teacher, tmp_path / "run", layers=None, keep_layers=(1,), **plain)
    assert mean_divergence(teacher, run.folder) < 0.5 * mean_divergence(teacher, before)
    assert run.best.f1 > 0.9


def test_a_student_without_labels_learns_from_its_teacher_alone(
    teacher: Path, tmp_path: Path
) -> None:
    unlabelled = [document.text for document in runs.corpus().train]
    few = Corpus(
        {**runs.corpus().splits, "train": runs.corpus().train[:4]}, ("location", "person"), "few"
    )
    run = small_student(
        teacher, tmp_path / "run", corpus=few, unlabelled=unlabelled, drop_near_duplicates=False
    )
    alone = small_student(teacher, tmp_path / "alone", corpus=few)
    assert mean_divergence(teacher, run.folder) < mean_divergence(teacher, alone.folder)
    info = json.loads((run.folder / "nerine.json").read_text())
    assert info["provenance"]["unlabelled"]["documents"] == 24
    assert {name: each["documents"] for name, each in info["provenance"]["splits"].items()} == {
        "train": 4,
        "validation": 8,
        "earlier train": 24,
        "earlier validation": 8,
        "unlabelled": 24,
    }
    assert "8 texts of the validation split also unlabelled" in run.notes[-1]


def test_a_student_says_where_it_comes_from(teacher: Path, undisturbed: TrainingRun) -> None:
    info = json.loads((undisturbed.folder / "nerine.json").read_text())
    about = info["provenance"]["teacher"]
    assert about["source"] == teacher.name
    assert (about["layers"], info["provenance"]["settings"]["keep_layers"]) == (2, [0])
    other = load_checkpoint(teacher)
    with torch.no_grad():
        other.model.classifier.bias[0] += 1
    assert len(about["sha256"]) == 64
    taught = json.loads((teacher / "nerine.json").read_text())
    assert about["f1"] == taught["scores"]["validation"]["f1"]
    assert info["provenance"]["corpus"]["hash"] == runs.corpus().hash
    assert info["settings"] == taught["settings"]
    precision, *notes = undisturbed.notes
    planned = info["provenance"]["settings"]["precision"]
    assert precision.startswith(f"precision: {planned} (")  # by the instructions of the device
    assert notes == [
        "the student keeps 1 of the teacher's 2 layers: 0",
        f"the teacher's validation F1 is {about['f1']:.4f}",
    ]
    assert "keep_layers = [0]\n" in (undisturbed.folder / "settings.toml").read_text()


class Stopping:
    """A listener that interrupts the run after some steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if step == self.after:
            os.kill(os.getpid(), signal.SIGTERM)

    def evaluated(self, record: Any, *, best: bool) -> None: ...


@pytest.mark.parametrize("step", [3, 6])
def test_an_interrupted_run_resumes_with_the_same_result(
    step: int, teacher: Path, undisturbed: TrainingRun, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped = small_student(teacher, folder, listener=Stopping(step))
    assert stopped.interrupted == "SIGTERM"
    with pytest.raises(CheckpointError, match="this training run has not ended"):
        Tagger.load(folder)
    resumed = small_student(teacher, folder, resume=True)
    assert f"resumed after step {step}" in resumed.notes
    mine, theirs = weights(folder), weights(undisturbed.folder)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert [each.f1 for each in resumed.epochs] == [each.f1 for each in undisturbed.epochs]


def test_a_run_is_not_resumed_under_other_conditions(
    teacher: Path, checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    small_student(teacher, folder, unlabelled=["Mira was here"], listener=Stopping(2))

    def resumed(teacher: Path = teacher, **changes: Any) -> None:
        given = {"unlabelled": ["Mira was here"], **changes}
        small_student(teacher, folder, resume=True, **given)

    with pytest.raises(TrainingError, match="the teacher is different"):
        resumed(checkpoint_of("bert"))
    with pytest.raises(TrainingError, match="the unlabelled text is different"):
        resumed(unlabelled=["Mira was there"])
    with pytest.raises(TrainingError, match="the teacher is different"):
        resumed(usage=Usage(words="tokenizer"))
    with pytest.raises(TrainingError, match="the corpus is different"):
        resumed(corpus=runs.corpus(20))
    with pytest.raises(TrainingError, match=r"keep_layers was \[0\] and is now \[1\]"):
        resumed(keep_layers=(1,))
    with pytest.raises(TrainingError, match=r"temperature was 2.0 and is now 3.0"):
        resumed(temperature=3.0)
    with pytest.raises(TrainingError, match="the folder is not empty"):
        small_student(teacher, folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 2}, r"layers: 2 layers for the student of a teacher that has 2"),
        ({"layers": 3}, r"layers: 3 layers for the student of a teacher that has 2"),
        ({"layers": 0}, r"layers: 0 is too small"),
        (
            {"layers": None, "keep_layers": (0, 1)},
            r"keep_layers: layers 0, 1 of a teacher that has 2",
        ),
        ({"layers": None, "keep_layers": (5,)}, r"keep_layers: layers 5 of a teacher that has 2"),
        (
            {"layers": None, "keep_layers": (1, 0)},
            r"keep_layers: \(1, 0\) is not a valid list of layers",
        ),
        (
            {"layers": None, "keep_layers": ("1",)},
            r"keep_layers: \('1',\) is not a valid list of layers",
        ),
        ({"layers": 2, "keep_layers": (1,)}, r"layers: 2 layers, but keep_layers lists 1"),
        ({"temperature": 0.0}, r"temperature: 0.0 is too small"),
        ({"speed": 2}, r"unknown setting 'speed'"),
    ],
)
def test_settings_that_do_not_fit_the_teacher(
    changes: dict[str, Any], message: str, teacher: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        small_student(teacher, tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_half_of_the_layers_are_kept_by_default(teacher: Path, tmp_path: Path) -> None:
    run = small_student(teacher, tmp_path / "run", layers=None, epochs=1)
    assert count_layers(load_checkpoint(run.folder).model) == 1


def with_label(label: str) -> Corpus:
    strange = (Document("Mira", (Entity(0, 4, label),)),)
    return Corpus({"train": strange, "validation": strange}, (label,), "a test")


def test_a_label_that_the_teacher_lacks_is_an_error(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the label 'ship', which the teacher lacks") as e:
        small_student(teacher, tmp_path / "run", corpus=with_label("ship"))
    assert "location, person" in str(e.value)


def test_a_corpus_may_have_fewer_labels_than_the_teacher(teacher: Path, tmp_path: Path) -> None:
    run = small_student(teacher, tmp_path / "run", corpus=with_label("person"), epochs=1)
    assert run.tagger().labels == ("location", "person")


@pytest.mark.parametrize(
    ("unlabelled", "message"),
    [(["", "  "], "the 2 unlabelled texts have no words"), ("Mira", "a single str")],
)
def test_texts_without_words(unlabelled: Any, message: str, teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(nerine.NerineError, match=message):
        small_student(teacher, tmp_path / "run", unlabelled=unlabelled)


def test_a_corpus_without_training_texts(teacher: Path, tmp_path: Path) -> None:
    splits = {"validation": runs.corpus().validation}
    given = Corpus(splits, ("location", "person"), "a test")
    with pytest.raises(nerine.NerineError, match="there is no train split"):
        small_student(teacher, tmp_path / "run", corpus=given)


def test_other_settings_teach_too(teacher: Path, tmp_path: Path) -> None:
    changes = {"masking": 0.0, "replacing": 0.0, "averaging": 0.0}
    run = small_student(teacher, tmp_path / "run", gold_weight=0.0, **changes)
    assert run.epochs[-1].training_loss < run.epochs[0].training_loss


def test_distillation_settings_survive_toml_and_json(tmp_path: Path) -> None:
    settings = DistillationSettings(keep_layers=(0, 3, 5), temperature=1.5, report_to=("a",))
    (tmp_path / "settings.toml").write_text(settings.to_toml())
    base = DistillationSettings()
    assert read_settings(tmp_path / "settings.toml", base) == settings
    assert base.changed(json.loads(json.dumps(settings.to_dict()))) == settings
    assert all(each.metadata["help"] for each in dataclasses.fields(DistillationSettings))


def test_a_teacher_of_another_program_teaches_with_its_outputs_and_the_stated_words(
    tmp_path: Path,
) -> None:
    names = ("O", "X", "B_person", "I_person", "B_location", "I_location")
    teacher = make_foreign(tmp_path / "teacher", dict(enumerate(names)))
    usage = Usage(words="rule", max_length=64)
    run = small_student(teacher, tmp_path / "student", epochs=1, usage=usage)
    assert any("read as O: X" in note for note in run.notes)
    assert np.isfinite(run.epochs[-1].training_loss)
    settings = run.tagger(device="cpu").settings
    assert (settings.words, settings.max_length, settings.overlap) == ("rule", 64, 16)
    assert settings.outputs == ("O", "O", "B-person", "I-person", "B-location", "I-location")
