"""The manual's site: it builds as `make docs` builds it, stands alone, and works in a browser."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from places import ROOT
from sites import Site, read_html, served, styled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

START = "index.html"
HOW_TO = "how-to/label-studio.html"
NOTEBOOK = "tutorials/1-token-and-sequence.html"
VIEWPORTS = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}
SOUGHT = {
    "active learning": "how-to/few-sentences",
    "docker": "how-to/containers",
    "excel": "how-to/spreadsheets",
    "german": "how-to/choose-encoder",
    "thread safe": "how-to/processes",
}
"""What readers look for in words that the manual may not use → the page that tells of it."""
KIN = {
    "cgroup": "how-to/containers",
    "confidence": "concepts/probability",
    "cuda": "how-to/gpu",
    "databricks": "how-to/many-machines",
    "deprecation": "reference/promises",
    "few-shot": "how-to/few-sentences",
    "hyperparameters": "how-to/plan",
    "jupyter": "how-to/notebook",
    "kubernetes": "how-to/containers",
    "multilingual": "how-to/choose-encoder",
    "multiprocessing": "how-to/processes",
    "quantization": "how-to/fast-on-cpu",
    "rest api": "how-to/serve",
    "semantic versioning": "reference/promises",
    "train dev test": "reference/format-samples",
    "xlsx": "how-to/spreadsheets",
}
_PICTURE = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")

pytest.importorskip("sphinx")


def is_newer(stamp: Path) -> bool:
    """Whether a file is newer than all that the site is made from."""
    sources = [*(ROOT / "src").rglob("*.py"), *filter(Path.is_file, (ROOT / "docs").rglob("*"))]
    newest = max(path.stat().st_mtime for path in (ROOT / "README.md", *sources))
    return stamp.is_file() and stamp.stat().st_mtime > newest


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of `make docs` if nothing has changed since, or one built with its options."""
    made = ROOT / "build" / "docs"
    if is_newer(made / ".complete"):
        return Site(made)
    folder = tmp_path_factory.mktemp("site").resolve()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"sphinx-build (.*) docs build/docs$", makefile, re.M)
    assert recipe, "make docs builds docs into build/docs"
    options = shlex.split(recipe[1])
    assert {"--nitpicky", "--fail-on-warning"} <= set(options)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Site(folder)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Where the site is served."""
    with served(site.folder) as found:
        yield found


@dataclass  # without slots: playwright keeps something of its own here
class Watch:
    """What goes wrong on a page, and the hosts that it asks."""

    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def look_at(self, page: Page) -> None:
        """From now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("requestfailed", lambda request: self.faults.append(request.url))
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} {response.url}")


@contextlib.contextmanager
def opened(browser: Browser, url: str, size: str = "wide", scheme: str = "light") -> Iterator[Page]:
    """A page at its address; at the end, nothing went wrong on it and it asked no other host."""
    context = browser.new_context(
        viewport=VIEWPORTS[size],  # type: ignore[arg-type] # a mapping of these two
        color_scheme=scheme,  # type: ignore[arg-type] # one of two
    )
    with contextlib.closing(context):
        page, watch = context.new_page(), Watch()
        watch.look_at(page)
        page.goto(url)  # until everything is loaded
        yield page
    assert watch.faults == []
    assert watch.hosts - {""} == {urlsplit(url).netloc}


def ground(page: Page) -> int:
    """How light the ground of a page is, from 0 to 255."""
    colour: Any = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return min(map(int, re.findall(r"\d+", colour)[:3]))


def test_no_link_is_dead(site: Site) -> None:
    assert len(site.pages) > 10
    assert sorted(site.dead_links()) == []


def test_nothing_comes_from_elsewhere(site: Site) -> None:
    found = [*site.fetched()]
    assert {link.tag for _, link in found} >= {"script", "link", "style"}
    foreign = [(path.name, link) for path, link in found if link.is_elsewhere]
    assert foreign == []


def test_every_image_says_in_words_what_it_shows(site: Site) -> None:
    wordless = [
        f"{path.relative_to(site.folder)}: {image.get('src', '')[:80]}"
        for path, page in site.pages.items()
        for image in page.images
        if not image.get("alt", "").strip() or image["alt"].lower().endswith(_PICTURE)
    ]
    assert wordless == []


def test_every_page_of_the_manual_is_in_the_site(site: Site) -> None:
    sources = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in sources}
    assert pages <= {path.relative_to(site.folder) for path in site.pages}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", VIEWPORTS)
@pytest.mark.parametrize("name", [START, HOW_TO, NOTEBOOK])
def test_a_page_is_whole_on_any_screen(
    browser: Browser, address: str, name: str, size: str, scheme: str
) -> None:
    with opened(browser, f"{address}/{name}", size, scheme) as page:
        assert page.locator("h1").first.is_visible()
        width = VIEWPORTS[size]["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.scrollWidth") <= width
        assert (ground(page) > 128) is (scheme == "light")
        assert page.evaluate(
            """async () => {
              const shown = [...document.images];
              for (const image of shown) image.loading = "eager";
              await Promise.all(shown.map(image => image.decode()));
              return shown.every(image => image.naturalWidth > 0);
            }"""
        )


def test_a_word_is_found(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/{START}") as page:
        page.locator("input[name=q]").first.fill("Label Studio")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=Label+Studio*")
        page.locator("#search-results li a").first.wait_for()
        found = page.locator("#search-results li a").evaluate_all(
            "links => links.map(link => link.href)"
        )
        assert any(HOW_TO in link for link in found)


def test_a_word_that_stands_nowhere_is_not_found(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/search.html?q=xylophonist") as page:
        page.locator("#search-results p, #search-results h2").first.wait_for()
        page.wait_for_function("document.querySelector('.search-summary')?.textContent.length > 20")
        assert page.locator("#search-results li").count() == 0


@pytest.mark.parametrize(("query", "page"), (SOUGHT | KIN).items())
def test_a_synonym_is_in_the_index_of_the_search(site: Site, query: str, page: str) -> None:
    text = (site.folder / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    entries = index["indexentries"].get(query, [])
    pages = {index["docnames"][number] for number, _, is_main in entries if is_main}
    assert pages == {page}


def test_a_synonym_finds_its_page_first(browser: Browser, address: str) -> None:
    for query, wanted in SOUGHT.items():
        with opened(browser, f"{address}/search.html?q={query}") as page:
            first = page.locator("#search-results li a").first
            first.wait_for()
            found = str(first.get_attribute("href"))
            assert found.partition("#")[0].removeprefix("/") == f"{wanted}.html", query


def test_llms_txt_names_each_page_once(site: Site) -> None:
    text = (site.folder / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# Nerine\n\n> Nerine trains named-entity recognisers")
    line = r"^- \[.+?\]\((\S+)\): \S.*$"
    named = [site.folder / target for target in re.findall(line, text, flags=re.M)]
    made = {path.stem for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".ipynb")}
    assert sorted(named) == sorted(
        path for path in site.pages if path.stem in made and path != site.folder / START
    )
    titles = re.findall(r"^## (.+)$", text, flags=re.M)
    source = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert titles == re.findall(r"^:caption: (.+)$", source, flags=re.M)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_switched_and_stay(
    browser: Browser, address: str, scheme: str
) -> None:
    with opened(browser, f"{address}/{START}", scheme=scheme) as page:
        switch = page.locator("button.theme-toggle").locator("visible=true").first
        grounds = [ground(page)]
        for _ in range(2):
            switch.click()
            grounds.append(ground(page))
        assert min(grounds) < 64
        assert max(grounds) > 192
        chosen = page.evaluate("document.body.dataset.theme")
        page.reload()
        assert page.evaluate("document.body.dataset.theme") == chosen
        assert ground(page) == grounds[-1]


@pytest.mark.parametrize(
    "fault",
    [
        "<script>console.error('x')</script>",
        "<script>throw new Error('x')</script>",
        "<img src=gone.png>",
        "<img src=http://127.0.0.2:9/x.png>",
    ],
)
def test_faults_of_a_page_are_seen(browser: Browser, tmp_path: Path, fault: str) -> None:
    """The tests above could not fail if these were overlooked."""
    (tmp_path / "a.html").write_text(f"<link rel=icon href=data:,><h1>x</h1>{fault}")
    (tmp_path / "b.html").write_text("<link rel=icon href=data:,><h1>x</h1>")
    with served(tmp_path) as address:
        with opened(browser, f"{address}/b.html"):
            pass
        with pytest.raises(AssertionError), opened(browser, f"{address}/a.html"):
            pass


def test_links_and_styles_are_read(tmp_path: Path) -> None:
    """The tests above could not fail if these were overlooked."""
    (tmp_path / "a.html").write_text(
        '<h1 id=top>x</h1><a href="b.html#there">1</a><a href="b.html#gone">2</a>'
        '<a href="c.html">3</a><a href="../../x.html">4</a><a href="#top">5</a>'
        '<a href="https://example.org/">6</a><img src="no.png"><img src=b.html alt=B>'
    )
    (tmp_path / "b.html").write_text(
        '<p id="there" style="background: url(//example.org/a.png)"><script src="https://x.org/y">'
        '</script><style>@import "http://x.org/z.css";</style><img srcset="http://x.org/2 2x">'
    )
    (tmp_path / "s.css").write_text("a { src: url('https://x.org/font.woff') }")
    site = Site(tmp_path.resolve())
    assert [dead.partition(": ")[2] for dead in site.dead_links()] == [
        "b.html#gone: no such place",
        "c.html: no such file",
        "../../x.html: outside the site",
        "no.png: no such file",
    ]
    foreign = [link.target for _, link in site.fetched() if link.is_elsewhere]
    assert foreign == [
        "//example.org/a.png",
        "https://x.org/y",
        "http://x.org/z.css",
        "http://x.org/2",
        "https://x.org/font.woff",
    ]
    assert read_html("<img alt=a>").images == [{"alt": "a"}]
    assert styled("a { b: url( 'c' ); d: url(data:x) }") == ["c", "data:x"]
