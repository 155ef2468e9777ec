"""Seeds by purpose."""

import random

import numpy as np
import torch

from sgg.common.seeding import derive, generator, global_states, seed_everything, set_global_states


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


def test_set_global_states_continues_where_they_were(tmp_path) -> None:
    """After a file that may hold nothing but numbers and tensors; numpy and python keep half of a pair of normals."""
    def draw() -> list[float]:
        return [random.gauss(0, 1), np.random.normal(), *torch.randn(3).tolist()]

    seed_everything(7)
    draw()
    torch.save(global_states(torch.device("cpu")), tmp_path / "states.pt")
    expected = draw()
    seed_everything(8)
    set_global_states(torch.load(tmp_path / "states.pt", weights_only=True), torch.device("cpu"))
    assert draw() == expected
