"""The VCTree head without golden numbers: settings, labels of predictions, published names, broken scores."""

from dataclasses import replace

import pytest
import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadSizes
from sgg.models.head_parts.class_nms import labels_by_nms
from sgg.models.heads.vctree import VCTree
from sgg.models.heads.vctree.published_names import HEAD
from tests.scenes import image_of, scene, small_head


def test_vctree_refuses_an_odd_width() -> None:
    with pytest.raises(ValueError, match=r"hidden_dim\n.*multiple of 2"):
        VCTree(hidden_dim=7)


def test_vctree_predicts_other_labels_than_it_reads_in_sgdet() -> None:
    """Two equal objects: the edge context reads the same label for both, the prediction has two labels."""
    batch = scene(2, mode="sgdet")
    twins = {name: getattr(batch, name)[:1].expand(2, *getattr(batch, name).shape[1:])
             for name in ("nodes", "boxes", "detector_logits", "class_boxes")}
    network = small_head("vctree").eval()
    outputs = network(replace(batch, **twins))
    assert outputs.predicted_labels.unique().numel() == 2
    expected = labels_by_nms(outputs.label_logits, twins["class_boxes"], batch.image_index, 1, overwrite=False)
    assert torch.equal(outputs.predicted_labels, expected)
    assert torch.equal(outputs.labels, outputs.label_logits[:, 1:].argmax(1) + 1)
    assert network(replace(batch, mode="sgcls")).predicted_labels is None


@pytest.mark.parametrize("layers", [(2, 1), (1, 3)], ids=str)
def test_deep_vctree_head_treats_the_images_of_a_batch_separately(layers: tuple[int, int]) -> None:
    network = small_head("vctree", object_layers=layers[0], edge_layers=layers[1]).eval()
    batch = scene(3, 0, 5, 1)
    whole = network(batch)
    parts = [network(image_of(batch, image)) for image in range(4)]
    torch.testing.assert_close(whole.predicate_logits, torch.cat([part.predicate_logits for part in parts]))


def test_vctree_of_scores_that_are_not_finite() -> None:
    """A model that has diverged gives outputs that are not finite, which training reports."""
    network, batch = small_head("vctree").train(), scene(3, 4)
    torch.nn.init.constant_(network.tree_scores.join.weight, torch.nan)
    outputs = network(batch)
    assert outputs.label_logits.isfinite().all()
    assert outputs.losses["tree"].isnan()


def test_published_names_of_a_deeper_vctree_head_of_another_width() -> None:
    """Names and shapes of the public re-implementation for 2 and 1 layers, vectors of 20 and a pooling width of 24."""
    sizes = HeadSizes(20, 9, 6, 8, frequency_table=torch.zeros(9, 9, 6))
    state = VCTree(hidden_dim=16, pooling_dim=24, object_layers=2).build(sizes).state_dict()
    for name, shape in {
        "context_layer.obj_ctx_rnn.multi_layer_lstm.1.treeLSTM_foreward.treeLSTM.ioffux.weight": [48, 16],
        "context_layer.edge_ctx_rnn.multi_layer_lstm.0.treeLSTM_backward.treeLSTM.iofuh.bias": [40],
        "context_layer.decoder_rnn.decoderLSTM.iofux.weight": [80, 180], "up_dim.weight": [24, 20],
        "context_layer.vision_prior.weight": [1, 49]}.items():
        assert list(state[rename(name, HEAD)].shape) == shape, name
    assert all(any(name.startswith(ours) for ours in HEAD.values()) for name in state)
