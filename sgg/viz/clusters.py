"""Plots of high-dimensional features: t-SNE, coloured by group, real and generated features side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sgg.common.atomic import replaced

from .labels import COLOURS, shortened

MARKERS = "os^Dv*P"
"""Shapes of points. There is one less than there are colours, so 56 groups differ in one of the two."""


def embed(samples: Sequence[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """[n_i, 2] positions by t-SNE of samples [n_i, D], all in one plane.

    Raises ValueError with fewer than 4 samples in total.
    """
    from sklearn.manifold import TSNE  # the import takes a second

    together = np.concatenate(samples).astype(np.float32)
    if len(together) < 4:
        raise ValueError(f"t-SNE needs at least 4 samples, got {len(together)}")
    perplexity = min(30, (len(together) - 1) / 3)
    positions = TSNE(perplexity=perplexity, init="pca" if together.shape[1] > 1 else "random",
                     random_state=seed).fit_transform(together)
    return np.split(positions, np.cumsum([len(one) for one in samples])[:-1])


def draw_clusters(path: Path, title: str, panels: Sequence[tuple[str, np.ndarray, np.ndarray]],
                  groups: Sequence[str]) -> None:
    """Write a plot with a panel for each (name, positions [n, 2], group of each [n]); group -1 is grey.

    All panels show the same part of the plane. groups: names, in the order of their numbers; each has a colour and a
    shape.
    """
    figure = Figure(figsize=(5 * len(panels), 5.4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axis, (name, positions, group) in zip(axes, panels, strict=True):
        axis.set_title(f"{name} (n={len(positions):,})")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.scatter(*positions[group < 0].T, s=4, color="0.8", linewidths=0)
        for number, label in enumerate(groups):
            colour = [value / 255 for value in COLOURS[number % len(COLOURS)]]
            axis.scatter(*positions[group == number].T, s=11, color=colour, marker=MARKERS[number % len(MARKERS)],
                         linewidths=0, label=_plain(label))
    figure.suptitle(title)
    if groups:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(groups), 6),
                      markerscale=2.5, frameon=False)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _plain(label: str) -> str:
    """A name as matplotlib shows it unchanged: no formula, and not left out of a legend, as names with _ first are."""
    text = shortened(label).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
