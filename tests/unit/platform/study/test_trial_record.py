from platform.study.trial_record import FINISHED, STOPPED, TrialRecord

import pytest

from sgg.common.atomic import write_json
from sgg.common.run_log import History


@pytest.mark.parametrize(("epochs", "test", "trained", "tested", "status"), [
    (2, False, [1, 2], False, FINISHED),
    (2, False, [1], False, STOPPED),
    (2, False, [], False, STOPPED),
    (2, True, [1, 2], True, FINISHED),
    (2, True, [1, 2], False, STOPPED),  # it was killed in the test
    (3, True, [1, 2], True, STOPPED),  # it is resumed with more epochs; the test is of those before
    (None, None, [1, 2], True, FINISHED),  # nothing says what was wanted
    (None, None, [1, 2], False, STOPPED),
])
def test_read_of_a_run_of_fit_alone(tmp_path, epochs, test, trained, tested, status):
    """It has no trial.json: the epochs that it has trained say whether it has ended, not its test alone."""
    if epochs is not None:
        write_json(tmp_path / "config.json", {"config": {"training": {"epochs": epochs}, "evaluation": {"test": test}},
                                              "data": {}})
    for epoch in trained:
        History(tmp_path).append(epoch, {"loss": 1.0, "val/sgcls/zs/ngR@100": 0.5})
    if tested:
        write_json(tmp_path / "test.json", {"test/sgcls/zs/ngR@100": 0.5})
    assert TrialRecord.read(tmp_path).status == status


def test_read_of_a_run_of_fit_alone_that_began_anew(tmp_path):
    """The later epochs and the test are of the run before."""
    write_json(tmp_path / "config.json", {"config": {"training": {"epochs": 2}, "evaluation": {"test": True}}})
    write_json(tmp_path / "test.json", {"test/sgcls/zs/ngR@100": 0.5})
    for epochs in ((1, 2), (1,)):
        history = History(tmp_path)
        for epoch in epochs:
            history.append(epoch, {"loss": 1.0})
    assert TrialRecord.read(tmp_path).status == STOPPED
