"""A server on this machine, models whose opinions are written down, and the page in a browser."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from dictionary import Opinion, make_dictionary
from nerine.model.tagger import Tagger

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

TAGS = ("O", "B-location", "I-location", "B-person", "I-person")
OPINIONS: Mapping[str, Opinion] = {
    "Mira": {"B-person": 0.9, "O": 0.05},
    "Okonjo": {"I-person": 0.9, "O": 0.05},
    "Lisbon": {"B-location": 0.6, "O": 0.3},
    "Ghent": {"B-location": 0.95},
    "محمد": {"B-person": 0.8},
    "Labs": {"I-person": 0.6, "O": 0.3},  # not allowed after O: the decoder changes it
}
TEXT = "😀 Mira Okonjo left Tandem Labs for Lisbon, then Ghent."
LONGEST = 400
"""The most characters of a text that the server takes."""
OTHERS: Mapping[str, Opinion] = {**OPINIONS, "Lisbon": "O", "Ghent": {"B-person": 0.9}}
"""The opinions of a second model."""


def make_tagger(folder: Path, opinions: Mapping[str, Opinion] = OPINIONS) -> Tagger:
    """A tagger with these opinions."""
    texts = ["😀🎶é\u0301،"]
    checkpoint = make_dictionary(folder, opinions, TAGS, texts=texts)
    settings: dict[str, Any] = {"scheme": "IOB2", "decoding": "viterbi", "words": "rule"}
    return Tagger.load(checkpoint, device="cpu", **settings)


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """The address of an app that is served on this machine, on any free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass  # without slots: playwright keeps something of its own here
class Watch:
    """What a page complains of, and the hosts that it asks."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def look_at(self, page: Page) -> None:
        """From now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith("blob:"):  # a download, which comes from the page itself
            self.hosts.add(urlsplit(request.url).netloc)


@contextlib.contextmanager
def opened(
    browser: Browser, address: str, *, complaints: int = 0, **options: Any
) -> Iterator[Page]:
    """The page of a server; at the end, it asked no other host and complained so many times."""
    chosen = {"viewport": {"width": 1280, "height": 900}, **options}
    context = browser.new_context(**chosen)
    context.set_default_timeout(30_000)
    with contextlib.closing(context):
        page, watch = context.new_page(), Watch()
        watch.look_at(page)
        page.goto(f"{address}/ui")
        yield page
    assert len(watch.complaints) == complaints, watch.complaints
    assert watch.hosts == {urlsplit(address).netloc}


def tag(page: Page, text: str) -> None:
    """Tags a text by mouse and waits for its result."""
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("button", name="Tag", exact=True).click()
    page.locator("#results[aria-busy=false] .marked").first.wait_for()


def marks(page: Page) -> list[str]:
    """The surfaces and labels of the entities that are shown."""
    found = page.locator("#panel-text .entity")
    return [each.inner_text().replace("\n", "") for each in found.all()]


def download(page: Page, panel: str, name: str) -> str:
    """The content of a file that the page makes."""
    with page.expect_download() as found:
        page.locator(panel).get_by_role("button", name=name).click()
    return found.value.path().read_bytes().decode()


def held_in(tagger: Tagger, text: str) -> list[dict[str, Any]]:
    return [
        {"start": e.start, "end": e.end, "label": e.label, "score": e.score}
        for e in tagger(text).entities
    ]
