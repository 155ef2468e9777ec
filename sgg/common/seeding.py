"""Every random draw of a run is a function of its seed, the epoch and what is drawn.

So an epoch that is run again after a kill draws the same, without a random state ever being stored, and what one part
draws does not shift what another one gets.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive(seed: int, *purpose: int | str) -> int:
    """A seed for one purpose, for example derive(0, "perturb", epoch); in 0 .. 2^63 - 1."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *purpose: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for one purpose."""
    return torch.Generator(device).manual_seed(derive(seed, *purpose))


def seed_everything(seed: int, *purpose: int | str) -> None:
    """Set the global states of python, numpy and torch (all devices): initial weights, dropout."""
    value = derive(seed, *purpose)
    random.seed(value)
    np.random.seed(value % 2**32)
    torch.manual_seed(value)
