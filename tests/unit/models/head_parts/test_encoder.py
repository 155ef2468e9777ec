"""A transformer's encoder with both kinds of attention, against torch's own layer for one image after another."""

import pytest
import torch

from sgg.models.head_parts import attention
from sgg.models.head_parts.attention import ImageAttention, PaddedAttention
from sgg.models.head_parts.encoder import Encoder, EncoderLayer
from sgg.models.head_parts.grid import ObjectGrid

COUNTS = [5, 0, 1, 3]
INDEX = torch.arange(4).repeat_interleave(torch.tensor(COUNTS))
ATTENTION = {"padded": PaddedAttention(ObjectGrid.of(INDEX, 4)), "wider": PaddedAttention(ObjectGrid.of(INDEX, 4, 7)),
             "by image": ImageAttention(COUNTS)}


def plain_layer(layer: EncoderLayer) -> torch.nn.Module:
    """Torch's layer for post-normalisation, with the same weights."""
    plain = torch.nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, batch_first=True).eval()
    inputs = layer.query, layer.key, layer.value
    plain.load_state_dict({
        "self_attn.in_proj_weight": torch.cat([one.weight for one in inputs]),
        "self_attn.in_proj_bias": torch.cat([one.bias for one in inputs]),
        **{f"{theirs}.{name}": value for theirs, ours in {
            "self_attn.out_proj": layer.join, "linear1": layer.widen, "linear2": layer.narrow, "norm1": layer.norm,
            "norm2": layer.output_norm}.items() for name, value in ours.state_dict().items()}})
    return plain


@pytest.mark.parametrize("kind", ATTENTION)
def test_encoder_layer_against_torch(kind: str) -> None:
    layer = EncoderLayer(dim=12, attention_heads=3, key_dim=4, inner_dim=20, dropout=0.0)
    rows = torch.randn(sum(COUNTS), 12)
    plain = plain_layer(layer)
    expected = torch.cat([plain(image[None])[0] for image in rows.split(COUNTS) if len(image)])
    torch.testing.assert_close(layer(rows, ATTENTION[kind]), expected)


def test_encoder_gradients_are_finite_with_an_image_without_objects() -> None:
    encoder, rows = Encoder(2, 12, 3, 4, 20, 0.1), torch.randn(sum(COUNTS), 12, requires_grad=True)
    for one in ATTENTION.values():
        rows.grad = None
        encoder(rows, one).sum().backward()
        assert rows.grad.isfinite().all()
        assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


@pytest.mark.parametrize("together", [1, 2, 100])
def test_image_attention_in_parts_of_bounded_memory(monkeypatch, together: int) -> None:
    """The weights of 3 heads for 5 rows: 60 bytes a row."""
    rows = torch.randn(3, sum(COUNTS), 3, 4)
    whole, seen = ImageAttention(COUNTS)(*rows, lambda weights: weights), []
    monkeypatch.setattr(attention, "PART_BYTES", 60 * together)
    with torch.no_grad():
        parts = ImageAttention(COUNTS)(*rows, lambda weights: seen.append(weights.numel() * 4) or weights)
    torch.testing.assert_close(parts, whole)
    assert max(seen) == 60 * min(together, 5)


def test_image_attention_of_nothing() -> None:
    nothing = torch.zeros(0, 3, 4)
    for counts in ([], [0], [0, 0]):
        assert ImageAttention(counts)(nothing, nothing, nothing, lambda weights: weights).shape == (0, 3, 4)
