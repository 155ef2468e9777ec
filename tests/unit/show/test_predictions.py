"""The page of predictions: its recall is that of an evaluation, its filter knows what is zero-shot."""

import re

import numpy as np
import pytest

from sgg.evaluate.evaluation import evaluate
from sgg.show.judgement import JudgedRelation, Judgement
from sgg.show.predictions import JudgedImage, chosen_images, judged_images, recall_in_words, show_predictions


def test_judged_images_have_the_recall_of_an_evaluation(model) -> None:
    experiment = model.foundation.experiment
    values = evaluate(model.predictor, model.foundation.evaluation_batches("test"), experiment.metrics("test"))
    found = []
    for constrained, k in ((True, 20), (False, 20), (True, 100), (False, 100)):
        recalls = {"sgcls": [], "predcls": []}
        for one in judged_images(model, experiment.split("test"), "test", k, constrained):
            recalls[one.mode].append(one.judged.recall)
        for mode, of_mode in recalls.items():
            found.append(values[f"{mode}/all/{'' if constrained else 'ng'}R@{k}"])
            assert np.mean(of_mode) == pytest.approx(found[-1], abs=1e-9)
    assert any(0 < value < 1 for value in found)


def test_judged_images_mark_what_training_lacks(model) -> None:
    experiment = model.foundation.experiment
    seen = experiment.data.seen("test").as_dict()
    flags = []
    for one in judged_images(model, experiment.split("test"), "test"):
        assert one.zero_shot == [tuple(triplet) not in seen for triplet in one.truth.triplets().tolist()]
        flags += one.zero_shot
    assert 0 < sum(flags) < len(flags)


def test_chosen_images_with_a_zero_shot_relation(data) -> None:
    split = data.split("test")
    seen = data.seen("test").as_dict()
    expected = [split.image_id(image) for image in range(len(split)) if any(
        tuple(triplet) not in seen for triplet in split.graph(image).triplets().tolist())]
    found = chosen_images(data, split, 100, zero_shot=True)
    assert [found.image_id(image) for image in range(len(found))] == expected
    assert len(chosen_images(data, split, 2, zero_shot=True)) == 2
    assert len(chosen_images(data, split, 100, zero_shot=False)) == len(split)
    common = split.head(1)
    common = data.split("train").head(1) if any(
        tuple(triplet) not in seen for triplet in common.graph(0).triplets().tolist()) else common
    with pytest.raises(ValueError, match=r"--zero-shot: .* has no image with a zero-shot relation"):
        chosen_images(data, common, 100, zero_shot=True)


def test_show_predictions_writes_an_entry_for_each_image_and_mode(model, tmp_path) -> None:
    page = show_predictions(model, tmp_path, limit=2, top=5)
    articles = re.findall(r"<article.*?</article>", page.read_text(), re.S)
    assert len(articles) == 4
    images = model.foundation.experiment.split("test").head(2)
    ones = list(judged_images(model, images, "test", 5))
    for article, one in zip(articles, ones, strict=True):
        assert article.count("✓ hit") == one.judged.found + sum(triplet.hit for triplet in one.judged.triplets)
        assert article.count("○ missed") == len(one.judged.relations) - one.judged.found
        assert article.count("✗ wrong") == sum(not triplet.hit for triplet in one.judged.triplets)
        assert recall_in_words(one, 5, True) in article
        (marks,) = re.findall(r'data-marks="([^"]*)"', article)
        assert ("zs" in marks.split()) == any(one.zero_shot)
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == sorted(f"{image:05d}_{mode}_{kind}.png" for image in (0, 1) for mode in ("sgcls", "predcls")
                           for kind in ("image", "annotated", "predicted"))
    for mode in ("sgcls", "predcls"):
        mean = np.mean([one.judged.recall for one in ones if one.mode == mode])
        assert f"the mean R@5 of these images is {100 * mean:.1f} %" in page.read_text()


def test_show_predictions_refuses_an_empty_ranking(model, tmp_path) -> None:
    with pytest.raises(ValueError, match="--top 0"):
        show_predictions(model, tmp_path / "out", top=0)
    assert not (tmp_path / "out").exists()


def test_recall_in_words_counts_what_is_found() -> None:
    relations = [JudgedRelation(0, 1, 1, 0), JudgedRelation(1, 0, 1, None), JudgedRelation(1, 2, 1, 4)]
    one = JudgedImage(0, None, None, "sgcls", Judgement([], relations), [True, True, False])
    assert recall_in_words(one, 20, True) == ("2 of 3 relations are among the 20 best triplets: R@20 66.7 %. "
                                              "Zero-shot: 1 of 2.")
    one = JudgedImage(0, None, None, "sgcls", Judgement([], relations[:1]), [False])
    assert recall_in_words(one, 50, False) == ("1 of 1 relations is among the 50 best triplets: ngR@50 100.0 %. "
                                               "None of them is zero-shot.")
