"""Faults of entries that single registries find: the message names the file."""

import subprocess
import sys
from typing import Annotated, ClassVar, Literal

import pytest

from sgg.config.schema import Evaluation
from sgg.methods.adjustment import ADJUSTMENTS, OTHERS, Adjustment
from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.head import HEADS, Head
from sgg.methods.registry import MethodError
from sgg.settings.roles import measures, trains


def refused(registry, entry) -> str:
    known = set(registry.entries)
    with pytest.raises(MethodError) as error:
        registry.register(entry)
    assert set(registry.entries) == known
    assert __file__ in str(error.value)
    return str(error.value)


class Shift(Adjustment):
    kind: Annotated[Literal["shift"], measures()] = "shift"
    """Shift."""
    values: Annotated[list[float], measures(swept=True)] = [0.0]  # noqa: RUF012 - pydantic copies it
    """By how much."""

    def build(self, statistics):
        return lambda logits, context, value: logits + value


def test_adjustment_fault_of_entry() -> None:
    class Hyphen(Shift):
        kind: Annotated[Literal["a-b"], measures()] = "a-b"

    class Every(Shift):
        kind: Annotated[Literal["every"], measures()] = "every"

    class More(Shift):
        strength: Annotated[float, measures()] = 1.0

    assert "another name than 'a-b'" in refused(ADJUSTMENTS, Hyphen)
    assert "another name than 'every'" in refused(ADJUSTMENTS, Every)
    assert "no other, got kind, values, strength" in refused(ADJUSTMENTS, More)


def test_adjustment_others_lists_all_other_settings() -> None:
    assert set(OTHERS) == set(Evaluation.model_fields) - set(ADJUSTMENTS)


def test_head_fault_of_entry_names_an_unknown_need() -> None:
    class Curious(Head):
        needs: ClassVar = frozenset({"class_vector"})
        kind: Annotated[Literal["curious"], trains()] = "curious"

        def build(self, sizes, words=None):
            raise NotImplementedError

    assert "asks for 'class_vector'; needs may have detector_logits, class_boxes" in refused(HEADS, Curious)


def test_backbone_fault_of_entry_names_a_setting_that_is_not_shared() -> None:
    class Wide(BACKBONES["tiny"]):
        backbone: Annotated[Literal["wide"], trains(shared=True)] = "wide"
        width: Annotated[int, trains()] = 32

    assert "trains(shared=True) as the role of width, got training, searchable" in refused(BACKBONES, Wide)


def test_backbone_fault_of_entry_names_a_missing_spec() -> None:
    class Blind(Backbone):
        backbone: Annotated[Literal["blind"], trains(shared=True)] = "blind"

        def build(self, num_classes, settings):
            raise NotImplementedError

        def recipe(self):
            raise NotImplementedError

    assert "`spec`" in refused(BACKBONES, Blind)


def test_entries_have_one_order_whichever_module_is_imported_first() -> None:
    code = ("import sgg.detector.backbones.tiny; from sgg.methods.backbone import BACKBONES; "
            "print(', '.join(BACKBONES))")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "vgg16, resnet50, resnext101, tiny"
