"""Relation heads: what they get, what they give, and the section of settings that builds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from .registry import Method, Registry, place

if TYPE_CHECKING:
    from torch import Tensor, nn

HEADS: Registry[Head] = Registry("relation head", "sgg.models.heads", default="imp")

Mode = Literal["sgcls", "predcls", "sgdet"]
Need = Literal["detector_logits", "class_boxes", "class_vectors", "predicate_vectors", "maps", "box_masks"]
"""What a head may ask for beside what every head gets; each is a field of `HeadInputs`."""


@dataclass(frozen=True, slots=True)
class HeadInputs:
    """A batch of scene graphs to be, for a relation head. Objects of one image are neighbours, and so are its pairs.

    nodes [N, V] and edges [P, V]: vectors of objects and of pairs of objects, from the box heads.
    boxes [N, 4]: x1, y1, x2, y2 in pixels of the detector's frame. image_index [N]: the image of each object.
    image_sizes [B, 2]: height and width of the images in that frame. pairs [P, 2]: subject and object, rows of `nodes`.
    mode: what is given: boxes (sgcls), boxes and labels (predcls), nothing (sgdet).
    labels [N]: the classes that are given; None where the head has to find them.

    Only if the head asks for them (`Head.needs`):
    detector_logits [N, C]: the detector's own scores of classes before softmax, background first.
    class_boxes [N, C, 4]: the detector's boxes of each object for every class, in SGDet; None where boxes are given.
    SGDet then predicts the box of the class that an object is given.
    class_vectors [C, D] and predicate_vectors [R, D]: word vectors.
    node_maps [N, channels, 7, 7] and edge_maps [P, channels, 7, 7]: what `nodes` and `edges` were made from.
    box_masks [P, 2, 27, 27]: the drawings of both boxes.

    Only in training:
    target_labels [N]: annotated classes; 0 for a detection that shows no object. target_predicates [P]: 0 where a pair
    has no relation. related [P]: whether the pair is annotated with any relation.
    """

    nodes: Tensor
    edges: Tensor
    boxes: Tensor
    image_index: Tensor
    image_sizes: Tensor
    pairs: Tensor
    mode: Mode = "sgcls"
    labels: Tensor | None = None
    detector_logits: Tensor | None = None
    class_boxes: Tensor | None = None
    class_vectors: Tensor | None = None
    predicate_vectors: Tensor | None = None
    node_maps: Tensor | None = None
    edge_maps: Tensor | None = None
    box_masks: Tensor | None = None
    target_labels: Tensor | None = None
    target_predicates: Tensor | None = None
    related: Tensor | None = None

    @property
    def num_images(self) -> int:
        """B."""
        return len(self.image_sizes)


@dataclass(frozen=True, slots=True)
class HeadOutputs:
    """What a relation head makes of its inputs.

    label_logits [N, C] and predicate_logits [P, R], background first. labels [N]: the classes that the predicates were
    conditioned on; None where they were not. losses: the head's own, by name, beside those of labels and predicates:
    each a mean over objects, and the same names in every step.
    """

    label_logits: Tensor
    predicate_logits: Tensor
    labels: Tensor | None = None
    losses: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadSizes:
    """The sizes of what a head gets and gives.

    vector: V, of the vectors of objects and pairs. classes and predicates: C and R, background included. embedding: D,
    of word vectors; 0 where the head asks for none. channels: of the detector's map.
    """

    vector: int
    classes: int
    predicates: int
    embedding: int = 0
    channels: int = 0


class Head(Method):
    """The settings of a relation head, and how it is made.

    needs: what it asks for beside what every head gets. conditions_on_labels: whether its predicates depend on labels.
    One that does is run once for each mode; one that does not, once for SGCls and PredCls together.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    conditions_on_labels: ClassVar[bool] = False

    @property
    def needs_words(self) -> bool:
        """Whether it asks for word vectors."""
        return not self.needs.isdisjoint({"class_vectors", "predicate_vectors"})

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """Only what `HeadInputs` can hold may be asked for."""
        unknown = sorted(set(cls.needs) - set(get_args(Need)))
        return f"asks for {unknown[0]!r}; needs may have {', '.join(get_args(Need))}" if unknown else None

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """A module (HeadInputs) -> HeadOutputs with fresh weights.

        words: vectors of classes [C, D] and predicates [R, D], where the head asks for them.
        """
        raise NotImplementedError


def require_shapes(outputs: HeadOutputs, head: nn.Module, nodes: int, edges: int, classes: int | None,
                   predicates: int | None) -> None:
    """Raise ValueError, naming the file of a head, unless what it gave is as `HeadOutputs` says.

    nodes and edges: N objects and P pairs. classes and predicates: C and R; None: any number.
    """
    kind = type(head)
    if not isinstance(outputs, HeadOutputs):
        raise ValueError(f"{place(kind)}: {kind.__name__} must return HeadOutputs, got {type(outputs).__name__}")
    for name, wanted in (("label_logits", (nodes, classes)), ("predicate_logits", (edges, predicates)),
                         ("labels", (nodes,))):
        given = getattr(outputs, name)
        if given is None and name == "labels":
            continue
        shape = tuple(getattr(given, "shape", ()))
        fits = len(shape) == len(wanted) and all(size in (None, own) for size, own in zip(wanted, shape, strict=True))
        if not fits:
            expected = ", ".join("any" if size is None else str(size) for size in wanted)
            raise ValueError(f"{place(kind)}: {kind.__name__} must return {name} of shape [{expected}], got "
                             f"{list(shape) if hasattr(given, 'shape') else type(given).__name__}")
    for name, loss in outputs.losses.items():
        if getattr(loss, "shape", None) != ():
            raise ValueError(f"{place(kind)}: {kind.__name__} must return the loss {name!r} as a scalar tensor, got "
                             f"{list(loss.shape) if hasattr(loss, 'shape') else type(loss).__name__}")
