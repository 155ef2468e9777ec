"""F learns from generated features once the detector recognises them."""

import pytest
import torch

from sgg.augmentations.gan.gate import RecognitionGate
from sgg.config import validate
from sgg.config.by_role import role_of
from sgg.systems.contract import Draws
from tests.untrained import untrained

LOGITS = torch.tensor([[9.0, 1.0, 2.0], [0.0, 3.0, 1.0], [5.0, 2.0, 0.0], [0.0, 1.0, 4.0]])
"""Without the background the best classes are 2, 1, 1, 2."""


def passed(gate: RecognitionGate, epoch: int, labels: list[int]) -> bool:
    """Whether the gate is open in an epoch in which objects of these classes are generated."""
    gate.begin(epoch)
    gate.count(LOGITS, torch.tensor(labels))
    return gate.is_open


def test_gate_opens_after_an_epoch_with_enough_recognised_objects_and_stays_open() -> None:
    """2 of 4 in the first epoch, 3 of 4 in the second, 0 of 4 in the third."""
    gate = RecognitionGate(0.75)
    assert [passed(gate, epoch, labels) for epoch, labels in enumerate(
        ([2, 2, 2, 2], [2, 1, 1, 1], [1, 2, 2, 1], [2, 1, 1, 2]), start=1)] == [False, False, True, True]


def test_gate_counts_the_steps_of_an_epoch_together() -> None:
    """4 of 4 and 1 of 4 are 5 of 8."""
    for threshold, opens in ((5 / 8, True), (0.63, False)):
        gate = RecognitionGate(threshold)
        passed(gate, 1, [2, 1, 1, 2])
        passed(gate, 1, [2, 2, 2, 1])
        assert passed(gate, 2, [2, 1, 1, 2]) == opens


def test_gate_without_a_generated_object_stays_closed() -> None:
    gate = RecognitionGate(0.5)
    for epoch in (1, 2):
        gate.begin(epoch)
    assert not gate.is_open


def test_gate_goes_on_from_a_checkpoint_within_an_epoch() -> None:
    """The counts of the steps before the checkpoint count."""
    gate, resumed = RecognitionGate(0.75), RecognitionGate(0.75)
    passed(resumed, 7, [1, 2, 2, 1])
    passed(gate, 1, [2, 1, 1, 2])
    resumed.load_state_dict(gate.state_dict())
    for one in (gate, resumed):
        assert not passed(one, 1, [2, 1, 1, 1])
        assert passed(one, 2, [1, 1, 1, 1])


def test_the_threshold_is_fixed_while_a_model_trains() -> None:
    """A checkpoint without a gate, whose threshold is 0, does not load into a system with one, nor the reverse."""
    assert not role_of("augmentation.reconstruct_above").mid_training


@pytest.fixture
def system(toy_root):
    def made(**gan):
        torch.manual_seed(0)
        foundation = untrained(validate({
            "data": {"name": "toy", "root": str(toy_root), "train_images": 8}, "training": {"batch_size": 4},
            "augmentation": {"kind": "gan", "visual_conditioning": False, **gan}}), toy_root)
        system = foundation.build()
        system.train()
        return system, list(foundation.training_batches().epoch(1))
    return made


def test_reconstruct_above_without_reconstruction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reconstruct_above 0\.5 has no effect, since .*use augmentation\.terms rec"):
        validate({"augmentation": {"kind": "gan", "reconstruct_above": 0.5, "terms": ["D", "G"]}})


def weights_of(network) -> list[torch.Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def test_f_is_as_without_the_term_rec_while_the_gate_is_closed(system) -> None:
    """F has the same weights after an epoch, G has other ones than at its begin."""
    (gated, batches), (without, _) = system(reconstruct_above=1.0), system(terms=["D", "G"])
    before = weights_of(gated.networks["gan"])
    for one in (gated, without):
        torch.manual_seed(1)  # of dropout
        for batch in batches:
            losses = one.training_step(batch, Draws(0, 1)).losses
            assert not any(name.startswith("rec/") for name in losses)
    assert all(map(torch.equal, weights_of(gated.model), weights_of(without.model)))
    assert not all(map(torch.equal, before, weights_of(gated.networks["gan"])))


def test_f_learns_from_generated_features_once_the_gate_is_open(system) -> None:
    """Every fraction is above one of 1e-9 as soon as an object was recognised by chance."""
    one, batches = system(reconstruct_above=1e-9)
    found = [{name for name in one.training_step(batches[0], Draws(0, epoch)).losses if name.startswith("rec/")}
             for epoch in (1, 1, 2)]
    assert one.augmenter.gate.counts[1] > 0
    assert found == [set(), set(), {"rec/nodes", "rec/edges"}]


def test_adversarial_updates_are_counted_on_each_batch(system, monkeypatch) -> None:
    """Three of G and of D, one of F on real and one on generated features."""
    one, batches = system(adversarial_updates=3)
    calls: dict[str, int] = {}
    for name, optimizer in one.optimizers.items():
        optimizer.register_step_post_hook(lambda *_, name=name: calls.update({name: calls.get(name, 0) + 1}))
    losses = one.training_step(batches[0], Draws(0, 1)).losses
    assert calls == {"model": 2, "generator": 3, "discriminators": 3}
    assert {"rec/nodes", "G/nodes", "D/nodes"} <= losses.keys()
