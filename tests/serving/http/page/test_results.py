"""Thresholds, models side by side, and what the server refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from nerine.model.explanation import explain
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.service import ServedModel
from served import TEXT, download, marks, opened, running, tag

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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


def test_the_steps_are_those_of_the_model(browser: Browser, address: str, tagger: Tagger) -> None:
    steps = explain(tagger, TEXT)
    with opened(browser, address) as page:
        tag(page, TEXT)
        page.get_by_role("tab", name="By hand").click()
        page.locator("#words table").wait_for()
        page.locator("#numbers").select_option("probs")
        rows = [row.split("\t") for row in page.locator("#words tbody").inner_text().split("\n")]
        assert rows == [
            [
                *(str(each.index), each.text, each.best),
                each.tag + " changed" * (each.tag != each.best),
                *(f"{value:.3f}" for value in each.probs),
            ]
            for each in steps.words
        ]
        pieces = page.locator("#pieces .piece bdi").all_inner_texts()
        assert pieces == [each.piece for each in steps.subwords]
        assert page.locator("#windows li").count() == len(steps.windows)
        assert page.locator("#found tbody tr").count() == len(steps.document.entities)


def test_steps_of_many_words_are_shown_in_parts(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.get_by_role("textbox", name="Text").fill("Mira " * 250)
        page.get_by_role("tab", name="By hand").click()
        page.get_by_text("The first 200 of 250 words.").wait_for()
        assert page.locator("#pieces li").count() == 200
        page.get_by_role("button", name="Show more words").click()
        assert page.locator("#words tbody tr").count() == 250
