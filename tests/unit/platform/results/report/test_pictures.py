import json
from platform.results.collection import collect
from platform.results.report.pictures import pictures
from platform.study.trial_record import FINISHED, STOPPED

import pytest

from sgg.common.atomic import write_json

EXAMPLE = {"hit": True, "image": "7", "subject": "<b>", "predicate": "on", "object": "hat", "rank": 1,
           "predicted": None, "picture": "AAAA"}
CONTENT = {"format": 1, "split": "test", "epoch": 3, "mode": "sgcls", "k": 50, "relations": 9, "hits": 4,
           "examples": [EXAMPLE]}


@pytest.fixture
def run(search):
    """Four trials, the best of which has no pictures."""
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, STOPPED, 0.9),
                        ("baseline", 1, FINISHED, 0.2)])
    for trial in ("t0", "t1", "t3"):
        write_json(path / "trials" / trial / "zero_shot.json", CONTENT | {"hits": int(trial[1])})
    return path


def test_pictures_are_of_the_best_trial_that_has_some(run):
    found = pictures(collect([run]))
    assert (found["trial"], found["hits"], found["examples"]) == ("t1", 1, [EXAMPLE])


def test_pictures_of_trials_without_any(search):
    assert pictures(collect([search("a", [("dnorm", 0, FINISHED, 0.4)])])) is None


@pytest.mark.parametrize(("change", "said"), [
    ({"picture": "no base64!"}, "example 1: picture must be base64"), ({"subject": 3}, "example 1: subject must be"),
    ({"hit": None}, "example 1: hit must be")])
def test_pictures_names_a_damaged_file(run, change, said):
    path = run / "trials" / "t1" / "zero_shot.json"
    write_json(path, CONTENT | {"examples": [EXAMPLE | change]})
    with pytest.raises(ValueError, match=f"zero_shot.json, {said}"):
        pictures(collect([run]))


def test_pictures_names_a_file_that_is_cut_off(run):
    path = run / "trials" / "t1" / "zero_shot.json"
    path.write_text(json.dumps(CONTENT)[:-9])
    with pytest.raises(ValueError, match=r"zero_shot\.json is not JSON, or is cut off"):
        pictures(collect([run]))
