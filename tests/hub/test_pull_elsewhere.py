"""What Nerine made is used where there is no Nerine: with transformers alone, from a hub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elsewhere import arguments, told
from hub import Hub
from hub.samples import TOKEN
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.tagger import Tagger
from tiny import documents

NAME = "mira/sample-ner"
TEXTS = [document.text for document in documents()]

Elsewhere = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def checkpoint(checkpoint_of: Callable[..., Path], login: Hub) -> Path:
    """A checkpoint's folder, which also is a private repository on the hub."""
    folder = checkpoint_of("bert")
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    login.add_repo(NAME, content, private=True)
    return folder


@pytest.fixture
def elsewhere(hub: Hub, tmp_path: Path) -> Elsewhere:
    """Uses checkpoints in a process that knows the hub and its cache, and no Nerine."""

    def use(*names: str, cache: str, **variables: str) -> list[dict[str, Any]]:
        run = subprocess.run(
            [sys.executable, *arguments(TEXTS, *names)],
            env=os.environ
            | hub.environment(tmp_path / cache, TOKEN)
            | {"PYTHONPATH": ""}
            | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return told(run.stdout)

    return use


def test_transformers_alone_takes_it_from_the_hub(
    checkpoint: Path, elsewhere: Elsewhere, hub: Hub
) -> None:
    pulled, local = elsewhere(NAME, str(checkpoint), cache="elsewhere")
    assert hub.matching("/model.safetensors")
    assert pulled == local
    assert any(pulled["found"])
    assert list(pulled["tags"].values()) == list(load_checkpoint(checkpoint).settings.tags)


def test_what_nerine_pulled_is_there_for_transformers(
    checkpoint: Path, elsewhere: Elsewhere, hub: Hub
) -> None:
    """Both use the hub's own cache; and Nerine finds in it what it found before."""
    tagger, before = (Tagger.load(name, device="cpu") for name in (NAME, checkpoint))
    assert tagger.predict(TEXTS) == before.predict(TEXTS)

    hub.forget_requests()
    cache_of_this_process = "hf"
    offline, local = elsewhere(
        NAME, str(checkpoint), cache=cache_of_this_process, HF_HUB_OFFLINE="1", HF_TOKEN=""
    )
    assert offline == local
    assert any(offline["found"])
    assert hub.requests == []
