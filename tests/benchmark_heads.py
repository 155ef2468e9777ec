"""The names and shapes of the weights of relation heads in Scene-Graph-Benchmark, as formulas of their sizes."""

from __future__ import annotations

from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]
CONTEXT = "context_layer."
POSITION = 128


@dataclass(frozen=True)
class Sizes:
    """hidden: of contexts. vector, pooling: of objects and pairs. embedding: of words. attention: all keys of a layer.
    inner: of feed-forward networks. layers: of encoders of objects and pairs."""

    hidden: int = 16
    vector: int = 24
    pooling: int = 24
    embedding: int = 8
    classes: int = 9
    predicates: int = 6
    attention: int = 16
    inner: int = 32
    layers: tuple[int, int] = (2, 2)

    @property
    def objects(self) -> int:
        """The width of what describes an object: vector, label code, position."""
        return self.vector + self.embedding + POSITION

    @property
    def known(self) -> int:
        """The width of what the edge context reads beside the object context."""
        return self.vector + self.embedding


def linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, width: int, running: bool = True) -> Shapes:
    shapes: Shapes = {f"{name}.{kind}": (width,) for kind in (
        ("weight", "bias", "running_mean", "running_var") if running else ("weight", "bias"))}
    return shapes | ({f"{name}.num_batches_tracked": ()} if running else {})


def shared(sizes: Sizes, last: str) -> Shapes:
    """The embeddings of labels, the pairs, and the frequency table. last: the layer that gives predicates."""
    table: Shapes = {f"{CONTEXT}obj_embed{number}.weight": (sizes.classes, sizes.embedding) for number in (1, 2)}
    return table | {"freq_bias.obj_baseline.weight": (sizes.classes ** 2, sizes.predicates)} | linear(
        "post_emb", 2 * sizes.hidden, sizes.hidden) | linear("post_cat", sizes.pooling, 2 * sizes.hidden) | linear(
        last, sizes.predicates, sizes.pooling)


def motifs(sizes: Sizes) -> Shapes:
    """Neural Motifs with one layer each."""
    hidden, shapes = sizes.hidden, shared(sizes, "rel_compress")
    shapes |= linear(f"{CONTEXT}pos_embed.0", 32, 9) | norm(f"{CONTEXT}pos_embed.1", 32)
    shapes |= linear(f"{CONTEXT}pos_embed.2", POSITION, 32)
    for name, inputs in (("obj", sizes.objects), ("edge", sizes.known + hidden)):
        for ending in ("l0", "l0_reverse"):
            rnn = f"{CONTEXT}{name}_ctx_rnn."
            shapes |= {f"{rnn}weight_ih_{ending}": (4 * hidden, inputs),
                       f"{rnn}weight_hh_{ending}": (4 * hidden, hidden),
                       f"{rnn}bias_ih_{ending}": (4 * hidden,), f"{rnn}bias_hh_{ending}": (4 * hidden,)}
        shapes |= linear(f"{CONTEXT}lin_{name}_h", hidden, 2 * hidden)
    decoder = f"{CONTEXT}decoder_rnn."
    shapes[f"{decoder}obj_embed.weight"] = (sizes.classes + 1, sizes.embedding)
    return shapes | linear(f"{decoder}input_linearity", 6 * hidden, sizes.objects + hidden + sizes.embedding) | linear(
        f"{decoder}state_linearity", 5 * hidden, hidden) | linear(f"{decoder}out_obj", sizes.classes, hidden)


def transformer(sizes: Sizes) -> Shapes:
    """Two encoders."""
    hidden, shapes = sizes.hidden, shared(sizes, "rel_compress")
    shapes |= linear("ctx_compress", sizes.predicates, 2 * hidden)
    shapes |= linear(f"{CONTEXT}bbox_embed.0", 32, 9) | linear(f"{CONTEXT}bbox_embed.3", POSITION, 32)
    shapes |= linear(f"{CONTEXT}lin_obj", hidden, sizes.objects) | linear(
        f"{CONTEXT}lin_edge", hidden, sizes.known + hidden) | linear(f"{CONTEXT}out_obj", sizes.classes, hidden)
    for name, count in zip(("obj", "edge"), sizes.layers, strict=True):
        for number in range(count):
            layer = f"{CONTEXT}context_{name}.layer_stack.{number}."
            for part in ("w_qs", "w_ks", "w_vs"):
                shapes |= linear(f"{layer}slf_attn.{part}", sizes.attention, hidden)
            shapes |= linear(f"{layer}slf_attn.fc", hidden, sizes.attention)
            network = f"{layer}pos_ffn."
            shapes |= norm(f"{layer}slf_attn.layer_norm", hidden, False) | norm(f"{network}layer_norm", hidden, False)
            shapes |= {f"{network}w_1.weight": (sizes.inner, hidden, 1), f"{network}w_1.bias": (sizes.inner,),
                       f"{network}w_2.weight": (hidden, sizes.inner, 1), f"{network}w_2.bias": (hidden,)}
    return shapes


def vctree(sizes: Sizes) -> Shapes:
    """Trees with one layer each; the decoder has two of its layers twice."""
    hidden, shapes = sizes.hidden, shared(sizes, "ctx_compress")
    shapes |= linear(f"{CONTEXT}pos_embed.0", 32, 9) | norm(f"{CONTEXT}pos_embed.1", 32)
    shapes |= linear(f"{CONTEXT}pos_embed.2", POSITION, 32)
    for name, inputs in (("overlap", 6), ("box", 9)):
        shapes |= linear(f"{CONTEXT}{name}_embed.0", 128, inputs) | norm(f"{CONTEXT}{name}_embed.1", 128)
    shapes |= {f"{CONTEXT}bi_freq_prior.weight": (1, sizes.classes ** 2)} | linear(
        f"{CONTEXT}obj_reduce", 128, sizes.vector) | linear(f"{CONTEXT}emb_reduce", 128, sizes.embedding) | linear(
        f"{CONTEXT}score_pre", hidden, 512) | linear(f"{CONTEXT}score_sub", hidden, hidden) | linear(
        f"{CONTEXT}score_obj", hidden, hidden) | linear(f"{CONTEXT}vision_prior", 1, 3 * hidden + 1)
    half = hidden // 2
    for name, inputs in (("obj", sizes.objects), ("edge", sizes.known + hidden)):
        layer = f"{CONTEXT}{name}_ctx_rnn.multi_layer_lstm.0."
        up, down = f"{layer}treeLSTM_foreward.treeLSTM.", f"{layer}treeLSTM_backward.treeLSTM."
        shapes |= linear(f"{up}px", half, inputs) | linear(f"{up}ioffux", 6 * half, inputs) | linear(
            f"{up}ioffuh_left", 6 * half, half) | linear(f"{up}ioffuh_right", 6 * half, half)
        shapes |= linear(f"{down}px", half, inputs) | linear(f"{down}iofux", 5 * half, inputs) | linear(
            f"{down}iofuh", 5 * half, half)
    decoder, inputs = f"{CONTEXT}decoder_rnn.", sizes.objects + hidden + sizes.embedding
    cell = f"{decoder}decoderLSTM."
    for name in (f"{decoder}obj_embed", f"{cell}embed_layer"):
        shapes[f"{name}.weight"] = (sizes.classes + 1, sizes.embedding)
    for name in (f"{decoder}out", f"{cell}embed_out_layer"):
        shapes |= linear(name, sizes.classes, hidden)
    return shapes | linear(f"{cell}px", hidden, inputs) | linear(f"{cell}iofux", 5 * hidden, inputs) | linear(
        f"{cell}iofuh", 5 * hidden, hidden)


FORMULAS = {"motifs": motifs, "transformer": transformer, "vctree": vctree}
PAPER = Sizes(512, 4096, 4096, 200, 151, 51, attention=512, inner=2048, layers=(4, 2))
"""The sizes of published models; VCTree's contexts are 1024 wide."""
