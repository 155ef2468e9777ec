from platform.cluster.gpus import SeenGPU
from platform.launch import memory_plan
from platform.launch.memory_plan import ON_GPU, memory_lines, planned_steps
from platform.search.search_space import read_axes

import pytest

from sgg.config import load
from sgg.data import open_dataset
from sgg.systems.forecast import NeedsValuesError

GPU = {"CPU": 1.0, "GPU": 1.0}


@pytest.fixture
def planned(toy_root, tmp_path):
    """The study, its axes, its data, and its steps."""
    def of(text="", *overrides):
        (tmp_path / "a.yaml").write_text(f"data: {{name: toy, root: {toy_root}, workers: 0}}\n{text}")
        study, axes = read_axes(load(tmp_path / "a.yaml", overrides))
        data_of = {study.base.data.model_dump_json(): open_dataset("toy", toy_root)}
        return study, data_of, planned_steps(study, axes, data_of)
    return of


@pytest.fixture
def lines(planned, monkeypatch):
    """The lines of the plan beside GPUs of so many bytes."""
    def of(*gpus, text="", overrides=(), resources=GPU, at_once=1):
        monkeypatch.setattr(memory_plan, "gpus_of_nodes", lambda: list(gpus))
        study, data_of, steps = planned(text, *overrides)
        return list(memory_lines(study, steps, data_of, resources, at_once)), steps
    return of


def test_planned_steps_are_of_values_that_change_shapes(planned):
    """Each value of one setting beside the first of the others; rates change no shape."""
    _, _, steps = planned("""
model: {head: {kind: {search: grid, of: [imp, motifs]}}}
training: {batch_size: {search: choice, of: [2, 4]}}
loss: {scale: {search: uniform, low: 0.5, high: 2.0}}
""")
    values = [(step.point["model.head.kind"], step.point["training.batch_size"]) for step in steps]
    assert values == [("imp", 2), ("motifs", 2), ("imp", 4)]
    assert steps[2].memory.peak > steps[0].memory.peak
    assert steps[1].memory is None
    assert steps[1].fault == "it needs values of tensors, and a plan has their shapes alone"


def test_memory_lines_beside_a_gpu_with_room(lines):
    found, (step,) = lines(SeenGPU("H100", 80 * 2**30, 0), SeenGPU("H100", 80 * 2**30, 0))
    first, second = found
    assert first.startswith(f"memory: a step takes at most {step.memory.peak / 2**20:,.0f} MiB: 8 images with ")
    assert second.startswith("GPU: H100 with 80.0 GiB: enough for 1.")


def test_memory_lines_say_which_settings_take_less(lines):
    """The GPU has room for half of what the step takes beside CUDA."""
    _, (step,) = lines()
    found, _ = lines(SeenGPU("T4", ON_GPU + step.memory.peak // 2, 0))
    assert "too little for" in found[1]
    assert found[2] == "  settings that take less:"
    assert [line.split(":")[0].strip() for line in found[3:]] == [
        "training.recompute_box_heads=True", "training.accumulate=2",
        "training.recompute_box_heads=True training.accumulate=2", "training.batch_size=4"]
    assert all(line.endswith((", enough", ", still too much")) for line in found[3:])


def test_memory_lines_of_a_share_of_a_gpu(lines, monkeypatch):
    monkeypatch.setattr(memory_plan, "smaller_steps", lambda config: [])
    _, (step,) = lines()
    found, _ = lines(SeenGPU("T4", ON_GPU + step.memory.peak, 0), resources={"CPU": 1.0, "GPU": 0.5})
    assert ", of which a process gets 0.5: too little" in found[1]


def test_memory_lines_of_a_gpu_that_no_process_sees(lines):
    found, _ = lines(None)
    assert "is its torch made for CUDA?" in found[1]


def test_memory_lines_without_gpu_speak_of_main_memory(lines):
    found, _ = lines(resources={"CPU": 1.0}, at_once=3)
    assert found[1].startswith("GPU: Ray gives a trial none. 3 processes at a time take about 1.")


def test_memory_lines_name_the_largest_of_several(lines):
    found, _ = lines(text="training: {batch_size: {search: choice, of: [2, 4]}}", resources={"CPU": 1.0})
    assert " with training.batch_size=4: 4 images with " in found[0]


@pytest.mark.parametrize(("error", "words"), [
    (NeedsValuesError("it needs values"), "it needs values"),
    (RuntimeError("sizes 3 and\n4 differ"), "to compute it from shapes failed: sizes 3 and 4 differ"),
    (AssertionError(), "to compute it from shapes failed: AssertionError")])
def test_memory_lines_say_why_a_step_is_unknown(lines, monkeypatch, error, words):
    """In words; by the name of an exception only if it has none."""
    def fails(config, data):
        raise error

    monkeypatch.setattr(memory_plan, "step_memory", fails)
    found, _ = lines(SeenGPU("H100", 2**36, 0))
    assert found == [f"memory of a step: unknown; {words}"]
