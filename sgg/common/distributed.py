"""One training run on several devices. Every worker is a process that trains on its own images of each batch.

Whoever starts the workers (Ray Train, torchrun) joins them to a torch.distributed process group. Without a group, or
with one worker, the functions here change nothing. Let W be the number of workers, and n_r the number of items (nodes,
edges, foreground edges or images) of worker r in a batch. A run on W devices compares with a run on one as follows:

- Gradients: the same. Worker r multiplies its mean over n_r items by W * n_r / sum_r n_r. DistributedDataParallel
  averages gradients over the workers, that is, it multiplies their sum by 1 / W. The result is the gradient of the mean
  over all sum_r n_r items of the batch. It is then clipped as one, so F, G and D take the same step on every worker.
- BatchNorm in F and in G: the same. Mean and variance are those of the whole batch.
- Discriminators: the same. They are updated once a batch, on the real and generated inputs of all workers. Spectral
  norm depends on the weights alone, so workers exchange nothing for it.
- Batches: the images of a batch are dealt to the workers in turn. `training.drop_last` drops the incomplete batch of an
  epoch on all workers. Otherwise the workers share it, unless it has fewer images than there are workers.
- Random numbers (background pairs, perturbations, stored features, dropout): different. Each worker draws for its own
  images from its own generators. Its budget of pairs is `pairs_per_image` x its number of images, so workers do not
  pass budget to one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def num_workers() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process among them; process 0 writes files."""
    return dist.get_rank() if num_workers() > 1 else 0


def place() -> tuple[int, int]:
    """(r, W): this is process r of the W that train together."""
    return rank(), num_workers()


def total(values: Tensor) -> Tensor:
    """The sum of `values` over the workers, without gradient."""
    if num_workers() > 1:
        values = values.detach().clone()
        dist.all_reduce(values)
    return values


def totals(numbers: Sequence[Sequence[float]], device: torch.device) -> list[list[float]]:
    """The sum over the workers of each number of a table, in float64. device: where the workers exchange numbers. One
    worker exchanges nothing, so nobody waits for the device."""
    if num_workers() == 1:
        return [[float(number) for number in row] for row in numbers]
    sums: list[list[float]] = total(torch.tensor(numbers, dtype=torch.float64, device=device)).tolist()
    return sums


def least(count: int, device: torch.device) -> int:
    """The smallest `count` of all workers."""
    if num_workers() == 1:
        return count
    here = torch.tensor(count, device=device)
    dist.all_reduce(here, dist.ReduceOp.MIN)
    return int(here)


def averaged(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of each scalar over the workers, by name, without gradient."""
    if num_workers() == 1 or not losses:
        return {name: value.detach() for name, value in losses.items()}
    names = sorted(losses)  # the same names on every worker, in whatever order
    means = total(torch.stack([losses[name].detach() for name in names])) / num_workers()
    by_name = dict(zip(names, means, strict=True))
    return {name: by_name[name] for name in losses}


def gathered(value: Any) -> list[Any]:
    """The `value` of every worker, in the order of their ranks. Values are pickled."""
    if num_workers() == 1:
        return [value]
    values = [None] * num_workers()
    dist.all_gather_object(values, value)
    return values


def wait_for_all() -> None:
    """Return after every worker has called this."""
    if num_workers() > 1:
        dist.barrier()


class Together:
    """Calls functions that use trainable networks, and averages their gradients over the workers.

    One DistributedDataParallel of torch wraps all networks. Their BatchNorm layers use the whole batch.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._call = _distributed(share_batch_norm(_Call(networks)))

    def __call__(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """`function(*inputs)`."""
        return self._call(function, *inputs)


class _Call(nn.Module):
    """Calls any function that uses `networks`, as the forward pass of a module."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(dict(networks))

    def forward(self, function: Callable[..., Any], *inputs: Any) -> Any:
        return function(*inputs)


def _distributed(call: nn.Module) -> nn.Module:
    if num_workers() == 1:
        return call
    # A call trains some of the networks; the others get no gradient.
    wrapped = nn.parallel.DistributedDataParallel(call, find_unused_parameters=True)
    # Buffers follow from the same numbers on every worker. Torch has renamed the keyword argument, so set it here.
    wrapped.broadcast_buffers = False
    return wrapped


def share_batch_norm(module: nn.Module, device: torch.device | None = None) -> nn.Module:
    """Make every BatchNorm within `module` normalise by the whole batch, in place; return the module.

    On CUDA torch's own SyncBatchNorm replaces the layers. It does not run on CPUs; there `SharedBatchNorm` takes its
    place. With one worker nothing changes. device: the device of the module; None: that of its first parameter.
    """
    if num_workers() == 1:
        return module
    if device is None:
        device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            layer.__class__ = SharedBatchNorm
    return module


class _Sum(torch.autograd.Function):
    """The sum over the workers. Its gradient is the sum of the workers' gradients of the result."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return total(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return total(gradient.contiguous())


class SharedBatchNorm(_BatchNorm):
    """BatchNorm on CPUs by the mean and variance of the rows of all workers. Gradients flow back through both."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes after rows and channels."""

    def forward(self, input: Tensor) -> Tensor:
        """[N, C, ...] -> the same shape; N may be 0 on a worker."""
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
            # All our BatchNorm layers have running estimates.
            assert mean_so_far is not None
            assert variance_so_far is not None
            assert batches is not None
            assert self.momentum is not None
            batches += 1
            mean_so_far.lerp_(mean, self.momentum)
            variance_so_far.lerp_(variance * count / (count - 1).clamp(min=1), self.momentum)
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape)
