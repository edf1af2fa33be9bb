"""The hub for tests against the client that it is for: huggingface_hub, unchanged."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError

from hub import Hub

TOKEN = "hf_mira"
FILES = {
    "README.md": b"---\nlicense: mit\npipeline_tag: token-classification\n---\n# Model\n",
    "config.json": b'{"a": 1}\n',
    "model.safetensors": bytes(range(256)) * 40,
    "onnx/model.onnx": b"onnx" * 999,
    "a b/ü#?%.txt": "ünïcode\n".encode(),
    "empty": b"",
}


@pytest.fixture
def api(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """A logged-in client of a hub with a user."""
    hub.add_user("mira", token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return HfApi()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Files on disk."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Files on disk, by their path in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_upload_then_download(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    """What goes up comes down."""
    api.create_repo("mira/model", private=True)
    source = write(tmp_path / "source", FILES)
    commit = api.upload_folder(repo_id="mira/model", folder_path=source)
    found = read(Path(snapshot_download("mira/model")))
    found.pop(".gitattributes")
    assert found == FILES
    info = huggingface_hub.model_info("mira/model", files_metadata=True)
    assert info.sha == commit.oid
    assert info.private
    assert info.pipeline_tag == "token-classification"
    path = hf_hub_download("mira/model", "onnx/model.onnx", revision=commit.oid)
    assert Path(path).read_bytes() == FILES["onnx/model.onnx"]
    assert api.whoami()["name"] == "mira"
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=False).model_info("mira/model")
