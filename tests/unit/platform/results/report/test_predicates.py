import json
import statistics
from platform.results.history import TrialHistory
from platform.results.predicates_file import read_predicates
from platform.results.report.predicates import predicate_recall

import pytest

from tests.report_columns import fractions

GROUPS = ["head", "body", "tail"]


def of_trial(recall, split="test", training=(90, 40, 7)):
    """The file of a trial in one mode with one metric."""
    return {"format": 1, "split": split, "epoch": 3, "predicates": ["on", "in", "rides"], "training": list(training),
            "relations": [9, 4, 0], "groups": GROUPS, "recall": {"sgcls": {"R@50": recall}},
            "means": {"sgcls": {"R@50": dict(zip(GROUPS, recall, strict=True))}}}


def trials(*files):
    return [TrialHistory(f"t{number}", "run", "finished", "", number, {}, predicates=file)
            for number, file in enumerate(files)]


def test_predicate_recall_is_the_mean_and_deviation_over_the_trials_with_a_test():
    files = of_trial([0.1, 0.2, None]), of_trial([0.3, 0.4, None]), of_trial([0.9, 0.9, None], "val"), None
    found = predicate_recall([trials(*files)])
    assert found["metrics"] == ["sgcls/R@50"]
    (entry,) = found["of"]
    assert (entry["vocabulary"], entry["n"]) == (0, 2)
    spread = round(statistics.stdev([0.1, 0.3]), 3)
    for part in ("predicates", "groups"):
        assert [fractions(column) for column in entry[part]] == [
            pytest.approx([0.2, 0.3, None]), pytest.approx([spread, spread, None], abs=1e-3)]


def test_predicate_recall_of_trials_without_test_is_of_validation():
    found = predicate_recall([trials(of_trial([0.5, 0.25, 1.0], "val"))])
    assert found["vocabularies"][0]["split"] == "val"
    assert [fractions(column) for column in found["of"][0]["predicates"]] == [[0.5, 0.25, 1.0]]


def test_predicate_recall_keeps_data_sets_apart():
    """Configurations on other data have a vocabulary of their own; one that recorded nothing has none."""
    found = predicate_recall([trials(of_trial([0.1, 0.2, 0.3])), trials(None),
                              trials(of_trial([0.1, 0.2, 0.3], training=(5, 4, 3))), trials(of_trial([0.4, 0.2, 0.3]))])
    assert [entry and entry["vocabulary"] for entry in found["of"]] == [0, None, 1, 0]


def test_read_predicates_names_a_file_that_does_not_fit_together(tmp_path):
    path = tmp_path / "predicates.json"
    assert read_predicates(tmp_path) is None
    whole = of_trial([0.1, 0.2, None])
    path.write_text(json.dumps(whole))
    assert read_predicates(tmp_path) == whole
    faults = ({"training": [1]}, {"recall": {"sgcls": {"R@50": [0.5]}}}, {"recall": {"sgcls": 3}},
              {"means": {"sgcls": {"R@50": {"head": 1}}}}, {"groups": ["head", "body", "<script>"]}, {"predicates": 5})
    for fault in faults:
        path.write_text(json.dumps(whole | fault))
        with pytest.raises(ValueError, match=r"predicates\.json"):
            read_predicates(tmp_path)
    path.write_text(json.dumps(whole)[:-7])
    with pytest.raises(ValueError, match=r"predicates\.json is not JSON, or is cut off"):
        read_predicates(tmp_path)
