"""The papers' published weights, under our names (SPEC section 7)."""

from __future__ import annotations

# Published prefix -> ours. The box heads are nested in a Sequential with VGG16, and torchvision's own with ResNet-50.
SCENE_GRAPH = {
    "roi_fmap.1.0.": "edge_box_head.fc6.",
    "roi_fmap.1.3.": "edge_box_head.fc7.",
    "roi_fmap_obj.0.": "node_box_head.fc6.",
    "roi_fmap_obj.3.": "node_box_head.fc7.",
    "roi_fmap.": "edge_box_head.",
    "roi_fmap_obj.": "node_box_head.",
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


def rename_scene_graph(name: str) -> str:
    """Our name of a published weight of the scene-graph model; unknown names stay."""
    for published, ours in SCENE_GRAPH.items():
        if name.startswith(published):
            return ours + name.removeprefix(published)
    return name
