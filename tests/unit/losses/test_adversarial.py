import math

import pytest
import torch

from sgg.gan.discriminators import RegionDiscriminator
from sgg.losses.adversarial import discriminator_loss, generator_loss


def test_discriminator_loss_and_generator_loss_by_hand():
    """A logit of 0 costs log 2 for both targets; log(1 + e^-1) = 0.3133 for a logit of 1 and target real, 1.3133 for
    generated."""
    real, fake = torch.tensor([0.0, 1.0]), torch.tensor([1.0])
    called_real, called_fake = math.log1p(math.exp(-1)), math.log1p(math.exp(1))
    expected = (math.log(2) + called_real) / 2 + called_fake
    assert float(discriminator_loss(torch.clone, (real,), (fake,))) == pytest.approx(expected)
    assert float(generator_loss(torch.clone, (fake,))) == pytest.approx(called_real)


def test_generator_loss_reaches_the_features_and_discriminator_loss_does_not():
    real, fake = (torch.randn(3, 8, 7, 7, requires_grad=True) for _ in range(2))
    discriminator, labels = RegionDiscriminator(8, 4), torch.tensor([0, 1, 2])
    discriminator_loss(discriminator, (real, labels), (fake, labels)).backward()
    assert real.grad is None
    assert fake.grad is None
    generator_loss(discriminator, (fake, labels)).backward()
    assert fake.grad.abs().sum() > 0


def test_discriminator_loss_takes_the_real_inputs_first():
    seen = []

    def discriminator(features):
        seen.append(features.item())
        return features

    discriminator_loss(discriminator, (torch.tensor([1.0]),), (torch.tensor([2.0]),))
    assert seen == [1.0, 2.0]


def test_discriminator_loss_and_generator_loss_of_a_batch_without_edges_are_0():
    discriminator = RegionDiscriminator(8, 4)
    none = torch.zeros(0, 8, 7, 7, requires_grad=True), torch.zeros(0, dtype=torch.int64)
    loss = discriminator_loss(discriminator, none, none) + generator_loss(discriminator, none)
    assert loss == 0
    loss.backward()
    assert all(p.grad is None or not p.grad.any() for p in discriminator.parameters())
