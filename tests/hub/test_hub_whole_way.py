"""A checkpoint that was really trained, from its run to the hub, and from the hub to its users.

Each command is a process of its own with a login in its environment, debug output on, and a hub
that redirects and fails in between: whatever they print and write is searched for the token.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from elsewhere import arguments, told
from hub import Fault, Hub
from hub.samples import TOKEN
from nerine.core.errors import MissingExtraError
from nerine.model.loading.sources import DEMO_ENCODER, find_source

pytestmark = pytest.mark.slow

REPO = "mira/sample-ner"
TEXTS = (
    "Mira Okonjo left Tandem Labs for Lisbon last week.",
    "anyone seen the new Harrow & Fen lamp in person?",
    "Saltwater Choir play in Ghent tonight, tickets from Teun at the door",
)


@dataclass
class Place:
    """A user's folder, whose processes talk to the hub; all that they print is kept."""

    hub: Hub
    folder: Path
    printed: list[str]

    @property
    def home(self) -> Path:
        """What belongs to the hub's library: the cache and the login."""
        return self.folder / "hf"

    def run(self, *command: str, code: int = 0, **more: str) -> str:
        """The standard output of a command that ends with `code`."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={
                **os.environ,
                **self.hub.environment(self.home, TOKEN),
                "HF_DEBUG": "1",
                "HF_HUB_VERBOSITY": "debug",
                "OMP_NUM_THREADS": "2",
                **more,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += [done.stdout, done.stderr]
        assert done.returncode == code, done.stderr
        return done.stdout

    def nerine(self, *command: str, code: int = 0, **more: str) -> str:
        """The same of Nerine's command line."""
        return self.run("-m", "nerine", *command, code=code, **more)

    def wipe(self) -> None:
        """As on another machine."""
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A checkpoint in `run`, trained on the bundled sample, and pushed."""
    try:
        find_source(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    with Hub() as hub:
        hub.add_user("mira", token=TOKEN)
        place = Place(hub, tmp_path_factory.mktemp("whole-way"), [])
        place.nerine("train", "sample", "-o", "run", "--epochs", "4")
        place.nerine("evaluate", "run", "sample", "--save")
        place.nerine("push", "run", REPO, "--license", "cc0-1.0", "--language", "en")
        yield place
        assert hub.crashes == []


def test_what_is_pulled_finds_what_was_pushed(place: Place) -> None:
    before = place.nerine("predict", "run", *TEXTS, "--json")
    place.wipe()
    assert place.nerine("predict", REPO, *TEXTS, "--json") == before
    assert json.loads(before.splitlines()[0])["entities"]
    place.hub.forget_requests()
    assert place.nerine("predict", REPO, *TEXTS, "--json", HF_HUB_OFFLINE="1") == before
    assert place.hub.requests == []


def test_it_needs_no_nerine(place: Place) -> None:
    here = told(place.run(*arguments(TEXTS, "run")))
    place.wipe()
    there = told(place.run(*arguments(TEXTS, REPO)))
    assert here == there
    assert any(there[0]["found"])


def test_each_figure_of_the_card_is_one_of_the_records(place: Place) -> None:
    files = place.hub.files(REPO)
    card = ModelCard(files["README.md"].decode())
    (record,) = json.loads(files["evaluations.json"])["evaluations"]
    scores = record["scores"]
    results = vars(card.data)["eval_results"]
    assert {each.dataset_split for each in results} == {"test"}
    named = {each.metric_name: each.metric_value for each in results}
    for metric in ("precision", "recall", "f1"):
        name = "F1" if metric == "f1" else metric.title()
        assert named[f"{name} (strict, entities)"] == scores["overall"][metric]
        assert f"{scores['overall'][metric]:.4f}" in card.content
    for label, counts in scores["labels"].items():
        assert named[f"F1 (strict, {label})"] == counts["f1"]
    again = json.loads(place.nerine("evaluate", REPO, "sample", "--json"))
    assert again["overall"] == scores["overall"]
    assert again["checkpoint"].startswith(f"{REPO}@")


def test_the_snippets_of_the_card_run(place: Place) -> None:
    card = place.hub.files(REPO)["README.md"].decode()
    snippets = re.findall(r"^```python\n(.*?)^```$", card, re.M | re.S)
    assert len(snippets) == 3
    place.wipe()
    for snippet in snippets:
        assert REPO in snippet
        assert "Mira" in place.run("-c", snippet)


def test_the_token_stays_where_it_belongs(place: Place) -> None:
    hub = place.hub
    place.wipe()
    for fault in (
        Fault(method="GET", path="/storage/", redirect=True, times=None),
        Fault(path="/tokenizer.json", redirect=True, times=None),
        Fault(path="/api/models", status=401, times=None),
        Fault(path="/api/models", status=403, times=None),
        Fault(path="/api/models", status=400, body=b'{"error": "no"}', times=None),
    ):
        hub.fault(fault)
        place.nerine("pull", REPO, code=2)
        hub.mend()
        place.wipe()
    hub.fault(Fault(path="/preupload/", redirect=True, times=None))
    place.nerine("push", "run", "mira/another", code=2)
    hub.fault(Fault(path="/info/lfs/", status=403, times=None))
    place.nerine("push", "run", "mira/another", code=2)
    hub.mend()
    place.nerine("pull", REPO)
    # a library below says which header it cannot send
    place.nerine("pull", REPO, code=2, HF_TOKEN=f"{TOKEN}\x01x")

    assert not any(TOKEN in text for text in place.printed)
    assert not any("Traceback" in text for text in place.printed)
    written = [path for path in place.folder.rglob("*") if path.is_file()]
    assert written
    assert not any(TOKEN.encode() in path.read_bytes() for path in written)
    assert not any(TOKEN.encode() in content for content in hub.files(REPO).values())
    told = {record.host for record in hub.requests if TOKEN in str(record)}
    assert told == {"hub"}
    assert {record.host for record in hub.requests} == {"hub", "storage", "elsewhere"}
