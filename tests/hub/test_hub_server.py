"""The hub for tests against the client that it is for: huggingface_hub, unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    get_session,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import Hub, git
from hub.samples import FILES, TOKEN, WEIGHTS, read, write

CommitOperation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete


# Up and down


def test_upload_then_download(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    """What goes up comes down, whole and in one commit."""
    api.create_repo("mira/model", private=True)
    commit = api.upload_folder(
        repo_id="mira/model", folder_path=write(tmp_path / "source", FILES), commit_message="All"
    )
    found = read(snapshot_download("mira/model"))
    assert found == hub.files("mira/model")
    assert {name: found[name] for name in FILES} == FILES
    assert set(found) - set(FILES) == {".gitattributes"}
    assert [made.title for made in hub.commits("mira/model")] == ["All", "initial commit"]
    assert Path(hf_hub_download("mira/model", "onnx/deep/er.txt")).parts[-3] == "onnx"
    assert commit.oid in hf_hub_download("mira/model", "config.json", revision=commit.oid)


@pytest.fixture
def own_hub(hub: Hub, api: HfApi) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Uploads files to a new repository and downloads them again."""
    number = iter(range(1000))

    def there_and_back(files: dict[str, bytes]) -> dict[str, bytes]:
        name = f"mira/model-{next(number)}"
        api.create_repo(name)
        operations = [CommitOperationAdd(path, content) for path, content in files.items()]
        api.create_commit(name, operations, commit_message="Files")
        return read(snapshot_download(name, ignore_patterns=".gitattributes"))

    return there_and_back


NAMES = st.from_regex(r"[a-z0-9ü _+-]{1,6}(\.(txt|bin|onnx))?", fullmatch=True).map(str.strip)
PATHS = st.lists(NAMES.filter(bool), min_size=1, max_size=3).map("/".join)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(PATHS, st.binary(max_size=60), min_size=1, max_size=5))
def test_any_files_come_back(
    own_hub: Callable[[dict[str, bytes]], dict[str, bytes]], files: dict[str, bytes]
) -> None:
    """Law: download after upload is the identity."""
    folders = {folder for path in files for folder in git.parents(path)}
    files = {path: content for path, content in files.items() if path not in folders}
    assert own_hub(files) == files


def test_second_upload_sends_nothing(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    """A folder that is there already makes no commit; a changed file is sent alone."""
    api.create_repo("mira/model")
    source = write(tmp_path / "source", FILES)
    first = api.upload_folder(repo_id="mira/model", folder_path=source)
    assert hub.bytes_received("/upload/") == len(WEIGHTS) + len(FILES["onnx/model.onnx"])
    hub.forget_requests()
    assert api.upload_folder(repo_id="mira/model", folder_path=source).oid == first.oid
    assert hub.matching("/upload/") == []
    assert hub.matching("/commit/") == []
    write(source, {"other/name.bin": WEIGHTS, "onnx/model.onnx": b"new"})
    api.upload_folder(repo_id="mira/model", folder_path=source)
    assert hub.bytes_received("/upload/") == 3
    assert hub.files("mira/model")["other/name.bin"] == WEIGHTS


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large objects may come in parts."""
    from hub.process import leave, turn_to

    with Hub(multipart_above=50_000) as hub:
        turn_to(hub, monkeypatch, tmp_path)
        hub.add_user("mira", token=TOKEN)
        hub.add_repo("mira/model", {})
        api = HfApi(token=TOKEN)
        api.upload_file(path_or_fileobj=WEIGHTS, path_in_repo="w.safetensors", repo_id="mira/model")
        leave()
    assert hub.files("mira/model") == {"w.safetensors": WEIGHTS}
    received = [record.received for record in hub.matching("/upload/")]
    assert received == [50_000] * 4 + [len(WEIGHTS) - 200_000]


# Commits, branches, tags


def test_operations(hub: Hub, model: str, api: HfApi) -> None:
    """Files are added, deleted and copied in one commit."""
    operations: list[CommitOperation] = [
        CommitOperationDelete("onnx/"),
        CommitOperationDelete("empty"),
        CommitOperationCopy("model.safetensors", "copy.safetensors"),
        CommitOperationAdd("new.txt", b"new"),
    ]
    api.create_commit(model, operations, commit_message="Change", commit_description="Why")
    expected = {name: content for name, content in FILES.items() if not name.startswith("onnx/")}
    expected |= {"copy.safetensors": WEIGHTS, "new.txt": b"new"}
    del expected["empty"]
    assert hub.files(model) == expected
    newest = api.list_repo_commits(model)[0]
    assert (newest.title, newest.message, newest.authors) == ("Change", "Why", ["mira"])


@pytest.mark.parametrize("path", ["gone.txt", "gone/"])
def test_missing_files_are_not_deleted(hub: Hub, model: str, api: HfApi, path: str) -> None:
    """A commit that cannot be made whole is not made at all."""
    operations: list[CommitOperation] = [
        CommitOperationAdd("new.txt", b"new"),
        CommitOperationDelete(path),
    ]
    with pytest.raises(RemoteEntryNotFoundError):
        api.create_commit(model, operations, commit_message="Change")
    assert hub.files(model) == FILES


def test_stale_parent_is_refused(hub: Hub, model: str, api: HfApi) -> None:
    """Who commits on top of a commit that is no longer the newest is told."""
    parent = hub.commits(model)[0].oid
    add = [CommitOperationAdd("new.txt", b"new")]
    api.create_commit(model, add, commit_message="First", parent_commit=parent)
    add = [CommitOperationAdd("newer.txt", b"newer")]
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        api.create_commit(model, add, commit_message="Second", parent_commit=parent)
    assert caught.value.response.status_code == 412
    assert "newer.txt" not in hub.files(model)


def test_branches_and_tags(hub: Hub, model: str, api: HfApi) -> None:
    """Refs can be made, moved by commits, listed and removed."""
    first = hub.commits(model)[0].oid
    api.create_branch(model, branch="try/it")
    api.create_tag(model, tag="v1")
    api.create_tag(model, tag="v1", exist_ok=True)
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=model, revision="try/it")
    assert "x" in hub.files(model, "try/it")
    assert "x" not in hub.files(model)
    refs = api.list_repo_refs(model)
    assert {ref.name: ref.target_commit == first for ref in refs.branches + refs.tags} == {
        "main": True,
        "try/it": False,
        "v1": True,
    }
    with pytest.raises(HfHubHTTPError, match="already exists"):
        api.create_branch(model, branch="try/it")
    api.delete_branch(model, branch="try/it")
    api.delete_tag(model, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(model, revision="v1")


def test_pull_request(hub: Hub, model: str) -> None:
    """Whoever may not write may ask to; main stays as it is."""
    hub.add_user("noor", token="hf_noor")
    noor = HfApi(token="hf_noor")
    for path, pull_request in (("new.txt", False), ("new.bin", True)):
        change = CommitOperationAdd(path, b"new")
        with pytest.raises(HfHubHTTPError, match="Authorization error"):
            noor.create_commit(model, [change], commit_message="Mine", create_pr=pull_request)
    change = CommitOperationAdd("new.txt", b"new")
    made = noor.create_commit(model, [change], commit_message="Mine", create_pr=True)
    assert made.pr_revision == "refs/pr/1"
    assert hub.files(model) == FILES
    assert hub.files(model, "refs/pr/1")["new.txt"] == b"new"
    path = hf_hub_download(model, "new.txt", revision="refs/pr/1")
    assert Path(path).read_bytes() == b"new"
    asked = noor.list_repo_refs(model, include_pull_requests=True).pull_requests
    assert asked is not None
    assert asked[0].target_commit == made.oid


def test_ignored_files_stay_away(hub: Hub, model: str, api: HfApi, tmp_path: Path) -> None:
    """.gitignore is heeded, as git's is."""
    files = {".gitignore": b"*.log\nruns/\n", "a.log": b"1", "runs/b.bin": b"2", "c.txt": b"3"}
    api.upload_folder(repo_id=model, folder_path=write(tmp_path / "source", files))
    assert set(hub.files(model)) - set(FILES) == {".gitignore", "c.txt"}


def lines(*operations: tuple[str, dict[str, Any]]) -> bytes:
    """The body of a commit."""
    header = ("header", {"summary": "Change"})
    items = [{"key": key, "value": value} for key, value in (header, *operations)]
    return "\n".join(map(json.dumps, items)).encode()


def text(path: str, content: str = "eA==") -> tuple[str, dict[str, Any]]:
    """A commit's line for a small file."""
    return "file", {"path": path, "content": content, "encoding": "base64"}


def send(hub: Hub, address: str, body: bytes) -> httpx2.Response:
    """A request by hand."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return get_session().post(hub.endpoint + address, content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no lines of JSON", "lines of JSON"),
        (b'{"key": "header", "value": {}}', "needs a summary"),
        (lines(text("../../x")), "Invalid path"),
        (lines(text("/x")), "Invalid path"),
        (lines(text(".git/hooks/x")), "Invalid path"),
        (lines(text("x", "?")), "not in base64"),
        (lines(text("empty/x")), "same path"),
        (lines(("lfsFile", {"path": "x", "oid": "0" * 64})), "LFS pointer"),
        (lines(("lfsFile", {"path": "x", "oid": git.sha256(WEIGHTS), "size": 1})), "LFS pointer"),
        (lines(("copyFile", {"path": "x", "srcPath": "none"})), "doesn't exist"),
        (lines(("renamed", {})), "Unknown operation"),
    ],
)
def test_commits_that_are_refused(hub: Hub, model: str, api: HfApi, body: bytes, said: str) -> None:
    """What huggingface_hub would never send, or only by mistake."""
    answer = send(hub, f"/api/models/{model}/commit/main", lines(text("y")) + b"\n" + body)
    assert answer.status_code in {400, 404}
    assert said in answer.json()["error"]
    assert hub.files(model) == FILES


def test_copy_by_the_hub(hub: Hub, model: str, api: HfApi) -> None:
    """The hub can copy by itself, from another commit too."""
    first = hub.commits(model)[0].oid
    hub.add_commit(model, {}, delete=("config.json",))
    copy = {"path": "copy.json", "srcPath": "config.json", "srcRevision": first}
    answer = send(hub, f"/api/models/{model}/commit/main", lines(("copyFile", copy)))
    assert answer.json()["success"]
    assert hub.files(model)["copy.json"] == FILES["config.json"]


def test_tags_do_not_move(hub: Hub, model: str, api: HfApi) -> None:
    """A commit goes on a branch; main stays."""
    api.create_tag(model, tag="v1")
    address = f"/api/models/{model}/commit/v1"
    assert send(hub, address, lines(text("x"))).json() == {"error": "v1 is no branch"}
    with pytest.raises(RevisionNotFoundError):
        api.delete_branch(model, branch="main")


def test_object_ids_are_those_of_git(hub: Hub, tmp_path: Path) -> None:
    """The ids of files, folders and commits against values that git has given."""
    commit = hub.add_repo("mira/model", {"a.txt": b"a\n", "b/c.txt": b"c\n", "b.txt": b""})
    assert commit.files["a.txt"].oid == "78981922613b2afb6025042ff6bd878ac1994e85"
    assert commit.folders[""] == "7b1e820f9378588e6c8b1d37e9f25920b5f16b98"


# What is asked about a repository


def test_info(hub: Hub, model: str, api: HfApi) -> None:
    """Sizes, hashes and metadata."""
    info = api.model_info(model, files_metadata=True)
    assert (info.sha, info.private, info.gated) == (hub.commits(model)[0].oid, False, False)
    assert info.pipeline_tag == "token-classification"
    assert info.tags == ["ner"]
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    siblings = {item.rfilename: item for item in info.siblings or []}
    assert {name: item.size for name, item in siblings.items()} == {
        name: len(content) for name, content in FILES.items()
    }
    large = siblings["model.safetensors"].lfs
    assert large is not None
    assert (large.size, large.sha256) == (len(WEIGHTS), sha256(WEIGHTS).hexdigest())
    assert siblings["config.json"].lfs is None
    assert ModelCard.load(model).data.license == "mit"
    assert api.model_info(model, expand=["sha"]).siblings is None


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_tree_in_pages(hub: Hub, model: str, api: HfApi, size: int) -> None:
    """Pages of any size give the same listing."""
    hub.store.page_size = size
    everything = list(api.list_repo_tree(model, recursive=True))
    files = [item.path for item in everything if isinstance(item, huggingface_hub.RepoFile)]
    assert sorted(files) == sorted(FILES)
    assert len(everything) == len(FILES) + len(["a b", "onnx", "onnx/deep"])
    assert len(hub.matching("/tree/")) == -(-len(everything) // size)
    direct = [item.path for item in api.list_repo_tree(model, "onnx", expand=True)]
    assert direct == ["onnx/deep", "onnx/model.onnx"]


def test_last_commits(hub: Hub, model: str, api: HfApi) -> None:
    """A listing with commits names the one that changed a file, not the newest."""
    hub.add_commit(model, {"config.json": b"{}"}, title="Config")
    found = api.get_paths_info(model, ["config.json", "empty", "none"], expand=True)
    titles = {item.path: item.last_commit.title for item in found if item.last_commit}
    assert titles == {"config.json": "Config", "empty": "initial commit"}


@pytest.mark.parametrize("metadata", [b"a: [", b"- a"])
def test_wrong_metadata(hub: Hub, model: str, api: HfApi, metadata: bytes) -> None:
    """A card whose metadata cannot be read does not get in; one without is warned of."""
    card = b"---\n" + metadata + b"\n---\n"
    with pytest.raises(ValueError, match="Invalid metadata"):
        api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=model)
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        api.upload_file(path_or_fileobj=b"# A model", path_in_repo="README.md", repo_id=model)
    hub.add_commit(model, {"README.md": FILES["README.md"]})
    assert hub.files(model) == FILES
