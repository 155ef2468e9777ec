"""The epochs at the full learning rate, and the epochs with a validation (docs/SYSTEM.md section 2)."""

import pytest

from sgg.config import validate
from sgg.config.by_role import reference
from sgg.training.fit import is_validated
from tests.untrained import untrained


def test_set_rates_gives_sixteen_epochs_the_full_rate_and_four_a_tenth(toy_root) -> None:
    training = validate({"data": {"name": "vg"}}).training
    papers = {"epochs": training.epochs, "decay_epoch": training.decay_epoch, "learning_rate": training.learning_rate}
    system = untrained(validate({"data": {"name": "toy", "root": str(toy_root)}, "training": papers}), toy_root).build()
    rates = []
    for epoch in range(1, training.epochs + 1):
        system.set_rates(100 * (epoch - 1) + 50, 100)
        rates.append([group["lr"] for group in system.optimizers["model"].param_groups])
    full, tenth = [0.1 * 0.024, 0.024], [0.1 * (0.1 * 0.024), 0.1 * 0.024]  # of the box heads, and of the rest
    assert rates == [pytest.approx(full)] * 16 + [pytest.approx(tenth)] * 4


def test_is_validated_after_epochs_1_6_11_16_and_the_last() -> None:
    config = validate({"data": {"name": "vg"}})
    assert [epoch for epoch in range(1, 21) if is_validated(config, epoch)] == [1, 6, 11, 16, 20]


def test_is_validated_after_each_epoch_of_the_toy_genome() -> None:
    config = validate({"data": {"name": "toy"}})
    assert (config.training.epochs, config.training.decay_epoch) == (3, 2)
    assert all(is_validated(config, epoch) for epoch in (1, 2, 3))


@pytest.mark.parametrize(("augmentation", "others"), [("off", []), ({"kind": "gan", "visual_conditioning": False}, [
    "augmentation.learning_rate_generator", "augmentation.learning_rate_discriminator"])])
def test_rates_names_only_settings_that_exist(toy_root, augmentation, others) -> None:
    config = validate({"data": {"name": "toy", "root": str(toy_root)}, "augmentation": augmentation})
    rates = untrained(config, toy_root).build().rates
    assert list(rates) == ["training.learning_rate", *others]
    assert set(rates) <= set(reference())
