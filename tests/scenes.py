"""Small random inputs of relation heads, and small heads."""

from dataclasses import fields, replace

import torch
from torch import nn

from sgg.methods.head import HEADS, HeadInputs, HeadSizes
from sgg.models.sampling import all_pairs
from sgg.settings.marks import defaults_for

SIZES = HeadSizes(vector=6, classes=5, predicates=4, embedding=3)


def small_head(kind: str, **settings) -> nn.Module:
    """A head with the defaults of the toy genome."""
    small = defaults_for(HEADS[kind], "toy")
    words = torch.randn(SIZES.classes, SIZES.embedding), torch.randn(SIZES.predicates, SIZES.embedding)
    head = HEADS[kind](**small | settings)
    table = torch.randn(SIZES.classes, SIZES.classes, SIZES.predicates) if "frequency_table" in head.needs else None
    return head.build(replace(SIZES, frequency_table=table), words if head.needs_words else None)


def scene(*counts: int, mode: str = "sgcls") -> HeadInputs:
    """Images with the given numbers of objects, and all pairs; of these every second one has a relation."""
    index = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    objects, pairs = len(index), all_pairs(index)
    corner = torch.rand(objects, SIZES.classes, 2) * 50
    boxes = torch.cat([corner, corner + 10 + torch.rand_like(corner) * 30], dim=2)
    predicates = torch.arange(len(pairs)) % 2 * (torch.arange(len(pairs)) // 2 % (SIZES.predicates - 1) + 1)
    return HeadInputs(
        torch.randn(objects, 6), torch.randn(len(pairs), 6), boxes[:, 0], index,
        torch.tensor([[90, 100]]).expand(len(counts), 2), pairs, mode,
        labels=torch.randint(1, 5, (objects,)) if mode == "predcls" else None,
        detector_logits=torch.randn(objects, 5), class_boxes=boxes if mode == "sgdet" else None,
        target_labels=torch.randint(0 if mode == "sgdet" else 1, 5, (objects,)), target_predicates=predicates,
        related=predicates > 0)


def image_of(batch: HeadInputs, image: int) -> HeadInputs:
    """One image of a batch."""
    own = batch.image_index == image
    pairs = own[batch.pairs[:, 0]]
    of_objects = {name: None if (value := getattr(batch, name)) is None else value[own]
                  for name in ("nodes", "boxes", "detector_logits", "class_boxes", "labels", "target_labels")}
    of_pairs = {name: getattr(batch, name)[pairs] for name in ("edges", "target_predicates", "related")}
    return replace(batch, **of_objects, **of_pairs, image_index=torch.zeros(int(own.sum()), dtype=torch.long),
                   image_sizes=batch.image_sizes[image:image + 1],
                   pairs=batch.pairs[pairs] - int((batch.image_index < image).sum()))


def in_double(batch: HeadInputs) -> HeadInputs:
    """The same inputs in float64, in which two orders of a sum differ by little."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(batch, **{name: value.double() for name, value in values.items()
                             if isinstance(value, torch.Tensor) and value.is_floating_point()})
