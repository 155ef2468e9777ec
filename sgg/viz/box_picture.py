"""An image with the boxes of objects, each with a tag that no other tag covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .labels import GAP, HEIGHT, LIGHT, TEXT, ink_on, shortened, text_width
from .rectangles import Rectangle, free_place, grown, nearest_point, scaled, size_of, touch
from .strokes import Stroke, draw_edge, draw_line, write_centred

PANEL = 640
"""The longer side of an image in a picture of this kind. A smaller image grows up to `SMALL`."""
SMALL = 480
LEAST = 300
"""The least width of an image's part of a picture, where the tags of narrow images stand."""


@dataclass(frozen=True, eq=False)
class BoxPlaces:
    """Where everything of a picture stands, in its pixels.

    size: width and height of the picture. image: the rectangle of the image. boxes, tags: of each object. texts: of the
    tags.
    """

    size: tuple[int, int]
    image: Rectangle
    boxes: list[Rectangle]
    tags: list[Rectangle]
    texts: list[str]


def place_boxes(size: tuple[int, int], boxes: np.ndarray, texts: Sequence[str]) -> BoxPlaces:
    """The places of an image of a `size` (height, width) and of its boxes [N, 4], which are fractions of width and
    height. They are cut at the edges of the image: a detector may find objects in the padding beside it."""
    lines = [shortened(text) for text in texts]
    image, part = image_place(size, PANEL, SMALL, (GAP // 2, GAP // 2), least_height=0)
    rectangles = [scaled(box, image) for box in boxes.clip(0, 1)]
    tags, part = place_tags(rectangles, lines, part, clear=True)
    return BoxPlaces((int(part[2] + GAP / 2 + 0.999), int(part[3] + GAP / 2 + 0.999)), image, rectangles, tags, lines)


def box_picture(image: np.ndarray, boxes: np.ndarray, texts: Sequence[str], strokes: Sequence[Stroke]) -> Image.Image:
    """The picture of an image [h, w, 3] uint8 and its boxes [N, 4], as fractions of width and height.

    texts: of the tags. strokes: of the boxes; a tag has the colour of its box.
    """
    places = place_boxes((image.shape[0], image.shape[1]), boxes, texts)
    canvas = Image.new("RGB", places.size, LIGHT)
    paste_image(canvas, image, places.image)
    draw_boxes(ImageDraw.Draw(canvas), places.boxes, places.tags, places.texts, strokes)
    return canvas


def image_place(size: tuple[int, int], panel: int, small: int, corner: tuple[int, int],
                least_height: int = LEAST) -> tuple[Rectangle, Rectangle]:
    """The rectangle of an image of a `size` (height, width), and that of its part of the picture, which holds its tags
    too. Both begin at `corner`, left and top.

    panel: pixels of the image's longer side. small: up to which a smaller image grows, at most eight times.
    least_height: of the part.
    """
    left, top = corner
    longer = max(size)
    scale = min(panel / longer, max(1.0, min(8.0, small / longer)))
    height, width = (max(1, round(side * scale)) for side in size)
    return (left, top, left + width, top + height), (left, top, left + max(width, LEAST),
                                                            top + max(height, least_height))


def place_tags(boxes: Sequence[Rectangle], texts: Sequence[str], part: Rectangle,
               clear: bool = False) -> tuple[list[Rectangle], Rectangle]:
    """A tag for each box, at its edge where that is free; and the part of the picture, which grows downwards where it
    has no room for all. clear: prefer places that cover no smaller box."""
    sizes = [(text_width(text, TEXT) + 8, HEIGHT - 2) for text in texts]
    tags: dict[int, Rectangle] = {}
    order = sorted(range(len(boxes)), key=lambda row: size_of(boxes[row]))  # a small box has the fewest places
    for rank, row in enumerate(order):
        (x1, y1, x2, y2), (width, height) = boxes[row], sizes[row]
        wanted = [(x1, y1 - height), (x1, y1), (x1, y2), (x2 - width, y1 - height), (x2 - width, y2), (x2, y1),
                  (x1 - width, y1), (x1, y2 - height), (x2 - width, y2 - height)]
        if clear:
            smaller = [boxes[other] for other in order[:rank]]
            covered = [_covers(corner, sizes[row], smaller) for corner in wanted]
            wanted = [wanted[place] for place in np.argsort(covered, kind="stable")]
        while (found := free_place((width, height), wanted, list(tags.values()), part)) is None:
            part = part[0], part[1], max(part[2], part[0] + width), part[3] + HEIGHT
        tags[row] = found
    return [tags[row] for row in range(len(boxes))], part


def _covers(corner: tuple[float, float], size: tuple[float, float], boxes: Sequence[Rectangle]) -> bool:
    """Whether a rectangle of a size touches one of some boxes."""
    place = *corner, corner[0] + size[0], corner[1] + size[1]
    return any(touch(place, box) for box in boxes)


def paste_image(canvas: Image.Image, image: np.ndarray, place: Rectangle) -> None:
    """Draw an image [h, w, 3] uint8 into a rectangle."""
    left, top, right, bottom = (round(value) for value in place)
    way = Image.Resampling.LANCZOS if right - left < image.shape[1] else Image.Resampling.BICUBIC
    canvas.paste(Image.fromarray(image).resize((right - left, bottom - top), way, reducing_gap=2.0), (left, top))


def draw_boxes(draw: ImageDraw.ImageDraw, boxes: Sequence[Rectangle], tags: Sequence[Rectangle], texts: Sequence[str],
               strokes: Sequence[Stroke]) -> None:
    """Draw boxes with their tags over an image; a line joins a tag that stands apart to its box."""
    for box, tag, stroke in zip(boxes, tags, strokes, strict=True):
        draw.rectangle(grown(box, 1), outline=LIGHT, width=5)
        draw_edge(draw, box, stroke, 3)
        if not touch(box, tag):
            draw_line(draw, np.array([nearest_point(box, tag), nearest_point(tag, box)]), Stroke(stroke.colour), 2)
    for tag, text, stroke in zip(tags, texts, strokes, strict=True):
        draw.rectangle(tag, fill=stroke.colour)
        write_centred(draw, tag, text, ink_on(stroke.colour))
