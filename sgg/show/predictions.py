"""Predictions of a checkpoint beside the annotation, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.progress import image_bar
from sgg.data import load_batches
from sgg.data.dataset import DataSet, Split
from sgg.data.images.image_files import read_image
from sgg.evaluate.restore import Restored, restore
from sgg.methods.head import Mode
from sgg.structures import Prediction, SceneGraph, to_numpy
from sgg.systems.contract import DivergedError, Vocabulary
from sgg.systems.two_stage.foundation import TwoStageFoundation

from .judged_picture import SIGNS, STROKES, JudgedPictures, Side, Verdict, judged_pictures, sides_of
from .judgement import Judgement, judge
from .markup import Markup, joined, name, tag
from .page import Page, require_page_folder

LIMIT, TOP = 20, 20
"""Defaults: images of a page, and the best triplets of an image that count."""
TITLES = {"predcls": "PredCls", "sgcls": "SGCls", "sgdet": "SGDet"}
MEANINGS: dict[Verdict, str] = {
    "hit": "hit: annotated, and among the best triplets", "missed": "missed: annotated, and not among them",
    "wrong": "wrong: among the best triplets, and not annotated"}
TOGGLES = {"zs": "with a zero-shot relation", "zs-hit": "with a zero-shot hit", "zs-missed": "with a zero-shot miss"}


@dataclass(frozen=True, eq=False)
class JudgedImage:
    """An image with its prediction in one mode. number: of the image in its split. zero_shot: [E] of each annotated
    relation."""

    number: int
    truth: SceneGraph
    prediction: Prediction
    mode: Mode
    judged: Judgement
    zero_shot: list[bool]


def open_model(checkpoint: Path | str, root: Path | str | None = None, modes: Sequence[str] | None = None,
               device: str | None = None, allow_changed_plugin: bool = False) -> Restored:
    """The model of a checkpoint on its data. root: the folder of the data sets, if it is another than in training.
    modes: predcls, sgcls, sgdet; None: as in training. Raises what `sgg.evaluate.restore.restore` raises."""
    given: dict[str, dict[str, Any]] = {
        "data": {"root": root and str(root)}, "training": {"device": device},
        "evaluation": {"modes": modes and list(modes)}}
    changes = {section: {key: value for key, value in values.items() if value is not None}
               for section, values in given.items()}
    return restore(checkpoint, changes, allow_changed_plugin)


def show_predictions(model: Restored, out: Path | str, split: str = "test", limit: int = LIMIT, top: int = TOP,
                     zero_shot: bool = False, constrained: bool = True) -> Path:
    """Write a page with the first `limit` images of a split, each with its annotated graph, and the graph of the `top`
    best triplets of the model in each mode. Returns the path of the page.

    zero_shot: only images with a zero-shot relation. constrained: one predicate for each pair, as in R@K; else as in
    ngR@K.

    Raises ValueError where no image is left, for a `top` below 1, and where scores are not finite.
    """
    out = Path(out)
    require_page_folder(out)
    require_top(top)
    experiment = model.foundation.experiment
    data, modes = experiment.data, experiment.config.evaluation.modes
    images = chosen_images(data, experiment.split(split), limit, zero_shot)
    vocabulary = Vocabulary(tuple(data.classes), tuple(data.predicates))
    page = Page(out, f"Predictions on {split} of {data.title}", "The annotated graph of each image, and beside it the "
                f"{top} best triplets of the model.", _facts(model, images, split, top, zero_shot, constrained),
                [_legend(modes)], placeholder="a class or a predicate", toggles=TOGGLES)
    recalls: dict[str, list[float]] = {mode: [] for mode in modes}
    with page, image_bar("predictions") as on_image:
        for one in judged_images(model, images, split, top, constrained):
            recalls[one.mode].append(one.judged.recall)
            _add(page, images, one, vocabulary, top, constrained)
            on_image(one.number + (one.mode == modes[-1]), len(images))
        page.close_with("; ".join(f"{TITLES[mode]}: the mean {recall_name(top, constrained)} of these images is "
                                  f"{100 * np.nanmean(of_mode):.1f} %" for mode, of_mode in recalls.items()))
    return page.path


def require_top(top: int) -> None:
    """Raise ValueError where no triplet of an image would count."""
    if top < 1:
        raise ValueError(f"--top {top}: at least one triplet of an image must count")


def chosen_images(data: DataSet, split: Split, limit: int, zero_shot: bool) -> Split:
    """The first `limit` images of a split. zero_shot: of those that have a zero-shot relation.

    Raises ValueError where there is none.
    """
    if zero_shot:
        annotations = split.annotations
        unseen = data.seen(split.name).of(annotations.triplets) == 0
        split = replace(split, annotations=annotations.select(np.unique(annotations.image_of_relation[unseen])))
    if not len(split):
        raise ValueError(f"--zero-shot: {split.name} of {data.title} has no image with a zero-shot relation; choose "
                         "another --split, or leave the option out")
    return split.head(limit)


def judged_images(model: Restored, images: Split, split: str, top: int = TOP,
                  constrained: bool = True) -> Iterator[JudgedImage]:
    """The images of a split in their order, each in every mode. They are computed as they are taken. split: the one
    that decides which relations are zero-shot. top, constrained: as in `judge`."""
    foundation, experiment = model.foundation, model.foundation.experiment
    settings, seen = experiment.config, experiment.data.seen(split)
    modes: Sequence[Mode] = settings.evaluation.modes
    # Resized in loading as in an evaluation, so that both see the same pixels.
    largest = foundation.detector.image_size if isinstance(foundation, TwoStageFoundation) else None
    batches = load_batches(images, settings.evaluation.batch_size, workers=settings.data.workers, largest=largest)
    number = 0
    with model.predictor.evaluating():
        for batch in batches.epoch(0):
            try:
                found = model.predictor.predict(batch, modes).predictions
            except DivergedError as error:
                raise ValueError(f"{model.checkpoint.path}: {error}; show an earlier checkpoint") from error
            for place, graph in enumerate(batch.graphs()):
                truth = graph.numpy()
                unseen = (seen.of(truth.triplets()) == 0).tolist()
                for mode in modes:
                    prediction = found[mode][place].numpy()
                    yield JudgedImage(number, truth, prediction, mode,
                                      judge(truth, prediction, mode, top, constrained), unseen)
                number += 1


def recall_name(top: int, constrained: bool) -> str:
    """R@20, or ngR@20."""
    return f"{'' if constrained else 'ng'}R@{top}"


def recall_in_words(one: JudgedImage, top: int, constrained: bool) -> str:
    """How many relations of an image are found, as a sentence."""
    total, hits = len(one.zero_shot), [relation.rank is not None for relation in one.judged.relations]
    unseen = sum(one.zero_shot)
    found = sum(hit for hit, new in zip(hits, one.zero_shot, strict=True) if new)
    text = (f"{sum(hits)} of {total} relations {'is' if total == 1 else 'are'} among the {top} best triplets: "
            f"{recall_name(top, constrained)} {100 * one.judged.recall:.1f} %.")
    return f"{text} Zero-shot: {found} of {unseen}." if unseen else f"{text} None of them is zero-shot."


def _add(page: Page, images: Split, one: JudgedImage, vocabulary: Vocabulary, top: int, constrained: bool) -> None:
    """Add the entry of an image in one mode."""
    annotated, predicted = sides_of(one.truth, one.prediction, one.judged, one.mode, one.zero_shot)
    pixels = read_image(images.image_path(one.number), images.size(one.number))
    drawn = judged_pictures(pixels, annotated, predicted, vocabulary, one.mode != "sgdet")
    image_id, title = images.image_id(one.number), TITLES[one.mode]
    rest = f"{drawn.left_out:,} more relations are not drawn, but listed below." if drawn.left_out else None
    words = [vocabulary.classes[label] for side in (annotated, predicted) for label in side.labels]
    words += [vocabulary.predicates[line.predicate] for side in (annotated, predicted) for line in side.lines]
    marks = ["zs"] if any(one.zero_shot) else []
    marks += sorted({"zs-missed" if relation.rank is None else "zs-hit" for relation, new in
                     zip(one.judged.relations, one.zero_shot, strict=True) if new})
    page.add(joined(["Image ", name(image_id), tag("span", f"  {title}", class_="times")]),
             tag("p", recall_in_words(one, top, constrained)), _figures(page, drawn, f"{one.number:05d}_{one.mode}",
                                                                        image_id),
             None if rest is None else tag("p", rest, class_="note"), _lists(one, predicted, vocabulary),
             words=[image_id, title, *words], marks=marks)


def _figures(page: Page, drawn: JudgedPictures, stem: str, image_id: str) -> Markup:
    parts = [("image", drawn.image, "its boxes", joined(["image ", name(image_id)])),
             ("predicted_image", drawn.predicted_image, "the predicted boxes", "predicted boxes"),
             ("annotated", drawn.annotated, "the annotated graph", "annotated: hits and misses"),
             ("predicted", drawn.predicted, "the predicted graph", "predicted: hits and wrong triplets")]
    return tag("div", *(page.picture(f"{stem}_{kind}.png", picture, f"image {image_id}: {alt}", caption,
                                     None if "image" in kind else "graph")
                        for kind, picture, alt, caption in parts if picture is not None),
               class_="figures judged" if drawn.predicted_image is None else "figures judged own")


def _lists(one: JudgedImage, predicted: Side, vocabulary: Vocabulary) -> Markup:
    """All relations and all triplets in words, for those who cannot see the pictures, and for what is not drawn."""
    def sentence(labels: np.ndarray, subject: int, predicate: int, other: int) -> Markup:
        return joined([name(vocabulary.classes[labels[subject]]), " ", name(vocabulary.predicates[predicate]), " ",
                       name(vocabulary.classes[labels[other]])])

    def item(verdict: Verdict, text: Markup, remark: str) -> Markup:
        return tag("li", tag("span", f"{SIGNS[verdict]} {verdict}", class_=verdict), " ", text, f" {remark}")

    relations = [item("missed" if relation.rank is None else "hit",
                      sentence(to_numpy(one.truth.labels), relation.subject, relation.predicate, relation.object),
                      " ".join(filter(None, ["" if relation.rank is None else f"rank {relation.rank + 1}",
                                             "zero-shot" if new else ""])))
                 for relation, new in zip(one.judged.relations, one.zero_shot, strict=True)]
    triplets = [item("hit" if triplet.hit else "wrong",
                     sentence(predicted.labels, triplet.subject, triplet.predicate, triplet.object),
                     f"score {triplet.score:.3f}") for triplet in one.judged.triplets]
    return tag("details", tag("summary", "All relations and triplets in words"), tag(
        "div", tag("section", tag("h3", "Annotated"), tag("ul", *relations)),
        tag("section", tag("h3", "Predicted, best first"), tag("ol", *triplets)), class_="columns"))


def _legend(modes: Sequence[str]) -> Markup:
    kinds = {"hit": "unbroken blue line", "missed": "dashed red line", "wrong": "dotted grey line"}
    lines = [tag("li", tag("span", class_=f"line {verdict}"),
                 tag("span", f"{SIGNS[verdict]} {MEANINGS[verdict]} ({kinds[verdict]})", class_=verdict))
             for verdict in STROKES]
    other = tag("li", "✗ and a dashed edge at an object: its class is another than the annotated one")
    return tag("ul", *lines, other if "sgcls" in modes else None, class_="legend")


def _facts(model: Restored, images: Split, split: str, top: int, zero_shot: bool,
           constrained: bool) -> list[tuple[str, str]]:
    data = model.foundation.experiment.data
    which = "that have a zero-shot relation" if zero_shot else f"of {split}"
    rule = "one predicate for each pair of objects (R@K)" if constrained else "any predicates of a pair (ngR@K)"
    return [("model", f"{model.checkpoint.path}, after epoch {model.checkpoint.epoch}"),
            ("data", f"{data.description} [{data.hash}]"), ("images", f"the first {len(images):,} {which}"),
            ("a hit", f"a triplet whose three classes are annotated, and whose boxes share at least half of their "
             f"union with the annotated ones; among the {top} best triplets of the image, with {rule}"),
            ("wrong", "what nobody annotated may be true all the same: annotation of relations is never complete")]
