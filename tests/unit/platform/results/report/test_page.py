import json
import re
import shutil
from html.parser import HTMLParser
from platform.results.files import write_results
from platform.results.report.content import report_of
from platform.results.report.page import FOLDER, SCRIPTS, page
from platform.study.trial_record import FAILED

from sgg.common.atomic import write_json
from tests.fake_run import write_fake_run

NASTY = "</script><script>alert(1)</script> \"quoted\" 'twice' & \U0001f431 {{script}} " + "x" * 200


class Links(HTMLParser):
    """The addresses that a page loads, and its tags."""

    def __init__(self):
        super().__init__()
        self.addresses, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_page_holds_texts_of_a_run_as_data_only(search):
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    write_json(path / "trials" / "t0" / "trial.json", {"values": {"loss.kind": "dnorm"}, "status": FAILED,
                                                       "reason": NASTY})
    text = page(report_of([path]))
    assert "<script>alert" not in text
    (content,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', text, re.S)
    assert json.loads(content)["trials"]["reason"] == [NASTY]
    assert text.count("{{script}}") == 1  # the one in the reason


def test_page_loads_nothing(search):
    """The folders of trials are data, of which the scripts make links; a link loads nothing until somebody follows it.
    """
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    write_results(path)
    links, text = Links(), (path / "report.html").read_text()
    assert "./trials/t0/" in text
    links.feed(text)
    assert links.addresses == ["data:,", "#results"]
    assert links.tags.count("script") == 2


def test_scripts_are_all_files_of_the_folder():
    assert sorted(SCRIPTS) == sorted(path.name for path in FOLDER.glob("*.js"))


def test_scripts_and_templates_stay_small():
    files = [path for path in FOLDER.iterdir() if path.suffix in (".js", ".css", ".html")]
    assert not [path.name for path in files if len(path.read_text().splitlines()) > 300]
    assert not [path.name for path in files if "innerHTML" in path.read_text()]


def test_page_of_600_trials_is_under_6_megabytes(tmp_path):
    """200 configurations of 3 seeds and 20 epochs, each measured under 4 values of pred_weight: the size of a page is
    that of its scripts and grows by as much for each three configurations, of which one stops early."""
    run = write_fake_run(tmp_path, configurations=9)
    more = len(page(report_of([run])))
    for number in (6, 7, 8):
        for trial in (run / "trials").glob(f"{number:04x}_*"):
            shutil.rmtree(trial)
    few = len(page(report_of([run])))
    assert few + (more - few) / 3 * (200 - 6) < 6e6
