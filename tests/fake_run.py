"""Writes the folder of a search as if it had run, with numbers that look like those of a real one.

    python -m tests.fake_run FOLDER [--configurations 24] [--seeds 3] [--epochs 20]
"""

import argparse
import base64
import json
import math
import random
import statistics
from functools import cache
from pathlib import Path
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FAILED, FINISHED, RUNNING, STOPPED, TrialRecord
from typing import Any

import numpy as np

from sgg.common.metric_names import HARMONIC_MEANS, metric_names
from sgg.config import load
from sgg.viz.thumbnail import thumbnail

DATA = {"name": "toy", "description": "toy genome (version 2, seed 0): 1,000/300/600 images (train/val/test), 24 "
        "classes, 10 predicates", "hash": "4be1f00dcafe", "embeddings": "co-occurrence vectors",
        "detector": "07a4b0cf0adf", "pictures": {"train": "a", "val": "b", "test": "c"}}
SHARE = {"zs": 0.62, "10s": 0.78, "100s": 0.9, "all": 1.0}
KS = (20, 50, 100)
PREDICATES = ["on", "in", "near", "behind", "holding", "under", "wearing", "riding", "eating", "painted on"]
YAML = """
experiment: {{name: {name}, output: {output}, seed: {seeds}}}
data: {{name: toy}}
loss: {{kind: {{search: choice, of: [baseline, dnorm]}}}}
augmentation:
  kind: {{search: choice, of: ['off', gan]}}
  perturb: {{method: graphn, alpha: {{search: choice, of: [2, 5, 10, 20]}}}}
training: {{learning_rate: {{search: loguniform, low: 0.0001, high: 0.01}}, epochs: {epochs}}}
evaluation: {{pred_weight: {weights}}}
search: {{scheduler: asha, trials: {configurations}}}
"""


def write_fake_run(folder: Path, *, configurations: int = 24, seeds: int = 3, epochs: int = 20,
                   weights: tuple[float, ...] = (0, 0.25, 0.5, 1), ks: tuple[int, ...] = KS) -> Path:
    """Write a search under `folder`. Of the configurations, some stop early, one fails, one still runs. Returns its
    folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "fake.yaml"
    source.write_text(YAML.format(name="fake", output=folder, seeds=list(range(seeds)), epochs=epochs,
                                  weights=list(weights), configurations=configurations))
    study = load(source, [])
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": DATA, "epochs": epochs, "resources": {"CPU": 1.0}})
    draw = random.Random(0)
    for number in range(configurations):
        values = {"loss.kind": ("baseline", "dnorm")[number % 2], "augmentation.kind": ("off", "gan")[number // 2 % 2],
                  "augmentation.perturb.alpha": draw.choice((2, 5, 10, 20)),
                  "training.learning_rate": round(10 ** draw.uniform(-4, -2), 6)}
        quality = (0.45 + 0.1 * (number % 2) + 0.04 * (number // 2 % 2)
                   - 0.06 * abs(math.log10(values["training.learning_rate"]) + 2.8) + draw.gauss(0, 0.01))
        status = {5: FAILED, 9: RUNNING}.get(number, STOPPED if number % 3 == 2 else FINISHED)
        for seed in range(seeds):
            _write_trial(directory, study, f"{number:04x}_{seed:05d}", values, seed, status, quality, epochs, weights,
                         ks, draw)
    return directory.path


def _write_trial(directory: StudyDirectory, study: Any, name: str, values: dict[str, Any], seed: int, status: str,
                 quality: float, epochs: int, weights: tuple[float, ...], ks: tuple[int, ...],
                 draw: random.Random) -> None:
    reason = "FloatingPointError: epoch 4, step 17: the loss is not finite (images 12, 88)" if status == FAILED else ""
    record = TrialRecord(directory.trial(name), values | {"experiment.seed": seed}, status, reason)
    record.write()
    config = study.trial(record.values).model_dump(mode="json")
    (record.directory / "config.json").write_text(json.dumps(
        {"config": config, "data": DATA, "program": {"version": "0.1.0", "commit": "d1b4f63" + "0" * 33},
         "versions": {"python": "3.12.3", "torch": "2.15.0", "numpy": "2.4.6"},
         "computed_on": {"device": "cpu", "workers": 1, "threads": 2}}))
    last = max(1, {FINISHED: epochs, STOPPED: epochs // 4, FAILED: min(3, epochs), RUNNING: epochs // 2}[status])
    luck = draw.gauss(0, 0.012)
    lines = []
    for epoch in range(1, last + 1):
        learned = 1 - math.exp(-epoch / (0.2 * epochs))
        row = {"epoch": epoch, "attempt": 1, "loss": 60 * math.exp(-epoch / 6) + 4 - 5 * quality + draw.gauss(0, 0.3),
               "time": 41 + draw.gauss(0, 2)}
        measured = values["augmentation.kind"] == "gan" and epoch % 2
        of_generator = _quality(learned, random.Random(f"{name} {epoch}")) if measured else {}
        lines.append(json.dumps(row | _figures("val", (quality + luck) * learned, weights, ks, draw) | of_generator))
    (record.directory / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    split = "test" if status == FINISHED else "val"
    (record.directory / "predicates.json").write_text(json.dumps(_predicates(split, last, quality + luck, draw)))
    if status == FINISHED:
        (record.directory / "zero_shot.json").write_text(json.dumps(_zero_shot(epochs)))
        (record.directory / "test.json").write_text(json.dumps(_figures("test", quality + luck, weights, ks, draw)))


def _quality(learned: float, draw: random.Random) -> dict[str, float]:
    """Feature quality: real features are near to those of training, generated ones come nearer."""
    found: dict[str, float] = {}
    for kind, count in (("node", 1740), ("edge", 1012), ("global", 200)):
        for sample, near in (("real", 0.9), ("generated", 0.6 * learned)):
            values = {"count": count, "frechet": 5 * (1 - near), "density@5": 1.1 * near,
                      **{f"{name}@5": near + draw.gauss(0, 0.02) for name in ("precision", "recall", "coverage")}}
            if kind != "global":
                values["accuracy"] = near
            if kind == "node":
                values["recognised"] = near
            found |= {f"quality/{sample}/{kind}/{name}": value for name, value in values.items()}
    return found


def _figures(split: str, quality: float, weights: tuple[float, ...], ks: tuple[int, ...],
             draw: random.Random) -> dict[str, float]:
    figures: dict[str, float] = {}
    for mode, ease in (("sgcls", 1.0), ("predcls", 1.55)):
        for subset, share in SHARE.items():
            figures[f"{split}/{mode}/{subset}/num_images"] = 600
            for weight in weights:
                suffix = f"/x{weight:g}" if weight else ""
                found = {name: _figure(name, quality * ease * share, weight, draw.gauss(0, 0.004))
                         for name in metric_names(mode, ks)}
                found |= {f"{kind}@{k}": statistics.harmonic_mean([found[f"{part}@{k}"] for part in parts])
                          for kind, parts in HARMONIC_MEANS.items() for k in ks}
                figures |= {f"{split}/{mode}/{subset}/{name}{suffix}": value for name, value in found.items()}
    return figures


def _figure(name: str, level: float, weight: float, noise: float) -> float:
    """A recall that grows with K; `pred_weight` exchanges recall for mean recall."""
    kind, _, k = name.removesuffix("-weighted").partition("@")
    if not k:
        return 30 * (1 - level)
    mean = kind in ("mR", "ng-mR")
    factor = (0.62 + 0.25 * weight if mean else 1 - 0.12 * weight ** 2) * (1.0 if kind.startswith("ng") else 0.88)
    return min(0.995, max(0.0, level * factor * (0.7 + 0.15 * math.log(int(k) / 20 + 1e-9 + 1)) + noise))


def _predicates(split: str, epoch: int, quality: float, draw: random.Random) -> dict[str, Any]:
    """The content of predicates.json: rare predicates are recalled less often, and the rarest does not occur."""
    training = [int(3000 / (place + 1) ** 1.6) for place in range(len(PREDICATES))]
    groups = [*["head"] * 3, *["body"] * 3, *["tail"] * 4]
    recall: dict[str, Any] = {}
    means: dict[str, Any] = {}
    for mode, ease in (("sgcls", 1.0), ("predcls", 1.55)):
        recall[mode] = {f"{kind}@{k}": [
            *(min(0.99, max(0.0, quality * ease * factor * (k / 100) ** 0.2 * (1.1 - 0.08 * place)
                            + draw.gauss(0, 0.02)))
              for place in range(len(PREDICATES) - 1)), None]
            for kind, factor in (("R", 0.85), ("ngR", 1.0)) for k in KS}
        means[mode] = {name: {group: sum(value or 0 for value, of in zip(values, groups, strict=True) if of == group)
                              / groups.count(group) for group in dict.fromkeys(groups)}
                       for name, values in recall[mode].items()}
    return {"format": 1, "split": split, "epoch": epoch, "predicates": PREDICATES, "training": training,
            "relations": [*(count // 5 for count in training[:-1]), 0], "groups": groups, "recall": recall,
            "means": means}


@cache
def _pictures() -> list[str]:
    """Small pictures of two boxes on a ground of changing colours, in base64."""
    rows, columns = np.mgrid[0:120, 0:160]
    pictures = []
    for number in range(8):
        ground = np.stack([rows * 2, columns + 20 * number, np.full_like(rows, 30 * number)], 2).astype(np.uint8)
        pictures.append(base64.b64encode(thumbnail(ground, (10, 20, 70 + 5 * number, 90), (60, 40, 150, 110))).decode())
    return pictures


def _zero_shot(epoch: int) -> dict[str, Any]:
    """The content of zero_shot.json: five hits and three misses."""
    names = [("cat", "riding", "horse"), ("<b>dog</b>", "on", "roof"), ("bird", "holding", "umbrella"),
             ("man", "in", "boat"), ("sheep", "behind", "bicycle")]
    return {"format": 1, "split": "test", "epoch": epoch, "mode": "sgcls", "k": 50, "relations": 812, "hits": 402,
            "examples": [{"hit": number < 5, "image": str(1000 + number), "subject": subject, "predicate": predicate,
                          "object": other, "rank": None if number == 7 else 1 + 7 * number,
                          "predicted": [subject, "on", other], "picture": picture}
                         for number, picture in enumerate(_pictures())
                         for subject, predicate, other in [names[number % len(names)]]]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for option, default in (("configurations", 24), ("seeds", 3), ("epochs", 20)):
        parser.add_argument(f"--{option}", type=int, default=default)
    given = vars(parser.parse_args())
    print(write_fake_run(given.pop("folder"), **given))
