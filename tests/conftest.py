"""What all tests share: no network, one thread, and tiny models made once a session."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

# Read by the libraries when they are imported, so set before any test module is.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

# How long an example takes says nothing on a busy machine; pytest's own timeout ends a hang.
settings.register_profile("nerine", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=1000)  # --hypothesis-profile
settings.load_profile("nerine")

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from playwright.sync_api import Browser

    from hub import Hub
    from nerine.model.tagger import Tagger


@pytest.fixture(autouse=True)
def torch_threads() -> Iterator[int]:
    """The number of torch's threads, which a tagger may set for the whole program: 1 again."""
    yield 1
    torch = sys.modules.get("torch")
    if torch and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A new empty hub, to which huggingface_hub in this process talks; its cache is empty too.

    Nobody waits between attempts: `hub.waits` has the seconds.
    """
    from hub import Hub
    from hub.process import leave, turn_to

    with Hub() as found:
        turn_to(found, monkeypatch, tmp_path / "hf")
        monkeypatch.setattr("nerine.hub.snapshot.time", SimpleNamespace(sleep=found.waits.append))
        yield found
        leave()
    assert found.crashes == []


@pytest.fixture
def login(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The same, with a user who is logged in here."""
    from hub.samples import TOKEN

    hub.add_user("mira", token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


@pytest.fixture
def api(login: Hub) -> HfApi:
    """The hub's own client, logged in."""
    from huggingface_hub import HfApi

    return HfApi()


@pytest.fixture
def model(login: Hub) -> str:
    """The name of a public model on the hub."""
    from hub.samples import FILES

    login.add_repo("mira/model", FILES)
    return "mira/model"


@pytest.fixture(scope="session")
def pushable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with records, fit to be pushed; to be read only."""
    from pushes import make_pushable

    return make_pushable(tmp_path_factory.mktemp("pushes") / "names")


@pytest.fixture(scope="session")
def encoder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny encoder by its kind; to be read only."""
    from tiny import make_encoder

    base = tmp_path_factory.mktemp("encoders")
    return lambda kind: make_encoder(base / kind, kind)


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a tiny checkpoint by its kind and model settings; to be read only."""
    from tiny import make_checkpoint

    base = tmp_path_factory.mktemp("checkpoints")

    def make(kind: str = "bert", **settings: Any) -> Path:
        name = "-".join([kind, *(f"{key}={value}" for key, value in sorted(settings.items()))])
        return make_checkpoint(base / name, kind, **settings)

    return make


@pytest.fixture(scope="session")
def onnx_checkpoint(
    checkpoint_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a tiny checkpoint with an ONNX model; to be read only."""
    pytest.importorskip("onnxscript", reason="needs the extra train")
    from tiny import add_onnx

    folder = tmp_path_factory.mktemp("onnx") / "run"
    shutil.copytree(checkpoint_of("bert"), folder)
    add_onnx(folder)
    return folder


@pytest.fixture(scope="session")
def tagger_of(checkpoint_of: Callable[..., Path]) -> Callable[..., Tagger]:
    """A tagger by its checkpoint's kind and model settings."""
    from nerine.model.tagger import Tagger

    taggers: dict[Path, Tagger] = {}

    def load(kind: str = "bert", **settings: Any) -> Tagger:
        folder = checkpoint_of(kind, **settings)
        if folder not in taggers:
            taggers[folder] = Tagger.load(folder, device="cpu")
        return taggers[folder]

    return load


@pytest.fixture(scope="session")
def tagger(tagger_of: Callable[..., Tagger]) -> Tagger:
    """A tiny tagger."""
    return tagger_of()


@pytest.fixture(autouse=True)
def no_running_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright leaves its event loop as the running one: it is hidden from tests without it."""
    if "browser" in request.fixturenames:
        yield
        return
    found = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(found)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, where there is one."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # the sandbox needs rights that a container's root has not
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()
