"""Phases and rates of a pre-training."""

from dataclasses import replace

import pytest

from sgg.detector.backbones.tiny import Tiny
from sgg.detector.rcnn import build_rcnn
from sgg.detector.recipe import everything, heads, regions
from sgg.methods.backbone import BACKBONES

RECIPES = {name: entry().recipe() for name, entry in BACKBONES.entries.items()}


def test_phase_at_follows_the_shares() -> None:
    recipe = replace(RECIPES["tiny"], epochs=9)
    found = [recipe.phase_at(epoch) for epoch in range(9)]
    assert [phase.loss for phase, _ in found] == [regions] * 5 + [heads] * 4
    assert [epochs for _, epochs in found] == [range(5)] * 5 + [range(5, 9)] * 4
    assert replace(recipe, epochs=1).phase_at(0)[1] == range(1)
    with pytest.raises(ValueError, match="epoch 9 is past the last, 8"):
        recipe.phase_at(9)
    assert RECIPES["vgg16"].phase_at(3)[0].loss is everything


def test_recipe_rate_rises_and_falls() -> None:
    recipe = RECIPES["tiny"]
    rates = [recipe.rate(done / 100) for done in range(101)]
    assert max(rates) == rates[15] == recipe.learning_rate
    assert rates[:16] == sorted(rates[:16])
    assert rates[15:] == sorted(rates[15:], reverse=True)
    assert rates[0] == 0
    assert rates[100] == pytest.approx(0)


def test_phase_trains_its_parts_only() -> None:
    rcnn, recipe = build_rcnn("tiny", 3), RECIPES["tiny"]
    for phase in recipe.phases:
        groups = recipe.build_optimizer(phase, rcnn).param_groups
        trained = {id(weight) for group in groups for weight in group["params"]}
        expected = {id(weight) for name, weight in rcnn.named_parameters() if name.startswith(phase.parts)}
        assert trained == expected
    assert RECIPES["vgg16"].phases[0].modules(rcnn) == [rcnn]


def test_recipe_has_the_settings_of_the_backbone() -> None:
    recipe = Tiny(epochs=3, learning_rate=0.5).recipe()
    assert (recipe.epochs, recipe.learning_rate, recipe.batch_size) == (3, 0.5, RECIPES["tiny"].batch_size)
    assert recipe.to_json() != RECIPES["tiny"].to_json()
    with pytest.raises(ValueError, match="detector epochs must be > 0, got 0"):
        replace(recipe, epochs=0)
    with pytest.raises(ValueError, match="backbone must be one of vgg16, resnet50, resnext101, tiny, got 'alexnet'"):
        build_rcnn("alexnet", 3)
