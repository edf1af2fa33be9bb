"""The routes of the page, and what its files may hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from nerine.serving.http.routes import page

FOLDER = Path(page.__file__).parents[1] / "page"
SCRIPTS = sorted(FOLDER.glob("*.js"))
ALLOWED = ("http://www.w3.org/2000/svg",)
"""Addresses that are names."""


@pytest.fixture(scope="module")
def client() -> TestClient:
    service = None  # the page does without
    routes = [each.route(service) for each in page.endpoints()]  # type: ignore[arg-type]
    return TestClient(Starlette(routes=routes))


def test_the_page_and_each_of_its_files_are_served_with_the_policy(client: TestClient) -> None:
    names = [f"/{path.name}" for path in FOLDER.iterdir() if path.name != "index.html"]
    assert "/app.js" in names
    for name in ("", *names):
        answer = client.get(f"/ui{name}")
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= {*policy}
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/ui/app.js").headers["ETag"]
    again = client.get("/ui/app.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/ui/app.js", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("path", ["/ui/index.html", "/ui/%2e%2e/app.py", "/ui/none.js"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_slash_too_many_leads_to_the_page(client: TestClient) -> None:
    answer = client.get("/ui/", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "../ui")


def test_the_page_needs_no_key() -> None:
    assert all(each.is_open for each in page.endpoints())


def test_files_name_no_other_host() -> None:
    for path in FOLDER.iterdir():
        found = re.findall(r"(?:https?:)?//[\w.]+\.[\w./]+", path.read_text(encoding="utf-8"))
        assert [each for each in found if each not in ALLOWED] == [], path.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_from_strings(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    risky = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
    assert re.findall(risky, script) == []
    assert len(script.splitlines()) <= 400


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("for", "aria-controls", "aria-labelledby", "aria-describedby"):
            self.references |= {*(given.get(name) or "").split()}
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]


def test_ids_are_there_once_and_each_that_is_asked_for() -> None:
    parser = _Ids()
    parser.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    asked = {*re.findall(r'byId\("([\w-]+)"\)', scripts)} | parser.references
    assert len(asked) > 40
    assert asked <= {*parser.ids}
    assert len(parser.ids) == len({*parser.ids})
    assert parser.handlers == []
