"""A training step lets the host run ahead: it waits at most once for values that a device computes.

What would wait on a GPU is counted on the CPU, in that part of a step that runs on tensors of the device. On a GPU
`torch.cuda.set_sync_debug_mode` says the same (`benchmarks/gpu.sh`).
"""

from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from sgg.config import validate
from sgg.systems.contract import Draws
from sgg.systems.two_stage.foundation import TwoStageFoundation
from tests.untrained import untrained

DEPENDENT = {"_local_scalar_dense", "nonzero", "nonzero_static", "masked_select", "unique_consecutive", "_unique2",
             "unique_dim", "equal", "is_nonzero", "bincount", "histc", "argwhere", "item"}
"""Operators whose result, or the shape of whose result, the host must know."""
READING = {"item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "__index__", "__contains__"}
"""Functions of a tensor that give its values to the host."""


class _Operators(TorchDispatchMode):
    def __init__(self, found: Counter) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        name = operator.overloadpacket.__name__
        without_size = name == "repeat_interleave" and not (kwargs or {}).get("output_size")
        if name in DEPENDENT or without_size or _by_mask(name, args):
            self.found[name] += 1
        return operator(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    def __init__(self, found: Counter) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in READING and args and isinstance(args[0], torch.Tensor):
            self.found[name] += 1
        return function(*args, **(kwargs or {}))


def _by_mask(name: str, args) -> bool:
    """Whether an index is a mask, so that the number of its rows must be counted."""
    return name in ("index", "index_put", "index_put_", "_index_put_impl_") and any(
        one is not None and one.dtype == torch.bool for one in args[1])


@contextmanager
def counted(found: Counter):
    with _Operators(found), _Functions(found):
        yield


@pytest.mark.parametrize(("code", "name"), [
    (lambda x: x.sum().item(), "item"), (lambda x: x.tolist(), "tolist"), (lambda x: x.cpu(), "cpu"),
    (lambda x: x.numpy(), "numpy"), (lambda x: x.nonzero(), "nonzero"), (lambda x: x[x > 1], "index"),
    (lambda x: x.unique(), "_unique2"), (lambda x: bool(x.any()), "__bool__"),
    (lambda x: x.long().repeat_interleave(x.long()), "repeat_interleave"),
    (lambda x: 1 if x.max() > 2 else 0, "__bool__"),
    (lambda x: int(x.max()), "__int__"), (lambda x: torch.where(x > 1), "nonzero"),
    (lambda x: torch.equal(x, x), "equal"), (lambda x: x.long().bincount(), "bincount")])
def test_counter_finds_what_waits(code, name: str) -> None:
    found: Counter = Counter()
    with counted(found):
        code(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert found[name]


def test_counter_finds_nothing_else() -> None:
    found: Counter = Counter()
    x = torch.tensor([0.0, 1.0, 2.0, 3.0])
    with counted(found):
        y = x[torch.tensor([0, 2])].cumsum(0).sort().values
        torch.where(y > 1, y, -y).to(torch.float64).clamp(min=0)
        x.repeat_interleave(2)
    assert not found


def foundation_of(toy_root, **sections) -> TwoStageFoundation:
    torch.manual_seed(0)
    return untrained(validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 8},
                               "training": {"batch_size": 4}, **sections}), toy_root)


@pytest.mark.parametrize("sections", [
    {}, {"training": {"batch_size": 4, "mode": "predcls"}}, {"training": {"batch_size": 4, "accumulate": 2}},
    {"training": {"batch_size": 4, "f_updates": 2, "optimizer": "adamw"}}, {"model": {"frequency_bias": "add"}},
    {"model": {"box_strides": "intended", "edge_boxes": "image_frame"}}, {"loss": {"kind": "baseline"}},
    {"loss": {"kind": "dnorm-fgbg"}}, {"loss": {"kind": "focal"}}, {"loss": {"kind": "logit-adjusted"}},
    {"loss": {"kind": "tcar"}},
    {"augmentation": {"kind": "gan", "perturb": {"method": "graphn"}}},
    {"augmentation": {"kind": "feature_mixing", "min_cosine": -1, "repeat_below": 50}},
    {"augmentation": {"kind": "feature_mixing", "perturb": {"method": "rand"}}, "model": {"head": "transformer"}},
    {"augmentation": {"kind": "gan", "attach_generator": True}, "model": {"frequency_bias": "add"}},
    {"training": {"batch_size": 4, "mode": "sgdet"}}, {"model": {"head": "transformer"}}], ids=str)
def test_advance_never_waits_for_the_device(toy_root, tmp_path, monkeypatch, sections) -> None:
    foundation = foundation_of(toy_root, **sections)
    system, found = foundation.build(), Counter()
    advance = system.advance

    def watched(samples, requested):
        with counted(found):
            return advance(samples, requested)

    monkeypatch.setattr(system, "advance", watched)
    system.train()
    losses = [system.training_step(batch, Draws(0, 1)).losses for batch in foundation.training_batches().epoch(1)]
    assert len(losses) == 2
    assert all(losses)
    assert not found


@pytest.mark.parametrize("mode", ["sgcls", "predcls", "sgdet"])
@pytest.mark.parametrize("head", ["vctree", {"kind": "causal", "context": "vctree"}], ids=str)
def test_advance_with_trees_waits_once(toy_root, monkeypatch, head, mode: str) -> None:
    """Trees are grown on the host, from the scores of all images of the batch."""
    foundation = foundation_of(toy_root, model={"head": head}, training={"batch_size": 4, "mode": mode})
    system, found, reads = foundation.build(), Counter(), 0
    advance = system.advance

    def watched(samples, requested):
        with counted(found):
            return advance(samples, requested)

    monkeypatch.setattr(system, "advance", watched)
    system.train()
    for batch in foundation.training_batches().epoch(1):
        system.training_step(batch, Draws(0, 1))
        reads += 1
    assert found == {"cpu": reads, "numpy": reads}, "numpy() reads what cpu() has copied"
