"""Plots of high-dimensional features: t-SNE, coloured by group, real and generated features side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from sgg.common.atomic import replaced


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

    All panels show the same part of the plane. groups: names, in the order of their numbers.
    """
    figure = Figure(figsize=(5 * len(panels), 5.4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    colours = colormaps["tab20" if len(groups) > 10 else "tab10"]
    for axis, (name, positions, group) in zip(axes, panels, strict=True):
        axis.set_title(f"{name} (n={len(positions):,})")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.scatter(*positions[group < 0].T, s=4, color="0.85", linewidths=0)
        for number, label in enumerate(groups):
            axis.scatter(*positions[group == number].T, s=7, color=colours(number % colours.N), linewidths=0,
                         label=label)
    figure.suptitle(title)
    if groups:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(groups), 6),
                      markerscale=2.5, frameon=False)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
