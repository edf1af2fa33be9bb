"""Results in JupyterLab, in a browser: they are shown, readable, light and dark, and inert."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

import nerine
from places import SUPPORT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HOSTILE = (
    "Mira <script>window.hacked = 1</script> left <img src=x onerror='window.hacked = 2'> "
    "for $x^2$ and \\(y\\) in Lisbon."
)
LABEL = '<b onclick="window.hacked = 3">$p$'
CELLS = (
    f"""
import nerine
from nerine import Document, Entity, System

def named(text, label="person", score=None):
    return Document(text, (Entity(0, 4, label, score),))

hostile = Document({HOSTILE!r}, (Entity(0, 4, {LABEL!r}, 0.5),))
hostile
""",
    """
gold = [named("Mira left Oslo"), named("Zoë stayed", "group"), hostile]
found = [named("Mira left Oslo", "person", 0.9), named("Zoë stayed", "person", 0.4), hostile]
corpus = nerine.load_corpus("corpus")
corpus
""",
    "evaluation = nerine.evaluate_predictions(gold, found, samples=20)\nevaluation",
    "nerine.compare(gold, [System('$a$', (found,)), System('b', (gold,))], samples=20)",
    "nerine.check_corpus(corpus)",
    "run = nerine.train(corpus, encoder='encoder', output='run', epochs=3)",
    "tagger = run.tagger(device='cpu')\ntagger",
    "nerine.explain(tagger, 'Mira left <b>Oslo</b> for $5')",
    "%config InlineBackend.figure_format = 'svg'\nrun.plot();",
    "evaluation.plot('confusion');",
    "print('all cells have run')",
)


@pytest.fixture
def folder(tmp_path: Path, encoder_of: Callable[[str], Path]) -> Path:
    """A folder with a notebook, a corpus and an encoder."""
    from tiny import documents

    (tmp_path / "encoder").symlink_to(encoder_of("bert"))
    (tmp_path / "corpus").mkdir()
    for name in ("train", "validation"):
        nerine.write_documents(documents(), tmp_path / "corpus" / f"{name}.conll")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "results.ipynb")
    return tmp_path


@pytest.fixture
def lab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves the folder."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab: pip install 'nerine[notebook]'")
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # else only the cells that are in sight are drawn
    tracker = settings / "tracker.jupyterlab-settings"
    tracker.write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    never = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    options = (
        *("--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"),
        *("--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"),
        *("--LabApp.news_url=", f"--LabApp.check_for_updates_class={never}"),
        f"--LabApp.user_settings_dir={folder / 'settings'}",
        f"--LabApp.workspaces_dir={folder / 'workspaces'}",
        f"--ServerApp.root_dir={folder}",
    )
    environment = os.environ | {
        f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    source = str(Path(nerine.__file__).parents[1])
    kept = os.environ.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [source, kept]))
    environment["IPYTHONDIR"] = str(folder / "ipython")
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/api", timeout=10):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def run_all_cells(page: Page, address: str) -> None:
    """Opens the notebook, and runs it to its last cell."""
    page.set_default_timeout(180_000)
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.context?.sessionContext"
        "?.session?.kernel?.status === 'idle'"
    )
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output')]"
        ".some((each) => each.textContent.trim() === 'all cells have run')"
    )


def test_results_are_shown_in_jupyterlab_light_and_dark_and_nothing_in_them_runs(
    lab: str, folder: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 6000})
    run_all_cells(page, f"{lab}/lab/tree/results.ipynb")
    contrasts = (SUPPORT / "contrasts.js").read_text(encoding="utf-8")
    contrasts = contrasts.replace("body *", ".nerine *")
    measured = {}
    for name in ("Light", "Dark"):
        page.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })",
            f"JupyterLab {name}",
        )
        page.wait_for_selector(f"body[data-jp-theme-name='JupyterLab {name}']", state="attached")
        page.wait_for_timeout(1000)  # until colours have changed
        page.screenshot(path=folder / f"{name.lower()}.png")
        measured[name] = page.evaluate(contrasts)
    errors = page.locator(
        ".jp-RenderedError, [data-mime-type='application/vnd.jupyter.stderr']"
    ).all_text_contents()
    assert errors == []
    shown = page.locator(".jp-OutputArea-output .nerine").all_text_contents()
    assert len(shown) == 8, shown
    assert page.locator(".jp-RenderedSVG img").count() == 2
    document, corpus, evaluation, comparison, report, progress, tagger, explanation = shown
    assert document == HOSTILE.replace("Mira", f"Mira{LABEL}")
    assert "documents" in corpus
    assert "all labels" in evaluation
    assert "Strict F1 over 3 documents" in comparison
    assert "by " in report
    assert "best" in progress
    assert "tag scheme" in tagger
    assert "$5" in explanation
    assert page.evaluate("window.hacked") is None
    assert page.locator(".nerine script, .nerine img, .nerine mjx-container").count() == 0
    for name, found in measured.items():
        assert found["measured"] > 100
        assert found["below"] == [], name
    page.close()
