"""How chance becomes choice."""

from __future__ import annotations

from .arrays import A, namespace


class Draw:
    """Turns uniform numbers in [0, 1) into choices, each method by the law it states."""

    def order(self, weights: A, uniform: A) -> A:
        """Keys [N] whose ascending order is that of drawing all without replacement, proportionally to weights [N].

        Whoever's exponential clock of rate `weight` rings first is drawn first.
        """
        return -namespace(weights).log1p(-uniform) / weights

    def weighted(self, weights: A, sizes: A, uniform: A) -> A:
        """[M] positions among weights [T] > 0, one in each of M consecutive groups of sizes [M]; T for an empty one."""
        xp = namespace(weights)
        nothing = weights[:0].sum()
        cumulated = xp.concat([nothing[None], weights.cumsum(0)])
        stop = sizes.cumsum(0)
        low, high = cumulated[stop - sizes], cumulated[stop]
        position = xp.searchsorted(cumulated, low + uniform * (high - low), side="right") - 1
        # Rounding may carry a number just under 1 over the end of its group.
        return xp.where(sizes > 0, xp.minimum(position, stop - 1), len(weights))

    def even(self, count: int, uniform: A) -> A:
        """One of 0 .. count - 1 for each of uniform [M]."""
        xp = namespace(uniform)
        return xp.asarray(uniform * count, dtype=xp.int64)
