"""Seeds of random draws. Every draw of a run is a function of the run's seed, the epoch and the purpose of the draw.

So an epoch that runs again from its start draws the same values. Only a checkpoint within an epoch stores the states of
the generators, which advance with the steps. The draws of one purpose do not change those of another.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor


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


class GlobalStates(TypedDict):
    """The global random states of a process, of numbers and tensors only. cuda: of one CUDA device; None: on a CPU."""

    python: tuple[Any, ...]
    numpy: dict[str, Any]
    torch: Tensor
    cuda: Tensor | None


def global_states(device: torch.device) -> GlobalStates:
    """The global random states that `seed_everything` sets, of torch those of the CPU and of `device`."""
    state = np.random.get_state(legacy=False)
    return {"python": random.getstate(), "numpy": {**state, "state": {**state["state"],
                                                                      "key": state["state"]["key"].tolist()}},
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None}


def set_global_states(states: GlobalStates, device: torch.device) -> None:
    """Set the random states that `global_states` returned for a device of the same type."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"], device)
