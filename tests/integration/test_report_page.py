"""The report in a real browser: Debian's chromium, driven by selenium (`apt-get install chromium chromium-driver`)."""

import json
import random
import shutil
from itertools import pairwise
from pathlib import Path
from platform.results.files import write_results
from platform.results.report.content import report_of
from platform.results.report.page import page

import pytest
from scipy import stats

from sgg.common.atomic import write_json
from tests.fake_run import write_fake_run

BROWSERS = "chromium", "chromium-browser", "google-chrome"
NASTY = "</script><script>window.broken = 1</script><img src=x onerror=alert(1)> \"quoted\" 'twice' \U0001f431 "
NASTY += "x" * 200
NARROW, WIDE = 400, 1400


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install -e '.[test]'")
    program, driver = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield running
    running.quit()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A search of 12 configurations with two seeds, one of whose trials failed for a reason full of markup."""
    path = write_fake_run(tmp_path_factory.mktemp("report"), configurations=12, seeds=2, epochs=4, weights=(0, 1))
    trial = path / "trials" / "0005_00001" / "trial.json"
    write_json(trial, json.loads(trial.read_text()) | {"reason": NASTY})
    write_results(path)
    return path


def opened(browser, path: Path, width: int = WIDE):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    browser.get(path.resolve().as_uri())
    waited(browser, "return document.querySelectorAll('#trials-table tbody tr').length")
    return browser


def waited(browser, script: str):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20).until(lambda _: browser.execute_script(script))


def texts(browser, selector: str) -> list[str]:
    return browser.execute_script("return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)",
                                  selector)


def test_report_page_has_every_trial_and_no_error(browser, run):
    opened(browser, run / "report.html")
    names = sorted(path.name for path in (run / "trials").iterdir())
    assert sorted(browser.execute_script(
        "return [...document.querySelectorAll('#trials-table tbody tr')].map((row) => row.dataset.trial)")) == names
    for chart in ("tradeoff-shots", "tradeoff-recalls", "parallel", "effect-0", "curve-metric", "curve-loss",
                  "adjust-4-0", "cost-chart", "cost-timeline"):
        assert waited(browser, f"return document.querySelectorAll('#{chart} svg *').length") > 10, chart
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_report_page_shows_markup_of_a_run_as_text(browser, run):
    opened(browser, run / "report.html")
    assert browser.execute_script("return [window.broken, document.scripts.length, document.images.length]") == [
        None, 2, 0]
    assert NASTY in browser.execute_script("return document.getElementById('unfinished').textContent")


def test_report_page_sorts_by_click_and_keyboard(browser, run):
    from selenium.webdriver.common.keys import Keys

    opened(browser, run / "report.html")
    key = "sgcls/all/ngR@100"
    find = f"#results-table button[data-sort='{key}']"
    browser.find_element("css selector", find).click()
    column = "return [...document.querySelector(arguments[0]).closest('tr').children].indexOf(" \
             "document.querySelector(arguments[0]).closest('th'))"
    place = browser.execute_script(column, find) + 1

    def shown() -> list[float]:
        cells = texts(browser, f"#results-table tbody td:nth-child({place})")
        return [float(cell.split()[0]) for cell in cells if cell != "–"]

    assert shown() == sorted(shown(), reverse=True)
    assert len(shown()) > 8
    browser.switch_to.active_element.send_keys(Keys.ENTER)  # the focus stays on the heading
    assert shown() == sorted(shown())
    heading = browser.find_element("css selector", find).find_element("xpath", "..")
    assert heading.get_attribute("aria-sort") == "ascending"


def test_report_page_filters_rows_and_trials(browser, run):
    opened(browser, run / "report.html")
    assert len(texts(browser, "#results-table tbody tr")) == 12
    browser.find_element("id", "choose-filter").send_keys("dnorm gan")
    waited(browser, "return document.querySelectorAll('#results-table tbody tr').length === 3")
    waited(browser, "return document.querySelectorAll('#trials-table tbody tr').length === 6")
    assert all(row.split()[:2] == ["dnorm", "gan"] for row in texts(browser, "#results-table tbody tr"))


def test_report_page_shows_the_metric_and_k_that_are_chosen(browser, run):
    from selenium.webdriver.support.ui import Select

    opened(browser, run / "report.html")
    for name, value in (("mode", "predcls"), ("recall", "mR"), ("k", "20")):
        Select(browser.find_element("id", f"choose-{name}")).select_by_value(value)
    waited(browser, "return document.querySelector('#results-table th.chosen').innerText.includes('mR@20')")
    (head,) = texts(browser, "#results-table th.chosen")
    assert head.split()[:4] == ["PredCls", "zs", "mR@20", "%"]
    report = report_of([run])
    best = report["rows"][browser.execute_script(
        "return Number(document.querySelector('#results-table tbody tr').dataset.row)")]
    at = report["metrics"].index("predcls/zs/mR@20")
    values = [sample["test"][at] for sample in best["samples"]]
    shown = texts(browser, "#results-table tbody td.chosen")[0]
    assert shown.split()[:3] == [f"{stats.tmean(values) / 1000:.1f}", "±", f"{stats.tstd(values) / 1000:.1f}"]


def test_report_page_compares_with_the_baseline_that_is_chosen(browser, run):
    """The difference in the table is scipy's, of the seeds that both have."""
    from selenium.webdriver.support.ui import Select

    opened(browser, run / "report.html")
    report = report_of([run])
    at = report["metrics"].index("sgcls/zs/ngR@100")
    tested = [number for number, row in enumerate(report["rows"]) if row["plain"] and all(
        "test" in sample for sample in row["samples"]) and row["samples"]]
    base, other = tested[-1], tested[0]
    Select(browser.find_element("id", "choose-baseline")).select_by_value(str(base))
    waited(browser, f"return document.querySelector('#results-table tr.baseline').dataset.row === '{base}'")
    ours, theirs = ([sample["test"][at] / 1000 for sample in report["rows"][number]["samples"]]
                    for number in (other, base))
    found = stats.ttest_rel(ours, theirs)
    low, high = found.confidence_interval(0.95)
    mean = stats.tmean(ours) - stats.tmean(theirs)
    row = texts(browser, f"#results-table tr[data-row='{other}']")[0].replace("−", "-")
    assert f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]" in row
    assert f"{found.pvalue:.3f}" in row


def test_statistics_paired_is_scipys_t_test(browser, run):
    opened(browser, run / "report.html")
    draw = random.Random(0)
    for n in (2, 3, 4, 5, 8, 13, 30):
        ours, theirs = ([draw.gauss(0, 1) for _ in range(n)] for _ in range(2))
        found = browser.execute_script("return Statistics.paired(...arguments)", ours, theirs)
        wanted = stats.ttest_rel(ours, theirs)
        assert found["p"] == pytest.approx(wanted.pvalue, abs=1e-9)
        assert [found["low"], found["high"]] == pytest.approx(list(wanted.confidence_interval(0.95)), abs=1e-7)
    assert browser.execute_script("return Statistics.paired([1], [3])") == {
        "mean": -2, "low": None, "high": None, "p": None, "n": 1}
    assert browser.execute_script("return Statistics.paired([], [])") is None


def test_statistics_pareto_is_what_nothing_dominates(browser, run):
    opened(browser, run / "report.html")
    draw = random.Random(1)
    for _ in range(40):
        points = [[draw.randrange(6), draw.randrange(6)] for _ in range(draw.randrange(1, 12))]
        front = [place for place, (x, y) in enumerate(points) if not any(
            a >= x and b >= y and (a, b) != (x, y) for a, b in points)]
        assert sorted(browser.execute_script("return Statistics.pareto(arguments[0])", points)) == front, points


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_report_page_is_no_wider_than_its_window(browser, run, width):
    opened(browser, run / "report.html", width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_report_page_fits_printed_paper(browser, run):
    """A4 across has 1,030 pixels beside its margins."""
    opened(browser, run / "report.html", 1030)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 1030
        assert not browser.find_element("id", "controls").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_report_page_of_runs_that_measured_nothing(browser, run, tmp_path):
    """One trial that never began; no axis, no metric. The page says so and has no error."""
    (tmp_path / "study" / "trials" / "t0").mkdir(parents=True)
    write_json(tmp_path / "study" / "trials" / "t0" / "trial.json", {
        "values": {}, "status": "failed", "reason": "out of memory"})
    target = tmp_path / "report.html"
    target.write_text(page(report_of([tmp_path / "study"])), encoding="utf-8")
    opened(browser, target)
    waited(browser, "return document.querySelector('#parallel .empty') !== null")
    assert "out of memory" in texts(browser, "#trials-table")[0]
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_report_page_shows_curves_of_a_single_epoch(browser, tmp_path):
    """A line of one point would be invisible."""
    target = tmp_path / "report.html"
    path = write_fake_run(tmp_path, configurations=2, seeds=1, epochs=1, weights=(0,))
    target.write_text(page(report_of([path])), encoding="utf-8")
    opened(browser, target)
    assert waited(browser, "return document.querySelectorAll('#curve-metric svg circle').length") == 2


def test_report_page_headings_follow_one_another(browser, run):
    opened(browser, run / "report.html")
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3')].map((one) => +one.tagName[1])")
    assert levels[0] == 1
    assert all(next_ - this <= 1 for this, next_ in pairwise(levels))
