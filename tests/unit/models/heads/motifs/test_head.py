"""The Neural Motifs head without golden numbers: layers, labels, dropout, published names."""

from dataclasses import replace

import pytest
import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadSizes
from sgg.models.heads.motifs import Motifs
from sgg.models.heads.motifs.published_names import HEAD
from tests.scenes import SIZES, image_of, scene

SMALL = {"hidden_dim": 8, "pooling_dim": 6}


def head(sizes: HeadSizes = SIZES, **settings):
    return Motifs(**SMALL | settings).build(sizes, (torch.randn(sizes.classes, sizes.embedding), torch.empty(0)))


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
def test_deep_motifs_head_treats_the_images_of_a_batch_separately(mode: str) -> None:
    network, batch = head(object_layers=2, edge_layers=4).eval(), scene(3, 0, 5, 1, 5, mode=mode)
    whole = network(batch)
    parts = [network(image_of(batch, image)) for image in range(5)]
    for name in ("label_logits", "predicate_logits", "labels"):
        torch.testing.assert_close(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]), msg=name)


def test_label_decoder_continues_with_annotated_labels_in_training() -> None:
    """Where the annotated label is 0, the decoder continues with its best foreground class."""
    batch = scene(4, 5, mode="sgdet")
    outputs = head().train()(batch)
    best = outputs.label_logits[:, 1:].argmax(1) + 1
    assert (batch.target_labels == 0).any()
    assert torch.equal(outputs.labels, torch.where(batch.target_labels > 0, batch.target_labels, best))
    evaluated = head().eval()(replace(batch, mode="sgcls"))
    assert torch.equal(evaluated.labels, evaluated.label_logits[:, 1:].argmax(1) + 1)


def test_label_decoder_passes_each_label_to_the_next_object() -> None:
    """Objects are ordered from right to left; the label of the second one changes the logits of the following ones."""
    batch, network = scene(4), head(dropout=0.0).train()
    batch = replace(batch, target_labels=torch.tensor([1, 1, 1, 1]))
    order = batch.boxes[:, [0, 2]].sum(1).argsort(descending=True)
    other = batch.target_labels.clone()
    other[order[1]] = 3
    before, after = (network(replace(batch, target_labels=labels)).label_logits for labels in
                     (batch.target_labels, other))
    assert (before != after).any(1)[order].tolist() == [False, False, True, True]


def test_label_decoder_dropout() -> None:
    """The same states at every step: each output of ones becomes 0 or 1 / (1 - .5), the same in all rows."""
    network = head(dropout=0.5).train()
    seen = []
    network.decoder.classify.register_forward_hook(lambda _, states, __: seen.append(states[0]))
    network(scene(6))
    assert all(torch.equal(states == 0, seen[0] == 0) for states in seen)
    assert 0 < (seen[0] == 0).sum() < 8
    seen.clear()
    network.eval()(scene(6))
    assert all((states != 0).all() for states in seen)


def test_pair_classifier_without_vision() -> None:
    batch, network = scene(3), head(vision=False).eval()
    torch.testing.assert_close(network(batch).predicate_logits,
                               network(replace(batch, edges=torch.full_like(batch.edges, torch.nan))).predicate_logits)


def test_published_names_of_a_deeper_motifs_head_of_another_width() -> None:
    """Names and shapes of the public re-implementation for 2 and 4 layers, and for vectors of 20 with a pooling width
    of 24."""
    deep = head(HeadSizes(vector=20, classes=9, predicates=6, embedding=8), hidden_dim=16, pooling_dim=24,
                object_layers=2, edge_layers=4)
    state = deep.state_dict()
    for name, shape in {
        "context_layer.obj_ctx_rnn.weight_ih_l0": [64, 156], "context_layer.obj_ctx_rnn.weight_ih_l1_reverse": [64, 32],
        "context_layer.decoder_rnn.input_linearity.weight": [96, 180],
        "context_layer.edge_ctx_rnn.weight_ih_l0": [64, 44], "context_layer.edge_ctx_rnn.bias_hh_l3_reverse": [64],
        "post_cat.weight": [24, 32], "up_dim.weight": [24, 20], "rel_compress.weight": [6, 24]}.items():
        assert list(state[rename(name, HEAD)].shape) == shape, name
    assert all(any(name.startswith(ours) for ours in HEAD.values()) for name in state)


def test_sequence_context_does_not_use_onednn() -> None:
    network, seen = head(), []
    for context in (network.object_context, network.edge_context):
        context.lstm.register_forward_hook(lambda *_: seen.append(torch.backends.mkldnn.enabled))
    before = torch.backends.mkldnn.enabled
    network(scene(3, 3))
    assert seen == [False, False]
    assert torch.backends.mkldnn.enabled is before
