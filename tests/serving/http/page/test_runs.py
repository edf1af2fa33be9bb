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


def test_a_request_that_is_refused_is_halved_until_one_text_fails(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    def answer(route: Route) -> None:
        asked = route.request.post_data_json
        assert asked
        if any("Ghent" in each["text"] for each in asked["documents"]):
            route.fulfill(status=413, json={"error": "too large", "hint": "divide it"})
        else:
            route.continue_()

    texts = ["Mira slept."] * 32
    texts[7] = "Ghent"
    path = tmp_path / "posts.txt"
    path.write_text("\n".join(texts))
    with opened(browser, address, complaints=6) as page:  # of 32, 16, 8, 4, 2 texts and of one
        page.route("**/tag", answer)
        page.get_by_role("tab", name="File").click()
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 32 texts").click()
        page.get_by_text("31 texts tagged, 1 failed.").wait_for()
        assert "divide it" in page.locator("#document-8 .failure").inner_text()
        page.unroute("**/tag")
        page.get_by_role("button", name="Tag the failed text again").click()
        page.get_by_text("1 text tagged.", exact=True).wait_for()
        assert page.locator("#documents .number").all_inner_texts() == ["1"] * 32


def test_a_server_that_goes_away_ends_the_run_and_fails_no_text(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "posts.txt"
    path.write_text("Mira slept.\nGhent\n")
    with opened(browser, address, complaints=1) as page:
        page.route("**/tag", lambda route: route.abort())
        page.get_by_role("tab", name="File").click()
        page.locator("#file").set_input_files(path)
        page.get_by_role("button", name="Tag 2 texts").click()
        page.locator("#file-error", has_text="cannot be reached").wait_for()
        assert page.locator("#documents .number").all_inner_texts() == ["–", "–"]
        page.unroute("**/tag")
        page.get_by_role("button", name="Tag 2 texts").click()
        page.get_by_text("2 texts tagged.").wait_for()
