"""Seeds by purpose."""

import torch

from sgg.common.seeding import derive, generator, seed_everything


def test_derive_gives_each_purpose_other_seeds() -> None:
    seeds = [derive(seed, purpose, epoch) for seed in (0, 1) for purpose in ("pairs", "perturb") for epoch in (1, 11)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_generator_and_seed_everything_repeat() -> None:
    assert torch.equal(torch.rand(3, generator=generator(7, "a", 1)), torch.rand(3, generator=generator(7, "a", 1)))
    seed_everything(7, "epoch", 2)
    first = torch.rand(3)
    seed_everything(7, "epoch", 2)
    assert torch.equal(first, torch.rand(3))
