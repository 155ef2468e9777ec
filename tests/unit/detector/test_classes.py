"""How the classes of a detector differ from others, in words."""

import pytest

from sgg.detector.classes import class_fault


@pytest.mark.parametrize(("classes", "number", "fault"), [
    (["_", "a", "b"], 3, ""), (None, 3, ""),
    (None, 4, "it has 3 classes, the data set 2"),
    (["_", "b", "a"], 3, "it has the same classes in another order: number 1 is 'b', in the data set 'a'"),
    (["_", "a", "c"], 3, "it has 2 classes, the data set 2; only the detector has 'c'; it lacks 'b'"),
    (["_", "a", "b"], 4, "it has 3 classes, the data set 2"),
    (["_", "a"], 2, "it has 1 classes, the data set 2; it lacks 'b'"),
])
def test_class_fault_names_the_difference(classes, number, fault) -> None:
    assert class_fault(classes, number, ["_", "a", "b"]) == fault
