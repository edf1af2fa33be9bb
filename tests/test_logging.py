"""`logging.getLogger("nerine")` tells what long functions do, and nobody else hears it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nerine
from places import ROOT
from runs import corpus, small_run


def told(caplog: pytest.LogCaptureFixture, logger: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == logger]


def test_a_run_tells_its_plan_its_validations_and_its_end(
    encoder_of: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "nerine"):
        run = small_run(tmp_path / "run", encoder_of("bert"), epochs=2)
    lines = told(caplog, "nerine.train")
    assert re.fullmatch(r"[\w ]+: .+ \(.+\)", lines[0]), "a choice of the plan with its reason"
    assert f"a new run in {tmp_path / 'run'}" in lines
    validations = [line for line in lines if "validation F1" in line]
    assert [line.partition(":")[0] for line in validations] == [
        f"step {record.step}" for record in run.epochs
    ]
    assert f"validation F1 {run.epochs[0].f1:.4f}, the best so far" in validations[0]
    assert f"the run has ended: {tmp_path / 'run'}" in lines
    assert set(run.notes) <= set(lines)
    assert not any("Lisbon" in line for line in lines), "texts are not told"


def test_tagging_tells_its_inputs_and_its_blocks(
    tagger: nerine.Tagger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "posts.txt"
    source.write_text("Mira left Lisbon.\nNobody was there.\n", encoding="utf-8")
    with caplog.at_level(logging.DEBUG, "nerine"):
        nerine.tag_files(tagger, source, tmp_path / "out.jsonl")
    assert told(caplog, "nerine.tag") == [
        f"tagging {source} from 0 on",
        "2 documents are tagged",
        "2 documents, 0 of them failed",
    ]


def test_loading_tells_the_checkpoint_and_the_backend(
    checkpoint_of: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = checkpoint_of()
    with caplog.at_level(logging.INFO, "nerine.load"):
        nerine.Tagger.load(folder, device="cpu")
    assert told(caplog, "nerine.load")[0] == f"loaded {folder}, run by pytorch"


def test_only_info_and_debug_are_told() -> None:
    """So that Python shows nothing unless a program asks; a server may warn."""
    loud = re.compile(r"logger\.(warning|error|exception|critical)\(")
    package = Path(nerine.__file__).parent
    found = {
        path.relative_to(package).parts[:2]
        for path in package.rglob("*.py")
        if loud.search(path.read_text(encoding="utf-8"))
    }
    assert found <= {("serving", "http")}


def test_nothing_is_shown_by_default(checkpoint_of: Callable[..., Path]) -> None:
    code = f"import nerine; nerine.Tagger.load({str(checkpoint_of())!r}, device='cpu')('Mira')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout + ran.stderr == ""


def test_the_manual_names_each_logger() -> None:
    package = Path(nerine.__file__).parent
    page = (ROOT / "docs" / "how-to" / "logging.md").read_text(encoding="utf-8")
    used = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r'getLogger\("(nerine\.\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert set(re.findall(r"^\| `(nerine\.\w+)` \|", page, re.M)) == used
    assert corpus().source not in page
