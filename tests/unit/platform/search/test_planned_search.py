from platform.search.planned_search import PlannedSearch

from ray.tune.experiment import Experiment


def begun(planned, number):
    """The next trials of a search, up to this number, or up to the one for which it waits."""
    trials = [planned.next_trial() for _ in range(number)]
    return [trial for trial in trials if trial is not None]


def new_search(at_once):
    return PlannedSearch(points_to_evaluate=[{"x": x} for x in range(6)], max_concurrent=at_once)


def test_a_search_that_resumes_has_its_new_limit(tmp_path):
    """Of six trials, two at a time, one is over when the search is interrupted: one runs, and one at a time follows."""
    first = new_search(2)
    first.add_configurations(Experiment("a", lambda config: None, config={"x": 0}, num_samples=6,
                                        storage_path=str(tmp_path)))
    one, two = begun(first, 3)
    first.on_trial_complete(one.trial_id)
    first.save_to_dir(str(tmp_path), "now")

    resumed = new_search(1)
    resumed.restore_from_dir(str(tmp_path))
    assert resumed.next_trial() is None
    resumed.on_trial_complete(two.trial_id)
    assert len(begun(resumed, 2)) == 1
