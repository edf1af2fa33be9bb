"""What Nerine made is used where there is no Nerine: with transformers alone, from a hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hub import Hub
from nerine.checkpoint import load_checkpoint
from nerine.tagger import Tagger
from tiny import documents

NAME = "mira/sample-ner"
TEXTS = [document.text for document in documents()]
TOKEN = "hf_mira"

# A module that fails to be imported is what a machine without Nerine has.
ELSEWHERE = """
import json, sys
sys.modules["nerine"] = None
import torch
from safetensors.torch import save_file
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

try:
    import nerine
except ImportError:
    pass
else:
    raise SystemExit("there is a Nerine")

texts = json.load(sys.stdin)
for name, logits_file in zip(sys.argv[1::2], sys.argv[2::2]):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForTokenClassification.from_pretrained(name)
    with torch.no_grad():
        logits = {
            str(index): model(**tokenizer(text, return_tensors="pt")).logits[0]
            for index, text in enumerate(texts)
        }
    save_file(logits, logits_file)
    found = pipeline("ner", model=name, aggregation_strategy="first")(texts)
    rows = [[(e["start"], e["end"], e["entity_group"]) for e in each] for each in found]
    print(json.dumps({"found": rows, "tags": model.config.id2label}))
"""


@dataclass(frozen=True, slots=True)
class Use:
    """What a process without Nerine made of a checkpoint."""

    found: list[list[list[Any]]]
    tags: dict[str, str]
    logits: dict[str, torch.Tensor]


@pytest.fixture
def checkpoint(checkpoint_of: Callable[..., Path], hub: Hub) -> Path:
    """A checkpoint's folder, which also is a private repository on the hub."""
    folder = checkpoint_of("bert")
    hub.add_user("mira", token=TOKEN)
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.add_repo(NAME, content, private=True)
    return folder


@pytest.fixture
def elsewhere(hub: Hub, tmp_path: Path) -> Callable[..., list[Use]]:
    """Uses checkpoints in a process that knows the hub and its cache, and no Nerine."""

    def use(*names: str, cache: str, **variables: str) -> list[Use]:
        files = [str(tmp_path / f"{index}.safetensors") for index in range(len(names))]
        places = [each for pair in zip(names, files, strict=True) for each in pair]
        run = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, *places],
            input=json.dumps(TEXTS),
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
        told = map(json.loads, run.stdout.splitlines())
        return [
            Use(each["found"], each["tags"], load_file(file))
            for each, file in zip(told, files, strict=True)
        ]

    return use


def assert_same(found: Use, expected: Use) -> None:
    assert found.tags == expected.tags
    assert found.found == expected.found
    assert any(found.found)
    for index, logits in expected.logits.items():
        assert torch.equal(found.logits[index], logits)


def test_transformers_alone_takes_it_from_the_hub(
    checkpoint: Path, elsewhere: Callable[..., list[Use]], hub: Hub
) -> None:
    pulled, local = elsewhere(NAME, str(checkpoint), cache="elsewhere")
    assert hub.matching("/model.safetensors")
    assert_same(pulled, local)
    assert list(pulled.tags.values()) == list(load_checkpoint(checkpoint).settings.tags)

    hub.forget_requests()
    (offline,) = elsewhere(NAME, cache="elsewhere", HF_HUB_OFFLINE="1", HF_TOKEN="")
    assert_same(offline, local)
    assert hub.requests == []


def test_what_nerine_pulled_is_there_for_transformers(
    checkpoint: Path,
    elsewhere: Callable[..., list[Use]],
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both use the hub's own cache; and Nerine finds in it what it found before."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    tagger, before = (Tagger.load(name, device="cpu") for name in (NAME, checkpoint))
    assert tagger.predict(TEXTS) == before.predict(TEXTS)

    hub.forget_requests()
    cache_of_this_process = "hf"
    offline, local = elsewhere(
        NAME, str(checkpoint), cache=cache_of_this_process, HF_HUB_OFFLINE="1"
    )
    assert_same(offline, local)
    assert hub.requests == []
