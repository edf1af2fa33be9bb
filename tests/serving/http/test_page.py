"""The page of a server, in a browser where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.limits import Limits
from nerine.serving.http.service import ServedModel
from places import ROOT
from served import OTHERS, make_tagger, opened, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

TEXT = "😀 Mira Okonjo left Tandem Labs for Lisbon, then Ghent."
LONGEST = 400
"""The most characters of a text that the server takes."""


@pytest.fixture(scope="module")
def taggers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tagger, Tagger]:
    folder = tmp_path_factory.mktemp("models")
    return make_tagger(folder / "one"), make_tagger(folder / "two", OTHERS)


@pytest.fixture(scope="module")
def tagger(taggers: tuple[Tagger, Tagger]) -> Tagger:
    return taggers[0]


@pytest.fixture(scope="module")
def address(taggers: tuple[Tagger, Tagger]) -> Iterator[str]:
    """A server of two models."""
    models = [ServedModel.of(name, each) for name, each in zip("ab", taggers, strict=True)]
    with running(make_app(models, AppOptions(Limits(characters=LONGEST)))) as found:
        yield found


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


def test_the_whole_way_by_mouse(
    browser: Browser, address: str, tagger: Tagger, tmp_path: Path
) -> None:
    with opened(browser, address) as page:
        assert page.get_by_text("appear here").is_visible()
        page.get_by_role("button", name="Try an example").click()
        page.locator(".entity").first.wait_for()
        assert "Mira Okonjo" in marks(page)[0]
        tag(page, TEXT)
        first, lisbon, _ = page.locator(".entity").all()
        first.hover()
        assert page.locator("#details .content").inner_text().split("\n")[0] == "Mira Okonjo"
        assert "2 to 13" in page.locator("#details").inner_text()
        assert "3 to 14" in page.locator("#details").inner_text()  # in UTF-16
        lisbon.hover()
        assert page.locator("#details .content").inner_text().startswith("Lisbon")
        page.get_by_role("tab", name="By hand").click()
        page.locator("#words table").wait_for()
        labs = page.locator("#words tr", has_text="Labs")
        assert "changed" in labs.inner_text()
        page.get_by_role("tab", name="File").click()
        path = tmp_path / "posts.txt"
        path.write_text(f"{TEXT}\n\nNobody was there.\n", encoding="utf-8")
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 2 texts").click()
        page.get_by_text("2 texts tagged.").wait_for()
        assert page.locator("#documents .number").all_inner_texts() == ["3", "0"]
        lines = download(page, "#panel-file", "JSON lines").splitlines()
        assert [json.loads(line)["entities"] for line in lines] == [held_in(tagger, TEXT), []]
        page.get_by_role("button", name="Open text 1").click()
        assert len(marks(page)) == 3


def test_the_whole_way_by_keyboard(browser: Browser, address: str, tmp_path: Path) -> None:
    with opened(browser, address) as page:
        press = page.keyboard.press
        page.on("filechooser", lambda _: None)  # from now on, not only when the key is pressed
        focused = "document.activeElement.id || document.activeElement.className"

        def tab_to(place: str) -> None:
            for _ in range(40):
                press("Tab")
                if place in page.evaluate(focused):
                    return
            raise AssertionError(f"Tab does not reach {place}")

        tab_to("text")
        tab_to("text")
        assert page.evaluate(focused) == "text"
        page.keyboard.type("Mira left Lisbon for Ghent.")
        press("Control+Enter")
        page.locator(".entity").first.wait_for()
        tab_to("entity")
        assert "Mira" in page.locator("#details .content").inner_text()
        press("ArrowRight")
        assert "Lisbon" in page.locator("#details .content").inner_text()
        press("End")
        assert "Ghent" in page.locator("#details .content").inner_text()
        press("Escape")
        assert not page.locator("#details .content").inner_text()
        press("Shift+Tab")
        tab_to("entity")
        assert "Ghent" in page.locator("#details .content").inner_text()
        page.locator("#all-threshold input").focus()
        press("End")
        page.locator(".entity").first.wait_for(state="detached")
        press("Home")
        page.locator(".entity").nth(2).wait_for()
        page.get_by_role("tab", name="Text").focus()
        press("ArrowRight")
        page.locator("#words table").wait_for()
        press("ArrowRight")
        assert page.get_by_role("tab", name="File").get_attribute("aria-selected") == "true"
        path = tmp_path / "posts.txt"
        path.write_text("Mira\nGhent\n")
        tab_to("choose")
        with page.expect_file_chooser() as chooser:
            press("Enter")
        chooser.value.set_files(path)
        page.locator("#documents tr").nth(1).wait_for()
        page.locator("#choice").focus()
        tab_to("run")
        press("Enter")
        page.get_by_text("2 texts tagged.").wait_for()
        tab_to("entity")
        assert "Mira" in page.locator("#details .content").inner_text()


def test_thresholds_hide_entities_and_leave_them_out(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        tag(page, TEXT)
        assert len(marks(page)) == 3
        page.get_by_label("Threshold of location").fill("0.7")
        page.locator(".entity").nth(2).wait_for(state="detached")
        assert [each.partition(",")[0] for each in marks(page)] == ["Mira Okonjo", "Ghent"]
        assert "1 of 2" in page.locator(".threshold", has_text="location").inner_text()
        assert "1 below its threshold" in page.locator("#results").inner_text()
        (line,) = download(page, "#panel-text", "JSON lines").splitlines()
        assert [each["label"] for each in json.loads(line)["entities"]] == ["person", "location"]
        page.get_by_label("All labels").fill("0")
        page.locator(".entity").nth(2).wait_for()


def test_saved_thresholds_are_exact(browser: Browser, address: str, tagger: Tagger) -> None:
    (score,) = {e.score for e in tagger(TEXT).entities if e.label == "person"}
    assert score
    models = [{"name": "a", "labels": ["person", "location"], "saved_thresholds": {"person": 0.0}}]
    with opened(browser, address) as page:
        page.route("**/info", lambda route: route.fulfill(json={"models": models}))
        for saved, count in ((score, 3), (score + 1e-9, 2)):
            models[0] |= {"saved_thresholds": {"person": saved}}
            page.reload()
            tag(page, TEXT)
            page.get_by_role("button", name="Use the saved ones").click()
            page.locator(".threshold", has_text=f"{score:.2f}").wait_for()
            page.wait_for_timeout(100)
            assert len(marks(page)) == count


def test_two_models_side_by_side(
    browser: Browser, address: str, taggers: tuple[Tagger, Tagger]
) -> None:
    with opened(browser, address) as page:
        tag(page, TEXT)
        page.get_by_label("Compare with").select_option("b")
        articles = page.locator("#results article")
        articles.nth(1).wait_for()
        found = [article.locator(".entity").count() for article in articles.all()]
        assert found == [len(tagger(TEXT).entities) for tagger in taggers]
        surfaces = ".entity.differs .surface"
        assert articles.nth(0).locator(surfaces).all_inner_texts() == ["Lisbon", "Ghent"]
        assert articles.nth(1).locator(surfaces).all_inner_texts() == ["Ghent"]
        assert page.locator("#text-status").inner_text() == (
            "1 in both, 2 in the first only, 1 in the second only"
        )
        left, right = (each.bounding_box() for each in articles.all())
        assert left
        assert right
        assert left["y"] == right["y"]


def test_a_text_that_fails_shows_why_and_shifts_nothing(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    texts = ["Mira slept."] * 40
    texts[7] = "Lisbon " * LONGEST
    path = tmp_path / "posts.txt"
    path.write_text("\n".join(texts))
    with opened(browser, address) as page:
        page.get_by_role("tab", name="File").click()
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 40 texts").click()
        page.get_by_text("39 texts tagged, 1 failed.").wait_for()
        states = page.locator("#documents .number").all_inner_texts()
        assert states == ["failed" if index == 7 else "1" for index in range(40)]
        assert "at most" in page.locator("#document-8 .failure").inner_text()
        page.locator("#filter").select_option("failed")
        assert page.locator("#documents tr").count() == 1
        assert len(download(page, "#panel-file", "JSON lines").splitlines()) == 39
        assert "1 text without a result" in page.locator("#file-downloads").inner_text()


def test_a_run_can_be_cancelled_and_resumed(browser: Browser, address: str, tmp_path: Path) -> None:
    path = tmp_path / "posts.txt"
    path.write_text("\n".join(["Mira slept."] * 70))
    with opened(browser, address) as page:
        held: list[Route] = []
        page.route("**/tag", lambda route: held.append(route))
        page.get_by_role("tab", name="File").click()
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 70 texts").click()
        page.wait_for_function("document.querySelector('#progress').max === 70")
        held.pop(0).continue_()
        page.get_by_text("32 of 70").wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("32 texts tagged, 38 not yet tagged.").wait_for()
        page.unroute("**/tag")
        page.get_by_role("button", name="Tag the other 38 texts").click()
        page.get_by_text("38 texts tagged.").wait_for()
        page.locator("#model").select_option("b")
        page.get_by_role("button", name="Tag 70 texts with b").click()
        page.get_by_text("70 texts tagged.").wait_for()


def test_a_refusal_shows_what_to_do(browser: Browser, address: str) -> None:
    refusal = {"error": "<b>too hot", "expected": "cold", "hint": "wait", "request_id": "17"}
    with opened(browser, address, complaints=1) as page:
        page.route("**/tag", lambda route: route.fulfill(status=422, json=refusal))
        page.get_by_role("button", name="Try an example").click()
        alert = page.locator("#text-error")
        alert.wait_for()
        shown = alert.inner_text()
        assert [each for each in refusal.values() if each not in shown] == []


def test_a_busy_server_is_asked_again(browser: Browser, address: str) -> None:
    with opened(browser, address, complaints=1) as page:
        answers = iter([lambda route: route.fulfill(status=429, headers={"Retry-After": "0"})])
        page.route("**/tag", lambda route: next(answers, lambda each: each.continue_())(route))
        tag(page, TEXT)
        assert len(marks(page)) == 3


def test_the_page_works_where_the_app_is_mounted(browser: Browser, tagger: Tagger) -> None:
    app = Starlette(routes=[Mount("/ner", make_app([ServedModel.of("a", tagger)]))])
    with running(app) as address, opened(browser, f"{address}/ner") as page:
        tag(page, TEXT)
        assert len(marks(page)) == 3


def test_a_key_is_asked_for(browser: Browser, tagger: Tagger) -> None:
    with (
        running(make_app([ServedModel.of("a", tagger)], AppOptions(keys=("s3cret",)))) as address,
        opened(browser, address, complaints=2) as page,
    ):
        key = page.get_by_label("API key")
        key.fill("wrong")
        key.press("Enter")
        page.locator("#key-error", has_text="no valid key").wait_for()
        key.fill("s3cret")
        page.get_by_role("button", name="Use the key").click()
        key.wait_for(state="hidden")
        tag(page, TEXT)
        assert len(marks(page)) == 3
        assert page.get_by_label("Compare with").is_hidden()


EVIL = "<img src=x onerror=alert(1)>"
EVIL_LABELS = [EVIL, "__proto__", "</script><script>alert(2)</script>", "javascript:alert(3)"]


def evil_model() -> dict[str, Any]:
    return {"name": EVIL, "version": EVIL, "labels": EVIL_LABELS, "words": EVIL, "notes": [EVIL]}


def evil_explanation(text: str) -> dict[str, Any]:
    end = len(text)
    word = {"index": 0, "start": 0, "end": end, "text": text, "subword": 0, "window": 0}
    numbers = {"logits": [1.0, 2.0], "probs": [0.25, 0.75], "best": EVIL, "tag": f"B-{EVIL}"}
    return {
        "text": text,
        "tags": ["O", f"B-{EVIL}"],
        "subwords": [{"index": 0, "piece": EVIL, "id": 7, "start": 0, "end": end, "word": 0}],
        "windows": [{"index": 0, "first": 0, "last": 1, "input_ids": [7], "words": [0]}],
        "words": [{**word, **numbers}],
        "entities": [{"start": 0, "end": end, "label": EVIL, "score": 0.5}],
    }


def test_hostile_texts_and_labels_stay_texts(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    text = f"{EVIL} </textarea><script>alert(4)</script> \u202egnirts javascript:alert(5)"

    def answer(route: Route) -> None:
        asked = route.request.post_data_json
        assert asked
        given = [each["text"] for each in asked["documents"]]
        entities = [
            {"start": 5 * n, "end": 5 * n + 5, "label": label, "score": 0.5}
            for n, label in enumerate(EVIL_LABELS)
        ]
        documents = [{"text": each, "entities": entities, "words": []} for each in given]
        route.fulfill(json={"model": EVIL, "version": EVIL, "documents": documents})

    with opened(browser, address) as page:
        page.route("**/info", lambda route: route.fulfill(json={"models": [evil_model()] * 2}))
        page.route("**/explain", lambda route: route.fulfill(json=evil_explanation(text)))
        page.route("**/tag", answer)
        page.reload()
        tag(page, text)
        page.locator(".entity").first.hover()
        page.get_by_role("tab", name="By hand").click()
        page.locator("#words table").wait_for()
        page.get_by_role("tab", name="File").click()
        path = tmp_path / "<img src=x onerror=alert(6)>.jsonl"
        path.write_text(json.dumps({"text": text, EVIL: "x", "id": EVIL}) + "\n")
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 1 text").click()
        page.get_by_text("1 text tagged.").wait_for()
        assert page.locator("#document-1 .entity bdi").all_inner_texts() == EVIL_LABELS
        assert "\ufffdgnirts" in page.locator("#document-1").inner_text()
        assert page.locator("script").count() == 2
        assert page.locator("img:not([src='ui/nerine.svg'])").count() == 0
        assert page.locator("[onerror], [onmouseover], [href^='javascript']").count() == 0


def test_markup_from_strings_is_refused(browser: Browser, address: str) -> None:
    with opened(browser, address, complaints=1) as page:
        attempt = "try { document.body.innerHTML = '<p>x'; 'ran' } catch (error) { error.name }"
        assert page.evaluate(attempt) == "TypeError"


def test_text_from_right_to_left(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        tag(page, "قال محمد في Ghent")
        marked = page.locator(".marked")
        assert page.evaluate("getComputedStyle(document.querySelector('.marked')).direction") == (
            "rtl"
        )
        arabic, latin = (each.bounding_box() for each in marked.locator(".entity").all())
        assert arabic
        assert latin
        assert arabic["x"] > latin["x"]
        marked.locator(".entity").first.focus()
        page.keyboard.press("ArrowLeft")
        assert "Ghent" in page.locator("#details .content").inner_text()


def test_combining_marks_and_emoji_are_whole(
    browser: Browser, address: str, tagger: Tagger
) -> None:
    text = "Ge\u0301\u0301 👩‍👩‍👧 Mira Okonjo 😀😀 Ghent"
    with opened(browser, address) as page:
        tag(page, text)
        surfaces = page.locator(".entity .surface").all_text_contents()
        assert surfaces == ["Mira Okonjo", "Ghent"]
        (line,) = download(page, "#panel-text", "JSON lines").splitlines()
        assert json.loads(line)["entities"] == held_in(tagger, text)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_page_is_accessible(
    browser: Browser, address: str, tmp_path: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    contrasts = (ROOT / "tests" / "support" / "contrasts.js").read_text(encoding="utf-8")
    path = tmp_path / "posts.txt"
    path.write_text(f"{TEXT}\n{'Lisbon ' * LONGEST}\n", encoding="utf-8")
    size = {"width": width, "height": 800}

    def check(page: Page) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.run(page).response["violations"]
        assert [each for each in found if each["impact"] in ("serious", "critical")] == []
        measured = page.evaluate(contrasts)
        assert measured["below"] == []

    with opened(browser, address, viewport=size, color_scheme=scheme) as page:
        tag(page, TEXT)
        page.get_by_label("Compare with").select_option("b")
        page.locator("#results article").nth(1).wait_for()
        page.locator(".entity").first.focus()
        check(page)
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="By hand").click()
        page.locator("#words table").wait_for()
        page.locator("#numbers").select_option("probs")
        check(page)
        page.get_by_role("tab", name="File").click()
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 2 texts").click()
        page.get_by_text("1 text tagged, 1 failed.").wait_for()
        check(page)


def test_the_theme_can_be_chosen_and_is_kept(browser: Browser, address: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, address, color_scheme="light") as page:
        light = page.evaluate(ground)
        page.get_by_label("Theme").select_option("dark")
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        assert page.evaluate(ground) == dark
        page.get_by_label("Theme").select_option("system")
        assert page.evaluate(ground) == light


def test_a_file_that_is_dropped_is_read(browser: Browser, address: str) -> None:
    drop = """() => {
      const data = new DataTransfer();
      data.items.add(new File(["Mira\\nGhent"], "posts.txt"));
      for (const kind of ["dragenter", "dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(kind, {
          dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }"""
    with opened(browser, address) as page:
        page.evaluate(drop)
        page.get_by_role("button", name="Tag 2 texts").wait_for()
        assert page.locator("#drop").is_hidden()
