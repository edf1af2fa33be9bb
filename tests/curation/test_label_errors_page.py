"""The page of label errors, in a browser where there is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from nerine.core.document import Document, Entity
from nerine.curation.label_errors.page import review_page
from nerine.curation.label_errors.ranking import LabelError, Sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = "<script>document.title = 'run'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'run'\">"
EVIL = f"{IMAGE}</style>"


def label_error(text: str, gold: Entity | None, proposed: Entity | None) -> LabelError:
    document = Document(text, (gold,) if gold else ())
    return LabelError(Sample(document, "train", 0, f"{SCRIPT}:7"), gold, proposed, 0.125, 0.75)


LABEL_ERRORS = [
    label_error("so Mira left", None, Entity(3, 7, "person")),
    label_error("Oslo is far", Entity(0, 4, "person"), Entity(0, 4, "place")),
    label_error(f"{SCRIPT} New York {IMAGE}", Entity(40, 48, EVIL), Entity(44, 48, EVIL)),
    label_error("again and again", Entity(0, 5, "place"), None),
]


def opened(browser: Browser, folder: Path, width: int = 1000) -> tuple[Page, list[str]]:
    """The page as a browser shows it, and whatever it complains of or asks for."""
    path = folder / "review.html"
    path.write_text(review_page(LABEL_ERRORS), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 700})
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(path.as_uri())
    return page, [each for each in heard if each != path.as_uri()]


def test_texts_and_labels_stay_texts(browser: Browser, tmp_path: Path) -> None:
    page, heard = opened(browser, tmp_path)
    page.wait_for_timeout(100)
    assert heard == []
    assert page.title() == "Suspect labels"
    assert page.locator("img, script").count() == 0
    third = page.locator("li").nth(2)
    assert SCRIPT in third.inner_text()
    assert EVIL in third.locator("mark.gold").inner_text()


def test_gold_and_proposal_stand_side_by_side(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, tmp_path)
    first, second = page.locator("li").nth(0), page.locator("li").nth(1)
    assert first.locator("mark").all_inner_texts() == ["Miraperson"]
    assert first.locator("mark.proposed").count() == 1
    assert second.locator("mark.gold").inner_text() == "Osloperson"
    assert second.locator("mark.proposed").inner_text() == "Osloplace"
    assert "probability 0.125" in second.inner_text()
    assert "probability 0.750" in second.inner_text()


def test_filters_need_no_script(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, tmp_path)
    shown = page.locator("li:visible")
    assert shown.count() == 4
    page.get_by_label("kind", exact=True).select_option("kind-type")
    assert shown.count() == 1
    page.get_by_label("kind", exact=True).select_option("")
    page.get_by_label("label", exact=True).select_option(label="place")
    assert shown.count() == 2
    page.get_by_label("kind", exact=True).select_option("kind-missed")
    assert shown.count() == 0


def test_filters_answer_to_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, tmp_path)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("kind", exact=True).input_value() == "kind-missed"
    assert page.locator("li:visible").count() == 1


def test_a_phone_shows_one_side_below_the_other(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, tmp_path, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sides = page.locator("li").nth(1).locator(".sides > div")
    first, second = sides.nth(0).bounding_box(), sides.nth(1).bounding_box()
    assert first
    assert second
    assert second["y"] >= first["y"] + first["height"]


def test_the_dark_page_is_dark(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, tmp_path)
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert sum(map(int, re.findall(r"\d+", page.evaluate(colour)))) < 120
    assert sum(map(int, re.findall(r"\d+", light))) > 600


def test_a_long_text_is_shown_around_the_place() -> None:
    text = "a" * 500 + " Mira " + "b" * 500
    page = review_page([label_error(text, None, Entity(501, 505, "person"))], total=9)
    assert '<mark class="proposed">Mira' in page
    assert "…aaa" in page
    assert "bbb…" in page
    assert "a" * 200 not in page
    assert "The first 1 of 9 places" in page


def test_other_entities_are_marked_without_a_colour() -> None:
    first, second = Entity(0, 4, "person"), Entity(8, 12, "place")
    document = Document("Mira in Oslo", (first, second))
    found = LabelError(Sample(document, "train", 0, "a"), second, None, 0.5, 0.5)
    page = review_page([found])
    assert page.count("<mark>Mira<small>person</small></mark>") == 2
    assert page.count('<mark class="gold">Oslo<small>place</small></mark>') == 1
    assert page.count("Oslo") == 2


def test_a_page_without_label_errors_says_so() -> None:
    assert "0 places" in review_page([])
