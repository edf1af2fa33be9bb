"""What goes wrong on demand on the hub for tests, and how huggingface_hub takes it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import HfApi, get_session, hf_hub_download, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

from hub import Fault, Hub, git
from hub.samples import FILES, TOKEN, WEIGHTS, read

# Faults


def test_rate_limit(hub: Hub, model: str, api: HfApi) -> None:
    """429 twice, then all is well."""
    hub.fault(Fault(path="/preupload/", status=429, retry_after=7, times=2))
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=model)
    found = [record.status for record in hub.matching("/preupload/")]
    assert found == [429, 429, 200]
    assert hub.waits == [8, 8]  # huggingface_hub adds a second


def test_server_errors_without_end(hub: Hub, model: str) -> None:
    """A hub that is down for good."""
    hub.fault(Fault(path="/resolve/", status=503, times=None))
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(model, "config.json")
    hub.mend()
    hf_hub_download(model, "config.json")


def test_faults_are_counted(hub: Hub, model: str) -> None:
    """A fault lets requests pass, hits, and is over."""
    hub.fault(Fault(method="GET", path=f"/api/models/{model}", status=500, skip=1, times=2))
    address = f"{hub.endpoint}/api/models/{model}"
    found = [get_session().get(address).status_code for _ in range(4)]
    assert found == [200, 500, 500, 200]
    assert get_session().get(f"{hub.endpoint}/api/whoami-v2").status_code == 401


@pytest.mark.parametrize("where", [1, 1000, len(WEIGHTS) - 1])
def test_cut_upload_stores_nothing(hub: Hub, model: str, api: HfApi, where: int) -> None:
    """Where every attempt is cut, the hub has nothing of it; after that, the file is sent whole."""
    weights = WEIGHTS[::-1]
    hub.fault(Fault(method="PUT", path="/upload/", cut_upload=where, times=None))
    with pytest.raises(RuntimeError, match="Error while uploading"):
        api.upload_file(path_or_fileobj=weights, path_in_repo="new.bin", repo_id=model)
    cut = hub.matching("/upload/")
    assert {(record.received, record.cut) for record in cut} == {(where, True)}
    assert hub.files(model) == FILES
    assert git.sha256(weights) not in hub.repository(model).large
    hub.mend()
    hub.forget_requests()
    api.upload_file(path_or_fileobj=weights, path_in_repo="new.bin", repo_id=model)
    assert hub.bytes_received("/upload/") == len(weights)
    assert hub.files(model)["new.bin"] == weights


def test_cut_download_goes_on(hub: Hub, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that is cut asks for the rest: for what comes after the last whole chunk."""
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    hub.fault(Fault(method="GET", path="/storage/", cut_download=150_000))
    assert Path(hf_hub_download(model, "model.safetensors")).read_bytes() == WEIGHTS
    assert [record.sent for record in hub.matching("/storage/")] == [150_000, 54_800]
    assert hub.matching("/storage/")[1].headers["range"] == "bytes=150000-"


def test_truncated_body(hub: Hub, model: str) -> None:
    """A body that is shorter than it should be, and says that it is whole."""
    hub.fault(Fault(method="GET", path="/storage/", truncate=1000))
    with pytest.raises(OSError, match="Consistency check failed"):
        hf_hub_download(model, "model.safetensors")
    assert not list(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*.safetensors"))


def test_altered_body(hub: Hub, model: str) -> None:
    """A body of the right length with one wrong bit: huggingface_hub does not see it."""
    hub.fault(Fault(method="GET", path="/storage/", alter=True))
    found = Path(hf_hub_download(model, "model.safetensors")).read_bytes()
    assert len(found) == len(WEIGHTS)
    assert sum(left != right for left, right in zip(found, WEIGHTS, strict=True)) == 1


def test_redirect(hub: Hub, model: str) -> None:
    """A redirect to a third host takes the request there, and the token not."""
    hub.fault(Fault(path="/resolve/", redirect=True, times=None))
    found = Path(hf_hub_download(model, "config.json")).read_bytes()
    assert found == b'{"from": "elsewhere"}'
    foreign = [record for record in hub.requests if record.host == "elsewhere"]
    assert [record.path for record in foreign] == [f"/{model}/resolve/main/config.json"]
    assert TOKEN not in str(foreign)


def test_hostile_listing(hub: Hub, model: str, api: HfApi) -> None:
    """Names that lead out of the folder, by a fault or of a repository that has them."""
    hub.fault(Fault(path=f"/api/models/{model}", listing="../../x", times=2))
    names = [item.rfilename for item in api.model_info(model).siblings or []]
    assert "../../x" in names
    assert "../../x" in [item.path for item in api.list_repo_tree(model, recursive=True)]
    hub.add_repo("mira/hostile", {"../../x": b"x", "config.json": b"{}"})
    assert "../../x" in api.list_repo_files("mira/hostile")
    with pytest.raises(ValueError, match=r"cannot contain a '\.\.' path segment"):
        snapshot_download("mira/hostile")


@pytest.mark.parametrize("name", ["../../x", "..\\..\\y", "/tmp/z", "a/../../../b.bin"])
def test_hostile_files_can_be_had(hub: Hub, name: str) -> None:
    """A client that does not look at names gets what they name, so a test of one can fail."""
    hub.add_repo("mira/hostile", {name: b"hostile"})
    sha = hub.commits("mira/hostile")[0].oid
    for revision in ("main", sha):
        address = huggingface_hub.hf_hub_url("mira/hostile", name, revision=revision)
        assert get_session().get(address, follow_redirects=True).content == b"hostile"


def test_hostile_commit(hub: Hub, model: str, tmp_path: Path) -> None:
    """So may a commit be: what is missing is noted in a folder of its name."""
    hub.fault(Fault(path="/resolve/", headers={"X-Repo-Commit": "../../../canary"}, times=None))
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(model, "none.json")
    assert (tmp_path / "hf" / "canary" / "none.json").is_file()


def test_hostile_etag(hub: Hub, model: str, tmp_path: Path) -> None:
    """An ETag is a file's name in the cache: huggingface_hub itself writes where the hub says."""
    hub.fault(Fault(path="/resolve/", etag='"../../../../canary"', times=None))
    hf_hub_download(model, "config.json")
    assert (tmp_path / "canary").read_bytes() == FILES["config.json"]


def test_no_reply(hub: Hub, model: str) -> None:
    """A connection that ends before there is an answer."""
    hub.fault(Fault(path="/resolve/", cut_upload=0))
    with pytest.raises(httpx2.RemoteProtocolError):
        hf_hub_download(model, "config.json")
    hf_hub_download(model, "config.json")


def test_hub_that_is_gone(hub: Hub, model: str) -> None:
    """Where no connection can be made, the cache has to do."""
    path = hf_hub_download(model, "config.json")
    hub.go_down()
    assert hf_hub_download(model, "config.json") == path
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(model, "model.safetensors")
    assert hub.files(model) == FILES


def test_wrong_values(hub: Hub, model: str) -> None:
    """A listing that says something else than it should."""
    hub.fault(Fault(path="/api/models/", values={"sha": "../../x"}))
    assert HfApi().model_info(model).sha == "../../x"
    assert HfApi().model_info(model).sha == hub.commits(model)[0].oid


def test_slow_reply(hub: Hub, model: str) -> None:
    """A reply that takes its time."""
    hub.fault(Fault(path="/api/", wait=0.2))
    start = time.monotonic()
    HfApi().model_info(model)
    assert time.monotonic() - start >= 0.2


def test_replaced_body(hub: Hub, model: str) -> None:
    """A body that is something else altogether."""
    hub.fault(Fault(path="/api/models/", body=b"<html>"))
    with pytest.raises(json.JSONDecodeError):
        HfApi().model_info(model)


def test_lost_receipt(hub: Hub, model: str, api: HfApi) -> None:
    """A commit that is made, though its client never learns of it."""
    hub.fault(Fault(path="/commit/", cut_download=0))
    with pytest.raises(httpx2.RemoteProtocolError):
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=model)
    assert hub.files(model)["x"] == b"x"


# The process


def test_process_is_turned_back(tmp_path: Path) -> None:
    """The fixture's changes go with it: nothing is left that names the hub."""
    from hub.process import turn_to

    with pytest.MonkeyPatch.context() as inner, Hub() as other:
        before = (huggingface_hub.constants.ENDPOINT, huggingface_hub.hf_api.api.endpoint)
        turn_to(other, inner, tmp_path / "other")
        assert other.endpoint == huggingface_hub.constants.ENDPOINT
        assert huggingface_hub.get_token() is None
    assert (huggingface_hub.constants.ENDPOINT, huggingface_hub.hf_api.api.endpoint) == before


def test_another_process(hub: Hub, tmp_path: Path) -> None:
    """The variables for a process send it here, with its token, and nowhere else."""
    hub.add_user("mira", token=TOKEN)
    hub.add_repo("mira/secret", FILES, private=True)
    code = "import huggingface_hub; print(huggingface_hub.snapshot_download('mira/secret'))"
    variables = os.environ | hub.environment(tmp_path / "home", TOKEN)
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert read(done.stdout.strip()) == FILES
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "home")


def test_load_dataset(hub: Hub, api: HfApi) -> None:
    """Parquet files of a private data set, read by datasets in this process."""
    datasets = pytest.importorskip("datasets")
    readme = b"---\nconfigs:\n- {config_name: all, data_files: [{split: dev, path: d/*}]}\n---\n"
    rows = {"tokens": [["Mira", "sings"]], "ner_tags": [[1, 0]]}
    table = io.BytesIO()
    datasets.Dataset.from_dict(rows).to_parquet(table)
    files = {"README.md": readme, "d/0.parquet": table.getvalue()}
    hub.add_repo("mira/corpus", files, kind="dataset", private=True)
    assert datasets.load_dataset("mira/corpus", "all", split="dev").to_dict() == rows
    assert [record.status for record in hub.matching("/storage/")] == [200]
