"""The T-CAR head, against its formulas for one image without dropout."""

import math

import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadSizes
from sgg.models.head_parts.fusion import Fusion
from sgg.models.heads.tcar import TCAR
from sgg.models.heads.tcar.pair_boxes import pair_code
from sgg.models.heads.tcar.published_names import HEAD
from tests.scenes import scene, small_head


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


def test_tcar_head_against_its_formulas() -> None:
    """Each step written out for the pairs of one image, with torch's functions."""
    network, batch = small_head("tcar").eval(), scene(4)
    with torch.no_grad():
        found = network(batch)
        wide, code = torch.tensor([[90, 100]]).expand(4, 2), network.position
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
        torch.testing.assert_close(found.label_logits, network.classify(objects))
        halves = network.roles(torch.cat([batch.nodes, objects], 1)).relu()
        rows = []
        for (subject, other), vector in zip(batch.pairs.tolist(), batch.edges, strict=True):
            one = fused(network.fuse_objects, halves[subject, :64], halves[other, 64:])
            numbers = pair_code(batch.boxes, torch.tensor([[subject, other]]), torch.tensor([[90, 100]]))[0]
            numbers = leaky(network.pair_position.output(leaky(network.pair_position.input(numbers))))
            rows.append(fused(network.fuse_pair, one, network.pair_input(torch.cat([vector, numbers])).relu()))
        pairs = torch.stack(rows)
        for layer in network.edge_context.layers:
            pairs = plain_layer(layer, pairs)
        product = network.join(pairs) * network.widen(batch.edges)
        expected = network.classify_pairs(product) + network.classify_contexts(pairs)
    torch.testing.assert_close(found.predicate_logits, expected, rtol=1e-4, atol=1e-4)


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
