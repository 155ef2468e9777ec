"""A generator that trials share: trained once, found by all, frozen or trained on, and resumed after a kill."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from platform import extract, train

import pytest
import torch
from safetensors.torch import load_file

from sgg import checkpoint
from sgg.common.hashing import file_hash
from sgg.common.run_log import History
from sgg.config import Config, validate
from sgg.evaluate.feature_quality import FeatureStudy
from sgg.systems.generator_files import FOLDER, METADATA
from sgg.training import generator_training
from sgg.training.fit import fit
from sgg.training.preparation import prepare

pytestmark = pytest.mark.usefixtures("torch_as_before")
FROZEN = {"kind": "gan", "generator": "shared", "generator_epochs": 2, "frozen": True, "quality_every": 1,
          "quality_images": 6}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def config(toy_settings, cache):
    """Settings of a trial on the toy genome with a cache of their own."""
    def of(cache=cache, **sections) -> Config:
        data = toy_settings["data"] | {"cache": str(cache), "train_images": 16, "eval_images": 6}
        settings = toy_settings | {"data": data, "augmentation": FROZEN}
        return validate({**settings, **{name: settings.get(name, {}) | values for name, values in sections.items()}})
    return of


@pytest.fixture(scope="module")
def frozen(config, cache, tmp_path_factory) -> tuple[Path, Path]:
    """The folder of a trial that was the first to want the generator, and that of the generator."""
    trial = tmp_path_factory.mktemp("frozen")
    threads = torch.get_num_threads()
    fit(config(), trial)
    torch.set_num_threads(threads)
    (generator,) = (path.parent for path in (cache / FOLDER).glob(f"*/{METADATA}"))
    return trial, generator


def weights_of(folder: Path, epoch: int = 2) -> dict[str, torch.Tensor]:
    return load_file(checkpoint.path_of(folder, epoch) / "weights.safetensors")


def test_fit_trains_the_generator_once_and_leaves_it_as_it_is(frozen) -> None:
    """The generator's own run has the losses of the adversaries and the curves; the trial has neither updates of G nor
    of D."""
    trial, generator = frozen
    ours, theirs = weights_of(trial), weights_of(generator)
    assert {name.partition(".")[0] for name in theirs} == {"gan"}
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    for folder, kinds in ((generator, {"G", "D"}), (trial, {"nodes", "edges", "rec"})):
        rows = History(folder).rows()
        assert [row["epoch"] for row in rows] == [1, 2]
        assert {name.split("/")[1] for name in rows[0] if name.startswith("loss/")} == kinds
        assert "quality/generated/node/precision@5" in rows[1]
    assert "quality/generated/node/accuracy" in History(trial).rows()[0]
    assert not any(name.startswith("val/") or name.endswith("accuracy") for name in History(generator).rows()[0])
    quality = [{name: value for name, value in row.items() if name.startswith("quality/") and
                not name.endswith("accuracy")} for row in (*History(trial).rows(), History(generator).rows()[1])]
    assert quality[0] == quality[1] == quality[2], "of one generator and the same images"


def test_fit_says_with_which_generator_it_began(frozen) -> None:
    trial, generator = frozen
    digest = json.loads((generator / METADATA).read_text())["hash"]
    assert json.loads((trial / "config.json").read_text())["data"]["generator"] == digest
    assert checkpoint.open_checkpoint(trial).meta["generator"] == digest


def test_fit_of_other_trials_finds_the_generator(frozen, config, tmp_path, monkeypatch) -> None:
    """With another seed, loss and perturbation, frozen or trained on."""
    _, generator = frozen
    monkeypatch.setattr(generator_training, "train_epoch", None)  # nobody trains it again
    for name in ("frozen", "on"):
        fit(config(experiment={"seed": 5}, loss={"kind": "baseline"}, training={"epochs": 1},
                   augmentation={"frozen": name == "frozen", "perturb": {"method": "rand"}}), tmp_path / name)
        ours, theirs = weights_of(tmp_path / name, 1), weights_of(generator)
        assert all(torch.equal(ours[weight], theirs[weight]) for weight in theirs) is (name == "frozen")


def test_fit_begins_with_the_generator_of_a_trial(frozen, config, tmp_path) -> None:
    """Named by the folder of the trial; its discriminators go on, too."""
    trial, _ = frozen
    fit(config(training={"epochs": 1}, augmentation={"generator": str(trial), "generator_epochs": 10}), tmp_path)
    ours, theirs = weights_of(tmp_path, 1), weights_of(trial)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items() if name.startswith("gan."))


def test_fit_does_not_resume_with_another_generator(frozen, config, tmp_path) -> None:
    """The shared one was deleted, and another one was put into its place."""
    _, generator = frozen

    def stop(row: dict) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(config(), tmp_path, stop)
    file = generator / METADATA
    before = file.read_text()
    weights = checkpoint.path_of(generator, 2) / "weights.safetensors"
    whole = weights.read_bytes()
    try:
        content = bytearray(whole)
        content[-1] ^= 1
        weights.write_bytes(content)
        file.write_text(json.dumps({**json.loads(before), "hash": file_hash(weights)}))
        with pytest.raises(ValueError, match=r"epoch_0001 was trained on another generator \([0-9a-f]{16}, here "
                                             r"[0-9a-f]{16}\): set data\.root or augmentation\.generator to the one"):
            fit(config(), tmp_path)
    finally:
        weights.write_bytes(whole)
        file.write_text(before)
    fit(config(), tmp_path)
    assert (tmp_path / "test.json").exists()


def test_study_of_the_folder_of_a_shared_generator(frozen) -> None:
    """It is a run: `sgg.features quality` and `sgg.show features` open it, and a trial whose generator is gone."""
    trial, generator = frozen
    hidden = generator.with_name("hidden")
    assert FeatureStudy.open(generator, images=4).gan.generator.training is False
    generator.rename(hidden)
    try:
        assert FeatureStudy.open(trial, images=4).checkpoint == checkpoint.path_of(trial, 2)
    finally:
        hidden.rename(generator)


def make(config: Config, answers) -> None:
    torch.set_num_threads(1)
    answers.put(prepare(config).parts["generator"])


@pytest.mark.slow  # it trains a generator in two processes, one of which is killed
def test_prepare_waits_for_another_process_and_resumes_a_killed_training(frozen, config, cache, tmp_path) -> None:
    """The weights are those of a training that nobody disturbed."""
    def of(name: str) -> Config:
        (tmp_path / name).mkdir()
        (tmp_path / name / "detectors").symlink_to(cache / "detectors")
        return config(tmp_path / name, features={"maps": "off"}, augmentation={
            "kind": "gan", "generator": "shared", "generator_epochs": 4, "visual_conditioning": False})

    own = of("cache")
    context = multiprocessing.get_context("forkserver")
    answers = context.Queue()
    victim = context.Process(target=make, args=(own, answers))
    victim.start()
    while not list((tmp_path / "cache" / FOLDER).glob("*/checkpoints/epoch_*")):  # its first epoch is done
        assert victim.is_alive()
        time.sleep(0.002)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    (folder,) = (path for path in (tmp_path / "cache" / FOLDER).iterdir() if path.is_dir())
    assert not (folder / METADATA).exists()
    both = [context.Process(target=make, args=(own, answers)) for _ in range(2)]
    for process in both:
        process.start()
    first, second = (answers.get(timeout=300) for _ in both)
    for process in both:
        process.join()
    assert first == second
    rows = History(folder).rows()
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert {row["attempt"] for row in rows} == {1, 2}, "the second process went on, and no third one trained"
    assert prepare(of("other")).parts["generator"] == first


@pytest.mark.ray
@pytest.mark.slow  # it starts Ray twice
def test_search_trains_the_generator_before_its_trials(frozen, toy_root, cache, tmp_path, monkeypatch) -> None:
    """`platform.extract` trains it; two trials of `platform.train` find it. Their rows name it."""
    (tmp_path / "a.yaml").write_text(f"""
experiment: {{name: a, output: {tmp_path}/runs, seed: [1, 2]}}
data: {{name: toy, root: {toy_root}, cache: {cache}, train_images: 16, eval_images: 6}}
detector: {{epochs: 2}}
training: {{epochs: 1, batch_size: 8}}
evaluation: {{batch_size: 8, ks: [20, 50]}}
augmentation: {{kind: gan, generator: shared, generator_epochs: 1, frozen: true}}
""")
    assert extract.main([str(tmp_path / "a.yaml")]) == 0
    trained = [json.loads(path.read_text())["hash"] for path in (cache / FOLDER).glob(f"*/{METADATA}")]
    assert train.main([str(tmp_path / "a.yaml")]) == 0
    after = [json.loads(path.read_text())["hash"] for path in (cache / FOLDER).glob(f"*/{METADATA}")]
    assert after == trained
    results = json.loads((tmp_path / "runs" / "a" / "results.json").read_text())
    (row,) = results
    assert row["n"] == 2
    for trial in (tmp_path / "runs" / "a" / "trials").iterdir():
        assert json.loads((trial / "config.json").read_text())["data"]["generator"] in trained
