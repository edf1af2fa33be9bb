"""A built site: its pages with their links and images, and a local server for it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

_REFERENCES = ("href", "src", "action", "poster", "data")
_STYLED = re.compile(r"""(?:@import\s+|url\(\s*)["']?([^"')\s;]+)""")


@dataclass(frozen=True, slots=True)
class Link:
    """A reference on a page, and its tag."""

    tag: str
    target: str

    @property
    def is_elsewhere(self) -> bool:
        """Whether the target is on another host."""
        parts = urlsplit(self.target)
        return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp", "mailto")


@dataclass(slots=True)
class HtmlPage:
    """The ids, references and images of a page."""

    ids: set[str] = field(default_factory=set)
    links: list[Link] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = HtmlPage()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.page.ids |= {given[name] for name in ("id", "name") if name in given}
        targets = [given[name] for name in _REFERENCES if name in given]
        targets += [each.split()[0] for each in given.get("srcset", "").split(",") if each.strip()]
        self.page.links += [Link(tag, target) for target in targets]
        self.page.links += [Link("style", each) for each in styled(given.get("style", ""))]
        if tag == "img":
            self.page.images.append(given)

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.page.links += [Link("style", each) for each in styled(data)]

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False


def styled(css: str) -> list[str]:
    """The references of a style sheet."""
    return _STYLED.findall(css)


def read_html(text: str) -> HtmlPage:
    """The ids, links and images of a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.page


@dataclass(frozen=True)
class Site:
    """A built site; `folder` is its resolved path."""

    folder: Path

    @cached_property
    def pages(self) -> dict[Path, HtmlPage]:
        """All pages by path."""
        return {
            path: read_html(path.read_text(encoding="utf-8"))
            for path in sorted(self.folder.rglob("*.html"))
            if "_static" not in path.relative_to(self.folder).parts
        }

    def dead_links(self) -> Iterator[str]:
        """Links to a file or a fragment that the site does not have."""
        for path, page in self.pages.items():
            for link in page.links:
                if reason := self._dead(path, link):
                    yield f"{path.relative_to(self.folder)}: {link.target}: {reason}"

    def _dead(self, path: Path, link: Link) -> str:
        parts = urlsplit(link.target)
        if link.is_elsewhere or parts.scheme == "data":
            return ""
        found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not found.is_relative_to(self.folder):
            return "outside the site"
        if not found.is_file():
            return "no such file"
        fragment = unquote(parts.fragment)
        if found.suffix != ".html" or not fragment:
            return ""
        return "" if fragment in self.pages[found].ids else "no such place"

    def fetched(self) -> Iterator[tuple[Path, Link]]:
        """References that a browser loads by itself, in pages and style sheets."""
        for path, page in self.pages.items():
            yield from ((path, link) for link in page.links if link.tag not in ("a", "form"))
        for path in self.folder.rglob("*.css"):
            for target in styled(path.read_text(encoding="utf-8")):
                yield path, Link("style", target)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server for `folder` on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
