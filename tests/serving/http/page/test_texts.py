"""Texts and labels from strangers: nothing runs, and every script and sign is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerine.model.tagger import Tagger
from served import download, held_in, opened, tag

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


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
