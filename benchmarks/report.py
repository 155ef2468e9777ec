"""The report of a large search: seconds to aggregate it, size of the page, seconds until Chromium has loaded it.

    python benchmarks/report.py [--quick] [--json FILE]

The search is that of `tests/fake_run.py`: 200 configurations, 3 seeds, 20 epochs, recall at three K in two modes; with
one value of pred_weight, and with four. Aggregating and making the page are processor time of one thread. Without
Chromium (`apt-get install chromium chromium-driver`) the rows of the browser are left out.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.report.content import content
from platform.results.report.page import page

from benchmarks.common.results import Row, arguments_of, below
from benchmarks.common.results import report as report_rows
from tests.fake_run import write_fake_run

CONFIGURATIONS, SEEDS, EPOCHS = 200, 3, 20
WEIGHTS = (0, 0.25, 0.5, 1)
GOAL_AGGREGATE_S, GOAL_MB, GOAL_OPEN_S = 3.0, 6.0, 2.0
LOADED = """const timing = performance.getEntriesByType('navigation')[0];
return timing.loadEventEnd && document.querySelectorAll('#results-table tbody tr').length ? timing.loadEventEnd : 0"""


def measure(configurations: int, folder: Path) -> Iterable[Row]:
    """The rows of searches with one and with four values of pred_weight."""
    for weights in (WEIGHTS[:1], WEIGHTS):
        name = f"report/trials={SEEDS * configurations}/pred_weights={len(weights)}"
        run = write_fake_run(folder / str(len(weights)), configurations=configurations, seeds=SEEDS, epochs=EPOCHS,
                             weights=weights)
        start = time.process_time()
        collection = collect([run])
        rows = aggregate(collection)
        yield below(f"{name}/aggregate", time.process_time() - start, "s", goal=GOAL_AGGREGATE_S)
        start = time.process_time()
        text = page(content(collection, rows, [str(run)]))
        yield below(f"{name}/page", time.process_time() - start, "s")
        yield below(f"{name}/size", len(text.encode()) / 1e6, "MB", goal=GOAL_MB)
        target = run / "report.html"
        target.write_text(text, encoding="utf-8")
        if (browser := opened_browser()) is not None:
            try:
                yield below(f"{name}/load", min(seconds_to_load(browser, target) for _ in range(3)), "s",
                            goal=GOAL_OPEN_S)
            finally:
                browser.quit()
        shutil.rmtree(run)


def opened_browser() -> Any:
    """A headless Chromium; None where it, its driver or selenium is not installed."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        return None
    if program is None or driver is None:
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def seconds_to_load(browser: Any, target: Path) -> float:
    """Seconds from the start of the navigation to the end of the load event, with the table of configurations drawn."""
    browser.get(target.resolve().as_uri())
    deadline = time.monotonic() + 60
    while not (milliseconds := browser.execute_script(LOADED)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{target} did not load within a minute")
        time.sleep(0.05)
    return milliseconds / 1000


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "six configurations").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return report_rows(measure(6 if options.quick else CONFIGURATIONS, Path(folder)), options)


if __name__ == "__main__":
    sys.exit(main())
