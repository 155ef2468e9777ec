"""Seeds of random draws. Every draw of a run is a function of the run's seed, the epoch and the purpose of the draw.

So an epoch that runs again after a kill draws the same values, and no random state has to be stored. The draws of one
purpose do not change those of another.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive(seed: int, *purpose: int | str) -> int:
    """A seed for one purpose, for example derive(0, "perturb", epoch); from 0 to 2^63 - 1."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *purpose: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for one purpose."""
    return torch.Generator(device).manual_seed(derive(seed, *purpose))


def seed_everything(seed: int, *purpose: int | str) -> None:
    """Set the global random states of python, numpy and torch (all devices), for initial weights and dropout."""
    value = derive(seed, *purpose)
    random.seed(value)
    np.random.seed(value % 2**32)
    torch.manual_seed(value)
