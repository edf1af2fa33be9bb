"""The folder for the web in Node and in a browser, and its results next to Python's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from nerine.core.document import Document

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
PACKAGES = Path(
    os.environ.get("NERINE_WEB_PACKAGES", HERE.parents[1] / "build/web-packages/node_modules")
)
"""The folder `node_modules` with onnxruntime-web: `make build/web-packages/ready` makes it."""
_MINUTES = 10 * 60


@dataclass(frozen=True, slots=True)
class WebRun:
    """The results of texts in JavaScript.

    Attributes:
        entities: Those of each text, as the JavaScript gives them.
        first: The milliseconds from the start to the first result.
        rate: Texts per second after that.
    """

    entities: Sequence[Sequence[Mapping[str, Any]]]
    first: float
    rate: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How results in JavaScript agree with Python's.

    Attributes:
        equal: The number of texts with exactly the same entities.
        texts: The number of texts.
        difference: The largest difference of scores in equal texts.
        entities: The number of entities that Python found.
    """

    equal: int
    texts: int
    difference: float
    entities: int


def missing() -> str | None:
    """What is missing on this machine for a run in Node; None if nothing is."""
    if shutil.which("node") is None:
        return "needs Node: apt-get install nodejs"
    if not (PACKAGES / "onnxruntime-web").is_dir():
        return "needs onnxruntime-web: make build/web-packages/ready"
    return None


def run_in_node(folder: Path, texts: Sequence[str]) -> WebRun:
    """Tags texts in Node."""
    done = subprocess.run(
        ["node", str(HERE / "run.mjs"), str(folder.absolute()), str(PACKAGES.absolute())],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        timeout=_MINUTES,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return _run_of(json.loads(done.stdout), len(texts))


def run_in_browser(folder: Path, texts: Sequence[str], page: Page) -> WebRun:
    """Tags texts in the page of the folder, which is served on this machine; no other is reached.

    The page itself tags its example first, which gives the time of the first result.
    """
    with serving(folder) as address:
        open_page(address, page)
        found = json.loads(page.evaluate(_TAG_ALL, json.dumps(texts)))
    return _run_of(found, len(texts))


def open_page(address: str, page: Page) -> None:
    """Opens the page at an address of this machine without a network, until its first result."""
    page.set_default_timeout(1000 * _MINUTES)
    page.route(lambda url: not url.startswith(address), lambda route: route.abort())
    page.goto(address)
    page.locator("#status", has_text=re.compile(" ms$|did not work")).wait_for()
    status = page.inner_text("#status")
    if "did not work" in status:
        raise RuntimeError(status)


_TAG_ALL = """async (json) => {
    const { Tagger } = await import(new URL("nerine/tagger.js", location.href));
    const tagger = await Tagger.load(new URL("./", location.href));
    await tagger.tag("Mira Okonjo left.");
    const begin = performance.now();
    const results = await tagger.tagAll(JSON.parse(json));
    const seconds = (performance.now() - begin) / 1000;
    const first = performance.getEntriesByName("result")[0].startTime;
    return JSON.stringify({ entities: results.map(({ entities }) => entities), first, seconds });
}"""


def agreement(expected: Sequence[Document], run: WebRun) -> Agreement:
    """Compares the results in JavaScript with Python's of the same texts.

    Both kinds of offsets are compared, and the texts of entities.
    """
    equal, difference, count = 0, 0.0, 0
    for document, found in zip(expected, run.entities, strict=True):
        ours = [(each.start, each.end, each.label) for each in document.entities]
        theirs = [(*each["codePoints"], each["label"]) for each in found]
        count += len(ours)
        units = document.text.encode("utf-16-le", "surrogatepass")
        cut = [
            units[2 * each["start"] : 2 * each["end"]].decode("utf-16-le", "surrogatepass")
            for each in found
        ]
        if ours != theirs or cut != [each["text"] for each in found]:
            continue
        equal += 1
        pairs = zip(document.entities, found, strict=True)
        differences = (abs((ours.score or 0.0) - theirs["score"]) for ours, theirs in pairs)
        difference = max([difference, *differences])
    return Agreement(equal, len(expected), difference, count)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server of plain files on this machine; its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _run_of(values: Mapping[str, Any], count: int) -> WebRun:
    return WebRun(values["entities"], values["first"], count / values["seconds"])
