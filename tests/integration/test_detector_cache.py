"""A detector that several processes want at once is trained by one of them; a killed one's work is taken up."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import torch

from sgg.data import DataSet, open_dataset
from sgg.detector import ensure_detector, load_detector
from sgg.detector.backbones.tiny import Tiny
from sgg.detector.cache import cache_path
from sgg.detector.training import STATE

SETTINGS = Tiny(epochs=3)


def ensure(root: Path, cache: Path, answers) -> None:
    torch.set_num_threads(1)
    answers.put(ensure_detector(open_dataset("toy", root), cache, SETTINGS)[1])


def folder(cache: Path, data: DataSet) -> Path:
    return cache_path(cache, data, SETTINGS)


def test_ensure_detector_waits_while_another_process_trains(toy_root, tmp_path) -> None:
    data, cache = open_dataset("toy", toy_root), tmp_path / "cache"
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    other = context.Process(target=ensure, args=(toy_root, cache, answers))
    other.start()
    own = ensure_detector(data, cache, SETTINGS)[1]
    assert answers.get(timeout=300) == own
    other.join()
    assert [entry for entry in folder(cache, data).parent.iterdir() if entry.is_dir()] == [folder(cache, data)]


def test_ensure_detector_resumes_a_killed_training(toy_root, tmp_path) -> None:
    data = open_dataset("toy", toy_root)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        undisturbed = ensure_detector(data, tmp_path / "undisturbed", SETTINGS)[1]
        cache = tmp_path / "cache"
        context = multiprocessing.get_context("spawn")
        answers = context.Queue()
        victim = context.Process(target=ensure, args=(toy_root, cache, answers))
        victim.start()
        state = folder(cache, data).with_name(f"{folder(cache, data).name}.unfinished") / STATE
        while not state.exists():  # its first epoch is done
            assert victim.is_alive()
            time.sleep(0.002)
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        detector, digest = ensure_detector(data, cache, SETTINGS)
    finally:
        torch.set_num_threads(threads)
    assert digest == undisturbed
    assert load_detector(folder(cache, data))[1]["hash"] == digest
    assert not state.parent.exists()
    assert not detector.training
