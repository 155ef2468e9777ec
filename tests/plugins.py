"""Plugins of tests: their sources, and the time for which they are loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sgg.methods.plugins import load_plugins, loaded_digests, unload_plugins


@contextmanager
def no_plugin_stays() -> Iterator[None]:
    """Plugins that are loaded in the block are unloaded after it, those of before are not."""
    before = loaded_digests().keys()
    try:
        yield
    finally:
        if others := loaded_digests().keys() - before:
            unload_plugins(others)


@contextmanager
def loaded(path: Path, source: str) -> Iterator[Path]:
    """In the block a plugin of this source, which is written to `path`, is loaded."""
    path.write_text(source)
    with no_plugin_stays():
        load_plugins([str(path)])
        yield path


HEAD = """
from typing import Annotated, Literal

from sgg.methods.head import HEADS, Head
from sgg.settings.roles import trains


@HEADS.register
class Mine(Head):
    kind: Annotated[Literal["mine"], trains()] = "mine"

    def build(self, sizes, words=None):
        raise NotImplementedError
"""
"""A relation head that is registered, and no more."""

DATA_SET = """
from dataclasses import replace
from typing import Annotated, Literal

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains


@DATA_SETS.register
class Drawn(DataSettings):
    name: Annotated[Literal["drawn"], trains(shared=True, tried=True)] = "drawn"

    def open(self, rules, cache):
        from sgg.data.sets.custom import Custom

        return replace(Custom(root=self.root).open(rules, cache), name="drawn", title="drawings")
"""
"""The data set `custom` under the name `drawn`."""

BACKBONE = """
from typing import Annotated, Literal

from sgg.detector.backbones.tiny import Tiny
from sgg.methods.backbone import BACKBONES
from sgg.settings.roles import trains


@BACKBONES.register
class Small(Tiny):
    backbone: Annotated[Literal["small"], trains(shared=True)] = "small"

    def build(self, num_classes, settings):
        raise RuntimeError("no")
"""
"""A detector backbone that cannot be built, in line 14."""

PYRAMID = """
from typing import Annotated, ClassVar, Literal

from sgg.detector.backbones.resnext101 import ResNeXt101
from sgg.methods.backbone import BACKBONES, DetectorSpec
from sgg.settings.roles import trains


@BACKBONES.register
class SmallPyramid(ResNeXt101):
    spec: ClassVar[DetectorSpec] = DetectorSpec(128, 64, 4, channels=256, head_dim=24, levels=4, last_pixel=True,
                                                own_sizes=True)
    body: ClassVar[str] = "resnet18"

    backbone: Annotated[Literal["small_pyramid"], trains(shared=True)] = "small_pyramid"
"""
"""A small detector with a feature pyramid, otherwise like `resnext101`."""
