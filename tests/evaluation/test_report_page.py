"""Reports in a browser: that nothing in them acts, and that everything can be reached."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import reports
from nerine.core.display import visible
from nerine.core.document import Document
from nerine.evaluation.error_analysis import Outcome
from nerine.evaluation.report import to_html
from nerine.evaluation.report.content import Report
from places import SUPPORT
from reports import DESKTOP, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 740}
_CONTRASTS = (SUPPORT / "contrasts.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report() -> Report:
    """A report in whose training one of two persons' names is seen."""
    gold, predicted = reports.documents(120)
    train = [each for each in gold if "The Long Road" not in each.text]
    return reports.report(gold, predicted, train=train)


@pytest.fixture(scope="module")
def ordinary(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(to_html(report), tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = reports.report(
        *reports.hostile_documents(),
        title=reports.HOSTILE[0],
        checkpoint=reports.HOSTILE[2],
        corpus=reports.HOSTILE[1],
        split=reports.HOSTILE[3],
        places=[*reports.HOSTILE],
        notes=reports.HOSTILE,
    )
    return written(to_html(found), tmp_path_factory.mktemp("hostile"))


def written(page: str, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_hostile_texts_and_labels_are_texts(
    browser: Browser, hostile: Path, viewport: Any, scheme: Any
) -> None:
    with opened(browser, hostile, viewport=viewport, color_scheme=scheme) as page:
        assert page.evaluate("document.querySelectorAll('img, iframe, main script').length") == 0
        assert page.evaluate("document.scripts.length") == 2
        assert page.title() == visible(reports.HOSTILE[0])
        shown = page.locator("#found .text").all_text_contents()
        texts = [visible(each.text, lines=True) for each in reports.hostile_documents()[0]]
        assert shown == [text.replace("\uffff", "\ufffd") for text in texts]
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.locator("#found li").first.hover()
        page.locator("#choose-gold").select_option(index=2)
        assert page.locator("#found li").count() == 1


def test_the_policy_lets_nothing_else_run(browser: Browser, ordinary: Path) -> None:
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(ordinary.as_uri())
    ran = page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<p id=styled style='color: red'>x</p>");
          document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>");
          return [window.ran ?? false, getComputedStyle(document.getElementById("styled")).color];
        }"""
    )
    assert ran == [False, page.evaluate("getComputedStyle(document.body).color")]
    context.close()


def test_filters_and_search_find_what_the_analysis_holds(
    browser: Browser, ordinary: Path, report: Report
) -> None:
    outcomes = report.evaluation.analysis.outcomes

    def shown(found: Sequence[Outcome]) -> str:
        some = f"{len(found)} of {len(outcomes)} outcomes"
        return f"{some}, 50 shown" if len(found) > 50 else some

    mistakes = [each for each in outcomes if each.kind != "correct"]
    with opened(browser, ordinary) as page:
        status = page.get_by_role("status").text_content
        assert status() == shown(mistakes)
        page.get_by_role("combobox", name="Kind").select_option("missed")
        missed = [each for each in mistakes if each.kind == "missed"]
        assert 0 < len(missed) < len(mistakes)
        assert status() == shown(missed)
        page.get_by_role("combobox", name="Gold label").select_option(label="person")
        persons = [each for each in missed if each.gold[0].label == "person"]
        assert status() == shown(persons)
        page.get_by_role("combobox", name="Name").select_option(label="unseen in training")
        unseen = [each for each in persons if not report.is_seen(each)]
        assert 0 < len(unseen) < len(persons)
        assert status() == shown(unseen)
        page.locator("#filters").evaluate("form => form.reset()")
        page.get_by_role("combobox", name="Kind").select_option("")
        page.get_by_role("combobox", name="Predicted label").select_option(label="none")
        alone = [each for each in outcomes if not each.predicted]
        assert status() == shown(alone)
        page.get_by_role("combobox", name="Predicted label").select_option(label="any label")
        page.get_by_role("searchbox", name="Search").fill(" QUILL 3 ")
        found = [each for each in outcomes if "Quill 3" in report.gold[each.document].text]
        assert 0 < len(found) < len(outcomes)
        assert status() == shown(found)
        page.get_by_role("searchbox", name="Search").fill("no such words")
        assert status() == shown([])
        assert page.locator("#found li").count() == 0
        assert not page.locator("#more").is_visible()


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_the_script_shows_examples_as_the_page_does(
    browser: Browser, name: str, request: pytest.FixtureRequest
) -> None:
    with opened(browser, request.getfixturevalue(name)) as page:
        compared, unlike = page.evaluate(
            """() => {
              const kinds = document.getElementById("choose-kind");
              let compared = 0;
              const unlike = [];
              for (const details of document.querySelectorAll("#static details")) {
                kinds.value = details.querySelector("summary").textContent.split(":")[0];
                kinds.dispatchEvent(new Event("input", { bubbles: true }));
                const found = document.querySelectorAll("#found li");
                details.querySelectorAll("li").forEach((item, index) => {
                  item.normalize();
                  found[index].normalize();
                  compared += 1;
                  if (!item.isEqualNode(found[index])) unlike.push(item.outerHTML);
                });
              }
              return [compared, unlike];
            }"""
        )
        assert compared >= 8
        assert unlike == []


def test_more_examples_come_when_asked_for(
    browser: Browser, ordinary: Path, report: Report
) -> None:
    with opened(browser, ordinary) as page:
        page.get_by_role("combobox", name="Kind").select_option("")
        for shown in (50, 100):
            assert page.locator("#found li").count() == shown
            assert f", {shown} shown" in (page.get_by_role("status").text_content() or "")
            page.get_by_role("button", name="Show 50 more").click()
        assert (
            page.evaluate(
                "[...document.querySelectorAll('#found li')].indexOf(document.activeElement)"
            )
            == 100
        )


def test_a_cell_of_the_matrix_leads_to_its_examples(
    browser: Browser, ordinary: Path, report: Report
) -> None:
    gold, predicted, count = report.evaluation.analysis.confusions[0]
    with opened(browser, ordinary) as page:
        name = f"{count}, gold {gold}, predicted {predicted}: show them"
        page.get_by_role("button", name=name).click()
        assert (page.get_by_role("status").text_content() or "").startswith(f"{count} of ")
        for texts in page.locator("#found dl").all_text_contents():
            assert gold in texts
            assert predicted in texts


def test_the_keyboard_reaches_everything(browser: Browser, ordinary: Path) -> None:
    with opened(browser, ordinary, viewport=PHONE) as page:
        reached = []
        for _ in range(120):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.id || document.activeElement.className")
            )
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", reached[-1]
            if reached[-1] == "more":
                break
        assert reached[0] == "skip"
        wanted = ["choose-kind", "choose-gold", "choose-predicted", "choose-seen", "search", "more"]
        assert [each for each in reached if each in wanted] == wanted
        assert "scroll wide more" in reached  # tables that are wider than the page
        page.locator("#choose-kind").focus()
        before = page.get_by_role("status").text_content()
        page.keyboard.press("m")
        page.wait_for_function(
            "before => document.getElementById('count').textContent !== before", arg=before
        )


def test_tables_that_fit_are_no_stops_of_the_keyboard(browser: Browser, ordinary: Path) -> None:
    with opened(browser, ordinary) as page:
        page.wait_for_function("document.querySelectorAll('.scroll[tabindex=\"0\"]').length === 0")


def test_wide_tables_say_that_they_scroll_until_their_end(browser: Browser, ordinary: Path) -> None:
    with opened(browser, ordinary, viewport=PHONE) as page:
        matrix = page.locator(".scroll:has(> #matrix)")
        page.wait_for_selector(".scroll.wide:has(> #matrix)")
        assert matrix.get_attribute("class") == "scroll wide more"
        before = "getComputedStyle(document.querySelector('.scroll:has(> #matrix)'), '::before')"
        assert "scroll sideways" in page.evaluate(f"{before}.content")
        matrix.evaluate("target => target.scrollTo(target.scrollWidth, 0)")
        page.wait_for_function("!document.querySelector('.scroll:has(> #matrix)').matches('.more')")
        assert matrix.get_attribute("class") == "scroll wide"
    with opened(browser, ordinary) as page:
        page.wait_for_function("document.querySelectorAll('.scroll[tabindex=\"0\"]').length === 0")
        assert page.locator(".wide, .scroll.more").count() == 0


def test_a_wide_table_is_printed_whole(browser: Browser, tmp_path: Path) -> None:
    gold, predicted = reports.documents(120)
    labels = [f"a rather long label {number}" for number in range(14)]

    def relabelled(found: list[Document]) -> list[Document]:
        return [
            document.with_entities(
                dataclasses.replace(each, label=labels[(each.start + each.end) % len(labels)])
                for each in document.entities
            )
            for document in found
        ]

    page_of = to_html(reports.report(relabelled(gold), relabelled(predicted)))
    paper: ViewportSize = {"width": 672, "height": 950}  # A4 without its margins
    with opened(browser, written(page_of, tmp_path), viewport=paper) as page:
        assert page.locator(".scroll.wide").count()
        page.emulate_media(media="print")
        right = "Math.max(...[...document.querySelectorAll('table, th, td')].map("
        assert page.evaluate(f"{right}each => each.getBoundingClientRect().right))") <= 673
        before = "getComputedStyle(document.querySelector('.scroll:has(> #matrix)'), '::before')"
        assert page.evaluate(f"{before}.content") == "none"


def test_assistive_technology_is_told_what_it_needs(
    browser: Browser, ordinary: Path, report: Report
) -> None:
    with opened(browser, ordinary) as page:
        assert page.locator("html").get_attribute("lang") == "en"
        for name in (
            "F1 by label",
            "Precision by probability",
            "Outcomes by kind",
            "Loss by epoch",
        ):
            assert page.get_by_role("img", name=name, exact=True).is_visible()
        for name in ("Scores by label", "Gold labels by row, predicted labels by column"):
            assert page.get_by_role("table", name=name).is_visible()
        assert page.get_by_role("navigation", name="Sections").is_visible()
        for link in page.get_by_role("navigation").get_by_role("link").all():
            target = link.get_attribute("href") or ""
            assert page.locator(target).count() == 1
        assert page.get_by_role("heading", level=1).text_content() == "a run"


def test_without_scripts_everything_essential_is_there(
    browser: Browser, ordinary: Path, report: Report
) -> None:
    with opened(browser, ordinary, java_script_enabled=False) as page:
        assert not page.locator("#explorer").is_visible()
        assert (
            page.locator(".tile .figure").first.text_content() == f"{report.scores.overall.f1:.3f}"
        )
        kinds = [kind for kind, count in report.evaluation.analysis.by_kind.items() if count][1:]
        assert page.locator("#static summary").count() == len(kinds)
        page.locator("#static summary").first.click()
        assert page.locator("#static details").first.locator("li").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    browser: Browser, ordinary: Path, scheme: Any
) -> None:
    with opened(browser, ordinary, color_scheme=scheme) as page:
        faint = page.evaluate(_CONTRASTS)
        assert faint["measured"] > 300
        assert faint["below"] == []


def test_print_shows_the_page_on_white_without_its_tools(browser: Browser, ordinary: Path) -> None:
    with opened(browser, ordinary, color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert not page.locator("#filters").is_visible()
        assert not page.locator("nav").is_visible()
        assert page.locator("#found li").first.is_visible()
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.pdf().startswith(b"%PDF")


def test_print_without_scripts_opens_the_examples(browser: Browser, ordinary: Path) -> None:
    with opened(browser, ordinary, java_script_enabled=False) as page:
        page.emulate_media(media="print")
        box = page.locator("#static details li").first.bounding_box()
        assert box is not None
        assert box["height"] > 20


def test_motion_is_only_for_those_who_like_it(browser: Browser, ordinary: Path) -> None:
    for motion, behaviour in (("no-preference", "smooth"), ("reduce", "auto")):
        with opened(browser, ordinary, reduced_motion=motion) as page:
            found = page.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
            assert found == behaviour


def test_a_split_of_wnuts_size_is_small_and_soon_there(browser: Browser, tmp_path: Path) -> None:
    found = reports.report(*reports.documents(1287), samples=1)
    assert len(found.evaluation.analysis.outcomes) > 2000
    path = written(to_html(found), tmp_path)
    assert path.stat().st_size < 5_000_000
    with opened(browser, path) as page:
        began = time.perf_counter()
        page.reload()
        page.get_by_role("searchbox", name="Search").fill("Lisbon")
        page.wait_for_function("document.getElementById('count').textContent.includes(' of ')")
        assert time.perf_counter() - began < 6  # about 0.5 on an idle machine
        page.evaluate("0")
