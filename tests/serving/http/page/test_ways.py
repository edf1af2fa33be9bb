"""The whole way through the page: by mouse, by keyboard, and with what is dropped and pasted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nerine.model.tagger import Tagger
from served import TEXT, download, held_in, marks, opened, tag

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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


def test_a_file_that_is_pasted_is_read(browser: Browser, address: str) -> None:
    paste = """() => {
      const data = new DataTransfer();
      data.items.add(new File(["Mira"], "posts.txt"));
      document.body.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }"""
    with opened(browser, address) as page:
        page.evaluate(paste)
        page.get_by_role("button", name="Tag 1 text").wait_for()
