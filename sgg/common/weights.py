"""Weights by name, put into a module that must have exactly these."""

from __future__ import annotations

from torch import Tensor, nn


def load_strictly(module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Like load_state_dict, with every fault in one ValueError, and nothing loaded when there is one."""
    require_fitting(module, weights, source)
    module.load_state_dict(weights)


def require_fitting(module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Raise ValueError with every missing, unexpected and mis-shaped name. The module may be on the meta device."""
    own = module.state_dict()
    faults = [f"missing {name}" for name in own if name not in weights]
    faults += [f"unexpected {name}" for name in weights if name not in own]
    faults += [f"{name} has shape {list(weights[name].shape)}, expected {list(value.shape)}"
               for name, value in own.items() if name in weights and weights[name].shape != value.shape]
    if faults:
        raise ValueError("\n  ".join([f"{source} does not fit the model:", *faults]))
