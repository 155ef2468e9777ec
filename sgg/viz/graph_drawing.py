"""Drawings of graphs without an image. Several drawings may share one arrangement, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from .graph_layout import laid_out
from .labels import DARK, GAP, HEIGHT, LIGHT, TEXT, ink_on, shortened, text_width
from .rectangles import Rectangle, around, rectangle
from .strokes import Colour, Stroke, draw_edge, draw_link, write_centred

ROOM = 9500
"""Square pixels for each node and each link."""
LEAST = (400, 280)
"""The least width and height of a drawing."""
LONGEST_TEXT = 40
"""Characters of a text that are drawn."""
MOST_OBJECTS, MOST_RELATIONS = 20, 30
"""What is drawn of a graph at most."""
SHAPE = 1.25
"""Width of a drawing divided by its height."""


class Node(NamedTuple):
    """A node to draw: its text, the colour of its rectangle, and its edge. heavy: draw a thick edge."""

    text: str
    fill: Colour
    edge: Stroke = Stroke(DARK)
    heavy: bool = False


class Link(NamedTuple):
    """A link to draw. place: its number in the arrangement."""

    place: int
    text: str
    stroke: Stroke


@dataclass(frozen=True, eq=False)
class GraphPlaces:
    """Where everything of a drawing stands, in its pixels.

    size: width and height of the drawing. nodes: the rectangle of each. ends: start and end of each link. labels: the
    rectangle of its text.
    """

    size: tuple[int, int]
    nodes: list[Rectangle]
    ends: list[tuple[int, int]]
    labels: list[Rectangle]


def place_graph(nodes: Sequence[Sequence[str]], links: Sequence[tuple[int, int, Sequence[str]]]) -> GraphPlaces:
    """The arrangement of a graph. nodes: all texts that a node has in any drawing. links: start, end, and all texts."""
    widths = [max(text_width(shortened(text, LONGEST_TEXT), TEXT, bold=True) for text in texts) + 16 for texts in nodes]
    widths += [max(text_width(shortened(text, LONGEST_TEXT), TEXT) for text in texts) + 12 for *_, texts in links]
    gaps = np.array([12.0, 10.0])
    sizes = np.column_stack([widths, [HEIGHT + 2] * len(nodes) + [HEIGHT - 2] * len(links)]) + gaps
    ties = [(end, len(nodes) + number) for number, (start, stop, _) in enumerate(links) for end in (start, stop)]
    area = len(sizes) * ROOM
    wide = max(LEAST[0], (area * SHAPE) ** 0.5)
    centres, (wide, high) = laid_out(ties, sizes, (wide, max(LEAST[1], area / wide)))
    corner = np.array([GAP / 2, GAP / 2])
    places = [rectangle(place) for place in around(centres + corner, sizes - gaps).round(1).tolist()]
    return GraphPlaces((int(wide + GAP + 0.999), int(high + GAP + 0.999)), places[:len(nodes)],
                       [(start, stop) for start, stop, _ in links], places[len(nodes):])


def graph_drawing(places: GraphPlaces, nodes: Sequence[Node], links: Sequence[Link]) -> Image.Image:
    """Draw all nodes of an arrangement and some of its links."""
    sheet = Image.new("RGB", (2 * places.size[0], 2 * places.size[1]), LIGHT)
    curves = ImageDraw.Draw(sheet)
    for link in links:
        start, stop = places.ends[link.place]
        draw_link(curves, places.nodes[start], places.labels[link.place], places.nodes[stop], link.stroke)
    canvas = sheet.reduce(2)
    draw = ImageDraw.Draw(canvas)
    for node, place in zip(nodes, places.nodes, strict=True):
        draw.rectangle(place, fill=node.fill)
        draw_edge(draw, place, node.edge, 3 if node.heavy else 1)
        write_centred(draw, place, shortened(node.text, LONGEST_TEXT), ink_on(node.fill), bold=True)
    for link in links:
        place = places.labels[link.place]
        draw.rectangle(place, fill=LIGHT)
        draw_edge(draw, place, link.stroke, 2)
        write_centred(draw, place, shortened(link.text, LONGEST_TEXT), DARK)
    return canvas


def within_limits(objects: int, relations: Sequence[tuple[int, int]], most_objects: int = MOST_OBJECTS,
                  most_relations: int = MOST_RELATIONS) -> tuple[list[int], list[int]]:
    """The objects and the relations to draw, so that no drawing gets too full: relations in their order, as long as
    neither limit is passed. A graph without a relation has its first objects.

    objects: their number. relations: subject and object of each. Returns the numbers of those that are drawn.
    """
    kept: dict[int, None] = {}
    chosen: list[int] = []
    for number, ends in enumerate(relations):
        new = set(ends) - kept.keys()
        if len(chosen) < most_relations and len(kept) + len(new) <= most_objects:
            kept |= dict.fromkeys(ends)
            chosen.append(number)
    return list(kept) if chosen else list(range(min(most_objects, objects))), chosen
