"""Epochs of a trial on a few toy images: rows with SGDet, resuming, and the provenance of the data."""

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from sgg import checkpoint, systems
from sgg.common.run_log import History
from sgg.common.versions import COMMIT_VARIABLE, program
from sgg.config import validate
from sgg.data import open_dataset
from sgg.evaluate.restore import restore, trained_on_the_same
from sgg.structures import Batch
from sgg.systems.two_stage import foundation as two_stage
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.training.epoch import train_epoch
from sgg.training.fit import evaluate_split, fit
from tests.untrained import untrained

PREPARE = systems.open_foundation


def trial_of(toy_root, mode: str = "sgcls", **sections) -> TwoStageFoundation:
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 8, "eval_images": 2},
                       "training": {"mode": mode, "epochs": 2, "batch_size": 4}, **sections})
    return untrained(config, toy_root)


def row_of(trial: TwoStageFoundation) -> dict:
    return train_epoch(trial.build(), trial.config, trial.experiment.training_batches(), 1)


def test_train_epoch_reports_the_fraction_of_fallbacks(toy_root) -> None:
    """Without training no score of 24 classes is near .2, so detection lowers its threshold for every image. A detector
    that is certain of the first class never does."""
    trial = trial_of(toy_root, "sgdet")
    assert row_of(trial)["share/fallbacks"] == 1
    trial.detector.rcnn.roi_heads.box_predictor.cls_score.bias.data[1] = 20
    assert row_of(trial)["share/fallbacks"] == 0
    assert "share/fallbacks" not in row_of(trial_of(toy_root))


def spoil(module: torch.nn.Module) -> None:
    next(module.parameters()).data.fill_(math.nan)


def test_evaluate_split_names_a_model_that_has_diverged(toy_root) -> None:
    """The message names the epoch, the image and the remedy; it does not only say that some array must hold
    probabilities."""
    trial = trial_of(toy_root)
    run = trial.build()
    spoil(run.model.relation_head)
    first = trial.experiment.split("val").image_id(0)
    said = (rf"^the model has diverged: its scores of image {first} in \w+ are not finite, measured on val after "
            r"epoch 3: lower training\.learning_rate")
    with pytest.raises(FloatingPointError, match=said):
        evaluate_split(trial, run, "val", 3)


@pytest.mark.parametrize("mode", ["sgcls", "sgdet"])
def test_evaluate_split_names_a_detector_that_has_diverged(toy_root, mode) -> None:
    trial = trial_of(toy_root, evaluation={"modes": [mode]}, features={"maps": "off"})
    run = trial.build()
    spoil(trial.detector.rcnn.backbone)
    with pytest.raises(ValueError, match=r"^the detector has diverged: its features of image \d+ are not finite; train "
                                         r"it again with a lower detector\.learning_rate, or .*detector\.weights"):
        evaluate_split(trial, run, "val", 1)
    with pytest.raises(ValueError, match=r"the detector has diverged"):
        train_epoch(run, trial.config, trial.experiment.training_batches(), 1)


class Given:
    """The same given batches in every epoch."""

    def __init__(self, *batches: Batch):
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, number: int, first: int = 0):
        return iter(self._batches[first:])


def with_lone_objects(batch: Batch, images: int) -> Batch:
    """The data with only the first object, and therefore no relation, in the first `images` images."""
    kept = torch.tensor([int(image) >= images or int(image) not in batch.image_index[:row].tolist()
                         for row, image in enumerate(batch.image_index)])
    number = kept.cumsum(0) - 1
    relations = batch.relations[batch.relations[:, 0] >= images].clone()
    relations[:, 1:3] = number[relations[:, 1:3]]
    return replace(batch, boxes=batch.boxes[kept], labels=batch.labels[kept], image_index=batch.image_index[kept],
                   relations=relations)


@pytest.mark.parametrize("gan", [{"enabled": False}, {"enabled": True, "visual_conditioning": False,
                                                      "perturb": {"method": "graphn", "topk": 2}}])
def test_train_epoch_skips_batches_with_too_few_pairs(toy_root, gan, caplog) -> None:
    """An image with one object and no relation, together with others and alone in a batch."""
    trial = trial_of(toy_root, gan=gan)
    batch = next(trial.experiment.training_batches().epoch(1))
    some, all_odd = with_lone_objects(batch, 1), with_lone_objects(batch, len(batch))
    assert some.objects_per_image().tolist()[0] == 1 < some.objects_per_image().tolist()[1]
    assert len(all_odd.labels) == len(batch)
    run = trial.build()
    row = train_epoch(run, trial.config, Given(some, all_odd, some), 1)
    assert 0 < row["loss"] < 1000
    assert "epoch 1: 1 of 3 batches had no part with two pairs of objects" in caplog.text
    with pytest.raises(ValueError, match=r"no batch of epoch 2 .* raise training\.batch_size"):
        train_epoch(run, trial.config, Given(all_odd), 2)


@pytest.fixture
def run(toy_root, monkeypatch):
    """Trains a trial in a folder; `changes` are fields of its experiment to replace."""
    def run(directory, **changes) -> dict:
        torch.manual_seed(0)
        here = trial_of(toy_root)
        if "data" in changes:
            here = replace(here, experiment=replace(here.experiment, data=changes.pop("data")))
        here = replace(here, **changes)

        def open_foundation(config, check, use):
            check(here.experiment, here.parts)
            return here

        monkeypatch.setattr(systems, "open_foundation", open_foundation)
        return fit(None, directory)
    return run


def test_fit_resumes_before_a_damaged_checkpoint(run, tmp_path, caplog) -> None:
    caplog.set_level("INFO")
    run(tmp_path)
    weights = checkpoint.path_of(tmp_path, 2) / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    caplog.clear()
    run(tmp_path)
    assert "epoch_0002/weights.safetensors cannot be read" in caplog.messages[0]
    assert caplog.messages[1].startswith("resumed after epoch 1 from ")
    assert [(row["epoch"], row["attempt"]) for row in History(tmp_path).rows()] == [(1, 1), (2, 2)]
    assert weights.read_bytes() == whole


def test_fit_warns_of_other_versions_of_packages(run, tmp_path, caplog, monkeypatch) -> None:
    run(tmp_path)
    run(tmp_path)
    assert "other versions" not in caplog.text
    monkeypatch.setattr("sgg.training.resume.versions", lambda: {"torch": "99"})
    run(tmp_path)
    assert re.search(r"resumed with other versions \(torch \d[\w.+]*, now 99\)", caplog.text)


def test_fit_resumes_with_another_commit(run, tmp_path, caplog, monkeypatch) -> None:
    """The commit of a checkpoint is provenance: it is compared with nothing when a run resumes."""
    run(tmp_path)
    program.cache_clear()
    monkeypatch.setenv(COMMIT_VARIABLE, "another")
    run(tmp_path)
    program.cache_clear()
    assert json.loads((tmp_path / "config.json").read_text())["program"]["commit"] == "another"
    assert "other versions" not in caplog.text


def test_fit_warns_of_another_number_of_workers(run, tmp_path, caplog, monkeypatch) -> None:
    """A checkpoint of an earlier version, which does not record the environment, is resumed without a warning."""
    run(tmp_path)
    run(tmp_path)
    assert "another environment" not in caplog.text
    monkeypatch.setattr("sgg.training.resume.computed_on", lambda device: {"device": "cpu", "workers": 2, "threads": 1})
    run(tmp_path)
    assert all(word in caplog.text for word in ("resumed", "workers 1, now 2", "another"))
    caplog.clear()
    found = checkpoint.open_checkpoint(tmp_path)
    meta = json.loads((found.path / "meta.json").read_text())
    del meta["computed_on"]
    (found.path / "meta.json").write_text(json.dumps(meta))
    run(tmp_path)
    assert "another environment" not in caplog.text


def test_fit_does_not_resume_with_other_data_or_another_detector(run, toy_root, tmp_path) -> None:
    run(tmp_path)
    with pytest.raises(ValueError, match=r"epoch_0002 was trained on another detector \(0123, here 4567\)"):
        run(tmp_path, detector_hash="4567")
    others = replace(open_dataset("toy", toy_root), classes=["__background__", *"abcdefghijklmnopqrstuvwx"])
    with pytest.raises(ValueError, match=r"epoch_0002 was trained on another data \([0-9a-f]{16}, here [0-9a-f]{16}\)"):
        run(tmp_path, data=others)


def test_fit_does_not_resume_with_other_predicates_exchanged_by_mirroring(run, toy_root, tmp_path, caplog) -> None:
    """The table changes only training, so a checkpoint without it still opens."""
    run(tmp_path)
    data = open_dataset("toy", toy_root)
    assert checkpoint.open_checkpoint(tmp_path).meta["data"]["mirrored"] == {}
    one, other = data.predicates[1:3]
    others = replace(data, mirror_pairs=((one, other),))
    others.__dict__["hash"] = data.hash  # as if the rule that finds pairs by their names had changed
    with pytest.raises(ValueError, match=rf"epoch_0002 was trained .*'{one}' became '{one}', here it "
                                         rf"becomes '{other}': restore"):
        run(tmp_path, data=others)
    found = checkpoint.open_checkpoint(tmp_path)
    trained_on_the_same(found)(replace(trial_of(toy_root).experiment, data=others), {})
    assert "here it becomes" in caplog.text
    meta = json.loads((found.path / "meta.json").read_text())
    del meta["data"]["mirrored"]
    (found.path / "meta.json").write_text(json.dumps(meta))
    run(tmp_path, data=others)


def test_restore_and_fit_refuse_other_data_before_a_detector_is_trained(run, toy_root, tmp_path, monkeypatch) -> None:
    run(tmp_path / "trial")
    found = checkpoint.open_checkpoint(tmp_path / "trial")
    trained = []
    monkeypatch.setattr(two_stage, "known_hash", lambda *data, **settings: None)
    monkeypatch.setattr(two_stage, "ensure_detector", lambda *data, **settings: trained.append(data) or (None, "4567"))
    monkeypatch.setattr(systems, "open_foundation", PREPARE)
    config = validate(found.meta["config"], "test")
    others = replace(open_dataset("toy", toy_root), classes=["__background__", *"abcdefghijklmnopqrstuvwx"])
    with monkeypatch.context() as patch:
        patch.setattr("sgg.experiment.context.open_data", lambda config: others)
        for again in (lambda: restore(tmp_path / "trial"), lambda: fit(config, tmp_path / "trial")):
            with pytest.raises(ValueError, match="was trained on another data"):
                again()
    faster = config.model_copy(update={"training": config.training.model_copy(update={"learning_rate": 0.5})})
    with pytest.raises(ValueError, match=r"(?s)other settings.*training\.learning_rate was .* is 0\.5"):
        fit(faster, tmp_path / "trial")
    monkeypatch.setattr(two_stage, "known_hash", lambda *data, **settings: "4567")
    with pytest.raises(ValueError, match=r"another detector \(0123, here 4567\)"):
        restore(tmp_path / "trial")
    assert not trained


def test_fit_does_not_resume_a_gan_of_the_first_edition_which_can_be_evaluated(toy_root, tmp_path) -> None:
    """Its global discriminator had two stages on the toy genome's maps: layers 0 to 9, and the last one."""
    settings = {"augmentation": {"kind": "gan", "visual_conditioning": False, "large_discriminator": False}}
    trial = trial_of(toy_root, **settings)
    gan = trial.build().networks["gan"]
    layers = gan.discriminators["global"].layers
    first_edition = torch.nn.utils.spectral_norm(torch.nn.Conv2d(layers[10].in_channels, 1, 3))
    gan.discriminators["global"].layers = torch.nn.Sequential(*layers[:10], first_edition)
    meta = {"data": {"hash": None}, "detector": None, "config": trial.config.model_dump(mode="json")}
    saved = checkpoint.save(tmp_path, 1, {"gan": gan}, {}, meta)
    fresh = trial.build().networks["gan"]
    saved.load_weights(**{"gan.generator": fresh.generator})
    assert torch.equal(fresh.generator.projection.weight, gan.generator.projection.weight)
    with pytest.raises(ValueError, match=r"(?s)missing discriminators\.global\.layers\.15\..*earlier edition .* again"):
        saved.load_weights(gan=fresh)


def test_fit_validates_on_some_images_and_says_so(run, toy_root, tmp_path, caplog, monkeypatch) -> None:
    """The run has two images of each split, and `sgg.evaluate` measures both of either."""
    caplog.set_level("INFO")
    last = run(tmp_path, experiment=trial_of(toy_root, evaluation={"val_images": 1}).experiment)
    assert (last["val/sgcls/all/num_images"], last["test/sgcls/all/num_images"]) == (1, 2)
    assert any(message.startswith("epoch 2 of 2") and message.endswith(", val of 1 images")
               for message in caplog.messages)
    asked, opened = [], systems.open_foundation
    monkeypatch.setattr(systems, "open_foundation", lambda *given: asked.append(given[0]) or opened(*given))
    restore(tmp_path)
    assert asked[0].evaluation.val_images is None


def test_restore_measures_a_mode_that_was_not_searched_for(run, tmp_path, monkeypatch) -> None:
    run(tmp_path)
    asked = []
    opened = systems.open_foundation
    monkeypatch.setattr(systems, "open_foundation", lambda *given: asked.append(given[0]) or opened(*given))
    restore(tmp_path, {"evaluation": {"modes": ["predcls"], "ks": [7]}})
    assert asked[0].search.metric == "val/predcls/zs/ngR@7"


def test_provenance_of_the_data(toy_root, tmp_path) -> None:
    trial = trial_of(toy_root, augmentation={"kind": "gan", "init_embeddings": True})
    facts, data = trial.provenance, trial.experiment.data
    assert (facts["hash"], facts["detector"]) == (data.hash, "0123")
    assert facts["description"] == f"{data.description}, measured on the first 2 images of val and test"
    assert trial_of(toy_root, evaluation={"val_images": 1}).provenance["description"].endswith(
        "of val and test, validated on 1 of val")
    assert facts["embeddings"] == "cooccurrence in the training graphs"
    assert set(facts["embeddings_missing"]) < {*data.classes[1:], *data.predicates[1:]}


def test_provenance_names_word_vectors_under_the_root(toy_root, tmp_path) -> None:
    """The files are where `python -m sgg.data prepare glove --root ROOT` puts them."""
    trial = trial_of(toy_root, embeddings={"dim": 2},
                     augmentation={"kind": "gan", "perturb": {"method": "neigh"}})
    known, unknown = trial.experiment.data.classes[1:3], trial.experiment.data.classes[3]
    (tmp_path / "glove").mkdir()
    (tmp_path / "glove" / "glove.6B.200d.txt").write_text("".join(f"{name} 1 2\n" for name in known))
    config = validate(trial.config.model_dump() | {"data": {"name": "toy", "root": str(tmp_path)}})
    facts = replace(trial.experiment, config=config).provenance()
    assert facts["embeddings"] == "glove glove.6B.200d.txt"
    assert unknown in facts["embeddings_missing"]
    assert not {"__background__", *known} & {*facts["embeddings_missing"]}
    unread = validate(config.model_dump() | {"augmentation": "off"})
    assert replace(trial.experiment, config=unread).provenance() == facts | {"embeddings_missing": []}


def test_train_epoch_reads_stored_features_beside_the_update_of_f(toy_root, monkeypatch) -> None:
    """Features are requested before the update of F, and awaited after it."""
    happened = []

    class Store:
        def __init__(self, shape: tuple[int, ...]):
            self.shape = shape

        def request(self, labels, generator, device):
            happened.append("asked for")
            return Pending(torch.zeros(len(labels), *self.shape))

    class Pending:
        def __init__(self, rows):
            self.rows = rows

        def result(self):
            happened.append("waited for")
            return self.rows

    trial = trial_of(toy_root, augmentation={"kind": "gan"})
    vars(trial)["features"] = Store((trial.detector.channels, 7, 7))
    run = trial.build()
    update = run.learner.update
    monkeypatch.setattr(run.learner, "update", lambda sample: happened.append("F updated") or update(sample))
    train_epoch(run, trial.config, Given(next(trial.experiment.training_batches().epoch(1))), 1)
    assert happened == ["asked for", "F updated", "waited for"]
