"""Drawings of graphs and of boxes by their geometry, and lines by their pixels."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sgg.viz.box_picture import box_picture, place_boxes
from sgg.viz.clusters import MARKERS, draw_clusters
from sgg.viz.graph_drawing import LONGEST_TEXT, MOST_OBJECTS, Link, Node, graph_drawing, place_graph, within_limits
from sgg.viz.labels import COLOURS, TEXT, shortened, text_width
from sgg.viz.strokes import DASHED, DOTTED, Stroke, draw_edge, pieces
from tests.unit.viz.test_graph_picture import SIZES, overlapping, shown


@pytest.mark.parametrize(("objects", "relations"), [(20, 30), (20, 0), (1, 3), (2, 1), (0, 0)])
def test_place_graph_lets_nothing_overlap_or_leave_the_drawing(objects, relations) -> None:
    graph = shown(objects, relations)
    nodes = [[text, f"{text} → {text}"] for text in graph.objects]
    places = place_graph(nodes, [(one, other, [f"✓ {text}", text]) for one, other, text in graph.relations])
    assert overlapping([*places.nodes, *places.labels]) == []
    for x1, y1, x2, y2 in [*places.nodes, *places.labels]:
        assert 0 <= x1 <= x2 <= places.size[0]
        assert 0 <= y1 <= y2 <= places.size[1]
    for texts, place in zip(nodes, places.nodes, strict=True):
        for text in texts:
            assert text_width(shortened(text, LONGEST_TEXT), TEXT, bold=True) <= place[2] - place[0]
    drawing = graph_drawing(places, [Node(texts[0], COLOURS[0]) for texts in nodes],
                            [Link(number, "✓", Stroke(COLOURS[1])) for number in range(relations)])
    assert drawing.size == places.size


@pytest.mark.parametrize("size", SIZES)
def test_place_boxes_lets_no_tag_overlap_or_leave_the_picture(size) -> None:
    graph = shown(20, 0)
    places = place_boxes(size, graph.boxes, graph.objects)
    assert overlapping(places.tags) == []
    for x1, y1, x2, y2 in [*places.tags, *places.boxes, places.image]:
        assert 0 <= x1 <= x2 <= places.size[0]
        assert 0 <= y1 <= y2 <= places.size[1]


def test_graph_drawing_of_one_arrangement_differs_only_where_it_must() -> None:
    places = place_graph([["a", "b"], ["c"]], [(0, 1, ["on"]), (1, 0, ["by"])])
    nodes = [Node("a", COLOURS[0]), Node("c", COLOURS[0])]
    both = [Link(0, "on", Stroke((200, 0, 0))), Link(1, "by", Stroke((0, 0, 200), DASHED))]
    whole, first = (np.asarray(graph_drawing(places, nodes, links)) for links in (both, both[:1]))
    assert (whole == (0, 0, 200)).all(2).any()
    assert not (first == (0, 0, 200)).all(2).any()
    for x1, y1, x2, y2 in places.nodes:
        inner = slice(round(y1) + 2, round(y2) - 2), slice(round(x1) + 2, round(x2) - 2)
        np.testing.assert_array_equal(whole[inner], first[inner])


def test_pieces_alternate_along_a_bent_line() -> None:
    """A line of length 6 + 4 with strokes of 3 and gaps of 1: from 0 to 3, 4 to 7, 8 to 10; its corner is at 6."""
    found = pieces(np.array([[0, 0], [6, 0], [6, 4.0]]), [3, 1])
    assert [piece.tolist() for piece in found] == [
        [[0, 0], [3, 0]], [[4, 0], [6, 0], [6, 1]], [[6, 2], [6, 4]]]
    whole = np.array([[0, 0], [6, 0.0]])
    assert [piece.tolist() for piece in pieces(whole, ())] == [whole.tolist()]


def test_draw_edge_kinds_differ_without_colour() -> None:
    """The share of the upper side that is drawn."""
    shares = []
    for dash in ((), DASHED, DOTTED):
        image = Image.new("RGB", (220, 60), "white")
        draw_edge(ImageDraw.Draw(image), (10, 10, 210, 50), Stroke((0, 0, 0), dash), 1)
        shares.append(float((np.asarray(image)[10, 10:211] == 0).all(1).mean()))
    assert shares[0] == 1
    assert 0.55 < shares[1] < 0.75
    assert 0.25 < shares[2] < 0.55


def test_within_limits_goes_on_after_what_has_no_room() -> None:
    assert within_limits(5, [(0, 1), (2, 3), (1, 0), (0, 4)], 3, 9) == ([0, 1, 4], [0, 2, 3])
    assert within_limits(3, [(0, 1), (1, 2), (2, 0)], 9, 2) == ([0, 1, 2], [0, 1])


def test_within_limits_keeps_the_first_objects_of_a_graph_without_relations() -> None:
    assert within_limits(2, []) == ([0, 1], [])
    assert within_limits(99, []) == (list(range(MOST_OBJECTS)), [])


def test_place_boxes_cuts_boxes_at_the_edges_of_the_image() -> None:
    """A wide image, which a detector sees with padding below: a box that reaches into it, and one that lies there."""
    boxes = np.array([[0.1, 0.5, 0.3, 2.5], [0.5, 1.5, 0.7, 2.9]])
    places = place_boxes((100, 300), boxes, ["cat", "dog"])
    left, top, right, bottom = places.image
    width, height = right - left, bottom - top
    assert places.boxes[0] == pytest.approx((left + 0.1 * width, top + 0.5 * height, left + 0.3 * width, bottom))
    assert places.boxes[1] == pytest.approx((left + 0.5 * width, bottom, left + 0.7 * width, bottom))


def test_box_picture_draws_boxes_at_their_fractions() -> None:
    image = np.full((300, 600, 3), 255, np.uint8)
    drawn = np.asarray(box_picture(image, np.array([[0.25, 0.5, 0.75, 1.0]]), ["cat"], [Stroke((0, 114, 178))]))
    rows, columns = np.nonzero((drawn == (0, 114, 178)).all(2))
    margin = 8  # an image of 600 pixels keeps its size
    assert abs(columns.min() - (margin + 150)) <= 2
    assert abs(columns.max() - (margin + 450)) <= 2
    assert abs(rows.max() - (margin + 300)) <= 2


def test_draw_clusters_tells_56_groups_apart(tmp_path) -> None:
    assert len({(number % len(COLOURS), number % len(MARKERS)) for number in range(56)}) == 56
    positions = np.arange(8.0).reshape(4, 2)
    draw_clusters(tmp_path / "a.png", "t", [("one", positions, np.array([-1, 0, 1, 2]))], ["_a", "$b", "c"])
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()


def test_place_boxes_keeps_tags_off_smaller_boxes() -> None:
    """A hat above a head: the tag of the person goes where it does not cover the hat."""
    hat, person = np.array([0.4, 0.22, 0.6, 0.3]), np.array([0.4, 0.3, 0.6, 0.9])
    places = place_boxes((640, 640), np.stack([hat, person]), ["hat", "person"])
    assert overlapping([places.tags[1], places.boxes[0]]) == []
    assert overlapping(places.tags) == []
