"""Which epochs of a run are at the full learning rate, and after which it is validated (docs/SYSTEM.md section 2)."""

import torch

from sgg.build import Run
from sgg.config import validate
from sgg.fit import is_validated


def test_published_weights_had_sixteen_epochs_at_the_full_rate_and_four_at_a_tenth() -> None:
    training = validate({"data": {"name": "vg"}}).training
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.024)
    run = Run(None, None, None, None, {"model": optimizer}, [0.024], training.decay_epoch)
    rates = []
    for epoch in range(1, training.epochs + 1):
        run.set_rates(epoch)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.024] * 16 + [0.1 * 0.024] * 4


def test_validation_follows_epochs_1_6_11_16_and_the_last() -> None:
    config = validate({"data": {"name": "vg"}})
    assert [epoch for epoch in range(1, 21) if is_validated(config, epoch)] == [1, 6, 11, 16, 20]


def test_the_toy_genome_is_validated_after_each_of_its_epochs() -> None:
    config = validate({"data": {"name": "toy"}})
    assert (config.training.epochs, config.training.decay_epoch) == (3, 2)
    assert all(is_validated(config, epoch) for epoch in (1, 2, 3))
