"""A picture of a scene graph: the image with its boxes, and the graph beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from sgg.common.atomic import replaced

from .graph_layout import laid_out
from .labels import DARK, GREY, LIGHT, colour_of, font, ink_on, line_colour, shortened, text_width
from .rectangles import Rectangle, around, free_place

MOST_OBJECTS, MOST_RELATIONS = 20, 30
"""What is drawn of a graph at most: its best relations."""
TEXT, TITLE, GAP = 15, 17, 16
HEIGHT = TEXT + 9
PANEL = 900
"""The longer side of an image in the picture. A smaller image grows up to `SMALL`, and no more than eight times."""
SMALL = 640
LEAST = 300
"""The least width and height of the image's part, where the tags of narrow images stand."""
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
    image, part = _image_place(size)
    boxes = [_scaled(graph.boxes[row], image) for row in kept]
    tags, part = _tags(boxes, texts, part)

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
    places = [_rectangle(place) for place in around(centres + np.array([left, top]), sizes - gaps).round(1).tolist()]
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
    left, top, right, bottom = (round(value) for value in places.image)
    way = Image.Resampling.LANCZOS if right - left < image.shape[1] else Image.Resampling.BICUBIC
    canvas.paste(Image.fromarray(image).resize((right - left, bottom - top), way, reducing_gap=2.0), (left, top))
    draw = ImageDraw.Draw(canvas)
    room = (places.size[0] - 2 * GAP) // text_width("n", TITLE, bold=True)
    draw.text((GAP, GAP - 4), shortened(title, max(20, room)), DARK, font(TITLE, bold=True))
    draw.text((GAP, places.size[1] - GAP - 6), places.footer, GREY, font(TEXT - 2))
    for number, (box, tag) in enumerate(zip(places.boxes, places.tags, strict=True)):
        draw.rectangle(_grown(box, 1), outline=LIGHT, width=5)
        draw.rectangle(box, outline=colour_of(number), width=3)
        if not _touch(box, tag):
            draw.line([*_nearest(box, tag), *_nearest(tag, box)], colour_of(number), 2)
    for number, (tag, node, text) in enumerate(zip(places.tags, places.nodes, places.texts, strict=True)):
        draw.rectangle(tag, fill=colour_of(number))
        _centred(draw, tag, text, ink_on(colour_of(number)), bold=False)
        draw.rounded_rectangle(node, 8, fill=colour_of(number), outline=DARK, width=1)
        _centred(draw, node, text, ink_on(colour_of(number)), bold=True)
    for (subject, _, text), place in zip(places.relations, places.predicates, strict=True):
        draw.rounded_rectangle(place, 6, fill=LIGHT, outline=line_colour(colour_of(subject)), width=1)
        _centred(draw, place, text, DARK, bold=False)
    return canvas


def _selected(graph: Shown) -> tuple[list[int], list[tuple[int, int, str]], str]:
    """The rows of objects to draw, the relations among them, and what is left out, in words."""
    kept: dict[int, int] = {}
    relations: list[tuple[int, int, str]] = []
    for subject, other, text in graph.relations:
        new = {subject, other} - kept.keys()
        if len(relations) < MOST_RELATIONS and len(kept) + len(new) <= MOST_OBJECTS:
            for row in (subject, other):
                kept.setdefault(row, len(kept))
            relations.append((kept[subject], kept[other], shortened(text)))
    if not graph.relations:
        kept = {row: row for row in range(min(MOST_OBJECTS, len(graph.objects)))}
    rest = [f"{len(kept)} of {len(graph.objects)} objects" if len(kept) < len(graph.objects) else "",
            f"{len(relations)} of {len(graph.relations)} relations" if len(relations) < len(graph.relations) else ""]
    shown = " and ".join(part for part in rest if part)
    empty = "" if graph.objects else "no objects were found"
    return list(kept), relations, f"drawn: {shown}" if shown else empty


def _image_place(size: tuple[int, int]) -> tuple[Rectangle, Rectangle]:
    """The rectangle of the image, and that of its part of the picture, which holds its tags too."""
    longer = max(size)
    scale = min(PANEL / longer, max(1.0, min(8.0, SMALL / longer)))
    height, width = (max(1, round(side * scale)) for side in size)
    top = 2 * GAP + TITLE
    return (GAP, top, GAP + width, top + height), (GAP, top, GAP + max(width, LEAST), top + max(height, LEAST))


def _tags(boxes: Sequence[Rectangle], texts: Sequence[str], part: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """A tag for each box, at its edge where that is free; and the part of the picture, which grows downwards where it
    has no room for all."""
    sizes = [(text_width(text, TEXT) + 8, HEIGHT - 2) for text in texts]
    tags: dict[int, Rectangle] = {}
    order = sorted(range(len(boxes)), key=lambda row: _area(boxes[row]))  # a small box has the fewest places
    for row in order:
        (x1, y1, x2, y2), (width, height) = boxes[row], sizes[row]
        wanted = [(x1, y1 - height), (x1, y1), (x1, y2), (x2 - width, y1 - height), (x2 - width, y2), (x2, y1),
                  (x1 - width, y1), (x1, y2 - height), (x2 - width, y2 - height)]
        while (place := free_place((width, height), wanted, list(tags.values()), part)) is None:
            part = part[0], part[1], max(part[2], part[0] + width), part[3] + HEIGHT
        tags[row] = place
    return [tags[row] for row in range(len(boxes))], part


def _curves(places: Arrangement) -> Image.Image:
    """The lines from subjects through predicates to objects, with arrows, at twice the size and made smaller, which
    smooths them."""
    sheet = Image.new("RGB", (2 * places.size[0], 2 * places.size[1]), LIGHT)
    draw = ImageDraw.Draw(sheet)
    steps = np.linspace(0, 1, 33)[:, None]
    for (subject, other, _), label in zip(places.relations, places.predicates, strict=True):
        start, middle, end = (_centre(place) for place in (places.nodes[subject], label, places.nodes[other]))
        control = 2 * middle - (start + end) / 2  # a curve of degree two that passes through the middle of the label
        curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * control + steps ** 2 * end
        outside = [point for point in curve if not _inside(point, places.nodes[other])]
        colour = line_colour(colour_of(subject))
        draw.line([tuple(point) for point in 2 * np.array(outside)], colour, 4, joint="curve")
        _arrow(draw, outside[-2:], places.nodes[other], colour)
    return sheet.reduce(2)


def _arrow(draw: ImageDraw.ImageDraw, last: Sequence[np.ndarray], node: Rectangle,
           colour: tuple[int, int, int]) -> None:
    """The head of an arrow that ends at a node's edge."""
    if len(last) < 2:
        return
    way = _centre(node) - last[-1]
    tip = last[-1] + way * _until(last[-1], way, node)
    along = (tip - last[-2]) / max(float(np.linalg.norm(tip - last[-2])), 1e-6)
    across = np.array([-along[1], along[0]])
    draw.line([tuple(2 * last[-1]), tuple(2 * tip)], colour, 4)
    draw.polygon([tuple(2 * point) for point in (tip, tip - 11 * along + 5 * across, tip - 11 * along - 5 * across)],
                 colour)


def _until(point: np.ndarray, way: np.ndarray, node: Rectangle) -> float:
    """The fraction of the `way` from a point outside to the centre of a node after which it is at the edge."""
    half = np.array([node[2] - node[0], node[3] - node[1]]) / 2
    return max(0.0, 1 - float((half / np.maximum(np.abs(way), 1e-6)).min()))


def _centred(draw: ImageDraw.ImageDraw, place: Rectangle, text: str, ink: tuple[int, int, int], bold: bool) -> None:
    x, y = _centre(place)
    draw.text((x, y), text, ink, font(TEXT, bold), anchor="mm")


def _scaled(box: np.ndarray, image: Rectangle) -> Rectangle:
    left, top, right, bottom = image
    return _rectangle([left + float(box[0]) * (right - left), top + float(box[1]) * (bottom - top),
                       left + float(box[2]) * (right - left), top + float(box[3]) * (bottom - top)])


def _rectangle(values: Sequence[float]) -> Rectangle:
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def _grown(box: Rectangle, by: float) -> Rectangle:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _area(box: Rectangle) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _centre(place: Rectangle) -> np.ndarray:
    return np.array([(place[0] + place[2]) / 2, (place[1] + place[3]) / 2])


def _inside(point: np.ndarray, place: Rectangle) -> bool:
    return bool(place[0] <= point[0] <= place[2] and place[1] <= point[1] <= place[3])


def _touch(one: Rectangle, other: Rectangle) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _nearest(place: Rectangle, to: Rectangle) -> tuple[float, float]:
    """The point of a rectangle that is nearest to the centre of another."""
    x, y = _centre(to)
    return min(max(x, place[0]), place[2]), min(max(y, place[1]), place[3])
