"""Versions of the packages that compute results."""

import torch

from sgg.common.versions import changed_versions, versions


def test_versions():
    assert versions()["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert set(versions()) == {"python", "torch", "torchvision", "numpy", "scipy", "pillow"}


def test_changed_versions():
    now = {"torch": "2.10", "numpy": "2.0"}
    assert changed_versions({"torch": "2.9", "numpy": "2.0"}, now) == "torch 2.9, now 2.10"
    assert changed_versions(now, now) == changed_versions({}, now) == ""
