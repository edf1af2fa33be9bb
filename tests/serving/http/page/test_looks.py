"""The page is accessible, in light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from places import ROOT
from served import LONGEST, TEXT, opened, tag

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


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
