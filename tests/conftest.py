"""What tests of several folders share: a small toy genome, made once a session."""

import ctypes
import gc
import multiprocessing
import os
import random
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

multiprocessing.get_context("forkserver").set_forkserver_preload(["pytest", "sgg.fit", "sgg.detector"])
"""Processes of tests are forked from one that has imported all this, which a fresh interpreter takes seconds for."""


FULL_SIZE = {"test_detector_training", "test_paper_configs", "test_published_full_size"}
"""Modules whose networks want gigabytes."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` two processes run the tests side by side (pytest-xdist). One of them then runs all
    tests that start a Ray or want gigabytes, one after another: the former wait more than they compute, and two of the
    latter would not fit in memory.
    """
    for item in items:
        if item.get_closest_marker("ray") or item.path.stem in FULL_SIZE:
            item.add_marker(pytest.mark.xdist_group("one at a time"))


@pytest.fixture(scope="session")
def toy_root(tmp_path_factory) -> Path:
    """A data root with an uneven toy genome of 32/8/12 images and 24 for the detector; what is derived from it stays
    there."""
    from sgg.data.toy import Sizes, generate
    from tests.uneven import make_uneven

    root = tmp_path_factory.mktemp("data")
    generate(root / "toy", sizes=Sizes(train=32, val=8, test=12, detector=24))
    make_uneven(root / "toy")
    return root


@pytest.fixture(scope="session")
def toy_settings(toy_root) -> dict:
    """Settings of a run on it that trains in seconds."""
    return {"data": {"name": "toy", "root": str(toy_root)}, "detector": {"epochs": 2},
            "training": {"epochs": 2, "batch_size": 8}, "evaluation": {"batch_size": 8, "ks": [20, 50]}}


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Weights and inputs that a test makes are the same every time, and sums are added up in one order, whatever the
    number of cores, by one thread: small models gain nothing by more, and processes side by side lose much.
    """
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def memory_goes_back() -> Iterator[None]:
    """What the tests of a module have freed goes back to the system; glibc keeps it otherwise, gigabytes after networks
    of full size."""
    yield
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other systems have no such function
    if trim is not None:
        trim(0)


@pytest.fixture
def every_core(same_draws) -> None:
    """For networks of full size."""
    torch.set_num_threads(os.cpu_count() or 1)


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """Within `full_disk()` no file of this process may grow beyond 10 bytes; pytest's own, of its report, included."""
    @contextmanager
    def full() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    return full
