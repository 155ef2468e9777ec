"""Pictures of graphs by their geometry: nothing overlaps, nothing leaves the canvas."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from sgg.viz import graph_picture
from sgg.viz.graph_layout import by_stress, laid_out
from sgg.viz.graph_picture import Shown, arrange, draw_picture, picture_of
from sgg.viz.labels import COLOURS, ink_on, shortened, text_width
from sgg.viz.rectangles import free_place, moved_apart

NAMES = ("woman", "traffic-light", "<script>alert(1)</script>", "x" * 200, '"quoted"', "\N{CAT FACE}", "tree", "a\nb",
         "\u202ehorse", "")
PREDICATES = ("on", "standing in front of", "holding", "p" * 200, "has")


def shown(objects: int, relations: int, seed: int = 0) -> Shown:
    """A random graph: few objects take part in most relations, some pairs have several, some objects have none."""
    draws = np.random.default_rng(seed)
    low = draws.uniform(0, 0.8, (objects, 2))
    boxes = np.concatenate([low, low + draws.uniform(0.001, 0.2, (objects, 2))], 1)
    hubs = draws.integers(max(1, objects), size=3)
    pairs = [(int(draws.choice(hubs)) if draws.random() < 0.5 else int(draws.integers(objects)),
              int(draws.integers(objects))) for _ in range(relations)]
    texts = [f"{NAMES[number % len(NAMES)]} .{number:02d}" for number in range(objects)]
    return Shown(boxes, texts, [(one, other, f"{PREDICATES[number % len(PREDICATES)]} .5")
                                for number, (one, other) in enumerate(pairs)])


def overlapping(places) -> list:
    return [(one, other) for one, other in combinations(places, 2) if all(
        min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) > 1e-6 for axis in (0, 1))]


SIZES = [(150, 200), (3000, 4000), (4000, 700), (200, 4000), (1, 1), (600, 20000)]


@pytest.mark.parametrize(("size", "objects", "relations"), [
    *((size, 20, 30) for size in SIZES), ((300, 400), 20, 0), ((300, 400), 2, 1), ((300, 400), 1, 3),
    ((300, 400), 0, 0), ((300, 400), 60, 100)])
def test_arrange_lets_nothing_overlap_or_leave_the_canvas(size, objects, relations) -> None:
    places = arrange(size, shown(objects, relations))
    width, height = places.size
    assert width >= 900
    labels = [*places.tags, *places.nodes, *places.predicates]
    assert len(places.nodes) == len(places.tags) == len(places.kept) <= 20
    assert overlapping(labels) == []
    for x1, y1, x2, y2 in [*labels, places.image, *places.boxes]:
        assert 0 <= x1 <= x2 <= width
        assert 0 <= y1 <= y2 <= height
    for text, place in zip(places.texts, places.nodes, strict=True):
        assert text_width(text, graph_picture.TEXT, bold=True) <= place[2] - place[0]
    for (*_, text), place in zip(places.relations, places.predicates, strict=True):
        assert text_width(text, graph_picture.TEXT) <= place[2] - place[0]


def test_arrange_says_what_it_leaves_out() -> None:
    """The best 30 relations, of at most 20 objects."""
    pairs = [(0, 1 + number % 39, "on") for number in range(50)]
    star = Shown(np.tile([0.1, 0.1, 0.5, 0.5], (40, 1)), ["a"] * 40, pairs)
    places = arrange((100, 100), star)
    assert len(places.kept) == 20
    assert len(places.relations) == 30, "19 to the objects kept, and the 11 that come to these again"
    assert places.footer == "drawn: 20 of 40 objects and 30 of 50 relations"
    assert arrange((100, 100), Shown(np.empty((0, 4)), [], [])).footer == "no objects were found"


def test_arrange_gives_the_tag_of_a_box_its_edge() -> None:
    (tag,) = arrange((600, 600), Shown(np.array([[0.2, 0.5, 0.6, 0.9]]), ["cat"], [])).tags
    places = arrange((600, 600), Shown(np.array([[0.2, 0.5, 0.6, 0.9]]), ["cat"], []))
    assert tag[0] == pytest.approx(places.boxes[0][0])
    assert tag[3] == pytest.approx(places.boxes[0][1])


def test_picture_of_draws_boxes_in_their_colours() -> None:
    graph = Shown(np.array([[0.1, 0.3, 0.5, 0.9], [0.6, 0.3, 0.9, 0.9]]), ["cat .9", "mat .8"], [(0, 1, "on .7")])
    image = np.full((400, 400, 3), 255, np.uint8)
    drawn = np.asarray(picture_of("a.jpg", image, graph))
    places = arrange((400, 400), graph)
    for number, (_, y1, x2, y2) in enumerate(places.boxes):
        np.testing.assert_array_equal(drawn[round((y1 + y2) / 2), round(x2) - 1], COLOURS[number])
    for number, (x1, y1, _, y2) in enumerate(places.nodes):
        np.testing.assert_array_equal(drawn[round((y1 + y2) / 2), round(x1) + 4], COLOURS[number])


def test_draw_picture_writes_whole_files(tmp_path) -> None:
    image = np.zeros((30, 50, 3), np.uint8)
    draw_picture(tmp_path / "below" / "a.png", "a" * 500 + "\n", image, shown(6, 8))
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["a.png"]
    with Image.open(tmp_path / "below" / "a.png") as picture:
        assert picture.size == arrange((30, 50), shown(6, 8)).size
        picture.load()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        draw_picture(tmp_path / "file" / "a.png", "a", image, shown(1, 0))


def test_moved_apart_leaves_what_is_apart() -> None:
    centres, sizes = np.array([[10.0, 10], [50, 10]]), np.array([[20.0, 10], [20, 10]])
    np.testing.assert_array_equal(moved_apart(centres, sizes, (100, 100)), centres)
    assert moved_apart(np.array([[5.0, 5], [5, 5]]), np.array([[10.0, 10], [10, 10]]), (12, 12)) is None


def test_free_place_takes_the_first_that_is_wanted_and_free() -> None:
    area = (0, 0, 100, 50)
    assert free_place((10, 10), [(0, 0), (20, 0)], [(5, 5, 12, 12)], area) == (20, 0, 30, 10)
    assert free_place((10, 10), [(0, 0)], [(0, 0, 100, 39)], area) == (0, 40, 10, 50)
    assert free_place((10, 10), [(0, 0)], [(0, 0, 100, 45)], area) is None


def test_laid_out_grows_where_there_is_no_room() -> None:
    sizes = np.full((30, 2), 20.0)
    centres, area = laid_out([(0, number) for number in range(1, 30)], sizes, (60, 60))
    assert area[0] * area[1] >= 30 * 400
    assert overlapping([(x - 10, y - 10, x + 10, y + 10) for x, y in centres]) == []


def test_by_stress_puts_a_path_into_a_line() -> None:
    """A path of four has one drawing without stress: a line with steps of one."""
    distances = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    positions = by_stress(distances)
    found = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    np.testing.assert_allclose(found, distances, atol=0.02)


def test_shortened_keeps_the_score_and_one_line() -> None:
    assert shortened("cat .95") == "cat .95"
    assert shortened("a\tb\nc") == "a b c"
    text = shortened("x" * 200 + " .95")
    assert len(text) <= 24
    assert text.endswith(" .95")


def test_ink_on_can_be_read_on_every_colour() -> None:
    """The contrast of the Web Content Accessibility Guidelines for large text is at least 3; bold 15 pixels need it."""
    def luminance(colour):
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
                  for value in np.array(colour) / 255]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for colour in COLOURS:
        low, high = sorted((luminance(colour), luminance(ink_on(colour))))
        assert (high + 0.05) / (low + 0.05) >= 3, colour
