"""The Transformer head without golden numbers: dropout, published names."""

from dataclasses import replace

import torch

from sgg.common.published_files import rename
from sgg.methods.head import HeadSizes
from sgg.models.heads.transformer import Transformer
from sgg.models.heads.transformer.published_names import HEAD
from tests.scenes import scene, small_head


def test_transformer_dropout_is_off_in_evaluation() -> None:
    batch = scene(3, 4)
    network = small_head("transformer", dropout=0.5)
    torch.manual_seed(0)
    first, second = network(batch).label_logits, network(batch).label_logits
    assert not torch.equal(first, second)
    network.eval()
    assert torch.equal(network(batch).label_logits, network(batch).label_logits)


def test_transformer_reads_the_labels_of_its_image_in_predcls() -> None:
    """The label of an object changes the logits of all pairs of its image, and of no other one."""
    batch, network = scene(3, 4, mode="predcls"), small_head("transformer").eval()
    labels = batch.labels.clone()
    labels[0] = labels[0] % 4 + 1
    before, after = (network(replace(batch, labels=one)).predicate_logits for one in (batch.labels, labels))
    assert torch.equal((before != after).any(1), batch.pairs[:, 0] < 3)


def test_published_names_of_a_transformer_head_of_another_width() -> None:
    """Names and shapes of the public re-implementation for 4 and 2 layers, vectors of 20 and a pooling width of 24."""
    head = Transformer(hidden_dim=16, key_dim=4, inner_dim=32, pooling_dim=24).build(HeadSizes(20, 9, 6, 8))
    state = head.state_dict()
    for name, shape in {
        "context_layer.bbox_embed.3.weight": [128, 32], "context_layer.lin_obj.weight": [16, 156],
        "context_layer.context_obj.layer_stack.3.slf_attn.w_qs.weight": [32, 16],
        "context_layer.context_edge.layer_stack.1.pos_ffn.w_1.weight": [32, 16], "up_dim.weight": [24, 20],
        "ctx_compress.weight": [6, 32]}.items():
        assert list(state[rename(name, HEAD)].shape) == shape, name
    assert all(any(name.startswith(ours) for ours in HEAD.values()) for name in state)
