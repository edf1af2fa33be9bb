"""The folder for the web in Node and in a browser without a network, against Python.

Each ONNX model of the checkpoint is exported and tags 500 texts of all scripts: the texts of WNUT
17's test split, or the bundled corpus without it, and hostile ones.

    python -m bench.web CHECKPOINT [--texts 500]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.timing import processor
from bench.web.running import (
    PACKAGES,
    Agreement,
    WebRun,
    agreement,
    missing,
    run_in_browser,
    run_in_node,
)
from bench.web.texts import web_texts
from nerine.data.corpus import load_corpus
from nerine.model.backends.saved import read_saved
from nerine.model.tagger import Tagger
from nerine.serving.web.exporting import export_for_web

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_WNUT = Path(__file__).parents[3] / "shared" / "wnut17"


def main() -> None:
    """Prints a table of each model, in Node and in the browser."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--texts", type=int, default=500)
    chosen = options.parse_args()
    if reason := missing():
        sys.exit(f"skipped: {reason}")
    corpus = load_corpus(_WNUT if _WNUT.is_dir() else "sample")
    ordinary = [document.text for document in corpus.test]
    texts = web_texts(ordinary, chosen.texts)
    print(f"{processor()}; {len(texts)} texts, half of them hostile, and {len(ordinary)} of "
          f"{corpus.source} for the rate\n")  # fmt: skip
    print("| model | where | equal | largest difference | first result, ms | texts/s |")
    print("|---|---|---|---|---|---|")
    saved = read_saved(Path(chosen.checkpoint))
    with _browser() as browser:
        for variant in saved.models if saved else ():
            _measure(chosen.checkpoint, variant, texts, ordinary, browser)


def _measure(
    checkpoint: str, variant: str, texts: list[str], ordinary: list[str], browser: Browser | None
) -> None:
    """Prints the rows of one model."""
    expected = Tagger.load(checkpoint, backend=variant, device="cpu").predict(texts)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "web"
        export_for_web(checkpoint, folder, variant=variant, packages=PACKAGES)
        _row(variant, "Node", agreement(expected, run_in_node(folder, texts)),
             run_in_node(folder, ordinary))  # fmt: skip
        if browser is not None:
            found = agreement(expected, run_in_browser(folder, texts, browser.new_page()))
            _row(variant, "Chromium", found, run_in_browser(folder, ordinary, browser.new_page()))


def _row(variant: str, where: str, found: Agreement, timed: WebRun) -> None:
    print(
        f"| {variant} | {where} | {found.equal} of {found.texts} | {found.difference:.1e} | "
        f"{timed.first:.0f} | {timed.rate:.1f} |",
        flush=True,
    )


@contextmanager
def _browser() -> Iterator[Browser | None]:
    """Headless Chromium; None if there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("no browser is here: apt-get install chromium", file=sys.stderr)
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


if __name__ == "__main__":
    main()
