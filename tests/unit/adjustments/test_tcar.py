"""T-CAR at test: which triplets it shifts; golden numbers are in tests/golden/test_tcar.py."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.adjustments.tcar import TCARAtTest
from sgg.config import validate
from sgg.experiment.data_checks import check_triplets
from sgg.losses.edges.dnorm import DNorm
from sgg.losses.edges.tcar import TCAR
from sgg.methods.adjustment import PredictedPairs

TRIPLETS = np.array([[1, 1, 2], [2, 1, 1], [1, 2, 2]]), np.array([3, 1, 1])
PAIRS = PredictedPairs(torch.tensor([1, 2, 1]), torch.tensor([2, 2, 1]))


def shifted(loss) -> list[list[float]]:
    statistics = SimpleNamespace(trained=SimpleNamespace(loss=loss), triplets=TRIPLETS, num_classes=3, num_predicates=3)
    return TCARAtTest().build(statistics)(torch.zeros(3, 3), PAIRS, 2.0).tolist()


def test_tcar_follows_the_loss_of_the_model() -> None:
    """With contexts of one relation: 2-1-2 and 1-1-1 are plausible and unseen. With the slip of the published code the
    most frequent triplet, 1-1-2, counts as unseen, too."""
    assert shifted(TCAR(min_context=1)) == [[-2, -2, -2], [-2, 2, -2], [-2, 2, -2]]
    assert shifted(TCAR(min_context=1, most_frequent_is_unseen=True)) == [[-2, 2, -2], [-2, 2, -2], [-2, 2, -2]]


def test_tcar_has_the_defaults_of_its_loss_with_other_losses() -> None:
    """Contexts of two: class 1 is subject of predicate 1 often enough, class 2 its object, class 1 is not."""
    assert shifted(DNorm()) == shifted(TCAR()) == [[-2, -2, -2]] * 3
    assert shifted(TCAR(most_frequent_is_unseen=True))[0] == [-2, 2, -2]


@pytest.mark.parametrize(("settings", "words"), [
    ({"evaluation": {"tcar": [0, 1]}}, r"^evaluation\.tcar: .*leave evaluation\.tcar out"),
    ({"loss": "tcar"}, r"^loss\.kind tcar: .*use another loss\.kind"),
    ({"loss": "tcar", "evaluation": {"tcar": 1}}, r"^loss\.kind tcar and evaluation\.tcar: ")])
def test_check_triplets_refuses_images_without_relations(settings, words, monkeypatch) -> None:
    """Before anything starts."""
    none = SimpleNamespace(triplets=lambda: SimpleNamespace(counts=np.zeros(0)))
    monkeypatch.setattr("sgg.experiment.data_checks.filtered_training", lambda *_: none)
    data = SimpleNamespace(title="drawings")
    with pytest.raises(ValueError, match=words) as raised:
        check_triplets(validate({"data": {"name": "toy"}, **settings}), data)
    assert "the training images of drawings have no relations" in str(raised.value)
    check_triplets(validate({"data": {"name": "toy"}, "evaluation": {"tcar": [0]}}), data)
