"""The files of a checkpoint that are published, and checks before the hub is asked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from hub import Hub
from hub.samples import TOKEN
from nerine.core.errors import CheckpointError, HubError, NerineError, SettingsError
from nerine.core.files import file_hash
from nerine.hub.files import RemoteFile, git_hash
from nerine.hub.upload import LocalFile, Remote
from nerine.publishing.card import Statements
from nerine.publishing.card_mark import is_unedited, marked
from nerine.publishing.earlier_push import compare
from nerine.publishing.file_list import DELETABLE
from nerine.publishing.naming import public_record
from nerine.publishing.push import PushOptions, carry_out, plan_push, push
from nerine.publishing.secrets import check_no_secret
from pushes import PATH, SCORES, add_onnx, change, evaluate

SENT = ["README.md", "config.json", "model.safetensors", "nerine.json"]
SENT += ["tokenizer.json", "tokenizer_config.json"]
REPO = "mira/names"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SECRETS = {
    "a token of the Hugging Face hub": "hf_" + LETTERS[:34],
    "an access key of AWS": "AKIA" + "ABCDEFGH23456789",
    "a token of GitHub": "ghp_" + LETTERS[:36],
    "a token of GitLab": "glpat-" + LETTERS[:20],
    "a key of an API (sk-…)": "sk-proj-" + LETTERS[:40],
    "a key of Google Cloud": "AIza" + LETTERS[:35],
    "a token of Slack": "xoxb-" + "1234567890-abcdef",
    "a token of PyPI": "pypi-AgEIcHlwaS5vcmc" + LETTERS[:30],
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
}


@pytest.fixture
def folder(pushable: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pushable, tmp_path / "names"))


def refused(folder: Path, **options: Any) -> NerineError:
    with pytest.raises(NerineError) as raised:
        plan_push(folder, REPO, **options)
    assert raised.value.place
    return raised.value


# --- what goes out


def test_what_goes_out_is_on_a_list_and_all_else_is_named(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "README.md").write_text("a card of before")
    (folder / "seed-0").mkdir()
    plan = plan_push(folder, REPO)
    assert [file.name for file in plan.contents.files] == SENT
    reasons = {each.name: each.reason for each in plan.contents.left_out}
    assert set(reasons) == {
        *("run.json", ".env", "train.log", "optimizer.pt", "checkpoints/", "notes.txt"),
        *("README.md", "seed-0/"),
    }
    assert reasons["seed-0/"] == "the run of one seed"
    assert reasons[".env"] == "hidden"
    assert reasons["train.log"] == "a log"
    assert reasons["checkpoints/"] == "states of training"
    named = {file.name for file in plan.contents.files} | set(reasons)
    there = {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}
    assert there <= named


def test_files_have_their_sizes_and_hashes(folder: Path) -> None:
    for file in plan_push(folder, REPO).contents.files:
        if isinstance(file.content, Path):
            assert file.content == folder / file.name
            assert (file.size, file.sha256) == (
                file.content.stat().st_size,
                file_hash(file.content),
            )
        else:
            assert file.name in ("README.md", "nerine.json")
            assert file.size == len(file.content)


def test_a_card_template_of_the_users_is_filled_and_stays_here(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "card.md"
    place.write_text("---\n{{ card_data }}\n---\n\n# {{ title }} {{ evaluation.corpus }}\n")
    plan = plan_push(folder, REPO, card_template=place)
    assert "\n# names wnut17\n" in plan.readme
    assert is_unedited(plan.readme.encode())
    assert [file.name for file in plan.contents.files] == SENT
    assert "cannot be read" in str(refused(folder, card_template=tmp_path / "none.md"))


def test_paths_of_this_machine_become_names_and_stay_here_as_they_are(folder: Path) -> None:
    change(folder / "config.json", _name_or_path=str(folder))
    before = (folder / "nerine.json").read_text()
    plan = plan_push(folder, REPO)
    sent = {file.name: file.content for file in plan.contents.files}
    assert PATH in before
    assert (folder / "nerine.json").read_text() == before
    info, config = (json.loads(sent[name]) for name in ("nerine.json", "config.json"))  # type: ignore[arg-type]
    assert info["provenance"]["corpus"]["source"] == "wnut17"
    assert info["provenance"]["settings"]["encoder"] == "tiny"
    assert config["_name_or_path"] == "names"
    assert {(each.file, each.field, each.name) for each in plan.contents.shortened} == {
        ("nerine.json", "provenance.corpus.source", "wnut17"),
        ("nerine.json", "provenance.settings.encoder", "tiny"),
        ("config.json", "_name_or_path", "names"),
    }
    for content in sent.values():
        raw = content if isinstance(content, bytes) else content.read_bytes()
        assert b"/home/mira" not in raw
        assert str(folder).encode() not in raw


def test_tags_that_look_like_paths_are_no_paths(folder: Path) -> None:
    plan = plan_push(folder, REPO)
    assert not [each for each in plan.contents.shortened if "label" in each.field]
    values = {"id2label": {"0": "/tmp"}, "label2id": {"/tmp": 0}, "other": ["/tmp"]}
    public, shortened = public_record("config.json", values)
    assert public == {**values, "other": ["tmp"]}
    assert [(each.field, each.name) for each in shortened] == [("other[0]", "tmp")]


def test_onnx_models_go_out_where_they_are_asked_for(folder: Path) -> None:
    add_onnx(folder)
    assert [file.name for file in plan_push(folder, REPO).contents.files] == SENT
    plan = plan_push(folder, REPO, onnx=["onnx-fp32"])
    sent = {file.name: file.content for file in plan.contents.files}
    assert set(sent) == {*SENT, "onnx/onnx.json", "onnx/model-fp32.onnx"}
    said = json.loads(sent["onnx/onnx.json"])  # type: ignore[arg-type]
    assert list(said["models"]) == ["onnx-fp32"]
    assert said["chosen"] == "pytorch"  # the one that was chosen stays here
    assert (said["report"]["corpus"], said["report"]["checkpoint"]) == ("wnut17", "names")
    assert "onnx/model-int8.onnx" in {each.name for each in plan.contents.left_out}
    both = plan_push(folder, REPO, onnx=["all"])
    assert {file.name for file in both.contents.files} <= {*DELETABLE, "README.md"}
    assert len(both.contents.files) == len(sent) + 1


# --- refusals


def test_no_checkpoint_of_ours_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "nothing").found
    (folder / "run.json").unlink()
    (folder / "nerine.json").unlink()
    assert "Nerine did not make" in refused(folder).found


def test_a_run_that_has_not_ended_is_refused(folder: Path) -> None:
    (folder / "nerine.json").unlink()
    assert "has not ended" in refused(folder).found


def test_other_weights_are_refused(folder: Path) -> None:
    save_file({"a": torch.zeros(2)}, folder / "model.safetensors")
    assert "not those that nerine.json describes" in refused(folder).found


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_is_not_whole_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/nowhere")
    refused(folder)


def test_other_tags_than_those_of_the_model_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(folder / "config.json", id2label={**config["id2label"], "1": "B-other"})
    assert "different tags" in refused(folder).found


def test_no_scores_are_refused_until_there_is_an_evaluation(folder: Path) -> None:
    change(folder / "nerine.json", scores={})
    assert "has no scores" in refused(folder).found
    evaluate(folder)
    assert [file.name for file in plan_push(folder, REPO).contents.files][2] == "evaluations.json"


@pytest.mark.parametrize(
    "changes",
    [
        {"signs": [{"kind": "learned-nothing", "message": "it finds 0 of 9", "hint": "longer"}]},
        {"scores": {"validation": {**SCORES, "f1": 0.0123}}},
    ],
)
def test_a_model_that_has_learned_nothing_is_refused_unless_it_is_asked_for(
    folder: Path, changes: dict[str, Any]
) -> None:
    change(folder / "nerine.json", **changes)
    error = refused(folder)
    assert error.found == changes.get("signs", [{}])[0].get(
        "message", "the model has learned nothing: its validation F1 is 0.0123"
    )
    assert "--allow-failed" in str(error.hint)
    assert plan_push(folder, REPO, allow_failed=True).contents.files


def test_other_signs_of_failure_do_not_hold_up_a_push(folder: Path) -> None:
    change(folder / "nerine.json", signs=[{"kind": "label-rare", "message": "a", "hint": "b"}])
    (info,) = (f for f in plan_push(folder, REPO).contents.files if f.name == "nerine.json")
    assert isinstance(info.content, bytes)
    assert json.loads(info.content)["signs"][0]["kind"] == "label-rare"


def test_scores_of_an_unknown_split_are_refused(folder: Path) -> None:
    info = json.loads((folder / "nerine.json").read_text())
    change(folder / "nerine.json", scores={**info["scores"], "best": {"f1": 1.0}})
    assert "'best'" in refused(folder).found


def test_scores_on_unknown_texts_are_refused(folder: Path) -> None:
    evaluate(folder)
    info = json.loads((folder / "nerine.json").read_text())
    provenance = {**info["provenance"], "corpus": {}, "splits": {}}
    change(folder / "nerine.json", provenance=provenance)
    assert "it is unknown whether" in refused(folder).found


def test_scores_on_texts_that_were_trained_on_are_refused(folder: Path) -> None:
    evaluate(folder)
    info = json.loads((folder / "nerine.json").read_text())
    saved = json.loads((folder / "evaluations.json").read_text())
    splits = info["provenance"]["splits"]
    splits["train"]["texts"] = saved["evaluations"][0]["texts"]
    change(folder / "nerine.json", provenance={**info["provenance"], "splits": splits})
    assert "was trained on" in refused(folder).found


def test_scores_on_the_split_that_chose_the_checkpoint_are_said_to_be_such(folder: Path) -> None:
    evaluate(folder, "validation")
    assert "chose the checkpoint" in plan_push(folder, REPO).readme


def test_evaluations_of_other_weights_are_refused(folder: Path) -> None:
    evaluate(folder)
    change(folder / "evaluations.json", weights="0" * 64)
    assert "other weights" in refused(folder).found


def test_onnx_models_are_those_of_the_weights_and_of_their_hashes(folder: Path) -> None:
    assert "ONNX models are missing" in refused(folder, onnx=["all"]).found
    add_onnx(folder)
    assert "'onnx-fp16' is unknown" in refused(folder, onnx=["onnx-fp16"]).found
    (folder / "onnx/model-int8.onnx").write_bytes(b"another")
    assert plan_push(folder, REPO, onnx=["onnx-fp32"])
    assert "not the recorded one" in refused(folder, onnx=["onnx-int8"]).found
    change(folder / "onnx/onnx.json", weights="0" * 64)
    assert "other weights" in refused(folder, onnx=["onnx-fp32"]).found
    assert plan_push(folder, REPO)  # they are not asked for


def test_links_out_of_the_folder_are_refused_and_others_are_not(
    folder: Path, tmp_path: Path
) -> None:
    inside = folder / "config.json"
    inside.rename(folder / "mine.json")
    inside.symlink_to("mine.json")
    assert plan_push(folder, REPO)
    (folder / "mine.json").rename(tmp_path / "mine.json")
    inside.unlink()
    inside.symlink_to(tmp_path / "mine.json")
    assert "link" in refused(folder).found
    inside.unlink()
    (tmp_path / "mine.json").rename(inside)
    add_onnx(folder)
    (folder / "onnx").rename(tmp_path / "onnx")
    (folder / "onnx").symlink_to(tmp_path / "onnx")
    assert plan_push(folder, REPO)
    assert "a link out of the folder" in refused(folder, onnx=["all"]).found


def test_a_folder_of_the_hubs_own_cache_has_links_to_its_blobs(
    folder: Path, tmp_path: Path
) -> None:
    snapshot, blobs = tmp_path / "models--a--b/snapshots/0f", tmp_path / "models--a--b/blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            path.rename(blobs / path.name)
            (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert [file.name for file in plan_push(snapshot, REPO).contents.files] == SENT


def test_a_folder_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "vocab.txt").mkdir()
    assert "not a file" in refused(folder).found


# --- tokens


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_of_secret_is_found_and_never_shown(folder: Path, kind: str) -> None:
    (folder / "vocab.txt").write_text(f"one\ntwo\nkey = {SECRETS[kind]}\nfour\n")
    error = refused(folder)
    assert kind in error.found
    assert error.place == f"{folder / 'vocab.txt'}:3"
    assert SECRETS[kind] not in str(error)


def test_a_secret_in_the_header_of_weights_is_found(folder: Path) -> None:
    weights = folder / "model.safetensors"
    secret = {"format": "pt", "by": SECRETS["a token of GitHub"]}
    save_file(load_file(weights), weights, metadata=secret)
    info = json.loads((folder / "nerine.json").read_text())
    change(folder / "nerine.json", weights={**info["weights"], "sha256": file_hash(weights)})
    assert "a token of GitHub" in refused(folder).found


def test_a_secret_in_a_statement_is_found(folder: Path) -> None:
    (folder / "card.toml").write_text(f'intended_use = "curl -H {SECRETS["a token of GitLab"]}"')
    error = refused(folder)
    assert str(error.place).startswith("README.md:")
    assert SECRETS["a token of GitLab"] not in str(error)
    (folder / "card.toml").unlink()
    error = refused(folder, message=f"with {TOKEN}")
    assert error.place == "the commit's message:1"
    assert TOKEN not in str(error)


@pytest.mark.parametrize("token", [TOKEN, "an odd ~~token?? of some proxy"])
@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json"])
def test_the_logins_own_token_is_found_exactly(
    folder: Path, token: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    before = (folder / name).read_bytes() if (folder / name).exists() else b""
    (folder / name).write_bytes(before + b"\n" + f"x{token}x".encode())
    with pytest.raises(CheckpointError, match="the token of your login") as caught:
        check_no_secret(folder / name, name)
    line = before.count(b"\n") + 2
    assert caught.value.place == f"{name}:{line}"
    assert token not in str(caught.value)


@given(st.integers(0, 5000), st.sampled_from(sorted(SECRETS)))
def test_a_secret_is_found_at_any_position(before: int, kind: str) -> None:
    noise = (b"\n \0\xff." * 1000)[:before]
    text = noise + SECRETS[kind].encode() + b"\n" + bytes(5000)
    with pytest.raises(CheckpointError) as caught:
        check_no_secret(text, "x")
    assert kind in caught.value.found
    line = noise.count(b"\n") + 1
    assert caught.value.place == f"x:{line}"


def test_words_that_begin_like_secrets_are_none() -> None:
    text = b"hf_hub_download task-abcdefghijklmnopqrstuvwxyz half_" + LETTERS.encode()
    text += b" AKIA sk-learn -----BEGIN CERTIFICATE----- ghp_short BRASIA" + b"A" * 30
    check_no_secret(text, "x")


# --- cards, statements, options


def test_a_card_is_known_again_unless_it_was_edited() -> None:
    card = marked("# Names\n\nWords.\n")
    assert is_unedited(card)
    assert is_unedited(card.replace(b"\n", b"\r\n"))
    assert not is_unedited(card.replace(b"Words", b"More words"))
    assert not is_unedited(card + b"And a line.\n")
    assert not is_unedited(b"And a line.\n" + card)
    assert not is_unedited(b"# Names\n")
    assert not is_unedited(b"\xff\xfe")


def test_statements_come_from_options_or_the_folder(folder: Path) -> None:
    (folder / "card.toml").write_text('license = "mit"\nlanguage = ["en"]\n')
    plan = plan_push(folder, REPO, language=["pt"])
    assert "license: mit\n" in plan.readme
    assert "\n- pt\n" in plan.readme
    assert "license" not in plan_push(folder, REPO, statements=Statements()).readme.split("---")[1]
    with pytest.raises(SettingsError, match="unknown option or statement 'colour'"):
        plan_push(folder, REPO, colour="red")  # type: ignore[call-arg] # on purpose
    with pytest.raises(SettingsError, match=r"hint: nerine\.plan_push .* sends nothing"):
        push(folder, REPO, dry_run=True)  # type: ignore[call-arg] # on purpose
    with pytest.raises(SettingsError, match="one text"):
        PushOptions().changed({"onnx": "all"})


@pytest.mark.parametrize(
    ("repo", "options", "found"),
    [
        ("names", {}, "no owner"),
        ("mira/na mes", {}, "no repository"),
        ("mira/names@v1", {"revision": "v2"}, "two revisions"),
        ("mira/names", {"revision": "0" * 40}, "a commit never changes"),
        ("mira/names", {"tag": "v1", "create_pr": True}, "cannot be tagged"),
        ("mira/names", {"tag": "main"}, "cannot be a tag"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_anything_is_read(
    repo: str, options: dict[str, Any], found: str
) -> None:
    with pytest.raises(HubError, match=found):
        plan_push("/nowhere", repo, **options)


# --- comparison with the repository


def outgoing(name: str, content: bytes = b"a") -> LocalFile:
    return LocalFile(name, content, len(content), hashlib.sha256(content).hexdigest())


def test_files_are_compared_by_what_git_or_the_storage_calls_them() -> None:
    file = outgoing("a", b"hello\n")
    git = "ce013625030ba8dba906f756967f9e9ca394464a"  # of `git hash-object`
    assert git_hash(file.content) == git
    assert file.equals(RemoteFile(6, git))
    assert file.equals(RemoteFile(6, file.sha256))
    for size, digest in ((6, "0" * 64), (6, "0" * 40), (6, None), (5, git), (None, git)):
        assert not file.equals(RemoteFile(size, digest))


@given(st.sets(st.sampled_from(sorted(DELETABLE | {"mine.txt", ".gitattributes", "a/b"}))))
def test_only_files_of_an_earlier_push_are_deleted(there: set[str]) -> None:
    files = [outgoing("config.json"), outgoing("nerine.json")]
    known = {name: RemoteFile(1, git_hash(outgoing(name).content)) for name in there}
    found = compare(files, Remote(private=True, commit="0" * 40, files=known))
    sent = {file.name for file in files}
    assert {*found.unchanged} == sent & there
    assert {file.name for file in found.sent} == sent - there
    assert {*found.missing, *found.others} == there - sent - {".gitattributes"}
    assert {*found.missing} == ((there & DELETABLE) - sent if "nerine.json" in there else set())


def test_a_file_that_changes_meanwhile_is_not_sent(folder: Path, login: Hub) -> None:
    plan = plan_push(folder, REPO)
    (folder / "config.json").write_text("{}")
    with pytest.raises(HubError, match="has changed"):
        carry_out(plan)
    assert login.matching("/commit/") == []
