"""A page of `sgg.show` in a real browser."""

import pytest
from PIL import Image

from sgg.show.page import Page

NASTY = "</article><script>window.broken = 1</script><img src=x onerror=alert(1)> \"quoted\" \U0001f431 " + "x" * 200
ENTRIES = {"woman riding horse": ["zs"], "man riding horse": ["zs", "zs-hit"], "man on traffic-light": [], NASTY: []}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with Page(tmp_path_factory.mktemp("page"), "A page", "lead", [("data", NASTY)], placeholder="type",
              toggles={"zs": "zero-shot", "zs-hit": "hits"}) as written:
        for number, (text, marks) in enumerate(ENTRIES.items()):
            picture = written.picture(f"{number}.png", Image.new("RGB", (900, 300), (0, 114, 178)), text, text)
            written.add(text, picture, words=[text], marks=marks)
    return written.path


def opened(browser, path, width=1400):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    browser.get(path.resolve().as_uri())
    return browser


def shown(browser) -> list[str]:
    return browser.execute_script("return [...document.querySelectorAll('article')].filter((one) => one.offsetHeight)"
                                  ".map((one) => one.querySelector('h2').textContent)")


@pytest.mark.parametrize(("typed", "expected"), [
    ("man", ["man riding horse", "man on traffic-light"]), ("HORSE wom", ["woman riding horse"]),
    ("light", ["man on traffic-light"]), ("traffic-l", ["man on traffic-light"]), ("zebra", []),
    ("</article>", [NASTY])])
def test_page_filters_by_the_words_that_are_typed(browser, page, typed, expected):
    opened(browser, page)
    browser.find_element("id", "filter").send_keys(typed)
    assert shown(browser) == expected
    assert browser.find_element("id", "count").text == f"{len(expected)} of 4 shown"


def test_page_filters_by_marks(browser, page):
    opened(browser, page)
    assert browser.find_element("id", "count").text == "4 shown"
    browser.find_element("css selector", "[data-mark='zs']").click()
    assert shown(browser) == ["woman riding horse", "man riding horse"]
    browser.find_element("css selector", "[data-mark='zs-hit']").click()
    assert shown(browser) == ["man riding horse"]


@pytest.mark.parametrize("width", [400, 1400])
def test_page_shows_its_pictures_and_no_markup_of_the_data(browser, page, width):
    opened(browser, page, width)
    browser.execute_script("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager'; })")
    browser.execute_async_script(
        "const done = arguments[0]; Promise.all([...document.images].map((one) => one.decode())).then(() => done())")
    assert browser.execute_script("return [...document.images].map((one) => one.naturalWidth)") == [900] * 4
    assert browser.execute_script("return [window.broken, document.scripts.length]") == [None, 1]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.find_element("css selector", "dd").text == " ".join(NASTY.split())
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
