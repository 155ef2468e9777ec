"""What single registries do not allow in an entry: named with its file."""

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


def test_adjustments() -> None:
    class Hyphen(Shift):
        kind: Annotated[Literal["a-b"], measures()] = "a-b"

    class Every(Shift):
        kind: Annotated[Literal["every"], measures()] = "every"

    class More(Shift):
        strength: Annotated[float, measures()] = 1.0

    assert "another name than 'a-b'" in refused(ADJUSTMENTS, Hyphen)
    assert "another name than 'every'" in refused(ADJUSTMENTS, Every)
    assert "no other, got kind, values, strength" in refused(ADJUSTMENTS, More)


def test_no_adjustment_takes_the_place_of_another_setting() -> None:
    assert set(OTHERS) == set(Evaluation.model_fields) - set(ADJUSTMENTS)


def test_heads_ask_for_what_there_is() -> None:
    class Curious(Head):
        needs: ClassVar = frozenset({"class_vector"})
        kind: Annotated[Literal["curious"], trains()] = "curious"

        def build(self, sizes, words=None):
            raise NotImplementedError

    assert "asks for 'class_vector'; needs may have detector_logits, class_boxes" in refused(HEADS, Curious)


def test_a_backbones_setting_decides_what_trials_share() -> None:
    class Wide(BACKBONES["tiny"]):
        backbone: Annotated[Literal["wide"], trains(shared=True)] = "wide"
        width: Annotated[int, trains()] = 32

    assert "trains(shared=True) as the role of width, got training, searchable" in refused(BACKBONES, Wide)


def test_a_backbone_has_a_spec() -> None:
    class Blind(Backbone):
        backbone: Annotated[Literal["blind"], trains(shared=True)] = "blind"

        def build(self, num_classes, settings):
            raise NotImplementedError

        def recipe(self):
            raise NotImplementedError

    assert "needs a `spec`" in refused(BACKBONES, Blind)
