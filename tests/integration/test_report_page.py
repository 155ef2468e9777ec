"""The report in a real browser: Debian's chromium, driven by selenium (`apt-get install chromium chromium-driver`)."""

import json
import random
import re
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.differences import baseline_of, compared
from platform.results.files import write_results
from platform.results.paired import holm, paired
from platform.results.report.content import report_of
from platform.results.report.page import page

import pandas as pd
import pytest
from scipy import stats

from sgg.common.atomic import write_json
from tests.fake_run import DATA, write_fake_run
from tests.fake_study import write_study
from tests.report_columns import fractions, rows_of, values_of
from tests.visual_genome import write_search

NASTY = "</script><script>window.broken = 1</script><img src=x onerror=alert(1)> \"quoted\" 'twice' \U0001f431 "
NASTY += "x" * 200
NARROW, WIDE = 400, 1400


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
    return browser.execute_script("return [...document.querySelectorAll(arguments[0])].map("
                                  "(one) => one.innerText ?? one.textContent)", selector)


def test_report_page_has_every_trial_and_no_error(browser, run):
    opened(browser, run / "report.html")
    names = sorted(path.name for path in (run / "trials").iterdir())
    assert sorted(browser.execute_script(
        "return [...document.querySelectorAll('#trials-table tbody tr')].map((row) => row.dataset.trial)")) == names
    for chart in ("tradeoff-shots", "tradeoff-recalls", "parallel", "effect-0", "curve-metric", "curve-loss",
                  "adjust-4-0", "cost-chart", "cost-timeline"):
        assert waited(browser, f"return document.querySelectorAll('#{chart} svg *').length") > 10, chart
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_report_page_draws_adjustments_that_are_words(browser, tmp_path):
    """The neutral word comes first. The table shows each configuration without adjustments and with the best ones."""
    path = write_fake_run(tmp_path, configurations=2, seeds=2, epochs=2, weights=(0,))
    for trial in (path / "trials").iterdir():
        config = json.loads((trial / "config.json").read_text())
        config["config"]["evaluation"]["effect"] = ["none", "tde", "nie"]
        write_json(trial / "config.json", config)
        for file in (trial / "metrics.jsonl", trial / "test.json"):
            lines = [json.loads(line) for line in file.read_text().splitlines()] if file.suffix == ".jsonl" else [
                json.loads(file.read_text())] if file.exists() else []
            for row in lines:
                row |= {f"{name}/effect={word}": factor * value for name, value in list(row.items())
                        for word, factor in (("tde", 1.1), ("nie", 0.5)) if name.count("/") == 3 and "@" in name}
            if lines:
                file.write_text("\n".join(map(json.dumps, lines)))
    write_results(path)
    opened(browser, path / "report.html")
    charts = texts(browser, "#adjustment-charts figure")
    assert len(charts) == 2
    ticks = texts(browser, "#adjustment-charts figure:first-child text.tick")
    assert [tick for tick in ticks if tick.isalpha()] == ["none", "nie", "tde"]
    rows = texts(browser, "#results-table tbody tr")
    assert [("tde" in row.split(), "★ best" in row) for row in rows].count((True, True)) == 2
    assert len(rows) == 4
    assert not [row for row in rows if "nie" in row.split()]
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_report_page_shows_commands_as_code(browser, run):
    """The run does not say the average precision of its detector, so the page names the command that measures it."""
    opened(browser, run / "report.html")
    assert texts(browser, "#facts code") == ["python -m sgg.detector evaluate RUN/trials/TRIAL/parts/detector"]
    assert "`" not in texts(browser, "#facts")[0]


def test_report_page_shows_markup_of_a_run_as_text(browser, run):
    opened(browser, run / "report.html")
    assert browser.execute_script("return [window.broken, document.scripts.length, document.querySelectorAll("
                                  "'img:not(.example img)').length]") == [None, 2, 0]
    assert NASTY in browser.execute_script("return document.getElementById('unfinished').textContent")


def test_report_page_reaches_every_mark_by_keyboard(browser, run):
    """Each chart is one stop of the Tab key, and arrow keys go over all of its marks, each of which shows its tip."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(key: str) -> None:
        ActionChains(browser).send_keys(key).perform()

    def tip() -> str:
        return browser.execute_script("const tip = document.getElementById('tip'); return tip.hidden ? '' : "
                                      "[...tip.children].map((line) => line.textContent).join(', ')")

    opened(browser, run / "report.html")
    waited(browser, "return document.querySelectorAll('#cost-timeline .bar').length")
    stops = browser.execute_script("return [...document.querySelectorAll('svg:has([data-place])')].map("
                                   "(chart) => chart.querySelectorAll('[tabindex=\"0\"]').length)")
    assert len(stops) > 8
    assert set(stops) == {1}
    browser.execute_script("[...document.querySelectorAll('#results button')].at(-1).focus()")  # the charts are next
    for chart in ("tradeoff-shots", "tradeoff-recalls"):
        press(Keys.TAB)
        assert browser.execute_script("return document.activeElement.closest('figure').id") == chart
    for chart in ("tradeoff-shots", "parallel", "effect-0", "curve-metric", "adjust-4-0", "predicates-head",
                  "cost-chart", "cost-timeline"):
        marks = browser.execute_script(f"return [...document.querySelectorAll('#{chart} [data-place]')].map("
                                       "(mark) => mark.getAttribute('aria-label'))")
        browser.execute_script(f"document.querySelector('#{chart} [tabindex=\"0\"]').focus()")
        visited = [tip()]
        for _ in marks[1:]:
            press(Keys.ARROW_RIGHT)
            visited.append(tip())
        assert sorted(visited) == sorted(marks), chart
        press(Keys.HOME)
        assert tip() == visited[0]
        press(Keys.END)
        assert tip() == visited[-1]
    assert [label.split(",")[0] for label in visited] == sorted(path.name for path in (run / "trials").iterdir())
    press(Keys.TAB)
    assert tip() == ""


def test_report_page_marks_the_best_two_of_a_column(browser, run):
    opened(browser, run / "report.html")
    column = "#results-table tbody td.chosen"
    shown = {text.split()[0] for text in texts(browser, f"{column}:not(.early)")} - {"–"}
    best, second, *_ = sorted(shown, key=float, reverse=True)
    assert {*texts(browser, f"{column} strong")} == {best}
    assert {*texts(browser, f"{column} u")} == {second}


def test_report_page_marks_where_trials_ended_early(browser, run):
    """Three configurations of two trials were stopped after their first epoch, and one failed in its last but one."""
    opened(browser, run / "report.html")
    for chart in ("curve-metric", "curve-loss"):
        waited(browser, f"return document.querySelectorAll('#{chart} svg').length")
        labels = browser.execute_script(f"return [...document.querySelectorAll('#{chart} .cross')].map("
                                        "(cross) => cross.getAttribute('aria-label'))")
        assert sorted(label.rpartition(", ")[2] for label in labels) == [
            "2 failed after epoch 3", *["2 stopped after epoch 1"] * 3]


def test_report_page_tells_the_status_of_bars_without_colour(browser, run):
    """Each status has a hatch of its own, which the key shows, too."""
    opened(browser, run / "report.html")
    waited(browser, "return document.querySelectorAll('#cost-timeline .bar').length")
    hatches = browser.execute_script("return [...document.querySelectorAll('#cost-timeline pattern')].map("
                                     "(one) => [one.id, one.firstChild.getAttribute('d')])")
    assert len({drawn for _, drawn in hatches}) == 4
    status_of = "(one) => [one.closest('.bar').classList[1], getComputedStyle(one).fill]"
    for place in ("[data-place]", ".hatched"):
        found = browser.execute_script(
            f"return [...document.querySelectorAll('#cost-timeline {place} rect:last-child')].map({status_of})")
        assert {(f"hatch-{status}", fill) for status, fill in found} == {
            (name, f'url("#{name}")') for name, _ in hatches}


def test_report_page_links_each_trial_to_its_folder(browser, run):
    opened(browser, run / "report.html")
    links = browser.execute_script("return [...document.querySelectorAll('#trials-table tbody th a')].map("
                                   "(link) => [link.innerText, link.href])")
    assert dict(links) == {path.name: f"{path.resolve().as_uri()}/" for path in (run / "trials").iterdir()}
    (best,) = browser.execute_script("return [...document.querySelectorAll('#picture-list a')].map((one) => one.href)")
    assert best in dict(links).values()


def test_report_page_links_each_mark_to_its_trials(browser, run):
    """A click or Enter keeps the tip of a mark, with links to its trials, until Escape or a click elsewhere."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def links() -> dict[str, str]:
        return dict(browser.execute_script("return [...document.querySelectorAll('#tip:not([hidden]) a')].map("
                                           "(link) => [link.innerText, link.href])"))

    def focused() -> str:
        return browser.execute_script("const one = document.activeElement;"
                                      "return one.getAttribute('aria-label') ?? one.innerText")

    opened(browser, run / "report.html")
    waited(browser, "return document.querySelectorAll('#cost-timeline .bar').length")
    folders = {path.name: f"{path.resolve().as_uri()}/" for path in (run / "trials").iterdir()}
    for chart in ("tradeoff-shots", "tradeoff-recalls", "parallel", "effect-0", "curve-metric", "curve-loss",
                  "adjust-4-0", "predicates-head", "cost-chart", "cost-timeline"):
        browser.execute_script(f"document.querySelector('#{chart} [tabindex=\"0\"]').focus()")
        mark = focused()
        ActionChains(browser).send_keys(Keys.ENTER).perform()
        found = links()
        configurations = re.search(r"(\d+) configurations", mark)  # of a marginal effect; other marks have one
        trials = 2 * int(configurations[1] if configurations else 1)
        assert len(found) == (1 if chart.startswith("cost") else min(trials, 20)), chart
        assert found.items() <= folders.items()
        assert focused() in found
        ActionChains(browser).send_keys(Keys.ESCAPE).perform()
        assert (links(), focused()) == ({}, mark), chart
    bars = browser.find_elements(By.CSS_SELECTOR, "#cost-timeline [data-place]")
    for bar, name in zip(bars[:3], sorted(folders), strict=False):
        ActionChains(browser).scroll_to_element(bar).click(bar).perform()
        assert links() == {name: folders[name]}
    ActionChains(browser).click(browser.find_element(By.CSS_SELECTOR, "#cost-title")).perform()
    assert links() == {}


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
    assert waited(browser, f"return document.activeElement.dataset.sort === '{key}'")  # the focus stays on the heading
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    waited(browser, f"return document.querySelector(`{find}`).closest('th').ariaSort === 'ascending'")
    assert shown() == sorted(shown())


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
    best = rows_of(report)[browser.execute_script(
        "return Number(document.querySelector('#results-table tbody tr').dataset.row)")]
    values = list(values_of(report, best, "predcls/zs/mR@20").values())
    shown = texts(browser, "#results-table tbody td.chosen")[0]
    assert shown.split()[:3] == [f"{100 * stats.tmean(values):.1f}", "±", f"{100 * stats.tstd(values):.1f}"]


@pytest.mark.parametrize("recall", ["F1", "ng-F1"])
def test_report_page_computes_harmonic_means(browser, run, recall):
    """They are not in the content of the page, and they are those of results.csv."""
    from selenium.webdriver.support.ui import Select

    report = report_of([run])
    assert not any(f"/{recall}@" in name for values in report["values"].values() for name in values)
    opened(browser, run / "report.html")
    Select(browser.find_element("id", "choose-recall")).select_by_value(recall)
    waited(browser, f"return document.querySelector('#results-table th.chosen').innerText.includes('{recall}@')")
    browser.find_element("id", "choose-adjusted").click()
    number = len(rows_of(report))
    waited(browser, f"return document.querySelectorAll('#results-table tbody tr').length === {number}")
    k = report["headline"][0]["sgcls"]
    table = pd.read_csv(run / "results.csv")
    written = table[f"test/sgcls/zs/{recall}@{k} mean"].dropna()
    shown = texts(browser, "#results-table tbody td.chosen:not(.early)")
    assert len(shown) > 5
    assert {text.split()[0] for text in shown} - {"–"} <= {f"{100 * value:.1f}" for value in written}
    assert texts(browser, "#results-table tbody td.chosen strong") == [f"{100 * written.max():.1f}"]


def test_report_page_shows_each_mode_at_its_headline(browser, run, tmp_path):
    """PredCls saturates earlier than SGCls. A fixed K holds for both, and "headline" again for each its own."""
    from selenium.webdriver.support.ui import Select

    target = tmp_path / "report.html"
    target.write_text(page(report_of([run]) | {"headline": [{"sgcls": 50, "predcls": 20}]}), encoding="utf-8")
    opened(browser, target)

    def heads(chosen: str) -> set[tuple[str, ...]]:
        """The modes and metrics of the columns, once the table has the `chosen` one: it is drawn when it is in view, or
        when the browser has time."""
        waited(browser, "return (document.querySelector('#results-table th.chosen') || {innerText: ''}).innerText"
                        rf".replace(/\s+/g, ' ').startsWith('{chosen}')")
        return {tuple(head.split()[::2][:2]) for head in texts(browser, "#results-table thead th.number")
                if head.split()[0] in ("SGCls", "PredCls")}

    assert heads("SGCls zs ngR@50") == {("SGCls", "ngR@50"), ("PredCls", "ngR@20")}
    Select(browser.find_element("id", "choose-k")).select_by_value("100")
    assert heads("SGCls zs ngR@100") == {("SGCls", "ngR@100"), ("PredCls", "ngR@100")}
    Select(browser.find_element("id", "choose-k")).select_by_value("headline")
    Select(browser.find_element("id", "choose-mode")).select_by_value("predcls")
    assert heads("PredCls zs ngR@20") == {("SGCls", "ngR@50"), ("PredCls", "ngR@20")}
    assert "SGCls @50, PredCls @20" in browser.find_element("id", "choose-k").get_attribute("title")


def test_report_page_joins_effects_of_numbers_alone(browser, run):
    opened(browser, run / "report.html")
    waited(browser, "return document.querySelectorAll('#effects svg').length === 4")
    lines = {figure.find_element("css selector", "figcaption").text: len(figure.find_elements(
        "css selector", ".effect-line")) for figure in browser.find_elements("css selector", "#effects figure")}
    assert lines == {"loss.kind": 0, "augmentation.kind": 0, "augmentation.perturb.alpha": 1,
                     "training.learning_rate": 1}
    assert browser.find_elements("css selector", "#effects .whisker")


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_report_page_shows_names_of_rows_whole(browser, tmp_path, width):
    """Beside the axis of the parallel coordinates, and below the dots of the rows, where no name covers another."""
    names = ["GAN + GraphN", "dnorm 4 times", "dnorm twice", "plain"]
    rows = "{" + ", ".join(f"{name}: {{}}" for name in names) + "}"
    trials = [(name, 7, seed, 0.2 + 0.1 * place) for place, name in enumerate(names) for seed in range(2)]
    path = write_study(tmp_path, "a", trials, genomes=(7,), rows=rows)
    write_results(path)
    opened(browser, path / "report.html", width)
    waited(browser, "return document.querySelectorAll('#parallel svg, #effects svg text.tick').length > 4")
    assert {*names} <= {*texts(browser, "#parallel svg text.tick")}
    assert {*names} <= {*texts(browser, "#effects svg text.tick")}
    assert browser.execute_script("""
        const box = (one) => one.getBoundingClientRect();
        const ticks = (id) => [...document.querySelectorAll(`#${id} svg text.tick`)];
        const outside = (one) => box(one).left < box(one.closest("svg")).left;
        const cover = (a, b) => box(a).left < box(b).right && box(b).left < box(a).right
            && box(a).top + 3 < box(b).bottom && box(b).top + 3 < box(a).bottom;
        const effects = ticks("effects");
        return [...ticks("parallel"), ...effects].filter(outside)
            .concat(effects.filter((a) => effects.some((b) => a !== b && cover(a, b)))).map((one) => one.textContent)
    """) == []


def test_report_page_draws_bars_of_head_body_and_tail_predicates(browser, run):
    from selenium.webdriver.support.ui import Select

    opened(browser, run / "report.html")
    Select(browser.find_element("id", "choose-recall")).select_by_value("R")
    waited(browser, "return document.querySelectorAll('#predicate-charts figure').length === 3")
    assert [len(browser.find_elements("css selector", f"#predicates-{group} .predicate.best"))
            for group in ("head", "body", "tail")] == [3, 3, 3]  # the last predicate of the tail does not occur
    assert "no relation" in texts(browser, "#predicates-tail text")
    assert "painted on" in texts(browser, "#predicates-tail text.name")
    found = report_of([run])["predicates"]
    best = browser.execute_script("return State.leading(1)[0].configuration")
    metric, mean = found["metrics"].index("sgcls/R@100"), fractions(found["of"][best]["predicates"][0])
    assert texts(browser, "#predicates-head text")[4].split()[0] == f"{100 * mean[10 * metric]:.1f}"


def test_report_page_compares_with_the_baseline_that_is_chosen(browser, run):
    """The difference is scipy's, of the seeds that both have; p is corrected over all rows of the table."""
    from selenium.webdriver.support.ui import Select

    opened(browser, run / "report.html")
    report = report_of([run])
    rows, metric = rows_of(report), "sgcls/zs/ngR@100"
    values = [list(values_of(report, row, metric).values()) for row in rows]
    standing = [number for number, row in enumerate(rows) if (row["plain"] or row["best"]) and len(values[number]) == 2]
    base = next(number for number in reversed(standing) if rows[number]["plain"])
    Select(browser.find_element("id", "choose-baseline")).select_by_value(str(base))
    waited(browser, f"return document.querySelector('#results-table tr.baseline').dataset.row === '{base}'")
    others = [number for number in standing if number != base]
    tests = {number: stats.ttest_rel(values[number], values[base]) for number in others}
    corrected = dict(zip(others, holm([tests[number].pvalue for number in others]), strict=True))
    for number in others:
        low, high = (100 * bound for bound in tests[number].confidence_interval(0.95))
        mean = 100 * (stats.tmean(values[number]) - stats.tmean(values[base]))
        row = texts(browser, f"#results-table tr[data-row='{number}']")[0].replace("−", "-")
        assert f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]" in row
        assert f"{corrected[number]:.3f}" in row
    assert f"corrected by Holm over {len(others)} rows" in texts(browser, "#results-note")[0]


def test_report_page_keeps_p_when_rows_are_filtered(browser, run):
    """Rows that are out of sight are tests all the same."""
    opened(browser, run / "report.html")
    read = ("const row = [...document.querySelectorAll('#results-table tbody tr:not(.baseline)')].find("
            "(one) => one.innerText.includes('dnorm')); return [row.dataset.row, row.innerText]")
    before = browser.execute_script(read)
    shown = len(texts(browser, "#results-table tbody tr"))
    browser.find_element("id", "choose-filter").send_keys("dnorm")
    waited(browser, f"return document.querySelectorAll('#results-table tbody tr').length < {shown}")
    assert browser.execute_script(read) == before


def test_report_page_pools_data_sets(browser, tmp_path):
    """Of a study over genomes: a row for a configuration, pairs by genome and seed, p over genomes, cost of a point."""
    trials = [(row, genome, seed, 0.4 + seed / 100 + (0.1 + genome / 1000 + seed ** 2 / 500 if row == "twice" else 0))
              for row in ("plain", "twice") for genome in (7, 8, 9) for seed in (0, 1, 2)]
    path = write_study(tmp_path, "a", trials, ["search.baseline=plain"], genomes=(7, 8, 9))
    target = tmp_path / "report.html"
    target.write_text(page(report_of([path])), encoding="utf-8")
    opened(browser, target)
    collection = collect([path])
    rows = aggregate(collection)
    (found,) = compared(rows, baseline_of(rows, "plain"), "test/sgcls/zs/ngR@100", collection)
    assert len(texts(browser, "#results-table tbody tr")) == 2
    assert texts(browser, "#results-table tr.baseline td")[0] == "plain"
    cells = [text.replace("−", "-") for text in texts(browser, "#results-table tbody tr:not(.baseline) td")]
    low, high = (100 * bound for bound in (found.difference.low, found.difference.high))
    assert cells[:5] == ["twice", f"{100 * found.difference.mean:+.1f} [{low:+.1f}, {high:+.1f}]", "< 0.001",
                         "< 0.001", f"{found.seconds:.1f}"]
    assert cells[-2] == "9"
    note = texts(browser, "#results-note")[0]
    for part in ("over seeds and data sets", "common data sets and seeds", "within the 3 data sets"):
        assert part in note
    assert [text.split("\n")[0] for text in texts(browser, "#facts dd div") if text.startswith("toy genome")] == [
        f"toy genome (seed {seed}) [{str(seed) * 8}]" for seed in (7, 8, 9)]
    assert len(texts(browser, "#cost-chart .dot")) == 18
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("sizes", [[2], [3], [5], [13], [30], [5, 5, 5], [1, 4], [2, 1, 7], [1, 1, 1], [1]])
def test_statistics_paired_is_that_of_the_tables(browser, run, sizes):
    opened(browser, run / "report.html")
    draw = random.Random(len(sizes))
    blocks = [[draw.gauss(block, 1) for _ in range(size)] for block, size in enumerate(sizes)]
    found = browser.execute_script("return Statistics.paired(arguments[0])", blocks)
    wanted = asdict(paired({str(place): block for place, block in enumerate(blocks)}))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-7)), name
    if len(sizes) == 1 and sizes[0] > 1:
        assert found["p"] == pytest.approx(stats.ttest_1samp(blocks[0], 0).pvalue, abs=1e-9)


def test_statistics_of_nothing_and_of_equal_differences(browser, run):
    opened(browser, run / "report.html")
    assert browser.execute_script("return Statistics.paired([])") is None
    assert browser.execute_script("return Statistics.paired([[], []])") is None
    equal = browser.execute_script("return Statistics.paired([[0.5, 0.5]])")
    assert (equal["mean"], equal["low"], equal["high"], equal["p"]) == (0.5, None, None, None)


def test_statistics_holm_is_that_of_the_tables(browser, run):
    opened(browser, run / "report.html")
    draw = random.Random(2)
    for _ in range(20):
        values = [draw.choice([None, draw.random() ** 3]) for _ in range(draw.randrange(9))]
        assert browser.execute_script("return Statistics.holm(arguments[0])", values) == [
            None if p is None else pytest.approx(p) for p in holm(values)]


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


def test_report_page_shows_zero_shot_hits_and_misses(browser, run):
    """The five hits and three misses of the best trial; names of classes are text."""
    opened(browser, run / "report.html")
    assert waited(browser, "return [...document.images].every((image) => image.naturalWidth === 240)")
    assert [len(browser.find_elements("css selector", f".example.{kind} img")) for kind in ("hit", "miss")] == [5, 3]
    captions = texts(browser, ".example figcaption")
    assert captions[:2] == ["✓ cat riding horse", "✓ <b>dog</b> on roof"]
    best = report_of([run])["pictures"]["trial"]
    (said, *_) = texts(browser, "#picture-list .note")
    assert f"Trial {best}," in said
    assert "402 of 812 zero-shot relations" in said
    assert "not in the model's list" in texts(browser, ".example.miss .note")[-1]


def test_report_page_shows_published_values_beside_their_configurations(browser, tmp_path):
    """Of three losses on files of Visual Genome's form, two are of the papers."""
    target = tmp_path / "report.html"
    target.write_text(page(report_of([write_search(tmp_path / "data", tmp_path)])), encoding="utf-8")
    opened(browser, target)
    shown = {row.split()[0]: re.findall(r"published ([\d.]+\*?)", row) for row in texts(
        browser, "#results-table tbody tr")}
    assert shown == {"baseline": ["8.7*", "19.2*", "38.4*", "47.8*"], "dnorm": ["8.8*", "21.6*", "40.6*", "48.7*"],
                     "dnorm-fgbg": []}
    (key,) = texts(browser, "#results-key")
    assert "evaluator of the papers' code" in key
    assert "Trained otherwise here: training.epochs is 2, published 20" in key


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


def test_report_page_draws_the_quality_of_generated_features(browser, run):
    """Of the chosen kind, a chart for each measure, with the line of real features beside each of generated ones."""
    from selenium.webdriver.support.ui import Select

    opened(browser, run / "report.html")
    captions = "#quality-charts figcaption"
    for kind, measures in (("node", 7), ("edge", 6), ("global", 5)):
        Select(browser.find_element("id", "choose-features")).select_by_value(kind)
        waited(browser, f"return document.querySelectorAll('{captions}').length === {measures}")
    assert texts(browser, captions) == ["precision, k = 5", "recall, k = 5", "density, k = 5", "coverage, k = 5",
                                        "Fréchet distance"]
    lines = "return document.querySelectorAll('#quality-precision path[stroke-dasharray=\"1.5 3\"]').length"
    legend = texts(browser, "#quality-legend li")
    assert browser.execute_script(lines) == len(legend) > 0
    assert all("gan" in label for label in legend)
    assert "200 features a point" in texts(browser, "#quality-note")[0]
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_report_page_hides_what_no_trial_measured(browser, tmp_path):
    target = tmp_path / "report.html"
    path = write_fake_run(tmp_path, configurations=2, seeds=1, epochs=2, weights=(0,))
    target.write_text(page(report_of([path])), encoding="utf-8")
    opened(browser, target)
    assert not browser.find_element("id", "generated").is_displayed()
    assert browser.find_elements("id", "choose-features") == []


def test_report_page_compares_rows_of_the_same_data_only(browser, tmp_path):
    """Of two searches on different data, the page shows the rows of one at a time, each with a baseline of its own."""
    paths = [write_fake_run(tmp_path / name, configurations=3, seeds=2, epochs=2, weights=(0,)) for name in "ab"]
    for file in paths[1].rglob("*.json"):
        file.write_text(file.read_text().replace(DATA["hash"], "f00d" * 3))
    target = tmp_path / "report.html"
    content = report_of(paths)
    target.write_text(page(content), encoding="utf-8")
    opened(browser, target)
    of_data = [[number for number, one in enumerate(rows_of(content)) if one["basis"] == basis] for basis in (0, 1)]
    shown = "return [...document.querySelectorAll('#results-table tbody tr')].map((row) => Number(row.dataset.row))"
    baseline = "return Number(document.getElementById('choose-baseline').value)"
    for basis in (1, 0):
        browser.execute_script("const data = document.getElementById('choose-basis'); data.value = arguments[0]; "
                               "data.dispatchEvent(new Event('change'))", basis)
        waited(browser, f"return document.querySelector('#results-key').textContent.includes('of data {basis + 1}')")
        assert sorted(browser.execute_script(shown)) == of_data[basis]
        assert browser.execute_script(baseline) in of_data[basis]
        assert len(texts(browser, "#results-table tbody tr.baseline")) == 1
        assert len(texts(browser, "#tradeoff-shots .dot")) == 3
    assert len(texts(browser, "#trials-table tbody tr")) == 12


def test_report_page_headings_follow_one_another(browser, run):
    opened(browser, run / "report.html")
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3')].map((one) => +one.tagName[1])")
    assert levels[0] == 1
    assert all(next_ - this <= 1 for this, next_ in pairwise(levels))
