"""Where results go besides the run's own files: Weights & Biases, TensorBoard, Parquet. All off by default."""

from __future__ import annotations

from typing import Any

from sgg.config import Study

from .study import StudyDirectory


def trackers(study: Study, directory: StudyDirectory) -> list[Any]:
    """The callbacks that `study.base.tracking` asks for."""
    return []
