"""The Neural Motifs head without golden numbers: batches, images without objects or pairs, labels, settings."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadInputs, HeadSizes
from sgg.models.heads.motifs import Motifs
from sgg.models.heads.motifs.published_names import HEAD
from sgg.models.sampling import all_pairs

SIZES = HeadSizes(vector=6, classes=5, predicates=4, embedding=3)
SMALL = {"hidden_dim": 8, "pooling_dim": 6}


def head(sizes: HeadSizes = SIZES, **settings):
    return Motifs(**SMALL | settings).build(sizes, (torch.randn(sizes.classes, sizes.embedding), torch.empty(0)))


def scene(*counts: int, mode: str = "sgcls") -> HeadInputs:
    """Images with the given numbers of objects, and all pairs."""
    index = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    objects, pairs = len(index), all_pairs(index)
    corner = torch.rand(objects, SIZES.classes, 2) * 50
    boxes = torch.cat([corner, corner + 10 + torch.rand_like(corner) * 30], dim=2)
    return HeadInputs(
        torch.randn(objects, 6), torch.randn(len(pairs), 6), boxes[:, 0], index,
        torch.tensor([[90, 100]]).expand(len(counts), 2), pairs, mode,
        labels=torch.randint(1, 5, (objects,)) if mode == "predcls" else None,
        detector_logits=torch.randn(objects, 5), class_boxes=boxes if mode == "sgdet" else None,
        target_labels=torch.randint(0 if mode == "sgdet" else 1, 5, (objects,)))


def image_of(batch: HeadInputs, image: int) -> HeadInputs:
    """One image of a batch."""
    own = batch.image_index == image
    pairs = own[batch.pairs[:, 0]]
    parts = {name: None if (value := getattr(batch, name)) is None else value[own]
             for name in ("nodes", "boxes", "detector_logits", "class_boxes", "labels", "target_labels")}
    return replace(batch, **parts, image_index=torch.zeros(int(own.sum()), dtype=torch.long), edges=batch.edges[pairs],
                   image_sizes=batch.image_sizes[image:image + 1],
                   pairs=batch.pairs[pairs] - int((batch.image_index < image).sum()))


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
@pytest.mark.parametrize("layers", [(1, 1), (2, 4)], ids=str)
def test_motifs_head_treats_the_images_of_a_batch_separately(mode: str, layers: tuple[int, int]) -> None:
    network, batch = head(object_layers=layers[0], edge_layers=layers[1]).eval(), scene(3, 0, 5, 1, 5, mode=mode)
    whole = network(batch)
    parts = [network(image_of(batch, image)) for image in range(5)]
    for name in ("label_logits", "predicate_logits", "labels"):
        torch.testing.assert_close(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]), msg=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
@pytest.mark.parametrize("counts", [(), (0,), (0, 0), (1,), (1, 1), (0, 2)], ids=str)
def test_motifs_head_with_few_objects(counts: tuple[int, ...], mode: str, training: bool) -> None:
    batch, network = scene(*counts, mode=mode), head().train(training)
    outputs = network(batch)
    assert outputs.label_logits.shape == (sum(counts), 5)
    assert outputs.predicate_logits.shape == (len(batch.pairs), 4)
    assert outputs.labels.shape == (sum(counts),)
    assert outputs.labels.dtype == torch.long
    (outputs.label_logits.sum() + outputs.predicate_logits.sum()).backward()
    assert all(value.isfinite().all() for value in [*network.state_dict().values(), outputs.label_logits])


def test_motifs_head_without_pairs() -> None:
    batch = scene(3)
    outputs = head()(replace(batch, pairs=batch.pairs[:0], edges=batch.edges[:0]))
    assert outputs.predicate_logits.shape == (0, 4)


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


def test_motifs_head_in_bfloat16() -> None:
    """As with training.autocast_bf16: outputs are close, and gradients exist."""
    batch, network = scene(3, 5), head(dropout=0.0).train()
    exact = network(batch)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(batch)
        (outputs.label_logits.sum() + outputs.predicate_logits.sum()).backward()
    torch.testing.assert_close(outputs.label_logits.float(), exact.label_logits, rtol=0.05, atol=0.05)
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_motifs_settings_load_without_torch() -> None:
    code = ("import sys, sgg.models.heads.motifs as motifs; motifs.Motifs(hidden_dim=3); "
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)
