"""A file as a table of documents: failures, and runs that are cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from served import LONGEST, download, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


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
