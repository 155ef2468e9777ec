"""The inputs and outputs of a relation head of a public implementation, and their comparison with ours.

Three images of 4, 7 and 5 objects, 9 classes, vectors of 24 numbers. The reference ran with given weights, in
evaluation on all 74 ordered pairs, in training on 24 of them with dropout off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sgg.common.published_files import rename
from sgg.methods.head import HeadInputs, HeadOutputs
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.ranking import rank
from sgg.models.scene_graph import most_likely_labels

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
MODES = ["predcls", "sgcls", "sgdet"]
TABLE = "freq_bias.obj_baseline.weight"


class GoldenHead:
    """The arrays of one file. names: prefixes of the reference's weights -> ours."""

    def __init__(self, file: str, names: Mapping[str, str]) -> None:
        self.arrays = np.load(Path(__file__).parent / "files" / file)
        self.names = dict(names)

    def __getitem__(self, key: str) -> np.ndarray:
        return self.arrays[key]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays.files

    def tensor(self, key: str) -> Tensor:
        return torch.tensor(self.arrays[key])

    def load(self, head: nn.Module, unused: tuple[str, ...] = ()) -> nn.Module:
        """The head with the reference's weights, all of them but those that begin as `unused` says, and the frequency
        table if the head does not have it."""
        own = head.state_dict()
        published = {key[3:]: self.tensor(key) for key in self.arrays.files if key.startswith("sd.")}
        if rename(TABLE, self.names) not in own:
            published.pop(TABLE, None)
        weights = {rename(name, self.names): value for name, value in published.items() if not name.startswith(unused)}
        # A convolution over one place is a linear layer, and a linear layer to one number a vector.
        head.load_state_dict({name: value.view(own[name].shape) for name, value in weights.items()})
        return head

    def frequency_bias(self) -> FrequencyBias:
        """The model's frequency bias, with the reference's table."""
        return FrequencyBias(self.tensor(f"sd.{TABLE}").view(9, 9, 6))

    def inputs(self, mode: str, training: bool = False) -> HeadInputs:
        """The inputs of the reference."""
        tensor = self.tensor
        counts, triples = tensor("in.num_objs"), tensor("in.rel_pairs")
        first = counts.cumsum(0) - counts
        pairs, edges = triples[:, 1:] + first[triples[:, 0], None], tensor("in.union_features")
        predicates = None
        if training:
            rows, predicates = tensor("in.train_rows"), tensor("in.train_rel_labels")
            pairs, edges = pairs[rows], edges[rows]
        labels = tensor("in.labels")
        return HeadInputs(
            tensor("in.roi_features").requires_grad_(training), edges.requires_grad_(training), tensor("in.boxes"),
            torch.arange(3).repeat_interleave(counts), tensor("in.image_sizes").flip(1), pairs, mode,
            labels=labels if mode == "predcls" else None, detector_logits=tensor("in.predict_logits"),
            class_boxes=tensor("in.boxes_per_cls") if mode == "sgdet" else None,
            target_labels=(tensor("in.labels_sgdet_train") if mode == "sgdet" else labels) if training else None,
            target_predicates=predicates, related=None if predicates is None else predicates > 0)

    def require_ranked(self, key: str, given: HeadInputs, outputs: HeadOutputs, logits: Tensor,
                       order_matters: bool = True) -> None:
        """Compare labels, scores, boxes and sorted pairs of each image, from the outputs of the head through `rank`.

        key: of the post-processor's arrays. order_matters: False where two scores are closer than rounding.
        """
        labels, scores = most_likely_labels(outputs.label_logits)
        boxes = given.boxes
        if given.mode == "sgdet":
            labels = outputs.labels if outputs.predicted_labels is None else outputs.predicted_labels
            scores = outputs.label_logits.softmax(1).gather(1, labels[:, None])[:, 0]
            boxes = given.class_boxes[torch.arange(len(labels)), labels]
        first_object, first_pair = 0, 0
        for image, objects in enumerate(self.tensor("in.num_objs").tolist()):
            own = slice(first_object, first_object + objects)
            pairs = given.image_index[given.pairs[:, 0]] == image
            prediction = rank(boxes[own], labels[own], scores[own], given.pairs[pairs] - first_object, logits[pairs])
            np.testing.assert_allclose(prediction.boxes, self[key + "bbox"][own], **CLOSE)
            np.testing.assert_array_equal(prediction.labels, self[key + "pred_labels"][own])
            np.testing.assert_allclose(prediction.label_scores, self[key + "pred_scores"][own], **CLOSE)
            rows = slice(first_pair, first_pair + int(pairs.sum()))
            order = self[key + "rel_pair_idxs"][rows]
            expected = {tuple(pair): values for pair, values in zip(
                order.tolist(), self[key + "pred_rel_scores"][rows], strict=True)}
            for pair, values in zip(prediction.pairs.tolist(), prediction.predicate_scores, strict=True):
                np.testing.assert_allclose(values, expected[tuple(pair)], **CLOSE)
            if order_matters:
                np.testing.assert_array_equal(prediction.pairs, order)
                np.testing.assert_array_equal(prediction.predicate_scores[:, 1:].argmax(1) + 1,
                                              self[key + "pred_rel_labels"][rows])
            first_object, first_pair = own.stop, rows.stop

    def require_trained(self, key: str, head: nn.Module, bias: FrequencyBias | None, given: HeadInputs,
                        outputs: HeadOutputs, found: dict[str, Tensor], losses: Mapping[str, str] | None = None,
                        skipped: tuple[str, ...] = (), **close: float) -> set[str]:
        """Compare outputs, losses, all gradients, and the buffers that the forward pass changes, under `key`.

        found: what else is compared, by the reference's name. losses: our name of each of its own losses.
        skipped: what is not compared, by the reference's name. close: tolerances other than `CLOSE`. Returns our names
        of the weights without a gradient in the reference; they must have none.
        """
        logits = with_bias(outputs, bias, given)
        own = {name: outputs.losses[ours] for name, ours in (losses or {}).items()}
        assert len(own) == len(outputs.losses)
        scalar = (outputs.label_logits * self.tensor("in.cot_obj")).sum() + (
            logits * self.tensor("in.cot_rel_train")).sum() + sum(own.values())
        scalar.backward()
        found = found | {f"add.{name}": value for name, value in own.items()} | {
            "obj_dists": outputs.label_logits, "rel_dists": logits, "obj_preds": outputs.labels, "scalar": scalar,
            "grad_roi_features": given.nodes.grad, "grad_union_features": given.edges.grad,
            "loss_rel": nn.functional.cross_entropy(logits, self.tensor("in.train_rel_labels")),
            "loss_refine_obj": nn.functional.cross_entropy(outputs.label_logits, given.target_labels)}
        state, parameters = head.state_dict(), dict(head.named_parameters())
        names = [name.removeprefix(key) for name in self.arrays.files if name.startswith(key)]
        assert not set(skipped) - set(names)
        for name in [name for name in names if name not in skipped]:
            if name.startswith("after."):
                found[name] = state[rename(name.removeprefix("after."), self.names)]
            elif name == f"gradnorm.{TABLE}" and bias is not None:
                found[name] = bias.table.weight.grad.norm()
            elif name.startswith("gradnorm."):
                found[name] = parameters.pop(rename(name.removeprefix("gradnorm."), self.names)).grad.norm()
            np.testing.assert_allclose(found[name].detach(), self[key + name], **CLOSE | close, err_msg=name)
        assert all(value.grad is None for value in parameters.values())
        return set(parameters)


def with_bias(outputs: HeadOutputs, bias: FrequencyBias | None, given: HeadInputs) -> Tensor:
    """The predicate logits of a head with the frequency bias, which the model adds."""
    if bias is None:
        return outputs.predicate_logits
    return outputs.predicate_logits + bias(*outputs.labels[given.pairs].unbind(1))


def watched(head: nn.Module, *names: str) -> dict[str, Tensor]:
    """The last outputs of modules of a head, by name; it is filled by a call of the head."""
    seen: dict[str, Tensor] = {}
    for name in names:
        head.get_submodule(name).register_forward_hook(lambda *call, name=name: seen.update({name: call[-1]}))
    return seen
