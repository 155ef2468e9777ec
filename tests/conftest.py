"""What tests of several folders share: a small toy genome, made once a session."""

import atexit
import ctypes
import gc
import multiprocessing
import os
import random
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

multiprocessing.get_context("forkserver").set_forkserver_preload(["pytest", "sgg.training.fit", "sgg.detector"])
"""Processes of tests are forked from one that has imported all this, which a fresh interpreter takes seconds for."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays until the end, so no search for garbage looks through it: with torch, Ray and pandas each
    search takes half a second of processor time otherwise, and there is one after each module of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)


FULL_SIZE = {"test_detector_training", "test_paper_configs", "test_published_full_size"}
"""Modules whose networks want gigabytes."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What wants gigabytes runs first, before anything else stays in memory, then what shares a Ray, then what starts
    one of its own.

    With `-n 2 --dist loadgroup` two processes run the tests side by side (pytest-xdist). One of them then runs all
    these, which wait more than they compute, one after another.
    """
    items.sort(key=_turn)
    for item in items:
        if _turn(item) == 0:
            item.add_marker(pytest.mark.full_size)
        if _turn(item) < LAST:
            item.add_marker(pytest.mark.xdist_group("one at a time"))


LAST = 3


def _turn(item: pytest.Item) -> int:
    if item.path.stem in FULL_SIZE:
        return 0
    if "ray_with_gpus" in item.fixturenames:
        return 1
    return 2 if item.get_closest_marker("ray") else LAST


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


@pytest.fixture
def toy_copy(toy_root, tmp_path) -> Path:
    """A data root with a copy of that toy genome, whose images a test may change."""
    shutil.copytree(toy_root / "toy", tmp_path / "toy")
    return tmp_path


@pytest.fixture(scope="session")
def toy_settings(toy_root) -> dict:
    """Settings of a run on it that trains in seconds."""
    return {"data": {"name": "toy", "root": str(toy_root)}, "detector": {"epochs": 2},
            "training": {"epochs": 2, "batch_size": 8}, "evaluation": {"batch_size": 8, "ks": [20, 50]}}


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Weights and inputs that a test makes are the same every time, and sums are added up in one order, whatever the
    number of cores, by one thread: small models gain nothing by more, and processes side by side lose much.

    Modules that only start commands do not import torch, which would take half a gigabyte beside these.
    """
    random.seed(0)
    np.random.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def memory_goes_back() -> Iterator[None]:
    """What the tests of a module have freed goes back to the system; glibc keeps it otherwise."""
    yield
    _give_memory_back()


@pytest.fixture(autouse=True)
def gigabytes_go_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """The same after each test of full size."""
    yield
    if request.path.stem in FULL_SIZE:
        _give_memory_back()


def _give_memory_back() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other systems have no such function
    if trim is not None:
        trim(0)


@pytest.fixture
def every_core(same_draws) -> None:
    """For networks of full size."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """Within `full_disk()` no file of this process may grow beyond 10 bytes; pytest's own, of its report, included, so
    nothing may be printed there."""
    @contextmanager
    def full() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    return full


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """Threads and number formats of this process are afterwards what they were."""
    import torch

    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    torch.backends.cudnn.allow_tf32 = cudnn
