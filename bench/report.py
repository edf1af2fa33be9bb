"""The size of a report, and the time until it is ready in a browser.

python -m bench.report RUN [rounds]

RUN is a checkpoint, or a file of predictions, for WNUT 17's test split (1,287 sentences). Needs
Chromium (apt-get install chromium).
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Page, sync_playwright

from bench.timing import processor
from nerine.cli import main as nerine

WNUT = Path(__file__).parents[2] / "shared" / "wnut17"


def main() -> None:
    """Prints the size in bytes, and median seconds until the page is ready and filtered."""
    if len(sys.argv) < 2:
        sys.exit("python -m bench.report RUN: name a checkpoint or a file of predictions")
    path = shutil.which("chromium") or sys.exit(
        "skipped: needs a browser: apt-get install chromium"
    )
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        done = CliRunner().invoke(nerine, ["report", sys.argv[1], str(WNUT), "-o", str(report)])
        if done.exit_code:
            sys.exit(done.output)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        seconds = [_seconds(browser.new_page(), report) for _ in range(rounds)]
        print(f"{processor()}, Chromium {browser.version}, {rounds} rounds")
        print(f"size {report.stat().st_size:,} bytes")
        for name, values in zip(
            ("interactive after", "filtered in"), zip(*seconds, strict=True), strict=True
        ):
            print(f"{name} {statistics.median(values):.2f} s (at most {max(values):.2f} s)")
        browser.close()


def _seconds(page: Page, report: Path) -> tuple[float, float]:
    """Seconds until the page is ready, and then until a filter has been applied."""
    page.goto(report.as_uri())
    interactive = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    filtered = page.evaluate(
        """() => {
          const began = performance.now();
          const kind = document.getElementById("choose-kind");
          kind.value = "missed";
          kind.dispatchEvent(new Event("input", {bubbles: true}));
          document.body.getBoundingClientRect();
          return performance.now() - began;
        }"""
    )
    page.close()
    return interactive / 1000, filtered / 1000


if __name__ == "__main__":
    main()
