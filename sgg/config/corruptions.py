"""The names of corruptions of images (`evaluation.corruption`; Hendrycks and Dietterich 2019)."""

from __future__ import annotations

from typing import Literal, get_args

CorruptionName = Literal[
    "gaussian_noise", "shot_noise", "impulse_noise",
    "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
    "snow", "frost", "fog", "brightness",
    "contrast", "elastic_transform", "pixelate", "jpeg_compression"]
"""The 15 common corruptions: noise, blur, weather, digital."""
CORRUPTIONS: tuple[CorruptionName, ...] = get_args(CorruptionName)
SEVERITIES = (1, 2, 3, 4, 5)
USUAL_SEVERITY = 3
