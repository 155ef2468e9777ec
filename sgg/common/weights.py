"""Load weights by name into a module that must have exactly these names and shapes."""

from __future__ import annotations

from torch import Tensor, nn


def load_strictly(module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Load like load_state_dict. Raises one ValueError with all faults; then nothing is loaded."""
    require_fitting(module, weights, source)
    module.load_state_dict(weights)


def require_fitting(module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Raise ValueError with every missing or unexpected name and every wrong shape. The module may be on the meta
    device."""
    own = module.state_dict()
    faults = [f"missing {name}" for name in own if name not in weights]
    faults += [f"unexpected {name}" for name in weights if name not in own]
    faults += [f"{name} has shape {list(weights[name].shape)}, expected {list(value.shape)}"
               for name, value in own.items() if name in weights and weights[name].shape != value.shape]
    if faults:
        raise ValueError("\n  ".join([f"{source} does not fit the model:", *faults]))
