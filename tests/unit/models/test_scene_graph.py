"""Evaluation with pairs in parts, beside the same with all pairs at once."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models import pair_parts, roi_align, roi_features
from sgg.models.box_head import BoxHead
from sgg.models.drawing_head import DrawingHead
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.heads.motifs.head import MotifsHead
from sgg.models.roi_features import RoIFeatures
from sgg.models.sampling import all_pairs
from sgg.models.scene_graph import SceneGraphModel

CHANNELS, VECTOR, CLASSES, PREDICATES = 3, 6, 5, 4
OBJECTS = (4, 3)
PAIRS = 4 * 3 + 3 * 2
DRAWING = 4
PART = 5


class Plain(nn.Module):
    """A head without `stream_pairs`. It reads all inputs. drawing_dim: width of vectors of drawn boxes."""

    def __init__(self, drawing_dim: int = 0) -> None:
        super().__init__()
        self.nodes, self.edges = nn.Linear(VECTOR, CLASSES), nn.Linear(VECTOR + drawing_dim, PREDICATES)
        self.calls: list[int] = []

    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Sums of its inputs."""
        self.calls.append(len(inputs.edges))
        more = sum(values.flatten(1).sum(1, keepdim=True) for values in (inputs.edge_maps, inputs.box_masks)
                   if values is not None)
        return HeadOutputs(self.nodes(inputs.nodes), self.edges(inputs.edges) + more)


def motifs() -> MotifsHead:
    return MotifsHead(HeadSizes(VECTOR, CLASSES, PREDICATES, 7, CHANNELS), hidden_dim=8, object_layers=1, edge_layers=1,
                      pooling_dim=9, dropout=0.0, vision=True)


HEADS: dict[str, Callable[[], tuple[nn.Module, frozenset[str], bool]]] = {
    "imp": lambda: (MessagePassing(VECTOR, 8, CLASSES, PREDICATES), frozenset(), False),
    "motifs": lambda: (motifs(), frozenset({"detector_logits"}), True),
    "plain": lambda: (Plain(), frozenset(), False),
    "plain, of labels": lambda: (Plain(), frozenset(), True),
    "plain, of maps": lambda: (Plain(), frozenset({"maps", "box_masks"}), False),
    "plain, of drawings": lambda: (Plain(DRAWING), frozenset(), False),
}


def model_of(head: str) -> SceneGraphModel:
    """In float64 and evaluation mode, with a frequency bias."""
    torch.manual_seed(0)
    network, needs, conditions_on_labels = HEADS[head]()
    bias = FrequencyBias(torch.randn(CLASSES, CLASSES, PREDICATES))
    box_heads = [BoxHead(CHANNELS * 49, VECTOR) for _ in range(2)]
    return SceneGraphModel(RoIFeatures(CHANNELS, 1 / 16), *box_heads, network, bias, "add", needs,
                           conditions_on_labels,
                           drawing_head=DrawingHead(CHANNELS, DRAWING) if head == "plain, of drawings" else None
                           ).double().eval()


def scene() -> tuple[Tensor, ...]:
    """The map, boxes, image index, pairs and image sizes of two images."""
    torch.manual_seed(1)
    corners = torch.rand(sum(OBJECTS), 2, dtype=torch.float64) * 60
    boxes = torch.cat([corners, corners + 10 + torch.rand(sum(OBJECTS), 2, dtype=torch.float64) * 50], 1)
    index = torch.arange(len(OBJECTS)).repeat_interleave(torch.tensor(OBJECTS))
    return torch.rand(2, CHANNELS, 8, 8, dtype=torch.float64), boxes, index, all_pairs(index), torch.full((2, 2), 128)


def in_parts_of(monkeypatch: pytest.MonkeyPatch, pairs: int) -> None:
    monkeypatch.setattr(pair_parts, "PART_BYTES", pairs * 4 * CHANNELS * 49)


@pytest.mark.parametrize("head", list(HEADS))
@pytest.mark.parametrize("modes", [("sgcls", "predcls"), ("predcls",)])
def test_predict_in_parts_gives_what_all_pairs_give(monkeypatch, head: str, modes: tuple[str, ...]) -> None:
    model, inputs = model_of(head), scene()
    given = {mode: torch.arange(sum(OBJECTS)) % (CLASSES - 1) + 1 if mode == "predcls" else None for mode in modes}
    detector_logits = torch.randn(sum(OBJECTS), CLASSES, dtype=torch.float64)
    whole = model.predict(given, *inputs, detector_logits=detector_logits)
    in_parts_of(monkeypatch, PART)
    parts = model.predict(given, *inputs, detector_logits=detector_logits)
    assert parts.keys() == whole.keys() == set(modes)
    for mode in modes:
        torch.testing.assert_close(parts[mode].label_logits, whole[mode].label_logits, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(parts[mode].predicate_logits, whole[mode].predicate_logits, rtol=1e-12, atol=1e-12)
        assert torch.equal(parts[mode].labels, whole[mode].labels)


def test_drawings_can_be_apart_from_the_visual_vectors() -> None:
    """Then the box head sees the pooled map alone, and the vectors of the drawings follow its own."""
    model, (feature_map, boxes, index, pairs, sizes), given = model_of("plain, of drawings"), scene(), []
    model.relation_head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].edges))
    model.predict({"sgcls": None}, feature_map, boxes, index, pairs, sizes)
    pooled = model.regions.of_pairs(feature_map, boxes, index, pairs)
    drawn = model.regions.embed_boxes(boxes, pairs, sizes[index[pairs[:, 0]]])
    torch.testing.assert_close(given[0][:, :VECTOR], model.edge_box_head(pooled))
    torch.testing.assert_close(given[0][:, VECTOR:], model.drawing_head(drawn))
    assert given[0].shape == (PAIRS, VECTOR + DRAWING)


def test_predict_in_parts_gives_the_same_floats(monkeypatch) -> None:
    """In float32, where only the order of sums differs."""
    model, (feature_map, boxes, index, pairs, sizes) = model_of("imp").float(), scene()
    inputs = feature_map.float(), boxes.float(), index, pairs, sizes
    whole = model.predict({"sgcls": None}, *inputs)["sgcls"]
    in_parts_of(monkeypatch, PART)
    parts = model.predict({"sgcls": None}, *inputs)["sgcls"]
    for name in ("label_logits", "predicate_logits"):
        torch.testing.assert_close(getattr(parts, name).softmax(1), getattr(whole, name).softmax(1), rtol=1e-6, atol=0)


@pytest.mark.parametrize("head", ["imp", "motifs", "plain"])
def test_predict_holds_one_part_of_the_pooled_features(monkeypatch, head: str) -> None:
    """The box head, whose input is the largest of a pair, and the networks of IMP and Motifs get one part at a time."""
    model, inputs = model_of(head), scene()
    in_parts_of(monkeypatch, PART)
    seen: dict[str, list[int]] = {}
    watched = {"box head": model.edge_box_head, "pooled": model.regions.box_pairs}
    if head == "imp":
        watched |= {name: getattr(model.relation_head, name) for name in ("edge_input", "edge_gru", "classify_edges")}
    if head == "motifs":
        watched["classifier"] = model.relation_head.pairs.classify
    for name, module in watched.items():
        module.register_forward_hook(lambda _, inputs, __, name=name: seen.setdefault(name, []).append(len(inputs[0])))
    model.predict({"sgcls": None}, *inputs, detector_logits=torch.zeros(sum(OBJECTS), CLASSES, dtype=torch.float64))
    parts = [5, 5, 5, 3]
    assert sum(parts) == PAIRS
    assert seen.pop("edge_gru", parts * 4) == parts * 4, "the first states, and three rounds"
    assert all(rows == parts for rows in seen.values()), seen
    if head == "plain":
        assert model.relation_head.calls == [PAIRS], "all vectors at once, as its contract says"


@pytest.mark.parametrize(("pairs", "expected"), [
    (0, [(0, 0)]), (1, [(0, 1)]), (4, [(0, 4)]), (5, [(0, 4), (4, 5)]), (9, [(0, 4), (4, 8), (8, 9)])])
def test_pair_parts(monkeypatch, pairs: int, expected: list[tuple[int, int]]) -> None:
    """Four pairs of ten float32 fit into 160 bytes, and into 199."""
    for size in (160, 199):
        monkeypatch.setattr(pair_parts, "PART_BYTES", size)
        assert [(part.start, part.stop) for part in pair_parts.pair_parts(pairs, 10)] == expected


def test_pair_parts_of_a_pair_that_is_too_large(monkeypatch) -> None:
    monkeypatch.setattr(pair_parts, "PART_BYTES", 1)
    assert len(pair_parts.pair_parts(3, 10)) == 3


@pytest.mark.parametrize(("head", "runs"), [("imp", 1), ("motifs", 2), ("plain", 1), ("plain, of labels", 2)])
@pytest.mark.parametrize("part", [PART, PAIRS])
def test_predict_runs_once_for_all_modes(monkeypatch, head: str, runs: int, part: int) -> None:
    """Box heads run once; a head runs once for each mode if its predicates depend on labels."""
    model, inputs = model_of(head), scene()
    in_parts_of(monkeypatch, part)
    begun, rows = [], {"node_box_head": 0, "edge_box_head": 0}
    network = model.relation_head
    network.register_forward_hook(lambda *_: begun.append("call"))
    if hasattr(network, "stream_pairs"):
        stream = network.stream_pairs
        monkeypatch.setattr(network, "stream_pairs", lambda inputs: begun.append("stream") or stream(inputs))
    for name in rows:
        getattr(model, name).register_forward_hook(
            lambda _, inputs, __, name=name: rows.update({name: rows[name] + len(inputs[0])}))
    given = {"sgcls": None, "predcls": torch.ones(sum(OBJECTS), dtype=torch.long)}
    model.predict(given, *inputs, detector_logits=torch.zeros(sum(OBJECTS), CLASSES, dtype=torch.float64))
    assert len(begun) == runs
    assert rows == {"node_box_head": sum(OBJECTS), "edge_box_head": PAIRS}


def test_features_pools_nodes_and_pairs_together(monkeypatch) -> None:
    """One RoIAlign for a map: the boxes of all objects, then the union boxes of all pairs."""
    pooled: list[int] = []
    monkeypatch.setattr(roi_features, "pool", lambda *inputs: pooled.append(len(inputs[1])) or roi_align.pool(*inputs))
    feature_map, boxes, index, pairs, _ = scene()
    nodes, edges = RoIFeatures(CHANNELS, 1 / 16)(feature_map.float(), boxes.float(), index, pairs)
    assert (len(nodes), len(edges)) == (sum(OBJECTS), PAIRS)
    assert pooled == [sum(OBJECTS) + PAIRS]


def training_step(model: SceneGraphModel, inputs: tuple[Tensor, ...]) -> tuple[list[Tensor], int]:
    """The gradients of one step in training mode, and the bytes that the forward pass keeps for the backward pass."""
    feature_map, boxes, index, pairs, sizes = inputs
    torch.manual_seed(2)
    model.train().zero_grad()
    with torch.no_grad():
        nodes, edges = model.features(feature_map, boxes, index, pairs)
    given = {tensor.untyped_storage().data_ptr() for tensor in (nodes, edges, *inputs, *model.parameters())}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in given:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = model(nodes, edges, boxes, index, pairs, sizes)
    (outputs.label_logits.square().sum() + outputs.predicate_logits.square().sum()).backward()
    return [parameter.grad for parameter in model.parameters()], sum(kept.values())


def test_recompute_box_heads_keeps_less_and_gives_the_same_gradients() -> None:
    """Dropout draws the same masks again. Of each pair the sum of its features and its box pair, 3 x 49 float64, is not
    kept, nor are the two layers of 6, each after ReLU and as a mask of dropout; of each object the same two layers."""
    results = []
    for recompute in (False, True):
        model, inputs = model_of("imp"), scene()
        model.frequency_bias, model.bias_mode = None, "off"
        for box_head in (model.node_box_head, model.edge_box_head):
            box_head.dropout = 0.5
        model.recompute_box_heads = recompute
        gradients, kept = training_step(model, inputs)
        results.append((gradients, kept, torch.get_rng_state()))
    (plain, kept, state), (recomputed, kept_less, same_state) = results
    assert all(map(torch.equal, plain, recomputed))
    assert torch.equal(state, same_state), "the draws that follow are the same, too"
    assert kept - kept_less >= 8 * (PAIRS * CHANNELS * 49 + 2 * VECTOR * (PAIRS + sum(OBJECTS)))
    with torch.no_grad():
        assert not model(*model.features(*inputs[:4]), *inputs[1:]).label_logits.requires_grad
