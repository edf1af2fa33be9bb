"""Runs pages of the manual in an empty folder with the files that a page names.

The quick tests replace the default encoder by a tiny one, and the checkpoint of `nerine demo` by
one with fixed probabilities for each subword, given here: the outputs on the pages must follow from
these, except for probabilities. The slow tests use the real ones.

`nerine serve` runs in a process of its own at a free port, for which the rest of the page, `curl`
and Python included, uses the address that it shows. So do stand-ins of search engines, which a page
is given at the port 9200.
"""

from __future__ import annotations

import math
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub import Hub
from lookup import Opinion, make_lookup
from nerine.cli import main
from nerine.data.corpus import load_corpus
from nerine.data.formats import write_documents
from nerine.evaluation import signs
from nerine.model.loading import pretrained
from nerine.training import initialization, plan
from nerine.training.adaptation import adapt
from nerine.training.settings import DEFAULT_ENCODER
from pages import Block, Command, Page, assert_alike, printed_by
from processes import ServerProcess, serve
from runs import corpus
from search_engine import SearchEngine
from tools.alike import MACHINES

SAMPLE = "runs/sample"
"""Where the demo's checkpoint lies, if a page says so."""

POSTS = "Mira was in Oslo\n\nAna too\n"

_TAGS: dict[str, Opinion] = {
    "golden": {"I-group": 0.4, "B-group": 0.3},
    "salt": {"B-location": 0.4, "B-group": 0.35},
    "##water": {"I-group": 0.45, "B-group": 0.4},
    "brightwater": {"B-corporation": 0.5, "B-group": 0.2},
    "logistics": {"I-group": 0.4, "I-corporation": 0.35},
}
_SURE = {
    "O": "the are -",
    "B-person": "s ##ø ana conor jean quenby zoe",
    "I-person": "##ren ' brien lin ##d ##qvist lucia luc o vandersloot",
    "B-location": "ghent lisbon malaga san stoke łodz",
    "I-location": "francisco trent",
    "I-group": "choir state warriors",
}
OPINIONS = {**_TAGS, **{piece: tag for tag, pieces in _SURE.items() for piece in pieces.split()}}


def stand_in(folder: Path) -> str:
    """Probabilities of the pages' checkpoint for their words, without training."""
    make_lookup(folder, load_corpus("sample").labels, OPINIONS, longest=512)
    return ""


@dataclass(frozen=True, slots=True)
class Trained:
    """The checkpoint and the output of `nerine demo`, made once for all pages."""

    folder: Path
    printed: str

    def __call__(self, folder: Path) -> str:
        """Copies the checkpoint to `folder`; returns the demo's output for it."""
        shutil.copytree(self.folder, folder)
        return self.printed.replace(str(self.folder), str(folder))


@dataclass(frozen=True, slots=True)
class Desk:
    """Runs a page in the current folder, with mira's login on `hub`.

    `demo` makes the checkpoint of the demo in a folder and returns its output. `servers` are those
    that the page has started, by their addresses on the page.
    """

    hub: Hub
    demo: Callable[[Path], str] = stand_in
    names: dict[str, Any] = field(default_factory=dict)
    servers: dict[str, ServerProcess | SearchEngine] = field(default_factory=dict)

    @property
    def is_real(self) -> bool:
        """Whether models were trained, so that their output can be compared."""
        return self.demo is not stand_in

    def run(self, page: Page) -> None:
        """Runs a page and compares the shown outputs with the real ones."""
        for name in page.given:
            self._lay(name)
        try:
            for block in page.blocks:
                self._run_block(block, page.path)
        finally:
            for server in self.servers.values():
                server.end()

    def _run_block(self, block: Block, page: Path) -> None:
        place = f"{page.name}:{block.line}"
        if "file" in block.notes:
            Path(block.notes["file"]).parent.mkdir(parents=True, exist_ok=True)
            Path(block.notes["file"]).write_text(block.text, encoding="utf-8")
        elif block.is_run and block.kind == "python":
            printed = printed_by(replace(block, text=self._real(block.text)), page, self.names)
            self._compare(printed, block.shown, block, place)
        elif block.is_run:
            for command in block.commands:
                self._run_command(command, block, place)

    def _lay(self, name: str) -> None:
        match name:
            case "runs/sample":
                self.demo(Path(SAMPLE))
            case "corpus":
                lay_corpus(Path("corpus"), ("train.conll", "validation.conll", "test.conll"))
            case "wnut17":
                names = ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
                lay_corpus(Path(name), names)
            case "posts.txt":
                Path(name).write_text(POSTS, encoding="utf-8")
            case "Elasticsearch" | "OpenSearch":
                self.servers["http://127.0.0.1:9200"] = SearchEngine(name)
            case _:
                pytest.fail(f"there is no {name!r} to be given to a page")

    def _run_command(self, command: Command, block: Block, place: str) -> None:
        place = f"{place} ({command.program} {' '.join(command.arguments)})"
        arguments = [self._real(each) for each in command.arguments]
        if command.program == "curl":
            self._compare(asked([command.program, *arguments]), command.shown, block, place)
            return
        assert command.program == "nerine", f"{place}: mark it as not run, with the reason"
        printed = self._special(command.arguments)
        if printed is None:
            result = invoke(arguments)
            assert result.exit_code == int(block.notes.get("exit", 0)), (place, result.output)
            printed = result.output
        self._compare(printed, command.shown, block, place)

    def _special(self, arguments: Sequence[str]) -> str | None:
        """Replacements of commands that take minutes, or do not end."""
        if arguments[0] == "serve":
            return self._serve(arguments[1:])
        if arguments[0] == "demo":
            folder = arguments[arguments.index("-o") + 1] if "-o" in arguments else "runs/demo"
            return self.demo(Path(folder))
        if arguments[0] == "push" and not self.is_real and self._stands_in(arguments[1]):
            # it was never trained, so it has no records for a card
            self.hub.add_repo(arguments[2], files(Path(arguments[1])), private=True)
            return ""
        return None

    def _serve(self, arguments: Sequence[str]) -> str:
        """Starts a server; returns what it prints, with the address that the page gives it."""
        port = arguments[arguments.index("--port") + 1] if "--port" in arguments else "8000"
        shown = f"http://127.0.0.1:{port}"
        if shown in self.servers:
            self.servers.pop(shown).end()
        rest = [each for each in arguments if each not in ("--port", port)]
        self.servers[shown] = server = serve(*rest, "--log", "none")
        return server.line.replace(server.url, shown)

    def _real(self, text: str) -> str:
        """A text of the page with the real addresses of its servers."""
        for shown, server in self.servers.items():
            text = text.replace(shown, server.url)
        return text

    def _stands_in(self, folder: str) -> bool:
        return not (Path(folder) / "run.json").exists()

    def _compare(self, printed: str, shown: str | None, block: Block, place: str) -> None:
        """Compares outputs; without real models, only those that do not depend on training."""
        if shown is None:
            return
        if self.is_real or "shown" not in block.notes:
            assert_alike(printed, shown, place, self._tolerance())

    def _tolerance(self) -> float:
        """Allowed difference of decimals: 0 until a model is trained."""
        if not Path("runs").exists():
            return 0.0
        return MACHINES if self.is_real else math.inf


def asked(words: Sequence[str]) -> str:
    """The output of curl, and of commands after a pipe."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    line = " ".join(each if each == "|" else shlex.quote(each) for each in words)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


def invoke(arguments: Sequence[str]) -> Result:
    """Runs `nerine` in this process."""
    return CliRunner().invoke(main, list(arguments))


def files(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def lay_corpus(folder: Path, names: Sequence[str]) -> None:
    """192 short documents in column files: half to train, a quarter to validate, one to test."""
    folder.mkdir()
    documents = corpus(192).train
    for name, split in zip(
        names, (documents[:96], documents[96:144], documents[144:]), strict=True
    ):
        write_documents(split, folder / name)


def train_tiny(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the default encoder of training by a tiny one."""

    def tiny(load: Callable[..., Any]) -> Callable[..., Any]:
        """Loads the tiny one instead of the default one; a folder is what it is."""
        return lambda name, *rest, **options: load(
            str(encoder) if name == DEFAULT_ENCODER else name, *rest, **options
        )

    load_encoder = tiny(pretrained.load_encoder)
    for module in (initialization, pretrained):  # the second is where adapters find it
        monkeypatch.setattr(module, "load_encoder", load_encoder)
    load_masked = pretrained.load_masked_language_model
    monkeypatch.setattr(adapt, "load_masked_language_model", tiny(load_masked))
    for name in ("load_tokenizer", "encoder_width"):
        monkeypatch.setattr(plan, name, tiny(getattr(pretrained, name)))
    monkeypatch.setattr(plan, "_MOST_PASSES", 8)
    monkeypatch.setattr(plan, "_FEWEST_STEPS", 8)
    # fast enough for a tiny encoder to learn four names in a few steps
    monkeypatch.setattr(plan, "_SMALL_ENCODER_RATE", 2e-2)
    # so that pages go on with a model of the sample, of which it learns next to nothing
    monkeypatch.setattr(signs, "LEAST_F1", 0.0)
