"""Plugin parts that cannot be built are named before anything starts."""

from contextlib import nullcontext

import pytest
import torch

from sgg.config import validate
from sgg.config.__main__ import main
from sgg.data import open_dataset
from sgg.experiment.context import Experiment
from sgg.methods.plugin_files import PluginError
from sgg.methods.plugins import loaded_digests, unload_plugins
from sgg.systems.two_stage.construction import faults_of_plugins, require_plugins
from tests.plugins import loaded

ADJUSTMENT = """
from typing import Annotated, Literal

from sgg.settings.roles import measures
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment


@ADJUSTMENTS.register
class Shift(Adjustment):
    kind: Annotated[Literal["shift"], measures()] = "shift"
    \"\"\"Shift.\"\"\"
    values: Annotated[list[float], measures(swept=True)] = [0.0]
    \"\"\"By how much the background is moved.\"\"\"

    def build(self, statistics):
        return statistics.no_such_count
"""


@pytest.fixture
def shift(tmp_path):
    with loaded(tmp_path / "shift.py", ADJUSTMENT) as path:
        yield path


def test_faults_of_plugins_names_an_adjustment_that_cannot_be_built(shift, toy_root) -> None:
    data = open_dataset("toy", toy_root)

    def faults(values: list[float]) -> list[str]:
        return faults_of_plugins(Experiment(validate({"data": {"name": "toy", "root": str(toy_root)},
                                                      "evaluation": {"shift": values}}), data))

    (fault,) = faults([0.0, 1.0])
    assert fault.startswith("evaluation.shift: ")
    for part in ("shift.py:16", "no_such_count"):
        assert part in fault
    assert faults([0.0]) == [], "it is not asked for"


@pytest.mark.parametrize(("built", "words"), [
    ("lambda logits, context, value: logits + value", None),
    ("lambda logits, context, value: logits[:, 1:]", (":16", "the adjustment shift must return logits of shape [8, ",
                                                      "got torch.float32 of shape [8, ")),
    ("lambda logits, context, value: logits.argmax(1)", (":16", "got torch.int64 of shape [8]")),
    ("lambda logits, context, value: None", (":16", "shift", "got NoneType")),
    ("lambda logits, context, value: logits.nonsense", (":16: AttributeError", "nonsense")),
    ("lambda logits, value: 1", (":16", "Shift.build must return a function (logits, context, value), but too many")),
    ("None", (":15", "Shift.build must return a function (logits, context, value), got NoneType")),
    ("type('Called', (), {'__call__': lambda self: 1})()", ("must return a function (logits, context, value), but",)),
])
def test_faults_of_plugins_tries_an_adjustment(tmp_path, toy_root, built: str, words) -> None:
    with loaded(tmp_path / "shift.py", ADJUSTMENT.replace("statistics.no_such_count", built)):
        config = validate({"data": {"name": "toy", "root": str(toy_root)}, "evaluation": {"shift": [0.0, 1.0]}})
        faults = faults_of_plugins(Experiment(config, open_dataset("toy", toy_root)))
    assert [fault.partition(": ")[0] for fault in faults] == (["evaluation.shift"] if words else [])
    for word in words or ():
        assert word in faults[0]


PARTS = """
from typing import Annotated, ClassVar, Literal

from sgg.settings.roles import trains
from sgg.detector.backbones.tiny import Tiny
from sgg.methods.augmentation import AUGMENTATIONS, Augmentation
from sgg.methods.backbone import BACKBONES
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss


@AUGMENTATIONS.register
class Idle(Augmentation):
    needs: ClassVar = frozenset({"features"})
    kind: Annotated[Literal["idle"], trains(shared=True, tried=True)] = "idle"

    def build(self, parts):
        assert parts.features.request([1, 1], None, parts.device).result().shape == (2, 32, 7, 7)
        assert parts.map_size == 22
        from sgg.systems.two_stage.augmenter import Augmenter

        class Idler(Augmenter):
            def repeats(self, annotations):
                import numpy as np
                return <repeats>

            def sample_pairs(self, relations, background, budget, generator):
                import torch
                assert len(relations) + len(background) > budget.pairs
                return <pairs>

            def request(self, plan, draws):
                <request>

        <augmentation>


@BACKBONES.register
class Small(Tiny):
    backbone: Annotated[Literal["small"], trains(shared=True)] = "small"

    def build(self, num_classes, settings):
        <detector>
        return Tiny.build(self, num_classes, settings)


@EDGE_LOSSES.register
class Mine(EdgeLoss):
    kind: Annotated[Literal["mine"], trains(mid_training=True)] = "mine"

    def build(self, statistics):
        return lambda logits, predicates, context: <loss>
"""
FINE = {"augmentation": "return Idler()", "repeats": "None", "detector": "pass", "pairs": "None", "request": "pass",
        "loss": "logits.sum() * context.num_foreground"}


@pytest.mark.parametrize(("broken", "key", "words"), [
    ({}, None, ()),
    ({"augmentation": "raise RuntimeError('no')"}, "augmentation", ("parts.py:34: RuntimeError: no",)),
    ({"augmentation": "pass"}, "augmentation", ("parts.py:16: Idle.build must return an Augmenter", "got NoneType")),
    ({"repeats": "np.ones(len(annotations), int)"}, None, ()),
    ({"repeats": "np.zeros(len(annotations), int)"}, "augmentation", ("parts.py:22: Idler.repeats must return", "0 0")),
    ({"repeats": "[1]"}, "augmentation", ("parts.py:22: Idler.repeats", "whole numbers >= 0", "of shape [1]: [1]")),
    ({"repeats": "np.ones(len(annotations))"}, "augmentation", ("parts.py:22: Idler.repeats", "got float64 of shape")),
    ({"repeats": "-np.ones(len(annotations), int)"}, "augmentation", ("parts.py:22: Idler.repeats", "-1 -1")),
    ({"pairs": "torch.tensor([0, 3]), torch.arange(4)"}, None, ()),
    ({"pairs": "torch.tensor([0, 4]), torch.arange(4)"}, "augmentation",
     ("parts.py:26: Idler.sample_pairs must return None or two tensors of whole numbers, rows of the 4 relations and "
      "rows of the 8 background pairs, got torch.int64 of shape [2], 0 to 4 and torch.int64 of shape [4], 0 to 3",)),
    ({"pairs": "torch.arange(4), torch.ones(4)"}, "augmentation", ("parts.py:26: Idler.sample_pairs", "torch.float32")),
    ({"pairs": "torch.arange(4)"}, "augmentation", ("parts.py:26: ", "got torch.int64 of shape [4], 0 to 3")),
    ({"pairs": "relations.nonsense"}, "augmentation", ("parts.py:29: AttributeError", "nonsense")),
    ({"request": "assert plan.labels.shape == (6,) and plan.pairs.shape == (12, 2) and plan.encoding.map.shape == "
                 "(2, 32, 22, 22) and plan.counts == (6, 12, 4, 2) and draws['mine']"}, None, ()),
    ({"request": "plan.nonsense"}, "augmentation", ("parts.py:32: AttributeError", "nonsense")),
    ({"augmentation": "Idler.networks = {'model': None}; return Idler()"}, "augmentation",
     ("parts.py:21: Idler: the name `model` is taken",)),
    ({"detector": "raise RuntimeError('no')"}, "detector", ("parts.py:42: RuntimeError: no",)),
    ({"detector": "num_classes = None"}, "detector", ("parts.py:43: TypeError", "NoneType")),
    ({"loss": "logits.nonsense"}, "loss", ("parts.py:51: AttributeError", "nonsense")),
    ({"loss": "0, 1"}, "loss", ("parts.py:50: Mine.build must return a function (logits, ", "got tuple")),
    ({"loss": "logits"}, "loss", ("parts.py:51: the edge loss", "must return a scalar tensor, got shape [8, ")),
    ({"loss": "0.5"}, "loss", ("parts.py:51: the edge loss", "must return a scalar tensor, got float")),
    ({"loss": "logits.detach().sum()"}, "loss", ("parts.py:51: the edge loss", "must return a loss with a gradient")),
])
def test_faults_of_plugins_names_each_part_that_cannot_be_built(toy_root, tmp_path, broken, key, words) -> None:
    text = PARTS
    for name, code in (FINE | broken).items():
        text = text.replace(f"<{name}>", code)
    with loaded(tmp_path / "parts.py", text):
        config = validate({"data": {"name": "toy", "root": str(toy_root)}, "detector": "small", "loss": "mine",
                           "augmentation": "idle"})
        faults = faults_of_plugins(Experiment(config, open_dataset("toy", toy_root)))
    assert [fault.partition(": ")[0] for fault in faults] == ([] if key is None else [key])
    for word in words:
        assert word in faults[0]


HEAD = """
from typing import Annotated, ClassVar, Literal

from sgg.settings.roles import trains
from sgg.methods.head import HEADS, Head, HeadOutputs


@HEADS.register
class Mine(Head):
    kind: Annotated[Literal["mine"], trains()] = "mine"
    needs: ClassVar = frozenset(<needs>)
    conditions_on_labels: ClassVar = <conditions>

    def build(self, sizes, words=None):
        from torch import nn

        class Network(nn.ModuleDict):
            def forward(self, inputs):
                <check>
                return HeadOutputs(self["nodes"](inputs.nodes), self["edges"](inputs.edges)<rows>)

            <stream>

        network = Network({"nodes": nn.Linear(sizes.vector, sizes.classes),
                           "edges": nn.Linear(sizes.vector, sizes.predicates)})
        return <built>
"""


def head(broken: dict[str, str]) -> str:
    """HEAD with these parts, and others that are right."""
    text = HEAD
    for name, code in ({"needs": "()", "conditions": "False", "check": "pass", "rows": "", "stream": "",
                        "built": "network"} | broken).items():
        text = text.replace(f"<{name}>", code)
    return text


STREAM = """def stream_pairs(self, inputs):
                assert not self.training and not inputs.edges.numel()
                from torch import cat
                class Stream(list):
                    def add(self, rows, vectors):
                        self.append(vectors)
                    def outputs(stream):
                        return self(type(inputs)(inputs.nodes, cat(stream)<of>, *[None] * 4))
                return Stream()"""
ALL = """{"detector_logits", "class_boxes", "class_vectors", "predicate_vectors", "maps", "box_masks"}"""
GIVEN = ("assert all(getattr(inputs, name) is not None for name in ('detector_logits', 'class_vectors', "
         "'predicate_vectors', 'node_maps', 'edge_maps', 'box_masks')); "
         "assert (inputs.class_boxes is None) == (inputs.mode != 'sgdet')")


@pytest.mark.parametrize(("broken", "words"), [
    ({}, None),
    ({"needs": ALL, "check": GIVEN}, None),
    ({"conditions": "True", "check": "assert (inputs.labels is None) == (inputs.mode != 'predcls')"}, None),
    ({"check": "assert (inputs.target_labels is None) != self.training and inputs.labels is None"}, None),
    ({"built": "None"}, ("mine.py:14: Mine.build must return a torch.nn.Module", "got NoneType")),
    ({"check": "inputs.nodse"}, ("mine.py:19: AttributeError", "nodse")),
    ({"check": "assert not self.training, 'in training'"}, ("mine.py:19: AssertionError: in training",)),
    ({"stream": STREAM.replace("<of>", "")}, None),
    ({"stream": STREAM.replace("<of>", "[1:]")}, ("mine.py:17: Network must return predicate_logits of", "got [3, ")),
    ({"stream": STREAM.replace("<of>", ".flip(0)")}, (
        "mine.py:22: Network.stream_pairs must give the predicate_logits that a call of Network gives",)),
    ({"rows": "[:-1]"}, ("mine.py:17: Network must return predicate_logits of shape [4, ", "got [3, ")),
])
def test_faults_of_plugins_tries_a_head(toy_root, tmp_path, broken, words) -> None:
    with loaded(tmp_path / "mine.py", head(broken)):
        config = validate({"data": {"name": "toy", "root": str(toy_root)}, "model": {"head": "mine"},
                           "evaluation": {"modes": ["sgcls", "predcls", "sgdet"]}})
        before = torch.get_rng_state()
        faults = faults_of_plugins(Experiment(config, open_dataset("toy", toy_root)))
        assert torch.equal(torch.get_rng_state(), before)
    assert [fault.partition(": ")[0] for fault in faults] == (["model.head"] if words else [])
    for word in words or ():
        assert word in faults[0]


@pytest.mark.parametrize(("use", "faults"), [("features", []), ("evaluation", []), ("training", ["model.head"])])
def test_require_plugins_tries_only_the_parts_that_a_use_needs(toy_root, tmp_path, use, faults) -> None:
    with loaded(tmp_path / "mine.py", head({"check": "assert not self.training"})):
        config = validate({"data": {"name": "toy", "root": str(toy_root)}, "model": {"head": "mine"}})
        experiment = Experiment(config, open_dataset("toy", toy_root))
        refused = pytest.raises(PluginError, match=r"^model\.head: .*mine\.py:19: AssertionError")
        with refused if faults else nullcontext():
            require_plugins(experiment, use)


def test_main_shows_the_settings_of_a_plugin(shift, capsys) -> None:
    unload_plugins(list(loaded_digests()))
    assert main([]) == 0
    assert "evaluation.shift" not in capsys.readouterr().out
    assert main(["--plugin", str(shift)]) == 0
    assert "By how much the background is moved." in capsys.readouterr().out
    assert main(["--plugin", "nowhere.py"]) == 2
    assert "nowhere.py: there is no such file" in capsys.readouterr().err
