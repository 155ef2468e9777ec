"""One training run on several devices: every worker a process with its share of each batch's images.

Whoever starts the workers (Ray Train, torchrun) joins them to a torch.distributed process group; without one, or with
one worker, everything here changes nothing. What is the same as on one device, and what is not:

- Gradients: DistributedDataParallel averages them over the workers. Each loss is divided by the counts of the whole
  batch (nodes, edges, foreground edges, images), not by the worker's own, so the average is the batch's gradient,
  which is then clipped as one; F, G and D take the same step everywhere.
- BatchNorm, in F and in G: mean and variance are those of the whole batch.
- Discriminators: updated once a batch, on the real and generated inputs of all workers. Spectral norm follows from the
  weights alone and needs no exchange.
- Batches: the images of a batch are dealt out in turn. Where `training.drop_last` leaves out an epoch's incomplete
  batch, it is left out everywhere; else it is dealt out, unless it has too few images for all workers.
- Draws (background pairs, perturbations, stored features, dropout): each worker for its own images, from generators of
  its own. The budget of pairs is `pairs_per_image` x the worker's images, so it is not shifted between workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def num_workers() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is; the first one writes files."""
    return dist.get_rank() if num_workers() > 1 else 0


def place() -> tuple[int, int]:
    """(r, W): this is process r of W that train together."""
    return rank(), num_workers()


def total(values: Tensor) -> Tensor:
    """The sum of `values` over the workers, without gradient."""
    if num_workers() > 1:
        values = values.detach().clone()
        dist.all_reduce(values)
    return values


def least(count: int, device: torch.device) -> int:
    """The smallest `count` of all workers."""
    if num_workers() == 1:
        return count
    here = torch.tensor(count, device=device)
    dist.all_reduce(here, dist.ReduceOp.MIN)
    return int(here)


def averaged(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scalars by name, each the mean over the workers, without gradient."""
    if num_workers() == 1 or not losses:
        return {name: value.detach() for name, value in losses.items()}
    names = sorted(losses)  # the same names on every worker, in whatever order
    means = total(torch.stack([losses[name].detach() for name in names])) / num_workers()
    by_name = dict(zip(names, means, strict=True))
    return {name: by_name[name] for name in losses}


def gathered(value: Any) -> list[Any]:
    """The `value`s of all workers, in order. They are pickled."""
    if num_workers() == 1:
        return [value]
    values = [None] * num_workers()
    dist.all_gather_object(values, value)
    return values


def wait_for_all() -> None:
    """Return once every worker is here."""
    if num_workers() > 1:
        dist.barrier()


class Together:
    """Calls functions of networks that learn, such that gradients are averaged over the workers.

    One wrapper of torch's, DistributedDataParallel, holds all networks. BatchNorm in them is of the whole batch.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        module = _Call(networks)
        share_batch_norm(module)
        self._call = _distributed(module)

    def __call__(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """`function(*inputs)`."""
        return self._call(function, *inputs)


class _Call(nn.Module):
    """A call of any function that uses `networks`."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(dict(networks))

    def forward(self, function: Callable[..., Any], *inputs: Any) -> Any:
        return function(*inputs)


def _distributed(call: nn.Module) -> nn.Module:
    if num_workers() == 1:
        return call
    # Each call trains other networks, so some go without gradient.
    wrapped = nn.parallel.DistributedDataParallel(call, find_unused_parameters=True)
    wrapped.broadcast_buffers = False  # they follow from the same numbers everywhere; set late: the keyword was renamed
    return wrapped


def share_batch_norm(module: nn.Module) -> None:
    """Make every BatchNorm within `module` normalise by the whole batch; no change where there is one worker.

    torch's own SyncBatchNorm does not run on CPUs.
    """
    if num_workers() > 1:
        for layer in module.modules():
            if isinstance(layer, _BatchNorm):
                layer.__class__ = SharedBatchNorm


class _Sum(torch.autograd.Function):
    """The sum over the workers; the gradient of what all of them make of it."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return total(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return total(gradient.contiguous())


class SharedBatchNorm(_BatchNorm):
    """BatchNorm by the mean and variance of all workers' rows, to which gradients flow back."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes after rows and channels."""

    def forward(self, input: Tensor) -> Tensor:
        """[N, C, ...] -> the same; N may be 0 on a worker."""
        if not self.training:
            return super().forward(input)
        axes = [0, *range(2, input.dim())]
        shape = [1, -1] + [1] * (input.dim() - 2)
        count = total(input.new_tensor(float(input.numel() // input.shape[1])))
        mean = _Sum.apply(input.sum(axes)) / count
        centred = input - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / count
        with torch.no_grad():
            mean_so_far, variance_so_far, batches = self.running_mean, self.running_var, self.num_batches_tracked
            # A BatchNorm without running estimates is none of ours.
            assert mean_so_far is not None
            assert variance_so_far is not None
            assert batches is not None
            assert self.momentum is not None
            batches += 1
            mean_so_far.lerp_(mean, self.momentum)
            variance_so_far.lerp_(variance * count / (count - 1).clamp(min=1), self.momentum)
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape)
