"""A plugin's own counterfactual logits: its head gives them, its adjustment takes them."""

import numpy as np
import pytest
import torch

from sgg.config import ConfigError, validate
from sgg.data import open_dataset
from sgg.experiment.context import Experiment
from sgg.systems.two_stage.construction import faults_of_plugins
from tests.plugins import loaded
from tests.untrained import untrained

PLUGIN = '''
from typing import Annotated, ClassVar, Literal

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment
from sgg.methods.head import HEADS, Head, HeadOutputs
from sgg.settings.roles import measures, trains


@HEADS.register
class Seeing(Head):
    counterfactuals: ClassVar[frozenset[str]] = frozenset({"blind"})
    kind: Annotated[Literal["seeing"], trains()] = "seeing"
    """A linear layer."""

    def build(self, sizes, words=None):
        from torch import nn

        class Network(nn.ModuleDict):
            def forward(self, inputs):
                blind = {name: self["edges"](0 * inputs.edges) for name in inputs.counterfactuals}
                return HeadOutputs(self["nodes"](inputs.nodes), self["edges"](inputs.edges), counterfactuals=blind)

        return Network({name: nn.Linear(sizes.vector, outputs) for name, outputs in (
            ("nodes", sizes.classes), ("edges", sizes.predicates))})


@ADJUSTMENTS.register
class Vision(Adjustment):
    kind: Annotated[Literal["vision"], measures()] = "vision"
    """What is seen."""
    values: Annotated[list[float], measures(swept=True)] = [0.0]
    """How much of the logits of a blind model is subtracted."""

    @classmethod
    def counterfactuals(cls, value):
        return frozenset({"blind"})

    def build(self, statistics):
        return lambda logits, context, value: logits - value * context.counterfactuals["blind"]
'''


@pytest.fixture
def plugin(tmp_path):
    with loaded(tmp_path / "seeing.py", PLUGIN) as path:
        yield path


def test_predict_gives_an_adjustment_of_a_plugin_its_counterfactual_logits(plugin, toy_root) -> None:
    """Without the blind logits, which are the bias of the last layer, the scores are those of a model without it."""
    config = validate({"data": {"name": "toy", "root": str(toy_root), "eval_images": 2}, "model": {"head": "seeing"},
                       "evaluation": {"vision": [0, 1], "logit_adjustment": [0, 1]}})
    foundation = untrained(config, toy_root)
    experiment, system = foundation.experiment, foundation.build_predictor()
    layer = system.model.relation_head["edges"]
    layer.bias.data.normal_()
    batch = next(iter(experiment.evaluation_batches("val")))
    with system.evaluating():
        found = system.predict(batch, ["predcls"], experiment.adjusters).predictions
        layer.bias.data.zero_()
        expected = system.predict(batch, ["predcls"]).predictions["predcls"]
    assert list(found) == ["predcls", "predcls/vision=1", "predcls/logit_adjustment=1",
                           "predcls/logit_adjustment=1/vision=1"]
    for pair in zip(found["predcls/vision=1"], expected, strict=True):
        ours, theirs = (one.predicate_scores[np.lexsort(one.pairs.numpy().T)] for one in pair)
        torch.testing.assert_close(ours, theirs)


def test_validate_names_the_head_that_gives_what_an_adjustment_takes(plugin) -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.vision 1 takes logits that model\.head imp does not give "
                                          r"\(blind\): use model\.head seeing, or leave this value out"):
        validate({"data": {"name": "toy"}, "evaluation": {"vision": [0, 1]}})


def test_faults_of_plugins_tries_counterfactual_logits(plugin, toy_root) -> None:
    config = validate({"data": {"name": "toy", "root": str(toy_root)}, "model": {"head": "seeing"},
                       "evaluation": {"vision": [0, 1]}})
    experiment = Experiment(config, open_dataset("toy", toy_root))
    assert faults_of_plugins(experiment) == []


@pytest.mark.parametrize(("given", "words"), [
    ("{}", "must return the counterfactual logits 'blind', which Seeing lists"),
    ("{'blind': inputs.nodes}", "the counterfactual logits 'blind' in the shape of predicate_logits, [4, ")])
def test_faults_of_plugins_names_wrong_counterfactual_logits(tmp_path, toy_root, given: str, words: str) -> None:
    with loaded(tmp_path / "seeing.py", PLUGIN.replace("counterfactuals=blind)", f"counterfactuals={given})")):
        settings = {"data": {"name": "toy", "root": str(toy_root)}, "model": {"head": "seeing"}}
        config = validate(settings)
        (fault,) = faults_of_plugins(Experiment(config, open_dataset("toy", toy_root)))
    assert words in fault
    assert "seeing.py" in fault
