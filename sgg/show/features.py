"""The quality of generated features: real beside generated ones, in numbers and by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from sgg.evaluate.feature_quality import KINDS, REFERENCE, FeatureStudy, Groups

from .markup import Markup, bar, definitions, joined, table, tag
from .page import PICTURES, Page, figure, require_page_folder

KS = (1, 3, 5, 10)
SHOWN_K = 5
"""Numbers of nearest neighbours that are measured, and the default of the one that is shown first."""
NAMES = ("precision", "density", "recall", "coverage")
MEANINGS = {"node": "Features of objects", "edge": "Features of pairs of objects", "global": "Maps of whole images"}
WORDS = [("precision", "the fraction of a sample within the reach of real features of training: is it realistic?"),
         ("density", "how many of these reach it, on average and divided by k; it may exceed 1"),
         ("recall", "the fraction of real features of training within the reach of the sample: is it varied?"),
         ("coverage", "the fraction of real features of training that have one of the sample within their reach"),
         ("Fréchet", "the distance between Gaussians fitted to both; 0 is best"),
         ("reach", "a feature reaches as far as its k-th nearest neighbour in its own sample")]


def show_features(study: FeatureStudy, out: Path | str, k: int = SHOWN_K, groups: Groups | None = None) -> Path:
    """Write a page with the quality of a run's generated features, beside that of real features of test, and
    `quality.json` with all numbers. Returns the path of the page.

    k: nearest neighbours of the numbers that are shown first. groups: as in `FeatureStudy.write`.

    Raises ValueError for a `k` below 1, and what `FeatureStudy.write` and `require_page_folder` raise.
    """
    out = Path(out)
    require_page_folder(out)
    if k < 1:
        raise ValueError(f"--k {k}: there must be at least one nearest neighbour")
    page = Page(out, f"Features of {study.data.title}, real and generated", "Real features of test show what the same "
                "detector gives for images that the generator has never seen. Generated ones are as good as real ones "
                "if they come near to their numbers.", _facts(study), [_definitions()])
    with page:
        for kind in KINDS:  # of an earlier run
            (out / PICTURES / f"{kind}.png").unlink(missing_ok=True)
        rows = study.write(sorted({*KS, k}), groups, out / PICTURES)
        for kind in KINDS:
            of_kind = [row for row in rows if row["features"] == kind]
            page.add(MEANINGS[kind], _numbers(of_kind, k), _few(of_kind, k), _plot(out, kind),
                     *(_folded(of_kind, other) for other in sorted({*KS} - {k})))
        (out / PICTURES / "quality.json").replace(out / "quality.json")
        page.close_with(joined(["All numbers: ", tag("a", "quality.json", href="quality.json")]))
    return page.path


def _facts(study: FeatureStudy) -> list[tuple[str, str]]:
    data = study.data
    return [("model", str(study.checkpoint)), ("data", f"{data.description} [{data.hash}]"),
            ("samples", "real: of the detector; generated: of the GAN; zs: of zero-shot relations and their images "
             "only"),
            ("compared", f"with {REFERENCE[0]}; the first {study.images:,} images of each split, {study.rows:,} "
             "features of each sample at most, averaged over space")]


def _definitions() -> Markup:
    return tag("details", tag("summary", "What the numbers mean"), definitions(WORDS))


def _numbers(rows: Sequence[dict[str, Any]], k: int) -> Markup:
    """The table of a kind at one k: real samples, then generated ones."""
    def cells(row: dict[str, Any]) -> list[str]:
        measured = [row.get(f"{name}@{k}") for name in NAMES]
        frechet = f"{row['frechet']:.3f}" if "frechet" in row else "–"
        return [row["sample"], f"{row['n']:,}", frechet,
                *("–" if value is None else joined([bar(value), f" {value:.3f}"]) for value in measured)]

    return table(["sample", "n", "Fréchet", *NAMES], map(cells, rows), numbers=range(1, 7))


def _few(rows: Sequence[dict[str, Any]], k: int) -> Markup | None:
    few = [f"{row['sample']} ({row['n']:,})" for row in rows if f"precision@{k}" not in row]
    return tag("p", f"k = {k} needs more features than these samples have: {', '.join(few)}.",
               class_="note") if few else tag("p", f"k = {k} nearest neighbours.", class_="note")


def _folded(rows: Sequence[dict[str, Any]], k: int) -> Markup:
    return tag("details", tag("summary", f"k = {k}"), _numbers(rows, k))


def _plot(out: Path, kind: str) -> Markup:
    """The plot that the study has written; it writes none of fewer than four features."""
    path = out / PICTURES / f"{kind}.png"
    if not path.exists():
        return tag("p", "t-SNE needs at least four features.", class_="note")
    with Image.open(path) as image:
        size = image.size
    return tag("div", figure(f"{PICTURES}/{kind}.png", size, f"t-SNE of {kind} features, real and generated",
                             "t-SNE of real and generated features together, one panel for each sample. Groups differ "
                             "by colour and by shape."), class_="scroll plot")
