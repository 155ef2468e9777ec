"""The page of generated features has the numbers of the study."""

import json
import re

import pytest
from PIL import Image

from sgg.show.features import show_features
from tests.noise_study import noise_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return noise_study(tmp_path_factory.mktemp("noise"))


def test_show_features_has_every_number_of_the_study(study, tmp_path) -> None:
    page = show_features(study, tmp_path / "out", k=3)
    rows = json.loads((tmp_path / "out" / "quality.json").read_text())["rows"]
    articles = re.findall(r"<article.*?</article>", page.read_text(), re.S)
    assert len(articles) == 3
    for article, kind in zip(articles, ("node", "edge", "global"), strict=True):
        first, *folded = re.findall(r"<table>.*?</table>", article, re.S)
        assert len(folded) == 3, "k = 1, 5 and 10"
        for row in (row for row in rows if row["features"] == kind):
            (cells,) = [cells for cells in re.findall(r"<tr>(.*?)</tr>", first) if f">{row['sample']}<" in cells]
            numbers = [f"{row['frechet']:.3f}", *(f"{row[f'{name}@3']:.3f}" for name in (
                "precision", "density", "recall", "coverage"))]
            assert re.findall(r"\d+\.\d{3}", cells) == numbers
        with Image.open(tmp_path / "out" / "pictures" / f"{kind}.png") as picture:
            picture.load()
        assert f'src="pictures/{kind}.png"' in article
    assert not (study.output / "node.png").exists(), "the run's own folder only has the generated features"


def test_show_features_says_which_samples_are_too_small(study, tmp_path) -> None:
    """Of 8 images of test there are 8 global features, so k = 8 has no k-th neighbour."""
    page = show_features(study, tmp_path, k=8)
    assert "k = 8 needs more features than these samples have: real test (8), real test zs (8), " \
        "generated test (8), generated test zs (8)." in page.read_text()
    with pytest.raises(ValueError, match="--k 0"):
        show_features(study, tmp_path / "none", k=0)
