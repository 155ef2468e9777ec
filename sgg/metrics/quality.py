"""How well generated features cover real features: precision, recall, density, coverage and the Frechet distance.

Distances are Euclidean, in float64; every comparison with a radius is strict. With n real and m generated samples:

- precision (recall): fraction of generated (real) samples inside the ball of at least one real (generated) sample; the
  radius of a ball is the distance to the k-th nearest neighbour of the same kind. Kynkaanniemi et al., NeurIPS 2019.
- density: number of real balls around a generated sample, divided by k, averaged; coverage: fraction of real balls with
  at least one generated sample inside. Naeem et al., ICML 2020.
- Frechet distance (squared): |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of means m and covariances S. Heusel et al.,
  NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sgg.structures import Array

BLOCK = 2**24  # distances held at once: 128 MiB


class Coverage(NamedTuple):
    """Precision, recall and coverage in [0, 1]; density >= 0, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def feature_quality(real: Array, fake: Array, ks: Sequence[int] = (1, 3, 5, 10)) -> dict[str, float]:
    """All metrics of this module by name: "frechet", "precision@5", ... real: [n, D], fake: [m, D].

    Raises ValueError as `coverage_metrics` and `frechet_distance` do.
    """
    result = {"frechet": frechet_distance(real, fake)}
    for k, metrics in coverage_metrics(real, fake, ks).items():
        result |= {f"{name}@{k}": value for name, value in metrics._asdict().items()}
    return result


def comparable_quality(real: Array, fake: Array, ks: Sequence[int]) -> dict[str, float]:
    """`feature_quality` at the `ks` for which there are enough samples; empty with fewer than two samples."""
    usable = [k for k in ks if k < min(len(real), len(fake))]
    return feature_quality(real, fake, usable) if usable else {}


def coverage_metrics(real: Array, fake: Array, ks: Sequence[int]) -> dict[int, Coverage]:
    """Precision, recall, density and coverage for each number of neighbours k. real: [n, D], fake: [m, D].

    The distances are computed once for all k, block by block.

    Raises ValueError unless both have the same D and every k has a k-th neighbour: 1 <= k < min(n, m).
    """
    real, fake = _checked(real, fake)
    if not ks or min(ks) < 1 or max(ks) >= min(len(real), len(fake)):
        raise ValueError(f"ks must be in 1 .. {min(len(real), len(fake)) - 1}, one less than the smaller sample, "
                         f"got {list(ks)}")
    real_radii, fake_radii = _radii(real, ks), _radii(fake, ks)
    balls = real.new_zeros(len(ks), len(fake))  # number of real balls around each generated sample
    recalled = real.new_zeros(len(ks), len(real), dtype=torch.bool)
    nearest = real.new_full((len(real),), torch.inf)
    for rows, distances in _blocks(fake, real):
        nearest = torch.minimum(nearest, distances.amin(0))
        for i in range(len(ks)):
            balls[i, rows] = (distances < real_radii[i]).sum(1).to(balls)
            recalled[i] |= (distances < fake_radii[i, rows, None]).any(0)
    return {k: Coverage(precision=float((balls[i] > 0).double().mean()), recall=float(recalled[i].double().mean()),
                        density=float(balls[i].mean() / k), coverage=float((nearest < real_radii[i]).double().mean()))
            for i, k in enumerate(ks)}


def frechet_distance(real: Array, fake: Array) -> float:
    """The squared Frechet distance between Gaussians fitted to real [n, D] and fake [m, D] (divisors n - 1 and m - 1).

    With S = R'R the trace of (S1 S2)^(1/2) is the sum of the singular values of R1 R2'. No covariance is inverted and
    no root is taken, so there may be fewer samples than dimensions.

    Raises ValueError unless both have the same D and at least two samples.
    """
    samples = _checked(real, fake)
    if min(map(len, samples)) < 2:
        raise ValueError(f"real and fake need at least 2 samples, got {len(samples[0])} and {len(samples[1])}")
    means = [one.mean(0) for one in samples]
    roots = [torch.linalg.qr((one - mean) / (len(one) - 1) ** 0.5, mode="r").R
             for one, mean in zip(samples, means, strict=True)]
    common = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    distance = (means[0] - means[1]).square().sum() + sum(root.square().sum() for root in roots) - 2 * common
    return float(distance.clamp(min=0))


def _checked(real: Array, fake: Array) -> tuple[Tensor, Tensor]:
    real, fake = (torch.as_tensor(one).double() for one in (real, fake))
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(f"real and fake must be [n, D] and [m, D], got {list(real.shape)} and {list(fake.shape)}")
    return real, fake


def _radii(samples: Tensor, ks: Sequence[int]) -> Tensor:
    """[len(ks), n] distance of each sample to its k-th nearest neighbour, without itself."""
    radii = samples.new_empty(len(ks), len(samples))
    chosen = torch.tensor([k - 1 for k in ks], device=samples.device)
    for rows, distances in _blocks(samples, samples):
        distances.diagonal(rows.start).fill_(torch.inf)
        radii[:, rows] = distances.topk(max(ks), dim=1, largest=False).values[:, chosen].T
    return radii


def _blocks(rows: Tensor, columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Slices of `rows`, with their distances [n, len(columns)] to all of `columns`."""
    step = max(1, BLOCK // len(columns))
    for start in range(0, len(rows), step):
        chosen = slice(start, min(start + step, len(rows)))
        yield chosen, torch.cdist(rows[chosen], columns)
