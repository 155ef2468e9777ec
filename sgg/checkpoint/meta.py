"""The content of a checkpoint's meta.json."""

from __future__ import annotations

from typing import Any, TypedDict

from sgg.common.versions import Program
from sgg.data.provenance import DataProvenance


class CheckpointMeta(TypedDict, total=False):
    """The provenance of a checkpoint. Files of earlier versions lack some keys.

    format: version of the file format. epoch: finished epochs. step: finished steps of the epoch after them. config:
    all settings, nested. data: the provenance of the data. detector, features: the hash of each part on which the
    system is built. generator: that of the trained generator with which the trial began. plugins: the hash of each
    plugin, by name. program, versions: the code that trained. computed_on: device, number of workers and threads.
    source, metrics: the file name and the metrics of an imported checkpoint.
    """

    format: int
    epoch: int
    step: int
    config: dict[str, Any]
    data: DataProvenance
    detector: str
    features: str
    generator: str
    plugins: dict[str, str]
    program: Program
    versions: dict[str, str]
    computed_on: dict[str, str | int]
    source: str
    metrics: dict[str, float]
