"""Random choices from uniform numbers."""

from __future__ import annotations

from .arrays import A, namespace


class Draw:
    """Turns uniform numbers in [0, 1) into choices; each method states its distribution."""

    def order(self, weights: A, uniform: A) -> A:
        """Keys [N]. Their ascending order is a random order: objects are drawn without replacement, in proportion to
        weights [N].

        Each object gets an exponential waiting time of rate `weight`; the shortest time comes first.
        """
        return -namespace(weights).log1p(-uniform) / weights

    def weighted(self, weights: A, sizes: A, uniform: A) -> A:
        """[M] positions among weights [T] > 0: one in each of M consecutive groups of sizes [M], in proportion to the
        weights. An empty group gives T."""
        xp = namespace(weights)
        nothing = weights[:0].sum()
        cumulated = xp.concat([nothing[None], weights.cumsum(0)])
        stop = sizes.cumsum(0)
        low, high = cumulated[stop - sizes], cumulated[stop]
        position = xp.searchsorted(cumulated, low + uniform * (high - low), side="right") - 1
        # Rounding may move a number just below 1 past the end of its group.
        return xp.where(sizes > 0, xp.minimum(position, stop - 1), len(weights))

    def even(self, count: int | A, uniform: A) -> A:
        """[M] numbers of 0 .. count - 1, all equally likely, from uniform [M]. count: one for all, or [M]."""
        xp = namespace(uniform)
        return xp.asarray(uniform * count, dtype=xp.int64)
