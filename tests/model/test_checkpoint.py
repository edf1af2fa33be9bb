"""Folders ↔ models with their settings: whole, or not there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from transformers import AutoModelForTokenClassification, pipeline

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.filenames import INFO_FILE, RUN_FILE, WEIGHTS_FILE
from nerine.core.files import file_hash
from nerine.core.tags import TagScheme
from nerine.model.loading.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from nerine.model.loading.weights_hash import weights_hash
from nerine.model.tagger import Tagger
from tiny import KINDS, LABELS, LONGEST, documents, make_checkpoint, make_foreign

FILES = {"config.json", "model.safetensors", "nerine.json", "tokenizer.json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of its own for a test that changes it."""
    return make_checkpoint(tmp_path / "saved")


def refusal(folder: Path, **options: Any) -> NerineError:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder, **options)
    return caught.value


def change_info(folder: Path, **changes: Any) -> None:
    path = folder / INFO_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def same_weights(left: Any, right: Any) -> bool:
    pairs = zip(left.state_dict().items(), right.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


# --- there and back


def test_what_was_saved_is_loaded(folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder)
    told = dataclasses.replace(loaded, scores={"f1": 0.5}, provenance={"corpus": "é"})
    save_checkpoint(tmp_path / "again", told)
    again = load_checkpoint(tmp_path / "again")
    assert (again.settings, again.scores, again.provenance) == (
        told.settings,
        told.scores,
        told.provenance,
    )
    assert same_weights(again.model, loaded.model)
    assert again.tokenizer.get_vocab() == loaded.tokenizer.get_vocab()


def test_the_folder_is_one_of_transformers_with_one_file_more(folder: Path) -> None:
    assert FILES | {"tokenizer_config.json"} == {file.name for file in folder.iterdir()}
    info = json.loads((folder / INFO_FILE).read_text())
    assert info["labels"] == list(LABELS)
    assert info["settings"]["scheme"] == "IOB2"
    assert info["weights"] == {"file": WEIGHTS_FILE, "sha256": file_hash(folder / WEIGHTS_FILE)}


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_loads_it_alone(kind: str, checkpoint_of: Callable[..., Path]) -> None:
    model = AutoModelForTokenClassification.from_pretrained(checkpoint_of(kind))
    assert same_weights(model, load_checkpoint(checkpoint_of(kind)).model)
    assert tuple(model.config.id2label.values()) == TagScheme.IOB2.tags(LABELS)


def test_transformers_pipeline_gives_the_same_tags(
    checkpoint_of: Callable[..., Path], tagger_of: Callable[..., Tagger]
) -> None:
    tagger = tagger_of(decoding="argmax")
    recognise = pipeline("token-classification", model=str(checkpoint_of()), device="cpu")
    document = documents()[0]
    read = tagger.inference.word_logits([document])[0]
    best = {
        (int(start), tagger.settings.tags[int(logits.argmax())])
        for start, logits in zip(read.encoding.word_starts, read.values, strict=True)
    }
    found: list[dict[str, Any]] = recognise(document.text)
    theirs = {(each["index"] - 1, each["entity"]) for each in found}
    assert {pair for pair in best if pair[1] != "O"} <= theirs


def test_a_scheme_can_be_stated(folder: Path) -> None:
    assert load_checkpoint(folder, scheme="iob1").settings.scheme is TagScheme.IOB1


# --- writing over, and writing that fails


def test_an_existing_checkpoint_is_replaced(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    other = load_checkpoint(make_checkpoint(tmp_path / "other", "roberta", labels=("thing",)))
    save_checkpoint(folder, other)
    loaded = load_checkpoint(folder)
    assert loaded.settings == other.settings
    assert same_weights(loaded.model, other.model)
    assert (folder / "notes.txt").read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {
        *("saved", "saved-encoder", "other", "other-encoder"),
    }


def test_a_relative_folder_is_fine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = load_checkpoint(folder)
    (folder.parent / "new").mkdir()
    monkeypatch.chdir(folder.parent / "new")
    save_checkpoint(Path(), checkpoint)
    save_checkpoint(Path("below/it"), checkpoint)
    assert load_checkpoint(".").settings == load_checkpoint("below/it").settings
    assert not list(folder.parent.rglob("*.part"))


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def full_disk_of_safetensors(*_: object, **__: object) -> None:
    raise SafetensorError("Error while serializing: I/O error: No space left on device")


def full_disk_of_tokenizers(*_: object, **__: object) -> None:
    raise Exception("No space left on device (os error 28)")


@pytest.mark.parametrize(
    ("part", "fail"),
    [
        ("model", full_disk),
        ("model", full_disk_of_safetensors),
        ("tokenizer", full_disk_of_tokenizers),
    ],
)
def test_a_write_that_fails_leaves_the_old_checkpoint(
    folder: Path, part: str, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file.name: file_hash(file) for file in folder.iterdir()}
    checkpoint = load_checkpoint(folder)
    monkeypatch.setattr(getattr(checkpoint, part), "save_pretrained", fail)
    with pytest.raises(CheckpointError, match=r"cannot be written: .*No space left") as caught:
        save_checkpoint(folder, checkpoint)
    assert caught.value.place == str(folder)
    assert {file.name: file_hash(file) for file in folder.iterdir()} == before
    assert {file.name for file in folder.parent.iterdir()} == {"saved", "saved-encoder"}
    load_checkpoint(folder)


@pytest.mark.parametrize("moved", range(5))
def test_files_of_two_checkpoints_are_never_mixed(
    folder: Path, tmp_path: Path, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move is interrupted after so many of the five files."""
    old = load_checkpoint(folder)
    new = load_checkpoint(make_checkpoint(tmp_path / "other", "electra"))
    replace = Path.replace
    calls: list[Path] = []

    def replace_or_fail(self: Path, target: Path) -> Path:
        if target.parent == folder:
            calls.append(target)
            if len(calls) > moved:
                full_disk()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_or_fail)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(folder, new)
    monkeypatch.undo()
    if moved:
        assert "the weights are not those that nerine.json describes" in refusal(folder).found
    else:
        assert same_weights(load_checkpoint(folder).model, old.model)


def test_a_write_that_fails_leaves_no_new_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = load_checkpoint(folder)
    monkeypatch.setattr(checkpoint.tokenizer, "save_pretrained", full_disk)
    with pytest.raises(CheckpointError):
        save_checkpoint(folder.parent / "new", checkpoint)
    assert {file.name for file in folder.parent.iterdir()} == {"saved", "saved-encoder"}


# --- checkpoints that are not whole


def test_weights_of_another_run(folder: Path, tmp_path: Path) -> None:
    other = make_checkpoint(tmp_path / "other", words="tokens")
    model = load_checkpoint(other).model
    with torch.no_grad():
        model.classifier.bias.add_(1)
    model.save_pretrained(folder)
    error = refusal(folder)
    assert error.found == "the weights are not those that nerine.json describes"
    assert error.place == str(folder / WEIGHTS_FILE)
    assert "SHA-256" in str(error.expected)


def test_weights_that_were_cut_short(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-10])
    assert "the weights are not those" in refusal(folder).found


def test_settings_that_were_cut_in_half(folder: Path) -> None:
    path = folder / INFO_FILE
    path.write_text(path.read_text()[: path.stat().st_size // 2])
    error = refusal(folder)
    assert error.found.startswith("this is not valid JSON")
    assert error.place == str(path)
    assert "cut short" in str(error.hint)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"format": 1, "weights": []}', "\x00", "é", "[" * 100_000, '{"a": NaN}']
)
def test_settings_that_are_something_else(folder: Path, text: str) -> None:
    (folder / INFO_FILE).write_text(text, encoding="latin-1")
    assert refusal(folder).place == f"{folder / INFO_FILE}"


@pytest.mark.parametrize("field", ["tags", "scheme", "words", "decoding", "max_length", "overlap"])
@pytest.mark.parametrize("value", [None, -1, 1.5, True, "IOB2", [], [1], ["O", None], {"a": 1}])
def test_settings_of_another_kind(folder: Path, field: str, value: object) -> None:
    settings = json.loads((folder / INFO_FILE).read_text())["settings"]
    change_info(folder, settings={**settings, field: value})
    if (field, value) == ("scheme", "IOB2"):
        load_checkpoint(folder)
        return
    with pytest.raises(CheckpointError):
        Tagger.load(folder)


def test_a_checkpoint_of_a_newer_version(folder: Path) -> None:
    change_info(folder, format=2)
    error = refusal(folder)
    assert error.found == "format 2 of a checkpoint"
    assert "git pull" in str(error.hint)  # it is on no index: of that name there, it is another's


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"surprise": 1}, "the fields surprise are unknown or missing"),
        ({"words": "letters"}, "'letters' is not known"),
        ({"scheme": "IOB9"}, "unknown tag scheme 'IOB9'"),
    ],
)
def test_settings_that_are_unknown(folder: Path, change: Mapping[str, Any], found: str) -> None:
    settings = json.loads((folder / INFO_FILE).read_text())["settings"]
    change_info(folder, settings={**settings, **change})
    error = refusal(folder)
    assert error.found == found
    assert error.place == f"{folder}/{INFO_FILE}"


def test_tags_that_differ_from_the_models(folder: Path) -> None:
    settings = json.loads((folder / INFO_FILE).read_text())["settings"]
    change_info(folder, settings={**settings, "tags": ["O", "B-x", "I-x", "B-y", "I-y"]})
    assert refusal(folder).found == "nerine.json and config.json name different tags"


def test_a_run_that_has_not_ended(folder: Path) -> None:
    (folder / INFO_FILE).unlink()
    (folder / RUN_FILE).write_text("{}")
    state = folder / "checkpoints" / "step-00000012"
    state.mkdir(parents=True)
    error = refusal(folder)
    assert error.found == "this training run has not ended"
    assert "--resume" in str(error.hint)
    assert str(state) in str(error.hint)


# --- models that Nerine did not make

IOB2 = ("O", "B-person", "I-person")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (IOB2, TagScheme.IOB2),
        (("B-person", "O", "I-person"), TagScheme.IOB2),
        (("O", "B-person", "B-place"), TagScheme.IOB2),
        (("O", "I-person", "I-place", "B-place"), TagScheme.IOB1),
        (("O", "I-person"), TagScheme.IOB1),
        (TagScheme.BIOES.tags(["person"]), TagScheme.BIOES),
        (TagScheme.BILOU.tags(["person"]), TagScheme.BILOU),
    ],
)
def test_the_scheme_of_a_foreign_model_is_read_from_its_tags(
    tmp_path: Path, tags: tuple[str, ...], scheme: TagScheme
) -> None:
    loaded = load_checkpoint(make_foreign(tmp_path / "foreign", dict(enumerate(tags))))
    assert loaded.settings.tags == tags
    assert loaded.settings.scheme is scheme
    assert loaded.settings.max_length == LONGEST
    assert loaded.settings.overlap == LONGEST // 4
    assert (loaded.scores, loaded.provenance) == ({}, {})


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_bioes_model_tags(tmp_path: Path, kind: str) -> None:
    tags = TagScheme.BIOES.tags(LABELS)
    tagger = Tagger.load(make_foreign(tmp_path, dict(enumerate(tags)), kind), device="cpu")
    found = tagger.predict(documents())
    assert {entity.label for document in found for entity in document.entities} <= set(LABELS)
    assert any(document.entities for document in found)


def test_a_stated_scheme_settles_what_tags_leave_open(tmp_path: Path) -> None:
    folder = make_foreign(tmp_path, dict(enumerate(IOB2)))
    assert load_checkpoint(folder, scheme="IOB1").settings.scheme is TagScheme.IOB1


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (("LABEL_0", "LABEL_1"), "the model's labels are unnamed (LABEL_0 to LABEL_1)"),
        (("B-person", "I-person"), "the tags B-person, I-person lack 'O'"),
    ],
)
def test_tags_of_an_unknown_form(tmp_path: Path, tags: tuple[str, ...], found: str) -> None:
    folder = make_foreign(tmp_path, dict(enumerate(tags)))
    error = refusal(folder)
    assert error.found == found
    assert error.place == f"{folder}/config.json, id2label"
    assert "name them in the order of their ids" in str(error.hint)


def test_a_foreign_model_can_be_saved_as_ours(tmp_path: Path) -> None:
    foreign = load_checkpoint(make_foreign(tmp_path / "foreign", dict(enumerate(IOB2))))
    save_checkpoint(tmp_path / "ours", foreign)
    ours = load_checkpoint(tmp_path / "ours")
    assert isinstance(ours, Checkpoint)
    assert ours.settings == foreign.settings


def test_a_file_that_is_nested_too_deeply_is_an_error(tmp_path: Path) -> None:
    (tmp_path / INFO_FILE).write_text("[" * 100_000)
    with pytest.raises(CheckpointError):
        weights_hash(tmp_path)
