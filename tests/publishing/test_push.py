"""Pushes to a small hub over HTTP: what is sent, what is not sent twice, and errors."""

from __future__ import annotations

import json
import logging
import re
import shutil
import traceback
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi, ModelCard, constants
from huggingface_hub.errors import HfHubHTTPError

from hub import Fault, Hub
from hub.samples import TOKEN
from nerine.core.errors import HubError
from nerine.core.files import file_hash
from nerine.hub import upload
from nerine.model.tagger import Tagger
from nerine.publishing.push import Pushed, plan_push, push
from pushes import add_onnx, change, evaluate
from tiny import documents

REPO = "mira/names"
UPLOAD = "/upload/"


@pytest.fixture
def folder(pushable: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pushable, tmp_path / "names"))


def refused(folder: Path, repo: str = REPO, **options: Any) -> HubError:
    with pytest.raises(HubError) as raised:
        push(folder, repo, **options)
    assert raised.value.place
    told = "".join(traceback.format_exception(raised.value))
    assert TOKEN not in told
    return raised.value


def sent_bytes(hub: Hub) -> int:
    return hub.bytes_received(UPLOAD, "PUT")


# --- what arrives


def test_the_repository_holds_what_was_planned_and_is_private(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    plan = plan_push(folder, REPO, onnx=["all"])
    done = push(folder, REPO, onnx=["all"])
    there = login.files(REPO)
    assert there.pop(".gitattributes")
    assert set(there) == {file.name for file in plan.contents.files} == {*done.sent}
    for file in plan.contents.files:
        content = file.content if isinstance(file.content, bytes) else file.content.read_bytes()
        assert there[file.name] == content
    assert login.repository(REPO).private
    assert done.private
    assert done.created
    assert done.commit == login.commits(REPO)[0].oid
    assert done.commit in done.url
    card = ModelCard(there["README.md"].decode()).data.to_dict()  # type: ignore[no-untyped-call]
    assert card["model-index"][0]["name"] == "names"
    assert len(login.commits(REPO)) == 2  # the hub's own, and ours
    assert done.bytes == plan.size


def test_public_is_a_wish_that_has_to_be_spoken(login: Hub, folder: Path) -> None:
    assert not push(folder, REPO, public=True).private
    change(folder / "tokenizer_config.json", more=1)
    assert "is public" in refused(folder).found
    assert "public=True" in str(refused(folder).hint)
    assert push(folder, REPO, public=True).sent == ("tokenizer_config.json",)


def test_a_repository_keeps_its_visibility(login: Hub, folder: Path) -> None:
    login.add_repo(REPO, {".gitattributes": b""}, private=True)
    assert push(folder, REPO, public=True).private
    assert login.repository(REPO).private


def test_a_second_push_sends_nothing_and_says_so(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    first = push(folder, REPO, onnx=["all"])
    commits = len(login.commits(REPO))
    login.forget_requests()
    again = push(folder, REPO, onnx=["all"])
    assert not again.changed
    assert again.commit == first.commit
    assert {*again.unchanged} == {*first.sent}
    assert len(login.commits(REPO)) == commits
    assert {record.method for record in login.requests} == {"GET", "HEAD"}
    assert login.bytes_received() == 0


def test_what_has_changed_is_sent_alone(login: Hub, folder: Path) -> None:
    push(folder, REPO)
    login.forget_requests()
    done = push(folder, REPO, license="mit")
    assert done.sent == ("README.md",)
    assert sent_bytes(login) == 0
    assert b"license: mit" in login.files(REPO)["README.md"]


def licence_and_languages(hub: Hub) -> tuple[Any, ...]:
    """What the metadata of the card in the repository state."""
    data = ModelCard(hub.files(REPO)["README.md"].decode()).data
    return tuple(data.get(name) for name in ("license", "license_name", "language"))


def test_what_was_stated_stays_until_it_is_restated(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    push(folder, REPO, onnx=["all"], license="other", license_name="l-1", language=["en", "de"])
    before = login.files(REPO)
    evaluate(folder)
    done = push(folder, REPO, intended_use="Posts --> only.")
    assert done.kept_statements == {
        "license": "other",
        "license_name": "l-1",
        "language": ("en", "de"),
    }
    assert done.kept == ("onnx/model-fp32.onnx", "onnx/model-int8.onnx", "onnx/onnx.json")
    assert done.deleted == ()
    there = login.files(REPO)
    assert all(there[name] == before[name] for name in done.kept)
    assert licence_and_languages(login) == ("other", "l-1", ["en", "de"])
    again = push(folder, REPO, license="mit")
    assert again.kept_statements == {
        "language": ("en", "de"),
        "intended_use": "Posts --> only.",
    }
    assert licence_and_languages(login) == ("mit", None, ["en", "de"])
    assert not push(folder, REPO).changed


def test_what_is_no_longer_stated_is_removed_on_request(login: Hub, folder: Path) -> None:
    push(folder, REPO, license="mit", language=["en"], authors=["Jonas Lind"])
    done = push(folder, REPO, license="mit", remove=True)
    assert done.kept_statements == {}
    assert done.removed_statements == {"language": ("en",), "authors": ("Jonas Lind",)}
    card = login.files(REPO)["README.md"]
    assert b"license: mit" in card
    assert b"Jonas" not in card
    assert b"- en" not in card


def test_what_another_card_states_stays_too(login: Hub, folder: Path) -> None:
    theirs = b"---\nlicense: mit\nlanguage: en\n---\n# Mine\n"
    login.add_repo(REPO, {"README.md": theirs}, private=True)
    assert "written or edited" in refused(folder).found
    done = push(folder, REPO, replace_card=True)
    assert done.kept_statements == {"license": "mit", "language": ("en",)}
    login.add_repo("mira/odd", {"README.md": theirs.replace(b"mit", b"[1, 2]")}, private=True)
    error = refused(folder, "mira/odd", replace_card=True)
    assert "cannot be read" in error.found
    assert "--remove" in str(error.hint)
    assert push(folder, "mira/odd", replace_card=True, remove=True).changed


def test_models_of_other_weights_do_not_stay_unasked(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    push(folder, REPO, onnx=["all"])
    before = login.files(REPO)
    error = refused(folder, onnx=["onnx-int8"])
    assert "would remove files of an earlier one: onnx/model-fp32.onnx" in error.found
    assert "--remove" in str(error.hint)
    assert login.files(REPO) == before
    login.add_commit(REPO, {"model.safetensors": b"other weights"})
    assert "onnx/onnx.json" in refused(folder).found
    done = push(folder, REPO, remove=True)
    assert done.deleted == ("onnx/model-fp32.onnx", "onnx/model-int8.onnx", "onnx/onnx.json")


def test_evaluations_of_an_earlier_push_do_not_go_unasked(login: Hub, folder: Path) -> None:
    evaluate(folder)
    push(folder, REPO)
    (folder / "evaluations.json").unlink()
    assert "evaluations.json" in refused(folder).found
    assert push(folder, REPO, remove=True).deleted == ("evaluations.json",)


def test_files_of_others_stay(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    push(folder, REPO, onnx=["all"])
    login.add_commit(REPO, {"notes.md": b"mine", "onnx/mine.onnx": b"mine"})
    done = push(folder, REPO, remove=True)
    assert done.deleted == ("onnx/model-fp32.onnx", "onnx/model-int8.onnx", "onnx/onnx.json")
    assert done.others == ("notes.md", "onnx/mine.onnx")
    assert {"notes.md", "onnx/mine.onnx"} < set(login.files(REPO))
    assert not {*done.deleted} & set(login.files(REPO))


def test_ignored_files_of_a_repository_arrive_all_the_same(login: Hub, folder: Path) -> None:
    login.add_repo(REPO, {".gitignore": b"*.safetensors\nnerine.json\n"}, private=True)
    push(folder, REPO)
    assert {"model.safetensors", "nerine.json"} < set(login.files(REPO))


def test_a_pushed_checkpoint_comes_back_as_it_was(login: Hub, folder: Path) -> None:
    texts = [document.text for document in documents()]
    before = Tagger.load(folder, device="cpu")
    done = push(folder, REPO)
    pulled = Tagger.load(REPO, device="cpu")
    assert str(pulled.source) == f"{REPO}@{done.commit}"
    assert pulled.predict(texts) == before.predict(texts)
    assert any(document.entities for document in pulled.predict(texts))


def test_a_pulled_checkpoint_can_be_pushed_again(login: Hub, folder: Path) -> None:
    evaluate(folder)
    add_onnx(folder)
    push(folder, REPO, onnx=["all"])
    copied = push(REPO, "mira/copy", onnx=["all"])
    assert {"evaluations.json", "onnx/model-int8.onnx"} < {*copied.sent}
    there = login.files(REPO)
    for name, content in login.files("mira/copy").items():
        assert (
            content == there.pop(name).replace(b"mira/names", b"mira/copy") or name == "README.md"
        )
    assert there == {}


def test_what_is_not_there_is_not_needed_for_another_push(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    commit = push(folder, REPO, onnx=["onnx-int8"]).commit
    for name in (REPO, f"{REPO}@{commit}"):  # the second is not asked for what it has
        push(name, "mira/copy", onnx=["all"])
    assert {*login.files("mira/copy")} == {*login.files(REPO)}


# --- branches, tags, pull requests


def test_a_branch_is_made_from_main_and_pushed_to(login: Hub, folder: Path) -> None:
    push(folder, REPO)
    before = login.files(REPO)
    done = push(folder, f"{REPO}@wide", license="mit")
    assert login.files(REPO) == before
    assert b'revision="wide"' in login.files(REPO, "wide")["README.md"]
    assert done.sent == ("README.md",)
    again = push(folder, REPO, revision="wide", license="mit")
    assert not again.changed
    assert login.commits(REPO, "wide")[0].oid == again.commit == done.commit


def test_a_tag_names_the_commit_and_stays(login: Hub, folder: Path) -> None:
    done = push(folder, REPO, tag="v1")
    assert login.commits(REPO, "v1")[0].oid == done.commit
    assert not push(folder, REPO, tag="v1").changed
    assert not push(folder, REPO, tag="v1.0").changed  # another name of the same
    assert login.commits(REPO, "v1.0")[0].oid == done.commit
    assert "the tag 'v1' exists already" in refused(folder, tag="v1", license="mit").found
    assert login.commits(REPO)[0].oid == done.commit
    assert "is a tag" in refused(folder, revision="v1").found


@pytest.mark.parametrize("name", ["a b", "../x", "a..b", "-x", "x.lock", "refs/heads/x", "a~1"])
def test_a_name_that_git_does_not_take_is_refused_before_anything_is_sent(
    login: Hub, folder: Path, name: str
) -> None:
    assert "is not a valid name for a tag" in refused(folder, tag=name).found
    found = refused(folder, revision=name).found
    assert re.search("is not a valid (name for a branch|revision)", found)
    assert login.requests == []


def test_a_tag_that_could_not_be_made_is_made_by_the_next_push(login: Hub, folder: Path) -> None:
    login.fault(Fault(path="/tag/", method="POST", status=503))
    assert "the hub fails" in refused(folder, tag="v1").found
    done = push(folder, REPO, tag="v1")
    assert not done.changed
    assert login.commits(REPO, "v1")[0].oid == done.commit


def test_a_pull_request_changes_nothing_by_itself(login: Hub, folder: Path) -> None:
    push(folder, REPO)
    before = login.files(REPO)
    done = push(folder, REPO, create_pr=True, license="mit")
    assert login.files(REPO) == before
    assert done.pull_request is not None
    assert b"license: mit" in login.files(REPO, "refs/pr/1")["README.md"]
    more = push(folder, REPO, revision="refs/pr/1", license="mit", language=["en"])
    assert more.sent == ("README.md",)
    assert "no revision" in refused(folder, revision="refs/pr/7").found


def test_anybody_may_propose_to_a_public_repository(login: Hub, folder: Path) -> None:
    push(folder, REPO)
    there = {name: each for name, each in login.files(REPO).items() if name != "README.md"}
    login.add_repo("jonas/names", there)
    assert "may not" in refused(folder, "jonas/names", public=True).found
    assert push(folder, "jonas/names", public=True, create_pr=True).pull_request
    assert login.files("jonas/names") == there
    assert set(login.files("jonas/names", "refs/pr/1")) == {*there, "README.md"}


# --- what others have done


def test_a_card_that_a_person_wrote_is_not_replaced_unasked(login: Hub, folder: Path) -> None:
    login.add_repo(REPO, {"README.md": b"# Mine\n"}, private=True)
    assert "written or edited" in refused(folder).found
    assert set(login.files(REPO)) == {"README.md"}
    assert "README.md" in push(folder, REPO, replace_card=True).sent
    edited = login.files(REPO)["README.md"].replace(b"## Limits", b"## Known limits")
    login.add_commit(REPO, {"README.md": edited})
    assert "written or edited" in refused(folder).found
    assert login.files(REPO)["README.md"] == edited


def test_a_push_by_another_user_in_between_is_not_mixed(login: Hub, folder: Path) -> None:
    push(folder, REPO)

    def meanwhile(message: str) -> None:
        if message == "committing":
            login.add_commit(REPO, {"notes.md": b"theirs"})

    with pytest.raises(HubError, match="in the meantime"):
        push(folder, REPO, license="mit", say=meanwhile)
    assert b"license: mit" not in login.files(REPO)["README.md"]
    assert push(folder, REPO, license="mit").others == ("notes.md",)


# --- what goes wrong


def test_after_a_cut_upload_only_what_is_missing_is_sent(
    login: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_LARGE", 1000)
    add_onnx(folder, b"model " * 5000)
    second = folder / "onnx/model-int8.onnx"
    login.fault(Fault(method="PUT", path=file_hash(second), cut_upload=500, times=None))
    assert "the connection to the hub" in refused(folder, onnx=["all"]).found
    assert set(login.files(REPO)) == {".gitattributes"}  # no incomplete commit
    login.mend()
    login.forget_requests()
    assert push(folder, REPO, onnx=["all"]).changed
    assert sent_bytes(login) == second.stat().st_size
    assert login.files(REPO)["onnx/model-int8.onnx"] == second.read_bytes()


def test_each_large_file_has_arrived_before_the_next_one_is_sent(
    login: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_LARGE", 1000)
    add_onnx(folder, b"model " * 5000)
    names = ("model.safetensors", "onnx/model-fp32.onnx", "onnx/model-int8.onnx")
    arrived = []

    def hear(message: str) -> None:
        if message.removeprefix("sending ") in names:
            there = set(login.repository(REPO).large)
            arrived.append([name for name in names if file_hash(folder / name) in there])

    push(folder, REPO, onnx=["all"], say=hear)
    assert arrived == [[*names[:count]] for count in range(len(names))]


def test_one_that_is_cut_once_is_sent_again(login: Hub, folder: Path) -> None:
    login.fault(Fault(method="PUT", path=UPLOAD, cut_upload=500))
    assert push(folder, REPO).changed
    weights = (folder / "model.safetensors").read_bytes()
    assert login.files(REPO)["model.safetensors"] == weights


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("path", [UPLOAD, "/preupload/", "/info/lfs/objects/batch"])
def test_a_busy_hub_is_asked_again(login: Hub, folder: Path, path: str, status: int) -> None:
    login.fault(Fault(path=path, status=status, times=2, retry_after=1))
    assert push(folder, REPO).changed


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/whoami-v2", "GET"),
        (f"/api/models/{REPO}", "GET"),
        ("/api/repos/create", "POST"),
        ("/api/validate-yaml", "POST"),
        ("/refs", "GET"),
        ("/tree/", "GET"),
        ("/preupload/", "POST"),
        (UPLOAD, "PUT"),
        ("/verify", "POST"),
        ("/commit/", "POST"),
    ],
)
@pytest.mark.parametrize(("status", "found"), [(503, "the hub fails"), (429, "too often")])
def test_a_hub_that_stays_busy_is_one_message(
    login: Hub, folder: Path, path: str, method: str, status: int, found: str
) -> None:
    login.fault(Fault(path=path, method=method, status=status, times=None))
    assert found in refused(folder).found
    login.mend()
    assert push(folder, REPO).changed


def test_an_answer_that_is_lost_after_the_commit_is_no_second_commit(
    login: Hub, folder: Path
) -> None:
    login.fault(Fault(path="/commit/", cut_download=3))
    refused(folder)
    assert not push(folder, REPO).changed
    assert len(login.commits(REPO)) == 2


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("path", [UPLOAD, "/commit/", "/preupload/", "/api/models/mira/names"])
def test_a_redirect_to_another_host_takes_no_token_along(
    login: Hub, folder: Path, path: str, times: int | None
) -> None:
    login.fault(Fault(path=path, redirect=True, times=times))
    told = ""
    try:
        push(folder, REPO)
    except HubError as error:
        told = "".join(traceback.format_exception(error))
    assert TOKEN not in told
    foreign = [record for record in login.requests if record.host != "hub"]
    # an upload is a stream, which the library cannot send again to where it is redirected
    assert "elsewhere" in {record.host for record in foreign} or path == UPLOAD
    assert ("push again: completed files are kept" in told) or path != UPLOAD
    for record in foreign:
        assert TOKEN not in f"{record.path} {record.headers}"
        assert TOKEN.encode() not in record.body


# --- who pushes


def test_without_a_login_nothing_is_asked(hub: Hub, folder: Path) -> None:
    assert "nobody is logged in" in refused(folder).found
    assert hub.requests == []


def test_offline_nothing_is_asked(
    login: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused(folder).found
    assert login.requests == []
    assert plan_push(folder, REPO)


def test_an_invalid_token_is_an_error_that_says_so(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "does not accept this login's token" in refused(folder).found


def test_a_token_that_may_only_read_is_said_to_be_that(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_user("mira", token=TOKEN, write=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "may not do that" in refused(folder).found
    assert not hub.exists(REPO)
    hub.add_repo(REPO, {".gitattributes": b""}, private=True)
    assert "may not do that" in refused(folder).found


def test_the_name_of_another_user_is_refused(login: Hub, folder: Path) -> None:
    assert "may not do that" in refused(folder, "jonas/names").found


def test_a_card_that_the_hub_does_not_take_is_refused_before_anything_is_made(
    login: Hub, folder: Path
) -> None:
    login.fault(Fault(path="/api/validate-yaml", method="POST", status=400))
    error = refused(folder, license="my-own")
    assert "the card's metadata" in error.found
    assert "--license other" in str(error.hint)
    assert not login.exists(REPO)


# --- the token


def test_the_token_is_nowhere_but_in_requests_to_the_hub(
    login: Hub,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(constants, "HF_DEBUG", True)
    for name in ("huggingface_hub", "httpx2", "httpcore2"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.DEBUG)
    done = push(folder, REPO, tag="v1")
    change(folder / "tokenizer_config.json", more=1)
    login.fault(Fault(path="/commit/", status=500))
    refused(folder)
    told = [caplog.text, *capfd.readouterr(), repr(done), json.dumps(done.to_dict())]
    assert any("curl" in text for text in told)  # the library did log its requests
    for text in told:
        assert TOKEN not in text
    assert all(TOKEN.encode() not in content for content in login.files(REPO).values())
    for path in folder.rglob("*"):
        assert path.name == ".env" or path.is_dir() or TOKEN.encode() not in path.read_bytes()
    asked = [record for record in login.requests if TOKEN in str(record.headers)]
    assert {record.host for record in asked} == {"hub"}


def test_what_the_library_says_with_a_token_in_it_is_not_repeated(
    login: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = httpx2.Request("POST", f"{login.endpoint}/x", headers={"Authorization": TOKEN})

    def fail(*_: Any, **__: Any) -> None:
        response = httpx2.Response(403, request=request)
        try:
            raise httpx2.HTTPError(f"Bearer {TOKEN} was sent")
        except httpx2.HTTPError as error:
            message = f"{TOKEN} may not"
            raise HfHubHTTPError(message, response=response, server_message=TOKEN) from error

    monkeypatch.setattr(HfApi, "create_commit", fail)
    assert "may not do that" in refused(folder).found


def test_a_push_can_be_shown_as_json(login: Hub, folder: Path) -> None:
    done = push(folder, REPO)
    assert isinstance(done, Pushed)
    shown = json.loads(json.dumps(done.to_dict()))
    assert shown["repository"] == REPO
    assert shown["commit"] == done.commit
    assert {file["name"] for file in shown["files"]} == {*done.sent}
