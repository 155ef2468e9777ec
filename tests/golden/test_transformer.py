"""The Transformer head (docs/SYSTEM.md section 2) against the public re-implementation.

`bias`: with the frequency table, which here the test adds as the model does; `nobias`: without.
"""

import numpy as np
import pytest
import torch
from torch import nn

from sgg.methods.head import HeadSizes
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.heads.transformer import Transformer
from sgg.models.heads.transformer.published_names import HEAD
from tests.golden.heads import CLOSE, MODES, GoldenHead, watched, with_bias

GOLDEN = GoldenHead("transformer.npz", HEAD)
SIZES = HeadSizes(vector=24, classes=9, predicates=6, embedding=8)
CASES = [(variant, mode) for variant in ("bias", "nobias") for mode in MODES]


def build(variant: str) -> tuple[nn.Module, FrequencyBias | None]:
    """The head with the reference's weights, and the model's frequency bias."""
    head = Transformer(hidden_dim=16, object_layers=2, edge_layers=2, attention_heads=4, key_dim=4, inner_dim=32,
                       pooling_dim=24, dropout=0.0).build(SIZES)
    return GOLDEN.load(head), GOLDEN.frequency_bias() if variant == "bias" else None


@pytest.mark.parametrize(("variant", "mode"), CASES)
def test_transformer_in_evaluation(variant: str, mode: str) -> None:
    head, bias = build(variant)
    given, contexts = GOLDEN.inputs(mode), watched(head, "edge_context", "object_context")
    with torch.no_grad():
        outputs = head.eval()(given)
        logits = with_bias(outputs, bias, given)
    key = f"out.{variant}.{mode}.eval."
    np.testing.assert_array_equal(outputs.labels, GOLDEN[key + "obj_preds"])
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(logits, GOLDEN[key + "rel_dists"], **CLOSE)
    np.testing.assert_allclose(contexts["edge_context"], GOLDEN[key + "edge_ctx"], **CLOSE)
    assert not outputs.losses
    GOLDEN.require_ranked(f"{key}post.", given, outputs, logits)


@pytest.mark.parametrize("mode", MODES)
def test_training(mode: str) -> None:
    """Labels are the best foreground classes, never the annotated ones."""
    head, bias = build("bias")
    given, contexts = GOLDEN.inputs(mode, training=True), watched(head, "edge_context")
    outputs = head.train()(given)
    without = GOLDEN.require_trained(f"out.bias.{mode}.train.", head, bias, given, outputs,
                                     {"edge_ctx": contexts["edge_context"]})
    assert without == ({"classify.weight", "classify.bias"} if mode == "predcls" else set())


def test_encoder_in_predcls() -> None:
    head, _ = build("nobias")
    seen = {}
    head.object_context.register_forward_hook(lambda _, inputs, output: seen.update(given=inputs[0], got=output))
    with torch.no_grad():
        head.eval()(GOLDEN.inputs("predcls"))
    np.testing.assert_allclose(seen["given"], GOLDEN["out.bias.predcls.eval.encoder_in"], **CLOSE)
    np.testing.assert_allclose(seen["got"], GOLDEN["out.bias.predcls.eval.encoder_out"], **CLOSE)


def test_transformer_starts_its_label_embeddings_from_word_vectors() -> None:
    vectors = torch.randn(9, 8)
    head = Transformer(hidden_dim=16, pooling_dim=24, inner_dim=32).build(SIZES, (vectors, torch.zeros(6, 8)))
    for embedding in (head.object_embedding, head.edge_embedding):
        assert torch.equal(embedding.weight, vectors)
