"""Try a relation head once, on a tiny batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sgg.config import Config
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes, Mode, StreamingHead, require_shapes
from sgg.methods.registry import MethodError, place

IMAGE_OF_OBJECT = (0, 0, 0, 1, 1)
PAIRS = ((0, 1), (1, 2), (2, 0), (3, 4))
"""Two images with three and two objects. The number of pairs differs from that of objects, so a head cannot mix them up
unnoticed."""


def try_head(network: nn.Module, config: Config, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None,
             trains: bool = True) -> None:
    """Call a head in evaluation in each measured mode and, if it `trains`, in training, on random inputs.

    words: as for `Head.build`. Raises MethodError for outputs of other shapes than the contract's, and what the head
    raises.
    """
    head, modes = config.model.head, list(config.evaluation.modes)
    if not head.conditions_on_labels and "sgcls" in modes:
        modes = [mode for mode in modes if mode != "predcls"]  # the head runs once for both
    runs = [(mode, mode == "predcls" and head.conditions_on_labels, False) for mode in modes]
    if trains:
        runs.append((config.training.mode, config.training.mode == "predcls", True))
    for mode, labels_given, training in runs:
        network.train(training)
        with torch.set_grad_enabled(training):
            inputs = tiny_inputs(head.needs, sizes, words, config.detector.spec.image_size, mode, labels_given,
                                 training, head.drawing_dim)
            if not training:
                inputs = replace(inputs, counterfactuals=head.counterfactuals)
            outputs = network(inputs)
            require_shapes(outputs, network, len(inputs.nodes), len(inputs.pairs), sizes.classes, sizes.predicates)
            if missing := inputs.counterfactuals - outputs.counterfactuals.keys():
                raise MethodError(f"{place(type(network))}: {type(network).__name__} must return the counterfactual "
                                  f"logits {min(missing)!r}, which {type(head).__name__} lists")
            if isinstance(network, StreamingHead) and not training:
                _require_same_in_parts(network, inputs, outputs)


def _require_same_in_parts(network: nn.Module, inputs: HeadInputs, whole: HeadOutputs) -> None:
    """Raise MethodError unless a head gives the outputs `whole` also where it gets the vectors of pairs in parts."""
    assert isinstance(network, StreamingHead)
    kind, middle = type(network), len(inputs.pairs) // 2
    stream = network.stream_pairs(replace(inputs, edges=inputs.edges[:0]))
    for rows in (slice(0, middle), slice(middle, len(inputs.pairs))):
        stream.add(rows, inputs.edges[rows])
    outputs = stream.outputs()
    require_shapes(outputs, network, len(inputs.nodes), len(inputs.pairs), whole.label_logits.shape[1],
                   whole.predicate_logits.shape[1])
    given, expected = ({"label_logits": one.label_logits, "predicate_logits": one.predicate_logits,
                        **one.counterfactuals} for one in (outputs, whole))
    for name, values in expected.items():
        if name not in given or not torch.allclose(given[name], values, rtol=1e-3, atol=1e-4):
            raise MethodError(f"{place(kind.stream_pairs)}: {kind.__name__}.stream_pairs must give the {name} that a "
                              f"call of {kind.__name__} gives, but they differ")


def tiny_inputs(needs: frozenset[str], sizes: HeadSizes, words: tuple[Tensor, Tensor] | None, side: int, mode: Mode,
                labels_given: bool, training: bool, drawing_dim: int = 0) -> HeadInputs:
    """Random inputs of a head: 5 objects and 4 pairs of two images.

    needs: the optional inputs. side: of the images, in pixels. labels_given: whether the inputs have labels. training:
    whether they have targets. drawing_dim: as `Head.drawing_dim`.
    """
    image_index, pairs = torch.tensor(IMAGE_OF_OBJECT), torch.tensor(PAIRS)
    objects, channels = len(image_index), sizes.channels
    corners = torch.rand(objects, 2) * side / 2
    labels = torch.randint(1, sizes.classes, (objects,))
    optional: dict[str, Any] = {}
    if "detector_logits" in needs:
        optional["detector_logits"] = torch.randn(objects, sizes.classes)
    if "class_boxes" in needs and mode == "sgdet":
        optional["class_boxes"] = torch.cat([corners, corners + side / 4], 1)[:, None].repeat(1, sizes.classes, 1)
    if words is not None:
        optional["class_vectors"], optional["predicate_vectors"] = words
    if "maps" in needs:
        optional["node_maps"], optional["edge_maps"] = (torch.randn(rows, channels, 7, 7)
                                                        for rows in (objects, len(pairs)))
    if "box_masks" in needs:
        optional["box_masks"] = torch.rand(len(pairs), 2, 27, 27)
    if training:
        predicates = torch.tensor([0, 1]).repeat(len(pairs) // 2)
        optional |= {"target_labels": labels, "target_predicates": predicates, "related": predicates > 0}
    return HeadInputs(torch.randn(objects, sizes.vector), torch.randn(len(pairs), sizes.vector + drawing_dim),
                      torch.cat([corners, corners + side / 4], 1), image_index, torch.full((2, 2), side), pairs, mode,
                      labels if labels_given else None, **optional)
