"""The T-CAR head, against its formulas without dropout."""

import math
from dataclasses import replace

import pytest
import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadSizes
from sgg.models.head_parts.fusion import Fusion
from sgg.models.heads.tcar import TCAR
from sgg.models.heads.tcar.pair_boxes import pair_code
from sgg.models.heads.tcar.published_names import HEAD
from tests.scenes import image_of, in_double, scene, small_head

MODES = ["predcls", "sgcls", "sgdet"]
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def test_pair_code_of_two_boxes() -> None:
    """In an image of 100 x 50: boxes of 10 x 10 and 20 x 40 pixels; their union begins at (0, 10)."""
    boxes = torch.tensor([[0.0, 10, 9, 19], [30, 10, 49, 49]])
    code = pair_code(boxes, torch.tensor([[0, 1]]), torch.tensor([[50, 100]]))[0]
    union = [0.5, 0.8, 0.25, 0.6, 0, 0.2, 0.49, 0.98, 0.4]
    between = [-30 / 20, 0, -40 / 20, -30 / 40]
    back = [3, 0, 4, 3]
    larger = [math.log(10 / 20), math.log(10 / 40), math.log(2), math.log(4)]
    torch.testing.assert_close(code, torch.tensor([*union, *between, *back, *larger]))


def test_fusion_by_hand() -> None:
    fusion = Fusion(2)
    with torch.no_grad():
        for layer in (fusion.first, fusion.second):
            layer.weight.copy_(torch.eye(2))
            layer.bias.zero_()
    found = fusion(torch.tensor([[1.0, -3]]), torch.tensor([[2.0, 1]]))
    assert found.tolist() == [[3 - 1, 0 - 16]]


def by_formulas(network, batch):
    """Class logits and predicate logits of one image, each step written out with torch's functions."""
    wide, code = batch.image_sizes.expand(len(batch.nodes), 2), network.position
    height, width = wide.unbind(1)
    x1, y1, x2, y2 = batch.boxes.unbind(1)
    w, h = x2 - x1 + 1, y2 - y1 + 1
    nine = torch.stack([w / width, h / height, (x1 + w / 2) / width, (y1 + h / 2) / height, x1 / width, y1 / height,
                        x2 / width, y2 / height, w * h / (width * height)], 1)
    leaky = torch.nn.LeakyReLU(0.2)
    position = leaky(code.output(leaky(code.input(nine))))
    objects = network.object_input(torch.cat([batch.nodes, position], 1))
    for layer in network.object_context.layers:
        objects = plain_layer(layer, objects)
    halves = network.roles(torch.cat([batch.nodes, objects], 1)).relu()
    rows = []
    for (subject, other), vector in zip(batch.pairs.tolist(), batch.edges, strict=True):
        one = fused(network.fuse_objects, halves[subject, :64], halves[other, 64:])
        numbers = pair_code(batch.boxes, torch.tensor([[subject, other]]), batch.image_sizes)[0]
        numbers = leaky(network.pair_position.output(leaky(network.pair_position.input(numbers))))
        rows.append(fused(network.fuse_pair, one, network.pair_input(torch.cat([vector, numbers])).relu()))
    pairs = torch.stack(rows)
    for layer in network.edge_context.layers:
        pairs = plain_layer(layer, pairs)
    product = network.join(pairs) * network.widen(batch.edges)
    return network.classify(objects), network.classify_pairs(product) + network.classify_contexts(pairs)


def require_formulas(network, batch, found) -> tuple[torch.Tensor, torch.Tensor]:
    """Compare the outputs for a batch with the formulas for its images, and return the logits of these. Given labels
    have the logit 1000, others -1000."""
    images = [by_formulas(network, image_of(batch, image)) for image in range(batch.num_images)]
    labels, predicates = (torch.cat(parts) for parts in zip(*images, strict=True))
    if batch.labels is not None:
        labels = torch.full_like(labels, -1000).scatter(1, batch.labels[:, None], 1000)
    torch.testing.assert_close(found.label_logits, labels, **CLOSE)
    torch.testing.assert_close(found.predicate_logits, predicates, **CLOSE)
    return labels, predicates


@pytest.mark.parametrize("mode", MODES)
def test_tcar_head_in_evaluation(mode: str) -> None:
    """Of three images. In SGDet suppression over classes decides the labels, else the best foreground class."""
    network, batch = small_head("tcar").double().eval(), in_double(scene(4, 2, 5, mode=mode))
    with torch.no_grad():
        found = network(batch)
        logits, _ = require_formulas(network, batch, found)
    expected = logits[:, 1:].argmax(1) + 1
    if mode == "sgdet":
        images = [image_of(batch, image) for image in range(3)]
        expected = torch.cat([suppressed(rows.softmax(1), image.class_boxes) for rows, image in zip(
            logits.split([len(image.nodes) for image in images]), images, strict=True)])
    assert found.labels.tolist() == expected.tolist()


@pytest.mark.parametrize("mode", MODES)
def test_tcar_head_in_training(mode: str) -> None:
    """Without dropout: gradients of all weights, and of the vectors of objects and pairs. No label is suppressed."""
    network, batch = small_head("tcar", dropout=0.0).double().train(), in_double(scene(4, 2, 5, mode=mode))
    batch = replace(batch, nodes=batch.nodes.requires_grad_(), edges=batch.edges.requires_grad_())
    leaves = {"nodes": batch.nodes, "edges": batch.edges, **dict(network.named_parameters())}
    found = network(batch)
    expected = require_formulas(network, batch, found)
    cotangents = [torch.randn_like(logits) for logits in expected]

    def gradients(logits):
        total = sum((one * cotangent).sum() for one, cotangent in zip(logits, cotangents, strict=True))
        return torch.autograd.grad(total, list(leaves.values()), allow_unused=True)

    ours, theirs = gradients((found.label_logits, found.predicate_logits)), gradients(expected)
    for name, one, other in zip(leaves, ours, theirs, strict=True):
        assert (one is None) is (other is None) is (mode == "predcls" and name.startswith("classify.")), name
        if one is not None:
            torch.testing.assert_close(one, other, **CLOSE, msg=name)
    assert found.labels.tolist() == (found.label_logits[:, 1:].argmax(1) + 1).tolist()
    assert not found.losses


def suppressed(scores, class_boxes):
    """The labels of one image: as often as it has objects, the largest score gives its class to its object."""
    scores, labels = scores.clone(), torch.zeros(len(scores), dtype=torch.long)
    scores[:, 0] = -1
    for _ in labels:
        chosen, label = divmod(int(scores.argmax()), scores.shape[1])
        labels[chosen] = label
        for rival in range(len(scores)):
            if overlap(class_boxes[chosen, label].tolist(), class_boxes[rival, label].tolist()) >= 0.5:
                scores[rival, label] = 0
        scores[chosen] = -1
    return labels


def overlap(one, other):
    """The IoU of two boxes whose last pixel belongs to them."""
    def area(box):
        return max(box[2] - box[0] + 1, 0) * max(box[3] - box[1] + 1, 0)

    shared = area([max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])])
    return shared / (area(one) + area(other) - shared)


def plain_layer(layer, states):
    heads = []
    for head in range(8):
        own = slice(8 * head, 8 * head + 8)
        query, key, value = (one(states)[:, own] for one in (layer.query, layer.key, layer.value))
        heads.append(torch.softmax(query @ key.T / 8 ** 0.5, 1) @ value)
    states = layer.norm(layer.join(torch.cat(heads, 1)) + states)
    return layer.output_norm(layer.narrow(layer.widen(states).relu()) + states)


def fused(fusion, first, second):
    x, y = fusion.first(first), fusion.second(second)
    return (x + y).relu() - (x - y) ** 2


def test_published_names_of_a_tcar_head() -> None:
    state = TCAR(hidden_dim=16, key_dim=4, inner_dim=32, pooling_dim=24).build(HeadSizes(20, 9, 6)).state_dict()
    for name, shape in {
        "context_layer.rel_bbox.3.weight": [128, 64], "context_layer.fuse_pos_union.weight": [16, 148],
        "context_layer.fusion2.dense_y.weight": [16, 16], "context_layer.lin_edge_visual1.weight": [32, 36],
        "context_layer.context_edge.layer_stack.1.slf_attn.fc.weight": [16, 32], "post_cat.weight": [24, 16]}.items():
        assert list(state[rename(name, HEAD)].shape) == shape, name
    assert all(any(name.startswith(ours) for ours in HEAD.values()) for name in state)
