"""Our names of the weights in checkpoints of the public re-implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

PLACE = "roi_heads.relation.predictor."
"""The prefix of the head's names in a checkpoint, after `module.` where the model was trained on several devices."""

HEAD = {
    "context_layer.obj_embed1.": "object_embedding.",
    "context_layer.obj_embed2.": "edge_embedding.",
    "context_layer.pos_embed.0.": "position.input.",
    "context_layer.pos_embed.1.": "position.norm.",
    "context_layer.pos_embed.2.": "position.output.",
    "context_layer.obj_ctx_rnn.": "object_context.lstm.",
    "context_layer.lin_obj_h.": "object_context.project.",
    "context_layer.decoder_rnn.obj_embed.": "decoder.label_embedding.",
    "context_layer.decoder_rnn.input_linearity.": "decoder.input_gates.",
    "context_layer.decoder_rnn.state_linearity.": "decoder.state_gates.",
    "context_layer.decoder_rnn.out_obj.": "decoder.classify.",
    "context_layer.edge_ctx_rnn.": "edge_context.lstm.",
    "context_layer.lin_edge_h.": "edge_context.project.",
    "post_emb.": "pairs.roles.",
    "post_cat.": "pairs.join.",
    "up_dim.": "pairs.widen.",
    "rel_compress.": "pairs.classify.",
}
"""Prefixes of published names -> ours in MotifsHead. The checkpoint also has `freq_bias.obj_baseline.`, which is
`frequency_bias.table.` of our scene-graph model."""
