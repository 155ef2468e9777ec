"""The page of perturbations: its numbers, its settings, its seed."""

import re
from functools import partial

import pytest

from sgg.common.seeding import generator
from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Perturber
from sgg.perturbations.steps import perturbation_steps
from sgg.show.perturbations import Variant, image_number, show_perturbations, variants_of, vectors_of
from sgg.viz.graph_drawing import within_limits


@pytest.fixture(scope="module")
def vectors(data, toy_root):
    return vectors_of(data, toy_root)


def test_variants_of_is_every_method_with_its_settings() -> None:
    assert variants_of(["rand", "neigh", "graphn"], [0, 5], [2, 10]) == [
        Variant("rand"), Variant("neigh", 5), Variant("graphn", 0, 2), Variant("graphn", 0, 10),
        Variant("graphn", 5, 2), Variant("graphn", 5, 10)]
    with pytest.raises(ValueError, match="--method off: must be one of rand, neigh, graphn"):
        variants_of(["off"], [5], [2])
    with pytest.raises(ValueError, match="--topk 0: neigh needs"):
        variants_of(["neigh"], [0], [2])


def test_image_number_takes_a_name_or_a_number(data) -> None:
    split = data.split("test")
    assert image_number(split, 3) == image_number(split, split.image_id(3)) == 3
    count = len(split)
    with pytest.raises(ValueError, match=rf"--index {count}: test has {count} images .* 0\.\.{count - 1}"):
        image_number(split, count)
    with pytest.raises(ValueError, match="--image nothing: test has no image of this name"):
        image_number(split, "nothing")


def test_show_perturbations_has_the_probability_of_every_class(data, vectors, tmp_path) -> None:
    """Each table holds each possible class of its step once, with the perturber's own probability."""
    page = show_perturbations(data, tmp_path, vectors, image=1, topks=[3], alphas=[1], intensity=0.5, seed=4)
    articles = re.findall(r"<article.*?</article>", page.read_text(), re.S)
    assert len(articles) == 4, "the original and three methods"
    contexts = Contexts.from_triplets(data.triplets("train").as_dict(), len(data.classes), len(data.predicates))
    graph = data.split("test").graph(1)
    for article, method in zip(articles[1:], ("rand", "neigh", "graphn"), strict=True):
        perturber = Perturber(method, contexts, vectors.classes, 0.5, 3, 1)
        steps = perturbation_steps(perturber, graph, generator(4, "show", "perturbations"))
        sections = re.findall(r"<section>.*?</section>", article, re.S)
        assert len(sections) == len(steps) == max(1, round(0.5 * len(graph)))
        for section, step in zip(sections, steps, strict=True):
            rows = re.findall(r"<bdi>([^<]*)</bdi>( ← drawn)?(?:</span>)?</td><td class=\"number\">([\d.]+)<", section)
            expected = {data.classes[label]: f"{probability:.4f}" for label, probability in
                        enumerate(step.probabilities) if probability > 0}
            assert {label: number for label, _, number in rows} == expected
            assert len(rows) == len(expected)
            assert [label for label, drawn, _ in rows if drawn] == [data.classes[step.after]]
            assert f"came next with probability {step.drawn:.4f}" in section


def test_show_perturbations_follows_from_its_seed(data, vectors, tmp_path) -> None:
    def written(seed: int, folder: str) -> dict[str, bytes]:
        show_perturbations(data, tmp_path / folder, vectors, methods=["graphn"], seed=seed)
        return {path.name: path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}

    first = written(0, "a")
    assert sorted(first) == ["1_graphn.png", "image.png", "index.html", "original.png"]
    assert written(0, "b") == first
    name = "1_graphn.png"
    assert any(written(seed, f"c{seed}")[name] != first[name] for seed in (1, 2, 3))


def test_show_perturbations_refuses_settings_before_it_writes(data, vectors, tmp_path) -> None:
    for settings, message in (({"topks": [99]}, "topk must be at most"), ({"alphas": [0.5]}, "alpha must be >= 1"),
                              ({"intensity": 2.0}, "intensity must be in"), ({"image": 99}, "--index 99")):
        with pytest.raises(ValueError, match=message):
            show_perturbations(data, tmp_path / "out", vectors, **settings)
    assert not (tmp_path / "out").exists()


def test_show_perturbations_says_what_is_not_drawn(data, vectors, tmp_path, monkeypatch) -> None:
    """Here at most one relation is drawn, with its two objects and those that were changed."""
    monkeypatch.setattr("sgg.show.perturbations.within_limits", partial(within_limits, most_relations=1))
    page = show_perturbations(data, tmp_path, vectors, image=1, methods=["rand"])
    graph = data.split("test").graph(1)
    relations, objects = {tuple(row) for row in graph.relations.tolist()}, len(graph)
    assert len(relations) > 1
    found = re.search(rf"The drawing leaves out (\d+) of {objects} objects and {len(relations) - 1} of "
                      rf"{len(relations)} relations\.", page.read_text())
    changed = max(1, round(0.2 * objects))
    assert objects - 2 - changed <= int(found[1]) <= objects - 2
