"""Relation heads: their inputs, their outputs, and the section of settings that builds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

from .published_head import PublishedHead
from .registry import Method, MethodError, Registry, place

if TYPE_CHECKING:
    from torch import Tensor, nn

HEADS: Registry[Head] = Registry("relation head", "sgg.models.heads", default="imp")

Mode = Literal["sgcls", "predcls", "sgdet"]
Unit = Literal["objects", "pairs", "images"]
"""What an additional loss of a head is a mean over."""
Need = Literal["detector_logits", "class_boxes", "class_vectors", "predicate_vectors", "maps", "box_masks",
               "frequency_table"]
"""Optional inputs of a head. Each is a field of `HeadInputs`; `maps` stands for node_maps and edge_maps. But
`frequency_table` is a field of `HeadSizes`."""


@dataclass(frozen=True, slots=True)
class HeadInputs:
    """The inputs of a relation head: the objects and pairs of a batch of images. The objects of an image are adjacent
    rows, and so are its pairs.

    nodes [N, V] and edges [P, V]: vectors of objects and of pairs of objects, from the box heads. With
    `Head.drawing_dim` D, edges is [P, V + D]: the drawing of both boxes has a vector of its own behind the visual one.
    boxes [N, 4]: x1, y1, x2, y2 in pixels of the detector's frame. image_index [N]: the image of each object.
    image_sizes [B, 2]: height and width of the images in that frame. pairs [P, 2]: subject and object, rows of `nodes`.
    mode: the given annotation: boxes (sgcls), boxes and labels (predcls), nothing (sgdet).
    labels [N]: the given classes; None if the head has to predict them. largest: the most objects of an image, or
    a larger number; None: unknown on the host, so a head that needs it waits for the device.

    Only if the head asks for them (`Head.needs`):
    detector_logits [N, C]: the detector's class scores before softmax, background first.
    class_boxes [N, C, 4]: in SGDet, the detector's box of each object for every class; None in other modes. SGDet then
    predicts the box of the object's predicted class.
    class_vectors [C, D] and predicate_vectors [R, D]: word vectors.
    node_maps [N, channels, 7, 7] and edge_maps [P, channels, 7, 7]: the visual maps that `nodes` and `edges` come from.
    box_masks [P, 2, 27, 27]: the masks of both boxes.

    Only in training:
    target_labels [N]: annotated classes; 0 for a detection that shows no object. target_predicates [P]: annotated
    predicates; 0 for a pair without relation. related [P]: whether the annotation relates the pair. Feature mixing
    changes predicates, but not this: a relation that a step drops and then mixes into counts as none.

    Only in evaluation:
    counterfactuals: the names of the counterfactual logits to give beside the plain ones, some of those that the head
    lists (`Head.counterfactuals`).
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
    largest: int | None = None
    counterfactuals: frozenset[str] = frozenset()

    @property
    def num_images(self) -> int:
        """B, the number of images."""
        return len(self.image_sizes)


@dataclass(frozen=True, slots=True)
class HeadOutputs:
    """The outputs of a relation head.

    label_logits [N, C] and predicate_logits [P, R], background first. labels [N]: the classes that the predicates are
    conditioned on; None if they are conditioned on none. predicted_labels [N]: the classes that a prediction shows,
    where they are others than `labels`; None: they are not. losses: additional losses of the head by name; every step
    has the same names. Each is a mean over objects, unless `units` names another unit for it. counterfactuals: the
    counterfactual logits [P, R] that the inputs ask for, by name.
    """

    label_logits: Tensor
    predicate_logits: Tensor
    labels: Tensor | None = None
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    predicted_labels: Tensor | None = None
    counterfactuals: Mapping[str, Tensor] = field(default_factory=dict)


class PairStream(Protocol):
    """A head that gets the vectors of pairs in parts, see `StreamingHead`."""

    def add(self, rows: slice, vectors: Tensor) -> None:
        """Take a part. rows: of `HeadInputs.pairs`; the parts come in this order, and each pair is in one of them.
        vectors: [p, V] of these pairs."""

    def outputs(self) -> HeadOutputs:
        """The outputs for all P pairs, after the last part."""


@runtime_checkable
class StreamingHead(Protocol):
    """The module of a head that need not hold the vectors of all pairs at once.

    `stream_pairs` is optional. Evaluation calls it instead of the module where an image has so many pairs that their
    features do not fit into memory together; a head without it then gets all vectors [P, V]. The results must be equal.
    """

    def stream_pairs(self, inputs: HeadInputs) -> PairStream:
        """Begin in evaluation mode, without gradient. inputs: as in a call of the module, but `edges` is [0, V]."""


@dataclass(frozen=True, slots=True)
class HeadSizes:
    """The sizes of a head's inputs and outputs.

    vector: V, of the vectors of objects and pairs. classes and predicates: C and R, background included. embedding: D,
    of word vectors; 0 if the head asks for none. channels: of the detector's map. frequency_table: [C, C, R] the
    logarithms of the frequencies of predicates by the classes of subject and object (`sgg.models.frequency_bias`), only
    if the head asks for it.
    """

    vector: int
    classes: int
    predicates: int
    embedding: int = 0
    channels: int = 0
    frequency_table: Tensor | None = field(default=None, compare=False)


class Head(Method):
    """The settings of a relation head, and the method that builds it.

    needs: its optional inputs. conditions_on_labels: whether its predicates depend on labels. If so, the head runs once
    for each mode; if not, it runs once for SGCls and PredCls together. has_frequency_bias: whether it has the frequency
    bias inside, so that `model.frequency_bias` must be off. only_real: why it cannot learn from generated features, as
    the end of a sentence; empty: it can. counterfactuals: the names of the counterfactual logits that it gives
    (`sgg/methods/counterfactual.py`).
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    conditions_on_labels: ClassVar[bool] = False
    has_frequency_bias: ClassVar[bool] = False
    only_real: ClassVar[str] = ""
    counterfactuals: ClassVar[frozenset[str]] = frozenset()

    @property
    def needs_words(self) -> bool:
        """Whether the head asks for word vectors."""
        return not self.needs.isdisjoint({"class_vectors", "predicate_vectors"})

    @property
    def drawing_dim(self) -> int:
        """D, the width of the vector of a pair's drawn boxes, for a head that keeps it apart from the visual vector; 0:
        the drawing is added to the visual map of the pair, as usual."""
        return 0

    @classmethod
    def published(cls) -> PublishedHead | None:
        """How checkpoints of its public implementation look, so that `python -m sgg.checkpoint import` reads them;
        None: it reads none."""
        return None

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """An unknown name in `needs`."""
        unknown = sorted(set(cls.needs) - set(get_args(Need)))
        return f"asks for {unknown[0]!r}; needs may have {', '.join(get_args(Need))}" if unknown else None

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """Build a module (HeadInputs) -> HeadOutputs with fresh weights.

        words: vectors of classes [C, D] and predicates [R, D], if the head asks for them.
        """
        raise NotImplementedError


def require_module(network: Any, head: Head) -> nn.Module:
    """Return the result of `Head.build`. Raises MethodError that names file and line unless it is a module."""
    from torch import nn  # settings load without torch

    if isinstance(network, nn.Module):
        return network
    raise MethodError(f"{place(head.build)}: {type(head).__name__}.build must return a torch.nn.Module (HeadInputs) -> "
                      f"HeadOutputs, got {type(network).__name__}")


def require_shapes(outputs: HeadOutputs, head: nn.Module, nodes: int, edges: int, classes: int | None,
                   predicates: int | None) -> None:
    """Raise MethodError that names the head's file unless its outputs have the types and shapes of `HeadOutputs`.

    nodes and edges: N objects and P pairs. classes and predicates: C and R; None: any number.
    """
    kind = type(head)
    if not isinstance(outputs, HeadOutputs):
        raise MethodError(f"{place(kind)}: {kind.__name__} must return HeadOutputs, got {type(outputs).__name__}")
    for name, wanted in (("label_logits", (nodes, classes)), ("predicate_logits", (edges, predicates)),
                         ("labels", (nodes,)), ("predicted_labels", (nodes,))):
        given = getattr(outputs, name)
        if given is None and name.endswith("labels"):
            continue
        shape = tuple(getattr(given, "shape", ()))
        fits = len(shape) == len(wanted) and all(size in (None, own) for size, own in zip(wanted, shape, strict=True))
        if not fits:
            expected = ", ".join("any" if size is None else str(size) for size in wanted)
            raise MethodError(f"{place(kind)}: {kind.__name__} must return {name} of shape [{expected}], got "
                              f"{list(shape) if hasattr(given, 'shape') else type(given).__name__}")
    for name, logits in outputs.counterfactuals.items():
        if getattr(logits, "shape", None) != outputs.predicate_logits.shape:
            raise MethodError(f"{place(kind)}: {kind.__name__} must return the counterfactual logits {name!r} in the "
                              f"shape of predicate_logits, {list(outputs.predicate_logits.shape)}, got "
                              f"{list(logits.shape) if hasattr(logits, 'shape') else type(logits).__name__}")
    for name, loss in outputs.losses.items():
        if getattr(loss, "shape", None) != ():
            raise MethodError(f"{place(kind)}: {kind.__name__} must return the loss {name!r} as a scalar tensor, got "
                              f"{list(loss.shape) if hasattr(loss, 'shape') else type(loss).__name__}")
    for name, unit in outputs.units.items():
        if name not in outputs.losses or unit not in get_args(Unit):
            raise MethodError(f"{place(kind)}: {kind.__name__} must return as units {', '.join(get_args(Unit))} by the "
                              f"names of its losses, got {unit!r} for {name!r}")
