"""Predicate re-weighting (`pred_weight`): divide scores by a power of the predicate frequency, to favour rare
predicates."""

from __future__ import annotations

import numpy as np

from sgg.structures import Array, to_numpy


def predicate_weights(foreground_counts: Array, background_counts: Array, x: float) -> np.ndarray:
    """[R] float64: the frequency of each predicate to the power `x`, by which scores are divided (docs/SYSTEM.md
    section 6).

    foreground_counts: [C, C, R] training relations by subject class, object class and predicate (column 0 is not used).
    background_counts: [C, C] overlapping training pairs by their classes. The weight is (mean count over class
    pairs)^x, where 1 is added to the count of every predicate and 2 to that of the background. `reweight` divides the
    background only on request. All weights are 1 for x = 0.

    Raises ValueError, naming the argument, for counts of other shapes or a non-finite `x`.
    """
    foreground, background = to_numpy(foreground_counts), to_numpy(background_counts)
    if foreground.ndim != 3 or foreground.shape[0] != foreground.shape[1]:
        raise ValueError(f"foreground_counts must have shape [C, C, R], got {list(foreground.shape)}")
    if background.shape != foreground.shape[:2]:
        raise ValueError(f"background_counts must have shape {list(foreground.shape[:2])}, "
                         f"got {list(background.shape)}")
    if not np.isfinite(x):
        raise ValueError(f"x must be finite, got {x}")
    mean_counts = foreground.mean(axis=(0, 1), dtype=np.float64) + 1
    mean_counts[0] = background.mean(dtype=np.float64) + 2  # the reference smooths the background twice
    return mean_counts ** x


def reweight(predicate_scores: Array, weights: Array, background: bool = False) -> np.ndarray:
    """Divide the score of each predicate by its weight and normalise every row to a sum of 1.

    predicate_scores: [P, R] probabilities. weights: [R], from `predicate_weights`. background: also divide column 0
    (see `Conventions.reweight_background`). Returns [P, R] of the same precision; a row of zeros stays a row of zeros.

    Raises ValueError when the two do not fit or a weight that is used is not a positive number.
    """
    scores = to_numpy(predicate_scores)
    divisors = to_numpy(weights).astype(np.result_type(scores.dtype, np.float32))
    if scores.ndim != 2 or divisors.shape != scores.shape[1:]:
        raise ValueError(f"weights must have shape [R] for predicate_scores of shape [P, R], "
                         f"got {list(divisors.shape)} and {list(scores.shape)}")
    if not background:
        divisors[0] = 1
    if not (np.isfinite(divisors).all() and (divisors > 0).all()):
        raise ValueError(f"weights must be positive numbers, got {divisors.tolist()}")
    divided = scores / divisors
    totals = divided.sum(axis=1, keepdims=True)
    return divided / np.where(totals > 0, totals, 1)
