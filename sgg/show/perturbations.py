"""One scene graph perturbed by each method, beside the original, with the probability of every class that an object
might have become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from sgg.common.progress import image_bar
from sgg.common.seeding import generator
from sgg.config import validate
from sgg.data.dataset import DataSet, Split
from sgg.data.images.image_files import read_image
from sgg.data.word_vectors import ClassEmbeddings
from sgg.experiment.embeddings import word_vectors
from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import METHODS, Perturber
from sgg.perturbations.steps import Step, perturbation_steps
from sgg.structures import SceneGraph, to_numpy
from sgg.viz.box_picture import box_picture
from sgg.viz.graph_drawing import GraphPlaces, Link, Node, graph_drawing, place_graph, within_limits
from sgg.viz.labels import COLOURS, colour_of, shortened
from sgg.viz.strokes import Stroke

from .markup import Markup, bar, joined, name, table, tag
from .page import Page, require_page_folder

PLAIN, CHANGED, EDGE = (232, 237, 242), COLOURS[1], Stroke((70, 80, 92))
"""Colours of nodes: grey; orange for those that were changed, which also have a thick edge and name both classes."""
SHOWN = 10
"""Classes of a node that a table shows at once; the others are folded away below it."""


@dataclass(frozen=True)
class Variant:
    """A method with its settings. topk: None for rand. alpha: None unless the method is graphn."""

    method: str
    topk: int | None = None
    alpha: float | None = None

    @property
    def words(self) -> str:
        """The method and its settings."""
        settings = [f"top-k {self.topk}"] if self.topk is not None else []
        settings += [f"alpha {self.alpha:g}"] if self.alpha is not None else []
        titles = {"rand": "rand: any other class", "neigh": "neigh: a class with a near word vector",
                  "graphn": "GraphN: a class seen in the same contexts"}
        return ", ".join([titles[self.method], *settings])


def variants_of(methods: Sequence[str], topks: Sequence[int], alphas: Sequence[float]) -> list[Variant]:
    """Every method with every one of its settings: rand has none, neigh top-k from 1, GraphN top-k and alpha.

    Raises ValueError for an unknown method, and where neigh has no top-k.
    """
    if unknown := [method for method in methods if method not in METHODS]:
        raise ValueError(f"--method {unknown[0]}: must be one of {', '.join(METHODS)}")
    found: list[Variant] = []
    for method in methods:
        if method == "rand":
            found.append(Variant("rand"))
        elif method == "neigh":
            near = [Variant("neigh", topk) for topk in topks if topk]
            if not near:
                raise ValueError("--topk 0: neigh needs at least one nearest class; add a --topk of 1 or more, or "
                                 "leave neigh out of --method")
            found += near
        else:
            found += [Variant("graphn", topk, alpha) for topk in topks for alpha in alphas]
    return found


def vectors_of(data: DataSet, root: Path | str) -> ClassEmbeddings:
    """The word vectors that training would use for a data set: GloVe if its file is under `root`, else cooccurrence."""
    return word_vectors(validate({"data": {"name": data.name, "root": str(root)}}, "the command line"), data)


def show_perturbations(data: DataSet, out: Path | str, vectors: ClassEmbeddings, split: str = "test",
                       image: int | str = 0, methods: Sequence[str] = METHODS, topks: Sequence[int] = (5,),
                       alphas: Sequence[float] = (2,), intensity: float = 0.2, seed: int = 0,
                       min_support: int = 0) -> Path:
    """Write a page with the graph of one image, perturbed by each method with each of its settings. Returns the path of
    the page.

    image: its number in the split, from 0, or its name. vectors: of the classes, see `vectors_of`. seed: all methods
    draw the same objects with it. topks, alphas, intensity, min_support: as in `augmentation.perturb`.

    Raises ValueError that names the option for a value out of range, and what reading an image raises.
    """
    out = Path(out)
    require_page_folder(out)
    images = data.split(split)
    number = image_number(images, image)
    variants = variants_of(methods, topks, alphas)
    contexts = Contexts.from_triplets(data.triplets("train").as_dict(), len(data.classes), len(data.predicates))
    perturbers = {variant: Perturber(variant.method, contexts, vectors.classes, intensity, variant.topk or 0,
                                     1 if variant.alpha is None else variant.alpha, min_support=min_support)
                  for variant in variants}
    data.require_images(replace(images, annotations=images.annotations.select(np.array([number]))))
    graph = images.graph(number)
    steps = {variant: perturbation_steps(perturber, graph, generator(seed, "show", "perturbations"))
             for variant, perturber in perturbers.items()}
    drawing = _Drawing.of(data, graph, steps)
    page = Page(out, f"Perturbations of image {images.image_id(number)}", "The graph of one image, and the same graph "
                "after each method has given some of its objects another class. The tables have the exact probability "
                "of each class, given the changes before.",
                _facts(data, images, number, vectors, intensity, seed, min_support), [_legend()])
    with page, image_bar("perturbations") as on_variant:
        pixels = read_image(images.image_path(number), images.size(number))
        original = _original(page, drawing, images, number, pixels)
        for done, (variant, of_variant) in enumerate(steps.items(), 1):
            changed = page.picture(f"{done}_{variant.method}.png", drawing.changed(of_variant),
                                   f"The graph after {variant.words}", "perturbed")
            page.add(variant.words, tag("div", original, changed, class_="figures"), drawing.left_out,
                     tag("div", *(_table(data, graph, place, step) for place, step in enumerate(of_variant, 1)),
                         class_="columns"))
            on_variant(done, len(steps))
    return page.path


def image_number(split: Split, image: int | str) -> int:
    """The number of an image of a split, which is given by its name, or by this number from 0.

    Raises ValueError where the split has no such image.
    """
    if isinstance(image, str):
        found = [number for number in range(len(split)) if split.image_id(number) == image]
        if not found:
            raise ValueError(f"--image {image}: {split.name} has no image of this name with a relation; its first is "
                             f"{split.image_id(0)}")
        return found[0]
    if not 0 <= image < len(split):
        raise ValueError(f"--index {image}: {split.name} has {len(split):,} images with a relation, so the index must "
                         f"be in 0..{len(split) - 1}")
    return image


@dataclass(frozen=True, eq=False)
class _Drawing:
    """How the graph and its perturbations are drawn: all alike but for the changed objects. kept: the objects that are
    drawn. left_out: what is not drawn, in words."""

    data: DataSet
    graph: SceneGraph
    kept: list[int]
    places: GraphPlaces
    links: list[Link]
    left_out: Markup | None

    @classmethod
    def of(cls, data: DataSet, graph: SceneGraph, steps: Mapping[Variant, Sequence[Step]]) -> _Drawing:
        """The drawing of a graph; changed objects come first where not all have room."""
        relations = list(dict.fromkeys(tuple(row) for row in graph.relations.tolist()))
        nodes = {step.node for of_variant in steps.values() for step in of_variant}
        relations.sort(key=lambda row: not nodes & set(row[:2]))
        kept, chosen = within_limits(len(graph), [(subject, other) for subject, other, _ in relations])
        kept += sorted(nodes - set(kept))
        place = {row: number for number, row in enumerate(kept)}
        texts = {row: [_node_text(data, number, int(graph.labels[row]), None)] for row, number in place.items()}
        for of_variant in steps.values():
            for step in of_variant:
                texts[step.node].append(_node_text(data, place[step.node], step.before, step.after))
        linked = [(place[subject], place[other], [data.predicates[predicate]]) for subject, other, predicate in
                  (relations[number] for number in chosen)]
        places = place_graph([texts[row] for row in kept], linked)
        links = [Link(number, texts_of[0], EDGE) for number, (_, _, texts_of) in enumerate(linked)]
        missing = [f"{total - drawn:,} of {total:,} {noun}" for drawn, total, noun in (
            (len(kept), len(graph), "objects"), (len(chosen), len(relations), "relations")) if drawn < total]
        left_out = tag("p", f"The drawing leaves out {' and '.join(missing)}.", class_="note") if missing else None
        return cls(data, graph, kept, places, links, left_out)

    def changed(self, steps: Sequence[Step]) -> Image.Image:
        """The picture of the graph after some steps."""
        after = {step.node: step for step in steps if step.after != step.before}
        nodes = []
        for number, row in enumerate(self.kept):
            step = after.get(row)
            text = _node_text(self.data, number, int(self.graph.labels[row]),
                              None if step is None else step.after)
            nodes.append(Node(text, CHANGED if step else PLAIN, heavy=step is not None))
        return graph_drawing(self.places, nodes, self.links)


def _node_text(data: DataSet, number: int, before: int, after: int | None) -> str:
    """The text of a node: its number in the drawing and its class; where it was changed, both classes."""
    if after is None:
        return f"{number + 1} {shortened(data.classes[before])}"
    return f"{number + 1} {shortened(data.classes[before], 15)} → {shortened(data.classes[after], 15)}"


def _original(page: Page, drawing: _Drawing, images: Split, number: int, pixels: np.ndarray) -> Markup:
    """Add the entry of the original graph; return the figure with the graph alone."""
    height, width, _ = pixels.shape
    boxes = to_numpy(drawing.graph.boxes)[drawing.kept] / np.array([width, height, width, height])
    texts = [_node_text(drawing.data, place, int(drawing.graph.labels[row]), None)
             for place, row in enumerate(drawing.kept)]
    image_id = images.image_id(number)
    image = page.picture("image.png", box_picture(pixels, boxes, texts, [Stroke(colour_of(place)) for place in
                                                                        range(len(texts))]),
                         f"image {image_id} with the boxes of its objects", joined(["image ", name(image_id)]))
    graph = page.picture("original.png", drawing.changed([]), f"The annotated graph of image {image_id}", "original")
    page.add("The annotated graph", tag("div", image, graph, class_="figures"), drawing.left_out)
    return graph


def _table(data: DataSet, graph: SceneGraph, place: int, step: Step) -> Markup:
    """The probabilities of the classes that an object might have become."""
    order = np.argsort(-step.probabilities, kind="stable")
    order = order[step.probabilities[order] > 0]
    shown = [int(label) for rank, label in enumerate(order) if rank < SHOWN or label == step.after]
    rest = [int(label) for label in order if int(label) not in shown]

    def rows(labels: Sequence[int]) -> Markup:
        return table(["class", "probability", ""], (
            [tag("span", name(data.classes[label]), " ← drawn", class_="chosen") if label == step.after
             else name(data.classes[label]), f"{step.probabilities[label]:.4f}", bar(step.probabilities[label])]
            for label in labels), numbers=[1])

    before, after = data.classes[step.before], data.classes[step.after]
    kept = " (no other class is possible)" if step.before == step.after else ""
    return tag("section", tag("h3", f"Change {place}: ", name(before), " → ", name(after), kept),
               tag("p", f"This object came next with probability {step.drawn:.4f}; it has "
                   f"{_relations_of(graph, step.node)}. {len(order):,} classes are possible.", class_="note"),
               rows(shown), None if not rest else tag("details", tag("summary", f"{len(rest):,} more"), rows(rest)))


def _relations_of(graph: SceneGraph, node: int) -> str:
    relations = to_numpy(graph.relations)
    degree = int(((relations[:, :2] == node).any(axis=1) & (relations[:, 2] > 0)).sum())
    return f"{degree:,} relation{'' if degree == 1 else 's'}"


def _facts(data: DataSet, images: Split, number: int, vectors: ClassEmbeddings, intensity: float, seed: int,
           min_support: int) -> list[tuple[str, str]]:
    objects = len(images.graph(number))
    support = [("support", f"a new class was seen {min_support} times or more in every role of its object")]
    return [("data", f"{data.description} [{data.hash}]"),
            ("image", joined([name(images.image_id(number)), f", number {number:,} of {images.name}"])),
            ("intensity", f"{intensity:g}: max(1, round({intensity:g} x {objects})) = "
             f"{max(1, round(intensity * objects))} of {objects} objects get another class"),
            ("seed", f"{seed}; with it, all methods draw the same objects"), *(support if min_support else []),
            ("word vectors", vectors.source)]


def _legend() -> Markup:
    return tag("ul", tag("li", "grey, thin edge: the class is as annotated"),
               tag("li", "orange, thick edge, two names: the class was changed"), class_="legend")
