"""Divide the pairs of an image into parts of bounded memory, for evaluation."""

from __future__ import annotations

PART_BYTES = 1 << 26
"""Bytes of the pooled features of one part. A box head is then busy with products, not with reading its weights, and
the few copies of the features that exist at once fit beside them."""


def pair_parts(pairs: int, numbers: int) -> list[slice]:
    """The parts of `pairs` pairs, in order; one part where all fit into it, even where there are none.

    numbers: of the pooled features of a pair, float32.
    """
    length = max(PART_BYTES // (4 * numbers), 1)
    return [slice(start, min(start + length, pairs)) for start in range(0, max(pairs, 1), length)]
