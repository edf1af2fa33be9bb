"""Who may do what on the hub for tests, and how it keeps and gives large files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    get_session,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hub import Hub, git
from hub.downloads import ranged
from hub.messages import Reply
from hub.samples import FILES, TOKEN, WEIGHTS, write


def without_login(name: str = "mira/model") -> Any:
    """What a stranger sees of a repository."""
    return HfApi(token=False).model_info(name)


# Who may


def test_login(hub: Hub, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who a token speaks for; a wrong one is refused even where none is needed."""
    hub.add_user("mira", token="hf_reads", write=False)
    assert HfApi(token=TOKEN).whoami()["name"] == "mira"
    assert HfApi(token="hf_reads").whoami()["auth"]["accessToken"]["role"] == "read"
    with pytest.raises(HfHubHTTPError, match="use a write token"):
        HfApi(token="hf_reads").create_tag(model, tag="v1")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(token="hf_wrong").model_info(model)


def test_private(hub: Hub, api: HfApi) -> None:
    """To strangers a private repository is one that does not exist."""
    hub.add_user("noor", token="hf_noor")
    hub.add_repo("mira/secret", FILES, private=True)
    assert api.model_info("mira/secret").private
    for name in ("mira/secret", "mira/none"):
        for token, status in ((False, 401), ("hf_noor", 404)):
            with pytest.raises(RepositoryNotFoundError) as caught:
                HfApi(token=token).model_info(name)
            assert caught.value.response.status_code == status
            with pytest.raises(RepositoryNotFoundError):
                hf_hub_download(name, "config.json", token=token)


def test_gated(hub: Hub, model: str) -> None:
    """A gated repository may be seen, but not downloaded, until its user is on the list."""
    hub.add_user("noor", token="hf_noor")
    hub.add_repo("mira/gated", FILES, gated="manual")
    assert without_login("mira/gated").gated == "manual"
    for token, status in ((False, 401), ("hf_noor", 403)):
        with pytest.raises(GatedRepoError) as caught:
            hf_hub_download("mira/gated", "config.json", token=token)
        assert caught.value.response.status_code == status
    hub.grant("mira/gated", "noor")
    hf_hub_download("mira/gated", "config.json", token="hf_noor")


def test_may_i(hub: Hub, model: str, api: HfApi) -> None:
    """The question without the deed."""
    hub.add_user("noor", token="hf_noor")
    api.auth_check(model, write=True)
    noor = HfApi(token="hf_noor")
    noor.auth_check(model)
    with pytest.raises(HfHubHTTPError, match="Authorization error"):
        noor.auth_check(model, write=True)
    with pytest.raises(RepositoryNotFoundError):
        noor.delete_repo(model)
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=False).create_tag(model, tag="v1")


def test_creation(hub: Hub, api: HfApi) -> None:
    """A repository is made once, in a namespace of one's own."""
    assert api.create_repo("model", private=True) == f"{hub.endpoint}/mira/model"
    assert api.create_repo("mira/model", exist_ok=True).repo_id == "mira/model"
    with pytest.raises(HfHubHTTPError, match="already created") as caught:
        api.create_repo("mira/model")
    assert caught.value.response.status_code == 409
    with pytest.raises(HfHubHTTPError, match="don't have the rights"):
        api.create_repo("noor/model")
    api.update_repo_settings("mira/model", private=False)
    assert not without_login().private
    api.delete_repo("mira/model")
    assert not hub.exists("mira/model")


def test_missing_things(model: str) -> None:
    """Each of them has an error of its own."""
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(model, "config.json", revision="none")
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(model, "none.json")
    with pytest.raises(RemoteEntryNotFoundError):
        list(HfApi().list_repo_tree(model, "none"))


# Large file storage


def put(hub: Hub, api: HfApi, model: str, sent: bytes, announced: bytes) -> httpx2.Response:
    """Announces one content, sends another, and has the hub verify it."""
    entry: dict[str, Any] = {"oid": git.sha256(announced), "size": len(announced)}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    large = f"{hub.endpoint}/{model}.git/info/lfs/objects"
    asked = {"operation": "upload", "transfers": ["basic"], "objects": [entry]}
    answer = get_session().post(f"{large}/batch", json=asked, headers=headers).json()
    address = answer["objects"][0]["actions"]["upload"]["href"]
    assert get_session().put(address, content=sent).status_code == 200
    return get_session().post(f"{large}/verify", json=entry, headers=headers)


@pytest.mark.parametrize("sent", [b"other content", b"the content and more", b""])
def test_wrong_large_files_are_refused(hub: Hub, model: str, api: HfApi, sent: bytes) -> None:
    """An object must have the hash and the size that were announced."""
    announced = b"the content!!"
    assert put(hub, api, model, sent, announced).status_code == 422
    operation = CommitOperationAdd("w.bin", announced)
    operation._upload_mode, operation._is_uploaded = "lfs", True  # as if it had been sent
    operation._should_ignore = False
    with pytest.raises(BadRequestError, match="LFS pointer"):
        api.create_commit(model, [operation], commit_message="Lie")
    assert hub.files(model) == FILES
    assert put(hub, api, model, announced, announced).status_code == 200


def test_storage_sees_no_token(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    """The storage host gets large files and gives them, without knowing who asks."""
    api.create_repo("mira/model", private=True)
    api.upload_folder(repo_id="mira/model", folder_path=write(tmp_path / "source", FILES))
    snapshot_download("mira/model")
    storage = [record for record in hub.requests if record.host == "storage"]
    assert {record.method for record in storage} == {"PUT", "GET"}
    assert not [record for record in storage if TOKEN in str(record)]
    assert [record for record in hub.requests if record.headers.get("authorization")]


def test_wrong_batches_are_refused(hub: Hub, model: str, api: HfApi) -> None:
    """Objects without a SHA-256, parts that never came, and bodies that are not JSON."""
    large = f"{hub.endpoint}/{model}.git/info/lfs/objects"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked: dict[str, Any] = {"operation": "upload", "objects": [{"oid": "../../x", "size": 1}]}
    answer = get_session().post(f"{large}/batch", json=asked, headers=headers).json()
    assert answer["objects"][0]["error"]["code"] == 422
    asked = {"oid": "0" * 64, "size": 1, "parts": [{"partNumber": 1, "etag": "x"}]}
    for step, status in (("batch", 400), ("complete", 400), ("verify", 404)):
        answer = get_session().post(f"{large}/{step}", json=asked, headers=headers)
        assert answer.status_code == status
    answer = get_session().post(f"{large}/batch", content=b"[", headers=headers)
    assert answer.json() == {"error": "The body is not a JSON object"}


def test_chunked_uploads(hub: Hub, model: str) -> None:
    """A body without a length, as HTTP allows."""
    address = f"{hub.store.storage_url}/upload/{model}/oid?Signature=for-this-object-only"
    assert get_session().put(address, content=iter([b"ab", b"c" * 100_000])).status_code == 200
    assert hub.repository(model).pending["oid"] == b"ab" + b"c" * 100_000


def test_unsigned_addresses_are_refused(hub: Hub, model: str) -> None:
    """Storage gives a file only by the address that the hub gave."""
    address = f"{hub.store.storage_url}/storage/{model}/{sha256(WEIGHTS).hexdigest()}"
    assert get_session().get(address).status_code == 403


# Ranges


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=2-", 206, b"cdef"),
        ("bytes=1-2", 206, b"bc"),
        ("bytes=-2", 206, b"ef"),
        ("bytes=4-99", 206, b"ef"),
        ("bytes=6-", 416, b""),
        ("bytes=3-2", 416, b""),
        ("lines=1-2", 200, b"abcdef"),
        (None, 200, b"abcdef"),
    ],
)
def test_ranges(asked: str | None, status: int, body: bytes) -> None:
    """A part of a body is what Range asks for."""
    found = ranged(Reply(200, {}, b"abcdef"), asked)
    assert (found.status, found.body) == (status, body)


def test_datasets_files(hub: Hub, api: HfApi) -> None:
    """The file system of huggingface_hub, which datasets reads with."""
    hub.add_repo("mira/corpus", {"data/train.parquet": WEIGHTS, "README.md": b""}, kind="dataset")
    files = huggingface_hub.HfFileSystem()
    assert files.ls("datasets/mira/corpus/data", detail=False) == [
        "datasets/mira/corpus/data/train.parquet"
    ]
    with files.open("datasets/mira/corpus/data/train.parquet", "rb", block_size=1000) as file:
        file.seek(100_000)
        assert file.read(300) == WEIGHTS[100_000:100_300]
    assert hub.bytes_sent("/storage/") < 10_000
