"""A picture of a scene graph: the image with its boxes, and the graph beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from sgg.common.atomic import replaced

from .box_picture import draw_boxes, image_place, paste_image, place_tags
from .graph_drawing import within_limits
from .graph_layout import laid_out
from .labels import DARK, GAP, GREY, HEIGHT, LIGHT, TEXT, colour_of, font, ink_on, line_colour, shortened, text_width
from .rectangles import Rectangle, around, rectangle, scaled
from .strokes import Stroke, draw_link, write_centred

TITLE = 17
PANEL = 900
"""The longer side of an image in the picture. A smaller image grows up to `SMALL`, and no more than eight times."""
SMALL = 640
GRAPH = 620
"""The least width of the graph's part, and its least height."""
ROOM = 5200
"""Square pixels of the graph's part for each object and each relation."""


class Shown(NamedTuple):
    """A graph to draw.

    boxes: [N, 4] as fractions of the image's width and height. objects: the text of each. relations: subject, object,
    and the text of the predicate, the best first.
    """

    boxes: np.ndarray
    objects: Sequence[str]
    relations: Sequence[tuple[int, int, str]]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Where everything of a picture stands, in its pixels.

    size: width and height of the picture. image: the rectangle of the image. kept: the objects that are drawn. boxes:
    of each. tags: of each, within the image's part. nodes: of each, in the graph. relations: those that are drawn;
    subject and object are positions in `kept`. predicates: the rectangle of each. texts: of the objects. footer: what
    is left out.
    """

    size: tuple[int, int]
    image: Rectangle
    kept: list[int]
    boxes: list[Rectangle]
    tags: list[Rectangle]
    nodes: list[Rectangle]
    relations: list[tuple[int, int, str]]
    predicates: list[Rectangle]
    texts: list[str]
    footer: str


def arrange(size: tuple[int, int], graph: Shown) -> Arrangement:
    """The places of a graph's parts. size: height and width of the image."""
    kept, relations, footer = _selected(graph)
    texts = [f"{number} {shortened(graph.objects[row])}" for number, row in enumerate(kept, 1)]
    image, part = image_place(size, PANEL, SMALL, (GAP, 2 * GAP + TITLE))
    boxes = [scaled(graph.boxes[row], image) for row in kept]
    tags, part = place_tags(boxes, texts, part)

    widths = [text_width(text, TEXT, bold=True) + 16 for text in texts] + [
        text_width(text, TEXT) + 10 for *_, text in relations]
    gaps = np.array([12.0, 10.0])
    sizes = np.column_stack([widths, [HEIGHT + 2] * len(texts) + [HEIGHT - 2] * len(relations)]) + gaps
    links = [(end, len(kept) + number) for number, (subject, other, _) in enumerate(relations)
             for end in (subject, other)]
    high = max(part[3] - part[1], GRAPH)
    wide = max(GRAPH, len(sizes) * ROOM / high)
    centres, (wide, high) = laid_out(links, sizes, (wide, high))
    left, top = part[2] + GAP, part[1]
    places = [rectangle(place) for place in around(centres + np.array([left, top]), sizes - gaps).round(1).tolist()]
    width, height = left + wide + GAP, max(part[3], top + high) + GAP + TITLE
    return Arrangement((int(width + 0.999), int(height + 0.999)), image, kept, boxes, tags, places[:len(kept)],
                       relations, places[len(kept):], texts, footer)


def draw_picture(path: Path, title: str, image: np.ndarray, graph: Shown) -> None:
    """Write the picture of a graph as a PNG file. image: [h, w, 3] uint8. Raises OSError that names the file."""
    drawn = picture_of(title, image, graph)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        drawn.save(temporary, "PNG", compress_level=3)


def picture_of(title: str, image: np.ndarray, graph: Shown) -> Image.Image:
    """The picture of a graph. image: [h, w, 3] uint8."""
    places = arrange((image.shape[0], image.shape[1]), graph)
    canvas = Image.new("RGB", places.size, LIGHT)
    canvas.paste(_curves(places))
    paste_image(canvas, image, places.image)
    draw = ImageDraw.Draw(canvas)
    room = (places.size[0] - 2 * GAP) // text_width("n", TITLE, bold=True)
    draw.text((GAP, GAP - 4), shortened(title, max(20, room)), DARK, font(TITLE, bold=True))
    draw.text((GAP, places.size[1] - GAP - 6), places.footer, GREY, font(TEXT - 2))
    draw_boxes(draw, places.boxes, places.tags, places.texts,
               [Stroke(colour_of(number)) for number in range(len(places.boxes))])
    for number, (node, text) in enumerate(zip(places.nodes, places.texts, strict=True)):
        draw.rounded_rectangle(node, 8, fill=colour_of(number), outline=DARK, width=1)
        write_centred(draw, node, text, ink_on(colour_of(number)), bold=True)
    for (subject, _, text), place in zip(places.relations, places.predicates, strict=True):
        draw.rounded_rectangle(place, 6, fill=LIGHT, outline=line_colour(colour_of(subject)), width=1)
        write_centred(draw, place, text, DARK)
    return canvas


def _selected(graph: Shown) -> tuple[list[int], list[tuple[int, int, str]], str]:
    """The rows of objects to draw, the relations among them, and what is left out, in words."""
    kept, chosen = within_limits(len(graph.objects), [(subject, other) for subject, other, _ in graph.relations])
    place = {row: number for number, row in enumerate(kept)}
    relations = [(place[subject], place[other], shortened(text)) for subject, other, text in
                 (graph.relations[number] for number in chosen)]
    rest = [f"{len(kept)} of {len(graph.objects)} objects" if len(kept) < len(graph.objects) else "",
            f"{len(relations)} of {len(graph.relations)} relations" if len(relations) < len(graph.relations) else ""]
    shown = " and ".join(part for part in rest if part)
    empty = "" if graph.objects else "no objects were found"
    return kept, relations, f"drawn: {shown}" if shown else empty


def _curves(places: Arrangement) -> Image.Image:
    """The lines from subjects through predicates to objects, with arrows, at twice the size and made smaller, which
    smooths them."""
    sheet = Image.new("RGB", (2 * places.size[0], 2 * places.size[1]), LIGHT)
    draw = ImageDraw.Draw(sheet)
    for (subject, other, _), label in zip(places.relations, places.predicates, strict=True):
        draw_link(draw, places.nodes[subject], label, places.nodes[other], Stroke(line_colour(colour_of(subject))))
    return sheet.reduce(2)
