"""Names of the papers' published weights -> ours (docs/SYSTEM.md section 7). The GAN's: `sgg.gan.published_names`."""

from __future__ import annotations

import re
from collections.abc import Iterable

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

MOTIFS_DETECTOR = {
    "features.": "backbone.",
    "rpn_head.conv.0.": "rpn.head.conv.0.0.",
    "roi_fmap.0.": "roi_heads.box_head.fc6.",
    "roi_fmap.3.": "roi_heads.box_head.fc7.",
    "score_fc.": "roi_heads.box_predictor.cls_score.",
    "bbox_fc.": "roi_heads.box_predictor.bbox_pred.",
}
"""Prefixes of Neural Motifs' detector -> torchvision's, in Detector.rcnn."""

MOTIFS_UNUSED = "rpn_head.conv.2."
"""Its scores and shifts are of 20 anchors, torchvision's of 15 others."""

MOTIFS_ABSENT = ("rpn.head.cls_logits.", "rpn.head.bbox_pred.")
"""What takes its place, and keeps its random start."""

MOTIFS_BOX_HEADS = {
    "roi_fmap.0.": ("node_box_head.fc6.", "edge_box_head.fc6."),
    "roi_fmap.3.": ("node_box_head.fc7.", "edge_box_head.fc7."),
}
"""Prefixes of Neural Motifs' detector -> what starts from them in SceneGraphModel."""

_OLD_TORCHVISION = [
    (re.compile(r"\brpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
    (re.compile(r"\bfpn\.(inner|layer)_blocks\.(\d)\.(weight|bias)$"), r"fpn.\1_blocks.\2.0.\3"),
    *((re.compile(rf"\bmask_head\.mask_fcn{n}\."), f"mask_head.{n - 1}.0.") for n in range(1, 5)),
]


def rename_scene_graph(name: str) -> str:
    """Our name of a published weight of the scene-graph model; unknown names stay."""
    return rename(name, SCENE_GRAPH)


def rename_torchvision(name: str) -> str:
    """Today's name of a weight that an older torchvision (before 0.13) wrote; today's names stay."""
    for pattern, today in _OLD_TORCHVISION:
        name = pattern.sub(today, name)
    return name


def published_as(name: str, prefixes: Iterable[tuple[str, str]]) -> list[str]:
    """Every published name that stands for `name` of ours; prefixes: published and ours, in pairs."""
    return [published + name.removeprefix(ours) for published, ours in prefixes if name.startswith(ours)]


def rename(name: str, prefixes: dict[str, str]) -> str:
    """`name` with the first of `prefixes` that it starts with replaced."""
    for published, ours in prefixes.items():
        if name.startswith(published):
            return ours + name.removeprefix(published)
    return name
