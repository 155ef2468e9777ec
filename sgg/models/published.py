"""Published weights of the scene-graph model: those of a trained model of the papers, the box heads that start from the
detector of Neural Motifs, and those of a model of Scene-Graph-Benchmark (docs/SYSTEM.md section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sgg.common.published_files import Filling, Weight, rename
from sgg.methods.published_head import PublishedHead

from .scene_graph import SceneGraphModel

SCENE_GRAPH = {
    # Box heads: numbered layers with VGG16, torchvision's names with ResNet-50.
    "roi_fmap.1.0.": "edge_box_head.fc6.",
    "roi_fmap.1.3.": "edge_box_head.fc7.",
    "roi_fmap.fc": "edge_box_head.fc",
    "roi_fmap_obj.0.": "node_box_head.fc6.",
    "roi_fmap_obj.3.": "node_box_head.fc7.",
    "roi_fmap_obj.fc": "node_box_head.fc",
    "union_boxes.": "regions.box_pairs.",
    "obj_unary.": "relation_head.node_input.",
    "edge_unary.": "relation_head.edge_input.",
    "node_gru.": "relation_head.node_gru.",
    "edge_gru.": "relation_head.edge_gru.",
    "sub_vert_w_fc.0.": "relation_head.subject_gate.linear.",
    "obj_vert_w_fc.0.": "relation_head.object_gate.linear.",
    "out_edge_w_fc.0.": "relation_head.outgoing_gate.linear.",
    "in_edge_w_fc.0.": "relation_head.incoming_gate.linear.",
    "obj_fc.": "relation_head.classify_nodes.",
    "rel_fc.": "relation_head.classify_edges.",
    "freq_bias.obj_baseline.": "frequency_bias.table.",
}
"""Prefixes of a trained model's names outside its detector -> ours in SceneGraphModel."""

MOTIFS_BOX_HEADS = {
    "roi_fmap.0.": ("node_box_head.fc6.", "edge_box_head.fc6."),
    "roi_fmap.3.": ("node_box_head.fc7.", "edge_box_head.fc7."),
}
"""Prefixes of Neural Motifs' detector -> the layers of SceneGraphModel that start from its weights."""

BENCHMARK = "module."
"""The prefix of every name in a checkpoint of Scene-Graph-Benchmark (Tang et al. 2020, in code) whose model was trained
on several devices, as usual; without it names are the same."""
BENCHMARK_RELATION = "roi_heads.relation."
BENCHMARK_HEAD = "roi_heads.relation.predictor."
"""The prefixes of the scene-graph model and of its head in a checkpoint of Scene-Graph-Benchmark."""

BENCHMARK_VECTORS = {
    "roi_heads.relation.box_feature_extractor.fc": "node_box_head.fc",
    "roi_heads.relation.union_feature_extractor.feature_extractor.fc": "edge_box_head.fc",
    "roi_heads.relation.union_feature_extractor.feature_extractor.pooler.reduce_channel.0.": "edge_box_head.reduce.",
    "roi_heads.relation.union_feature_extractor.rect_conv.": "regions.box_pairs.conv.",
    "roi_heads.relation.union_feature_extractor.spatial_fc.0.": "drawing_head.input.",
    "roi_heads.relation.union_feature_extractor.spatial_fc.2.": "drawing_head.output.",
}
"""Prefixes of its names outside the head -> ours in SceneGraphModel."""
_TABLE = "freq_bias.obj_baseline."


def filling_of_benchmark(state: dict[str, Tensor], scene_graph: SceneGraphModel, head: PublishedHead,
                         settings: Mapping[str, Any]) -> Filling:
    """All weights of F in a checkpoint of Scene-Graph-Benchmark. head, settings: of the relation head."""
    names = head.names(settings)
    of_head = {_TABLE: "frequency_bias.table."} | {theirs: f"relation_head.{ours}" for theirs, ours in names.items()}
    prefixes = BENCHMARK_VECTORS | {BENCHMARK_HEAD + theirs: ours for theirs, ours in of_head.items()}
    own = scene_graph.state_dict()
    unused = tuple(BENCHMARK_HEAD + one for one in head.unused if one not in names)
    weights = []
    for published, value in state.items():
        name = published.removeprefix(BENCHMARK)
        if name.startswith(BENCHMARK_RELATION) and not name.startswith(unused):
            ours = rename(name, prefixes)
            if name.endswith(head.reshaped) and ours in own and value.numel() == own[ours].numel():
                value = value.reshape(own[ours].shape)
            weights.append(Weight(ours, published, value))
    return Filling(scene_graph, weights, set(own), [*prefixes.items()])


def filling_of_trained(state: dict[str, Tensor], scene_graph: SceneGraphModel) -> Filling:
    """All weights of F. state: the weights of the file outside its detector."""
    weights = [Weight(rename_scene_graph(name), name, value) for name, value in state.items()]
    return Filling(scene_graph, weights, set(scene_graph.state_dict()), [*SCENE_GRAPH.items()])


def filling_of_box_heads(state: dict[str, Tensor], scene_graph: SceneGraphModel) -> Filling:
    """Both box heads of F, from the one box head of Neural Motifs' detector."""
    pairs = [(published, ours) for published, copies in MOTIFS_BOX_HEADS.items() for ours in copies]
    weights = [Weight(rename(name, {published: ours}), name, value) for published, ours in pairs
               for name, value in state.items() if name.startswith(published)]
    expected = {name for name in scene_graph.state_dict() if name.startswith(("node_box_head.", "edge_box_head."))}
    return Filling(scene_graph, weights, expected, pairs)


def rename_scene_graph(name: str) -> str:
    """Our name of a published weight of the scene-graph model; an unknown name stays as it is."""
    return rename(name, SCENE_GRAPH)
