"""Every benchmark runs, at the smallest size there is: not what it shows. A name that changed elsewhere fails here."""

import argparse
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import (
    adjustments,
    annotations,
    coco_relations,
    departures,
    epoch,
    evaluation,
    evaluation_epoch,
    evaluator,
    features,
    full_scale,
    generator,
    gpu,
    heads,
    images,
    learning,
    perturb,
    predict,
    same_losses,
    sgdet,
    step,
    step_growth,
    step_memory,
    toy_room,
    trial_cost,
    two_gpus,
)
from benchmarks import all as all_benchmarks
from benchmarks import report as report_benchmark
from benchmarks.common import epoch_of_older, first_losses, older, small_genome
from benchmarks.common.floor import work_of
from benchmarks.common.paper_step import Size, build
from benchmarks.common.roofline import Rates
from sgg import checkpoint
from sgg.common.atomic import write_json
from sgg.common.run_log import PARTS_FOLDER, TEST
from sgg.config import load, validate
from sgg.data import open_dataset
from sgg.evaluate.restore import Restored
from sgg.predict import Predictor
from sgg.predict.images import find_images
from tests.untrained import untrained


@pytest.fixture
def words(monkeypatch):
    """What stands on the command line."""
    return lambda *words: monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, words)])


@pytest.fixture(autouse=True)
def _threads():
    """Benchmarks set the number of threads for themselves."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def names(rows) -> list[str]:
    found = list(rows)
    assert all(np.isfinite(row["value"]) for row in found)
    return [row["name"] for row in found]


def test_benchmarks_are_all_tested():
    folder = Path(annotations.__file__).parent
    here = {path.stem for path in folder.glob("*.py")}
    assert here == {module.__name__.rpartition(".")[2] for module in (
        adjustments, annotations, coco_relations, departures, epoch, evaluation, evaluation_epoch, evaluator, features,
        full_scale, generator, gpu, heads, images, learning, perturb, predict, same_losses, sgdet, step, step_growth,
        step_memory, toy_room, trial_cost, two_gpus, all_benchmarks, report_benchmark)}


def test_adjustments():
    assert names(adjustments.measure(Size().quick(), 1)) == [f"adjustments/{way}" for way in (
        *adjustments.WAYS, "head, plain", "head, tde", "head, all effects")]


def test_annotations(monkeypatch, capsys):
    """In this process: the benchmark takes one for each way, for its peak of memory."""
    def run(way, directory):
        annotations.child(way, directory)
        return json.loads(capsys.readouterr().out)

    monkeypatch.setattr(annotations, "NUM_VAL", 40)
    monkeypatch.setattr(annotations, "run", run)
    assert len(names(annotations.measure(200, repeats=1))) == 3


def test_coco_relations(monkeypatch, capsys):
    def run(way, directory):
        coco_relations.child(way, directory)
        return json.loads(capsys.readouterr().out)

    monkeypatch.setattr(coco_relations, "run", run)
    assert len(names(coco_relations.measure(200, repeats=1))) == 2


def test_predict(toy_root, tmp_path):
    config = validate({"data": {"name": "toy", "root": str(toy_root)}})
    foundation = untrained(config, toy_root)
    system = foundation.build_predictor()
    checkpoint.save(tmp_path, 1, system.networks, {}, {"config": config.model_dump(mode="json"), **foundation.parts})
    foundation.write_parts(tmp_path / PARTS_FOLDER)
    files, _ = find_images([foundation.experiment.split("test").image_path(0).parent], tmp_path)
    assert len(names(predict.rows(Predictor(tmp_path, "cpu"), files[:2], 1))) == 8


def test_departures(toy_root, monkeypatch):
    def same_detector(config):
        torch.manual_seed(0)
        return untrained(config, toy_root)

    for name in ("prepare", "open_foundation"):
        monkeypatch.setattr(departures.systems, name, same_detector)
    options = argparse.Namespace(quick=True, root=str(toy_root), images=8)
    rows = [row for measure in (departures.mirrored, departures.resized, departures.batch_norm, departures.drawings)
            for row in measure(options)]
    assert len(names(rows)) == 1 + 2 + (1 + 3) + 2 * 3


def test_evaluation(monkeypatch, capsys):
    """In this process: the benchmark takes others, for their peaks of memory."""
    def in_a_process(*child):
        capsys.readouterr()
        evaluation.child(*child)
        return json.loads(capsys.readouterr().out)

    monkeypatch.setattr(evaluation, "in_a_process", in_a_process)
    assert names(evaluation.measure("tiny", 4, (3, 5, 6), 4, 1)) == [
        "12 objects, the model", "4 objects, the model", "one more pair, processor time", "one more pair, memory",
        "4 objects, peak of the process"]


def test_evaluator(monkeypatch):
    monkeypatch.setattr(evaluator, "TEST_IMAGES", 100)
    setup = evaluator.Setup("sgdet", images=2)
    assert setup.ours(1) > 0
    assert setup.plain(1) > 0
    assert names([evaluator.stream(20)]) == ["evaluator/held_after_20_images"]


def test_epoch(toy_root, toy_settings, tmp_path, monkeypatch):
    """With an older commit in the same turns, which is this one here, in this process."""
    def run_in(folder, _, script, *words):
        assert Path(script).samefile(epoch_of_older.__file__)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [script, *words])
            epoch_of_older.main()

    settings = {**toy_settings, "data": {**toy_settings["data"], "train_images": 8, "eval_images": 1},
                "evaluation": {"every": 1000, "test": False}}
    monkeypatch.setattr(epoch, "settings_of", lambda options, root: settings)
    monkeypatch.setattr(epoch, "files_of", lambda commit: contextlib.nullcontext(tmp_path))
    monkeypatch.setattr(older, "run_in", run_in)
    options = argparse.Namespace(quick=True, toy=False, gan=False, against="abc", root=tmp_path)
    found = names(epoch.measure(options))
    ways = [f"epoch/toy/{way}" for way in (epoch.IMAGES, epoch.MAPS, epoch.MEMORY)]
    assert {*ways, "epoch/toy/speed_of_maps_over_older"} <= {*found}
    assert {way for way in ways if f"{way}/{epoch.DETECTOR}" in found} == {"epoch/toy/images"}  # maps need no detector
    assert {f"{way}/F on real features: F backward" for way in ways} <= {*found}


def test_epoch_with_the_gan(toy_root, toy_settings, tmp_path, monkeypatch):
    settings = {**toy_settings, "data": {**toy_settings["data"], "train_images": 8, "eval_images": 1},
                "augmentation": "gan", "evaluation": {"every": 1000, "test": False}}
    monkeypatch.setattr(epoch, "settings_of", lambda options, root: settings)
    found = names(epoch.measure(argparse.Namespace(quick=True, toy=False, gan=True, against=None, root=tmp_path)))
    assert {f"epoch/toy_with_gan/{way}/D: D forward" for way in (epoch.IMAGES, epoch.MAPS, epoch.MEMORY)} <= {*found}


def test_same_losses(tmp_path, monkeypatch):
    """One loss of 2 is off by 1e-4 in the second of two steps of this commit, by 1e-2 in that of maps in float16. The
    losses of a step add up to 3."""
    def losses_of(folder, settings, steps, *flags):
        maps = settings.get("features", {}).get("maps")
        assert steps == 3
        assert (folder == tmp_path) == (maps is None)
        return [{"nodes": 1.0, "edges": 2.0}, {"nodes": 1.0, "edges": 2 * {None: 1, "off": 1.0001}.get(maps, 1.0101)}]

    monkeypatch.setattr(same_losses, "files_of", lambda commit: contextlib.nullcontext(tmp_path))
    monkeypatch.setattr(same_losses, "losses_of", losses_of)
    options = argparse.Namespace(quick=True, against="abc", steps=50, root=tmp_path)
    rows = {row["name"]: row for row in same_losses.measure(options)}
    for gan in ("without_gan", "with_gan"):
        found = {name.removeprefix(f"losses/{gan}/"): (row["value"], row["ok"]) for name, row in rows.items()
                 if name.startswith(f"losses/{gan}/")}
        assert found == {
            "float64/largest_difference": (pytest.approx(1e-4), False), "float64/first_steps_within_1e-05": (1, True),
            "float32/largest_difference": (pytest.approx(1e-4), True), "float32/first_steps_within_1e-05": (1, True),
            "maps_in_float16/largest_difference": (pytest.approx(1.0101 / 1.0001 - 1), True),
            "maps_in_float16/first_steps_within_0.01": (2, True),
            **{f"float{bits}/difference_of_the_mean": (pytest.approx(2e-4 / 6), True) for bits in (32, 64)},
            "maps_in_float16/difference_of_the_mean": (pytest.approx(0.02 / 6.0002), True)}


def test_first_losses(toy_settings, tmp_path, monkeypatch):
    """In float64, in a process of its own, they are those of float32 but for its rounding."""
    settings = {**toy_settings, "features": {"maps": "off"}, "augmentation": same_losses.GAN}
    file, out = tmp_path / "settings.json", tmp_path / "losses.json"
    write_json(file, settings)
    monkeypatch.setattr(sys, "argv", ["first_losses.py", str(file), str(out), "2"])
    first_losses.main()
    float32 = json.loads(out.read_text())
    float64 = same_losses.losses_of(older.HERE, settings, 2, "--float64")
    assert len(float32) == len(float64) == 2
    for one, other in zip(float32, float64, strict=True):
        assert other == pytest.approx(one, rel=1e-3)
        assert all(float(np.float32(value)) != value for value in other.values())


def test_evaluation_epoch(toy_root, toy_settings, tmp_path, monkeypatch):
    """With an older commit in the same turns, which is this one here, in this process."""
    def run_in(folder, _, script, *words):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [script, *words])
            epoch_of_older.main()

    settings = {**toy_settings, "data": {**toy_settings["data"], "train_images": 4, "eval_images": 2},
                "training": {"epochs": 1, "batch_size": 4}}
    monkeypatch.setattr(evaluation_epoch, "settings_of", lambda root, quick, images: settings)
    monkeypatch.setattr(evaluation_epoch, "files_of", lambda commit: contextlib.nullcontext(tmp_path))
    monkeypatch.setattr(older, "run_in", run_in)
    options = argparse.Namespace(quick=True, against="abc", images=2)
    assert names(evaluation_epoch.measure(options)) == [f"evaluation_epoch/{name}" for name in (
        "images", "maps", "older", "speed_of_maps_over_images", "speed_of_maps_over_older")]


def test_rows_of_turns_take_the_median_of_ratios():
    """Seconds from images, maps, memory and of the older commit: maps are 2, 4 and 3 times as fast as images."""
    turns = [dict(zip((epoch.IMAGES, epoch.MAPS, epoch.MEMORY, "older"), seconds, strict=True))
             for seconds in ((20, 10, 10, 20), (40, 10, 5, 80), (30, 10, 10, 90))]
    rows = {row["name"]: row for row in epoch.rows_of(turns, {}, "paper")}
    assert {name.rpartition("/")[2]: (row["value"], row["ok"]) for name, row in rows.items() if row["goal"]} == {
        "speed_of_maps_over_images": (3, True), "share_of_the_gain_without_decoding_and_detector": (1, True),
        "speed_of_images_over_older": (2, True), "speed_of_maps_over_older": (8, True)}


def test_small_genome_is_read_as_visual_genome(tmp_path, monkeypatch):
    monkeypatch.setattr(small_genome, "_write_detector", lambda path: path.touch())
    weights = small_genome.write(tmp_path, 3)
    data = open_dataset("vg", tmp_path, num_val_images=small_genome.EVALUATED)
    assert weights == tmp_path / "VG" / "vg-faster-rcnn.tar"
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [3, 2, 2]
    assert set(data.split("train").annotations.objects_per_image) == {small_genome.OBJECTS}
    data.require_images(data.split("train"))


def test_features(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "DISTINCT", 32)
    monkeypatch.setattr(features, "GATHERED", 8)
    monkeypatch.setattr(features, "seconds", one_call(features.seconds))
    monkeypatch.setattr(features, "readers", lambda *_: (1.0, True))
    found = names(features.measure(tmp_path, 120, 60, "lz4"))
    assert {"features/gather_with_checksums", "features/two_readers_over_one", "features/gather_8_of_60"} <= {*found}
    processors, results = os.sched_getaffinity(0), queue.Queue()
    try:
        features.read_for(tmp_path / "nodes.zarr", 0, 0.0, threading.Barrier(1), results)
    finally:
        os.sched_setaffinity(0, processors)
    assert results.get()[1], "every row was of its class"


def one_call(seconds):
    return lambda call, repeats, *clock: max(seconds(call, 1, *clock), 1e-9)


def test_gpu(words, capsys):
    """On a CPU, where nothing waits for a device and torch counts no memory."""
    words("--quick", "--device", "cpu")
    assert gpu.main() == 0
    found = capsys.readouterr().out
    for gan in ("with", "without"):
        assert {f"gpu/{gan}_gan/{variant}" for variant in gpu.VARIANTS if variant != gpu.COMPILED} <= {
            line.partition(":")[0] for line in found.splitlines()}
        assert f"gpu/{gan}_gan/float32/share_of_roof" in found


def test_gpu_without_one(words, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words("--quick")
    with pytest.raises(ValueError, match="--device is cuda, but torch sees no GPU"):
        gpu.main()


def test_two_gpus(words, tmp_path):
    """Two processes on the CPU over gloo: every comparison is within its tolerance."""
    words("--quick", "--device", "cpu", "--json", tmp_path / "rows.json")
    assert two_gpus.main() == 0
    rows = {row["name"]: row["ok"] for row in json.loads((tmp_path / "rows.json").read_text())}
    compared = [*(f"gradient_of_{name}" for name in ("model", "generator", "discriminators")), "losses"]
    assert rows == {f"two_gpus/{what}_of_worker_{rank}": True for what in compared for rank in (0, 1)} | {
        "two_gpus/step": True}


@pytest.mark.parametrize(("words", "gpus"), [([], 1), (["--device", "cpu", "--quick"], 0)], ids=["GPU", "CPU"])
def test_gpu_sh_trains_a_trial_with_one_gpu(tmp_path, words, gpus):
    """With a Python that only writes down its words. Those of the trial are valid settings."""
    said, python = tmp_path / "said", tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    python.chmod(0o755)
    folder = Path(gpu.__file__).parent
    subprocess.run(["bash", folder / "gpu.sh", *words], check=True,
                   env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    measured, _, trained = said.read_text().splitlines()
    assert measured.split() == ["benchmarks/gpu.py", "--json", "build/gpu/gpu.json", *words]
    module, command, settings, *changes = trained.split()
    assert (module, command) == ("-m", "platform.train")
    config = load(folder.parent / settings, changes).trial({})
    assert (config.resources.gpus, config.data.name, config.training.epochs) == (gpus, "toy", 1)


def test_all_benchmarks_have_a_command():
    """But those that need GPUs."""
    scripts = {words[0] for words in all_benchmarks.COMMANDS.values()}
    folder = Path(all_benchmarks.__file__).parent
    assert scripts == {path.name for path in folder.glob("*.py")} - {"all.py", "gpu.py", "two_gpus.py"}


@pytest.fixture
def results_folder(tmp_path, monkeypatch):
    """A folder of benchmarks: `learning` misses its goal, `step` dies."""
    monkeypatch.setattr(all_benchmarks, "FOLDER", tmp_path)
    monkeypatch.setattr(all_benchmarks, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(all_benchmarks, "TABLE", tmp_path / "RESULTS.md")
    (tmp_path / "RESULTS.md").write_text("# Results\n\nby hand\n")
    (tmp_path / "learning.py").write_text(
        "import json, sys\n"
        "rows = [{'name': 'a', 'value': 2.0, 'unit': 's', 'reference': None, 'ratio': None, 'goal': 1, 'ok': False}]\n"
        "rows.append(rows[0] | {'name': 'b', 'goal': None})\n"
        "open(sys.argv[sys.argv.index('--json') + 1], 'w').write(json.dumps(rows))\nsys.exit(1)\n")
    (tmp_path / "step.py").write_text("raise SystemExit(3)\n")
    return tmp_path


def test_all_writes_rows_and_goals_and_keeps_what_is_written_by_hand(results_folder, words):
    words("--only", "learning,step")
    for _ in range(2):  # the second run replaces the table of the first one
        assert all_benchmarks.main() == 1
        results = json.loads((results_folder / "results.json").read_text())
        assert [*results] == ["learning"]
        assert [row["name"] for row in results["learning"]["rows"]] == ["a", "b"]
    text = (results_folder / "RESULTS.md").read_text()
    assert text.startswith(f"# Results\n\nby hand\n\n{all_benchmarks.BEGIN}\n")
    assert text.count("| a | 2 s |  | 1 | **missed** |") == 1
    assert "| b |" not in text
    (results_folder / "RESULTS.md").write_text(text.replace("by hand", "edited") + "and below\n")
    all_benchmarks.main()
    edited = (results_folder / "RESULTS.md").read_text()
    assert edited == text.replace("by hand", "edited") + "and below\n"


def test_all_with_quick_writes_nothing(results_folder, words):
    words("--only", "learning", "--quick")
    assert all_benchmarks.main() == 1
    assert not (results_folder / "results.json").exists()
    assert (results_folder / "RESULTS.md").read_text() == "# Results\n\nby hand\n"


def test_all_refuses_an_unknown_name_and_half_a_table(results_folder, words, capsys):
    words("--only", "lerning")
    with pytest.raises(SystemExit):
        all_benchmarks.main()
    assert "--only: there is no benchmark lerning; there are annotations, " in capsys.readouterr().err
    (results_folder / "RESULTS.md").write_text(all_benchmarks.BEGIN)
    with pytest.raises(ValueError, match="has only one of the marks"):
        all_benchmarks.write_table({})


def test_report(tmp_path, monkeypatch):
    for name, value in {"SEEDS": 1, "EPOCHS": 2, "opened_browser": lambda: None}.items():
        monkeypatch.setattr(report_benchmark, name, value)
    assert len(names(report_benchmark.measure(2, tmp_path))) == 6


def test_heads():
    found = names(heads.measure(heads.SMALL, 1, 4, 6, 1))
    assert {"heads/motifs/sgcls", "heads/motifs/predcls", "heads/motifs/sgdet", "heads/imp/sgcls"} <= {*found}


def test_images():
    assert names(images.measure(2, 1, 4, (60, 90)))


def test_perturb():
    world = perturb.World(30, 8, 200)
    rows = [perturb.compare(world, method, method, 0.2, 2, 1) for method in ("graphn", "neigh", "rand")]
    assert names(rows) == ["graphn", "neigh", "rand"]
    assert names(perturb.tables(world, "small"))


def test_step(words, tmp_path, monkeypatch):
    """With a profile, and beside an older commit, whose own process is left out here."""
    folder = tmp_path / "older"
    monkeypatch.setattr(step, "files_of", lambda commit: contextlib.nullcontext(folder))
    seconds = {step.HERE: {False: 1.0, True: 3.0}, folder: {False: 2.0, True: 4.0}}
    monkeypatch.setattr(step, "step_seconds", lambda tree, quick: seconds[tree])
    words("--quick", "--json", tmp_path / "rows.json", "--profile", tmp_path / "profile.txt", "--against", "abc")
    assert step.main() == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    assert rows["step/with_gan/ratio_to_older"]["value"] == 0.75
    assert rows["step/without_gan/ratio_to_older"]["value"] == 0.5
    for gan in ("with", "without"):
        assert rows[f"step/{gan}_gan/ratio_to_floor"]["value"] > 0
        assert rows[f"step/{gan}_gan/F on real features: F backward"]["value"] > 0
    profile = (tmp_path / "profile.txt").read_text()
    assert profile.count("operator\n") == 2
    assert profile.count("%") == 2 * step.OPERATORS  # which ones they are depends on the machine


def test_step_growth():
    found = names(step_growth.measure(quick=True, turns=1))
    assert {f"step_growth/{of}/{what}/one_more" for of in ("image", "object_of_each_image", "pair")
            for what in ("time", "memory_without_gan")} <= {*found}


def test_marginals():
    """10 for two, 16 for four, 40 for ten: 3 each, then 4 each."""
    points = {2: 10.0, 4: 16.0, 10: 40.0}
    assert step_growth.marginals(points) == [3.0, 4.0]
    *_, one_more, deviation = step_growth.rows_of("x", points, "s", 0.15)
    assert one_more["value"] == 3.75  # 30 for eight
    assert deviation["value"] == pytest.approx(0.2)
    assert not deviation["ok"]


def test_full_scale_counts_what_the_floor_counts():
    """The operations of a step from shapes are those of the products that a real step runs, but for the forward product
    of the box-pair embedding, which the floor leaves out, and products with zeros."""
    size = Size().quick()
    counted = full_scale.costs_of(size, False, True)
    floor = work_of(build(size, False)).flops()
    assert floor <= counted.step.flops <= 1.2 * floor
    fast, slow = (Rates("", 1e3, bandwidth) for bandwidth in (1e30, 1e-3))
    assert counted.step.seconds(fast) == pytest.approx(counted.step.flops / 1e3)
    assert counted.step.seconds(slow) == pytest.approx(counted.step.bytes / 1e-3, rel=1e-3)
    assert counted.hours(fast, True) > counted.hours(fast, False)


def test_toy_room():
    assert len(names(toy_room.measure([0], quick=True))) == 2 * 2 * len(toy_room.METRICS)


def test_toy_room_beside_a_study(tmp_path, monkeypatch):
    """Models by difficulty, the detectors of all its genomes, and a picture."""
    write_json(tmp_path / "study.json", {"given": {}, "axes": {
        "data.difficulty": {"search": "grid", "of": [0, 1]}, "data.seed": {"search": "grid", "of": [5, 6]}}})
    write_json(tmp_path / "results.json", [
        {"row": "dnorm", "data.difficulty": difficulty, "test/predcls/zs/R@20": {"mean": 0.5 - difficulty / 10}}
        for difficulty in (0, 1)])
    asked = []
    monkeypatch.setattr(toy_room, "without_model", lambda study, difficulty, seed: asked.append((difficulty, seed)) or (
        {f"sgcls/{metric}": 0.1 * seed for metric in toy_room.METRICS}, {"zs": 0.2 * difficulty}))
    measured = list(toy_room.of_study(tmp_path, quick=True))
    rows = {row["name"].removeprefix("toy_room/difficulty_"): row["value"] for row in measured}
    assert {name: rows[name] for name in ("0/dnorm/predcls/zs/R@20", "1/dnorm/predcls/zs/R@20")} == {
        "0/dnorm/predcls/zs/R@20": 50, "1/dnorm/predcls/zs/R@20": pytest.approx(40)}
    assert rows["1/detector and frequency table/sgcls/all/R@20"] == pytest.approx(55)
    assert rows["1/detector, both classes right/sgcls/zs/both right"] == pytest.approx(20)
    assert asked == [(0, 5), (0, 6), (1, 5), (1, 6)]
    toy_room.draw(measured, tmp_path / "room.png")
    assert (tmp_path / "room.png").stat().st_size > 10_000


def test_step_memory(monkeypatch):
    monkeypatch.setattr(step_memory, "in_fresh_process", lambda quick, gan: step_memory.taken_by_steps(
        step_memory.size_of(quick, 1), gan) + 1)
    found = names(step_memory.measure(quick=True))
    assert found == ["step_memory/4_images_without_gan", "step_memory/4_images_without_gan_real",
                     "step_memory/4_images_without_gan_recomputed"]


def test_step_alone_is_what_another_commit_reads(monkeypatch, words):
    """`step_seconds` of a newer commit runs `--alone` in the folder of this one."""
    def json_of(folder, script, *options):
        path = folder / "rows.json"
        words(*options, "--json", path)
        assert (script, step.main()) == ("benchmarks/step.py", 0)
        return json.loads(path.read_text())

    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr(older, "json_of", json_of)
        (Path(name) / "benchmarks").mkdir()
        (Path(name) / "benchmarks" / "step.py").touch()
        found = older.step_seconds(Path(name), quick=True)
    assert 0 < found[False] < found[True]


def test_files_of_a_commit_that_git_does_not_know():
    with pytest.raises(ValueError, match="--against: git has no files of commit 'no-commit'"), \
            older.files_of("no-commit"):
        pass


def test_run_in_shows_the_last_lines_of_an_error(tmp_path):
    (tmp_path / "fails.py").write_text("import sys; sys.exit(1)\n")
    (tmp_path / "dies.py").write_text("import os; print('gone', file=os.sys.stderr, flush=True); os._exit(3)\n")
    with pytest.raises(RuntimeError, match=r"dies\.py failed in .*: exit status 3 \| gone"):
        older.run_in(tmp_path, "dies.py")
    with pytest.raises(RuntimeError, match="it has written no results"):
        older.json_of(tmp_path, "fails.py")  # status 1, as of a missed goal, but without results



@pytest.fixture
def restored(toy_root, monkeypatch):
    """What stands for a trained trial: fresh weights."""
    def restore(directory):
        options = argparse.Namespace(quick=True, root=str(toy_root), seed=0)
        config = sgdet.settings("sgcls", options) if "sgdet" in str(directory) else learning.settings(
            "dnorm", 0, options)
        config = config.model_copy(update={"data": config.data.model_copy(update={"eval_images": 2})})
        foundation = untrained(config, toy_root)
        return Restored(foundation, foundation.build_predictor(), None)

    monkeypatch.setattr(learning.restore, "restore", restore)
    return restore


def test_learning(toy_root, tmp_path, restored):
    options = argparse.Namespace(quick=True, root=str(toy_root), out=str(tmp_path), seeds="0")
    for row in learning.ROWS:
        untrained(learning.settings(row, 0, options), toy_root).build()
    foundation = restored(tmp_path).foundation
    frequency, ceiling = learning.frequency_only(foundation)
    chance = learning.chance(tmp_path, 0)
    assert set(ceiling) == {"zs", "10s", "100s", "all"}
    runs = {row: [{**chance, **frequency}] for row in learning.ROWS}
    learning.show("dnorm", runs["dnorm"])
    assert list(learning.results(runs, frequency, [chance]))


def test_generator(toy_root, tmp_path, monkeypatch, capsys):
    """On version 2 of the genome, with a detector that knows nothing: a shared generator, and one trial that begins
    with it."""
    monkeypatch.setattr(generator, "DATA", {"name": "toy", "cache": str(tmp_path / "cache")})
    detector = untrained(validate({"data": {"name": "toy"}}), toy_root).detector
    monkeypatch.setattr("sgg.systems.two_stage.foundation.ensure_detector", lambda *_, **__: (detector, "0123"))
    options = argparse.Namespace(root=str(toy_root), out=str(tmp_path), data_seed=None, images=16, epochs=1,
                                 generator_epochs=[1, 2])
    for lever in generator.LEVERS:
        assert generator.settings(lever, 0, options).augmentation.quality_every == 1
    lever = f"{generator.LONG}, frozen"
    assert len(generator.shared_curve(lever, options)) == 2
    rows = generator.train(lever, 0, options)
    assert generator.train(lever, 0, options) == rows, "it is there"
    generator.show(lever, [rows])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in shown[-4:]] == [f"{lever}, n = 1", "---", "epoch 1", "real"]
    found = names(generator.results({"papers": [rows], generator.LONG: [rows]}))
    assert len(found) == 2 * len(generator.COLUMNS) + 2


def test_sgdet(toy_root, tmp_path, words, restored, monkeypatch):
    def fit(config, folder):
        folder.mkdir(parents=True)
        write_json(folder / TEST, {f"test/{metric}": 0.5 for metric in sgdet.METRICS})

    monkeypatch.setattr(sgdet, "fit", fit)
    monkeypatch.setattr(sgdet, "measure", lambda *_: {"test/detector/mAP@.5": 0.5})
    monkeypatch.setattr(sgdet.systems, "prepare", lambda config: untrained(config, toy_root))
    words("--quick", "--out", tmp_path / "sgdet", "--root", toy_root)
    assert sgdet.main() == 0


def test_trial_cost(tmp_path, monkeypatch):
    """Up to where Ray would be started, which takes a minute: the parts fit the platform."""
    class ReachedError(Exception):
        pass

    def ray_session(*_):
        raise ReachedError

    monkeypatch.setattr("platform.launch.run.ray_session", ray_session)
    with pytest.raises(ReachedError):
        trial_cost.run_ours(tmp_path, 1)
    config = SimpleNamespace(model_dump=dict, training=SimpleNamespace(model_dump=dict))
    with pytest.raises(AttributeError):
        trial_cost.prepare(config)  # settings of another kind than the platform's
