"""The generator with which an augmentation begins: what it follows from, whether it fits, whether it is whole."""

import json
from dataclasses import replace

import pytest
import torch

from sgg import checkpoint
from sgg.config import validate
from sgg.data import open_dataset
from sgg.experiment.context import Experiment
from sgg.systems import generator_key
from sgg.systems.contract import Draws
from sgg.systems.generator_files import generator_hash
from sgg.systems.two_stage.generator_source import GivenGenerator, SharedGenerator, generator_of
from tests.untrained import untrained

SHARED = {"kind": "gan", "generator": "shared", "visual_conditioning": False}
PARTS = {"detector": "0123"}


@pytest.fixture
def settings(toy_root, tmp_path):
    """A config with a cache of its own; keyword arguments replace values of its sections."""
    def of(**sections):
        given = {"data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path / "cache"), "train_images": 8},
                 "features": {"maps": "off"}, "training": {"batch_size": 4}, "augmentation": SHARED}
        return validate({**given, **{name: given.get(name, {}) | values for name, values in sections.items()}})
    return of


@pytest.fixture
def source(toy_root):
    """The generator of a config on the toy genome."""
    def of(config, parts=PARTS):
        return generator_of(Experiment(config, open_dataset("toy", toy_root)), parts)
    return of


SAME = [{"loss": {"kind": "baseline"}}, {"experiment": {"seed": [1, 2]}}, {"model": {"head": "motifs"}},
        {"training": {"epochs": 9, "learning_rate": 0.5, "mode": "predcls", "optimizer": "adamw"}},
        {"augmentation": {"frozen": True, "reconstruct_above": 0.5, "quality_every": 1}},
        {"augmentation": {"perturb": {"method": "rand", "intensity": 0.4}}}, {"evaluation": {"every": 3}}]
OTHER = [{"augmentation": {"generator_epochs": 3}}, {"augmentation": {"hidden_dim": 32}},
         {"augmentation": {"learning_rate_generator": 1e-3}}, {"augmentation": {"adversarial_updates": 2}},
         {"augmentation": {"large_discriminator": False}}, {"training": {"batch_size": 2}},
         {"data": {"train_images": 9}}, {"data": {"flip": False}}, {"model": {"pairs_per_image": 9}}]


@pytest.mark.parametrize("change", SAME, ids=repr)
def test_shared_generator_does_not_depend_on_what_trains_without_it(settings, source, change):
    assert source(settings(**change)).folder == source(settings()).folder
    assert generator_key(settings(**change)) == generator_key(settings()) != ""


@pytest.mark.parametrize("change", OTHER, ids=repr)
def test_shared_generator_is_another_one_where_something_that_decides_it_differs(settings, source, change):
    assert source(settings(**change)).folder != source(settings()).folder
    assert generator_key(settings(**change)) != generator_key(settings())


def test_shared_generator_is_another_one_with_another_detector(settings, source):
    assert source(settings(), {"detector": "4567"}).folder != source(settings()).folder


def test_generator_of_a_trial_that_begins_with_a_fresh_one(settings, source):
    assert source(settings(augmentation={"generator": "trial"})) is None
    assert source(settings().model_copy(update={"augmentation": validate({}).augmentation})) is None
    assert generator_key(settings(augmentation={"generator": "trial"})) == ""


def test_training_config_trains_nothing_but_the_generator(settings, toy_root):
    """A step of it changes G and D and leaves F as it is. Its losses are those of the adversaries."""
    config = settings(augmentation={"frozen": True, "perturb": {"method": "rand"}})
    foundation = untrained(config, toy_root)
    run = foundation.generator_run()
    assert run.foundation.config.augmentation.perturb.method == "off"
    assert set(run.networks) == {"gan"}
    before = {name: [value.clone() for value in network.state_dict().values()]
              for name, network in run.system.networks.items()}
    run.system.train()
    losses = run.system.training_step(next(run.foundation.training_batches().epoch(1)), Draws(0, 1)).losses
    assert {name.partition("/")[0] for name in losses} == {"G", "D"}
    same = {name: [torch.equal(value, now) for value, now in zip(before[name], network.state_dict().values(),
                                                                strict=True)]
            for name, network in run.system.networks.items()}
    assert all(same["model"])
    assert not all(same["gan"])


def test_generator_run_begins_with_the_same_weights_whatever_the_trial_is(settings, toy_root):
    runs = [untrained(settings(**change), toy_root).generator_run() for change in (
        {}, {"model": {"head": "motifs"}, "experiment": {"seed": [5]}})]
    ours, theirs = (run.networks["gan"].state_dict() for run in runs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def sealed(foundation) -> SharedGenerator:
    """A generator of fresh weights that counts as trained."""
    run = foundation.generator_run()
    run.seal(checkpoint.save(run.folder, 1, run.networks, run.optimizers, {
        "config": run.foundation.config.model_dump(mode="json"), "data": run.foundation.provenance, **PARTS}))
    return foundation.generator


def test_open_of_a_generator_that_is_not_trained(settings, toy_root):
    foundation = untrained(settings(), toy_root)
    assert foundation.missing_generator() == foundation.generator.folder
    assert foundation.parts == PARTS
    with pytest.raises(FileNotFoundError, match=r"not trained yet; a run with augmentation\.generator=shared"):
        foundation.build()


def test_build_begins_with_the_weights_of_the_shared_generator(settings, toy_root):
    foundation = untrained(settings(), toy_root)
    weights = sealed(foundation)
    assert foundation.missing_generator() is None
    assert foundation.parts == {**PARTS, "generator": generator_hash(weights.folder)}
    assert foundation.provenance["generator"] == weights.hash
    torch.manual_seed(7)
    built, wanted = foundation.build().networks["gan"].state_dict(), foundation.generator_run().networks["gan"]
    assert all(torch.equal(built[name], value) for name, value in wanted.state_dict().items())


def test_build_gives_f_the_weights_that_it_has_without_a_shared_generator(settings, toy_root):
    """Fresh weights of G are drawn all the same, after those of F."""
    models = []
    for generator in ("trial", "shared"):
        torch.manual_seed(0)  # of the detector
        foundation = untrained(settings(augmentation={"generator": generator}), toy_root)
        if generator == "shared":
            sealed(foundation)
        torch.manual_seed(3)
        models.append(foundation.build().model.state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


def test_open_refuses_weights_with_another_hash(settings, toy_root):
    foundation = untrained(settings(), toy_root)
    folder = sealed(foundation).folder
    weights = folder / "checkpoints" / "epoch_0001" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for use in (foundation.missing_generator, foundation.build):
        with pytest.raises(ValueError, match=rf"weights\.safetensors is damaged: its hash is [0-9a-f]{{16}}, "
                                             rf"[0-9a-f]{{16}} was written; delete {folder}, and a run trains"):
            use()


def test_open_refuses_a_folder_of_another_generator(settings, toy_root):
    """Copied by hand to the place of this one."""
    foundation = untrained(settings(), toy_root)
    file = sealed(foundation).folder / "generator.json"
    content = json.loads(file.read_text())
    content["identity"]["detector"] = "4567"
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"generator\.json is of another generator \(detector\): delete "):
        foundation.missing_generator()


@pytest.fixture
def given(settings, toy_root):
    """A config that names the generator of a checkpoint, and the foundation that wrote this."""
    first = untrained(settings(), toy_root)
    path = sealed(first).folder

    def of(**augmentation):
        return settings(augmentation={"generator": str(path), **augmentation})
    return of


def test_given_generator_is_that_of_the_checkpoint(given, toy_root):
    foundation = untrained(given(), toy_root)
    assert isinstance(foundation.generator, GivenGenerator)
    assert foundation.missing_generator() is None
    built = foundation.build().networks["gan"].state_dict()
    wanted = foundation.generator.open()
    gan = foundation.build().networks["gan"]
    wanted.load_weights(gan=gan)
    assert all(torch.equal(built[name], value) for name, value in gan.state_dict().items())


@pytest.mark.parametrize(("change", "message"), [
    ({"hidden_dim": 32}, r"augmentation\.generator: .*epoch_0001 was trained with augmentation\.hidden_dim 64, not 32: "
                         "set what it was trained with, or name another one"),
    ({"visual_conditioning": True, "large_discriminator": False},
     r"augmentation\.large_discriminator True, not False, augmentation\.visual_conditioning False, not True")])
def test_given_generator_of_other_sizes_is_refused(given, toy_root, change, message):
    with pytest.raises(ValueError, match=message):
        untrained(given(**change), toy_root).missing_generator()


def test_given_generator_of_another_detector_is_refused_by_its_hash(given, toy_root):
    foundation = replace(untrained(given(), toy_root), detector_hash="4567")
    with pytest.raises(ValueError, match=r"augmentation\.generator: .* was trained on another detector \(0123, here "
                                         r"4567\): set data\.root or detector\.weights"):
        foundation.missing_generator()


def test_given_generator_of_a_run_without_one_is_refused(settings, toy_root, tmp_path):
    foundation = untrained(settings(augmentation={"kind": "gan", "generator": str(tmp_path / "trial")}), toy_root)
    checkpoint.save(tmp_path / "trial", 1, {"model": torch.nn.Linear(1, 1)}, {}, {
        "config": {"augmentation": {"kind": "off"}}, "data": foundation.provenance, **PARTS})
    with pytest.raises(ValueError, match=r"was trained with augmentation\.kind off, so it has no such generator: name "
                                         r"a checkpoint of a run with augmentation\.kind gan"):
        foundation.missing_generator()


def test_given_generator_that_is_nowhere_is_refused(settings, toy_root, tmp_path):
    foundation = untrained(settings(augmentation={"kind": "gan", "generator": str(tmp_path / "none")}), toy_root)
    assert foundation.parts == PARTS
    with pytest.raises(FileNotFoundError, match=r"augmentation\.generator: .*none holds no checkpoint"):
        foundation.missing_generator()


@pytest.mark.parametrize(("changes", "stays"), [
    ({"frozen": True}, True), ({"frozen": True, "terms": ["rec"]}, True), ({}, False),
    ({"terms": ["rec"], "attach_generator": True}, False)])
def test_step_leaves_a_frozen_generator_as_it_is(settings, toy_root, changes, stays):
    """Also the statistics of its BatchNorm, and D. Its features have no gradient, so its activations are not kept."""
    foundation = untrained(settings(augmentation=changes), toy_root)
    sealed(foundation)
    system = foundation.build()
    system.train()
    gan = system.networks["gan"]
    before = [value.clone() for value in gan.state_dict().values()]
    for step, batch in enumerate(foundation.training_batches().epoch(1), start=1):
        losses = system.training_step(batch, Draws(0, step)).losses
        assert {"rec/nodes", "rec/edges"} <= losses.keys()
        assert any(name.startswith(("G/", "D/")) for name in losses) is (changes == {})
    assert all(map(torch.equal, before, gan.state_dict().values())) is stays
    assert gan.generator.training is not stays
    assert all(weight.grad is None for weight in gan.generator.parameters()) is stays


def test_step_with_a_frozen_generator_makes_features_once(settings, toy_root):
    """Three adversarial updates act on the training of the shared generator; here there is none."""
    foundation = untrained(settings(augmentation={"frozen": True, "adversarial_updates": 3}), toy_root)
    sealed(foundation)
    system = foundation.build()
    system.train()
    calls = []
    system.networks["gan"].generator.register_forward_hook(lambda *_: calls.append(1))
    system.training_step(next(iter(foundation.training_batches().epoch(1))), Draws(0, 1))
    assert len(calls) == 1


@pytest.mark.parametrize(("changes", "message"), [
    ({"attach_generator": True}, "attach_generator true trains a generator that frozen true leaves as it is"),
    ({"terms": ["D", "G"]}, "frozen true has no effect without the term rec"),
    ({"generator": "trial"}, r"augmentation\.frozen True has no effect, since augmentation\.generator is trial")])
def test_frozen_is_refused_where_it_would_not_act(settings, changes, message):
    with pytest.raises(ValueError, match=message):
        settings(augmentation={"frozen": True, **changes})
