"""The drawing of the boxes of a pair, and its embedding, as Scene-Graph-Benchmark has them (docs/SYSTEM.md section 2,
"Edges"): `image_cells` with the strides that were meant."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.models.box_pairs import BoxPairEmbedding
from sgg.models.drawing_head import DrawingHead
from sgg.models.union_boxes import draw, union
from tests.golden.heads import CLOSE

GOLDEN = np.load(Path(__file__).parent / "files" / "union_rect.npz")
PLACE = "sd.rect_conv."


def pairs_and_sizes() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Boxes of subjects and of objects [74, 4], and height and width of the image of each pair."""
    boxes, counts, triples = (torch.tensor(GOLDEN[f"in.{name}"]) for name in ("boxes", "num_objs", "rel_pairs"))
    first = (counts.cumsum(0) - counts)[triples[:, 0]]
    sizes = torch.tensor(GOLDEN["in.image_sizes"]).flip(1)[triples[:, 0]]
    return boxes[first + triples[:, 1]], boxes[first + triples[:, 2]], sizes


def embedding() -> BoxPairEmbedding:
    found = BoxPairEmbedding(8, kind="image_cells", strides="intended")
    found.conv.load_state_dict({name.removeprefix(PLACE): torch.tensor(GOLDEN[name]) for name in GOLDEN.files
                                if name.startswith(PLACE)})
    return found


def test_draw_in_cells_of_the_image() -> None:
    subjects, objects, sizes = pairs_and_sizes()
    np.testing.assert_array_equal(draw(subjects, objects, 27, "image_cells", sizes), GOLDEN["out.masks"])


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_box_pair_embedding_of_cells(mode: str) -> None:
    """In training with the statistics of the batch, which move the running ones."""
    found = embedding().train(mode == "train")
    with torch.no_grad():
        features = found(*pairs_and_sizes())
    np.testing.assert_allclose(features[::4], GOLDEN[f"out.{mode}.mask_features"], **CLOSE)
    after = f"out.{mode}.after.rect_conv."
    for name in [name for name in GOLDEN.files if name.startswith(after)]:
        np.testing.assert_allclose(found.conv.state_dict()[name.removeprefix(after)], GOLDEN[name], **CLOSE)


def test_drawing_head() -> None:
    """The vectors of drawings that are kept apart from the visual ones."""
    found, drawn = DrawingHead(8 * 49, 24), embedding().eval()
    assert drawn.cells == 49
    found.load_state_dict({f"{ours}.{kind}": torch.tensor(GOLDEN[f"sd.spatial_fc.{layer}.{kind}"])
                           for layer, ours in ((0, "input"), (2, "output")) for kind in ("weight", "bias")})
    with torch.no_grad():
        vectors = found(drawn(*pairs_and_sizes()))
    np.testing.assert_allclose(vectors, GOLDEN["out.sep.eval.spatial_features"], **CLOSE)


def test_union() -> None:
    subjects, objects, _ = pairs_and_sizes()
    np.testing.assert_array_equal(union(subjects, objects), GOLDEN["out.union_boxes"])
