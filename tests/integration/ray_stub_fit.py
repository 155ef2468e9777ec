"""A stand-in for the science with the same contract, so that what Ray does is tested without training.

`sgg.training.fit.fit` in a few milliseconds an epoch: its metric grows with the epoch and with `loss.scale`. What goes
wrong, and where, says the file `faults.json` in `data.root`: a list of {"key": dotted key, "value": its value,
"epoch": n, "do": "raise" | "nan" | "kill" | "full" | "hold" | "meet N" | "judged N E", "times": how often}. "hold"
waits for ever, "meet" until N trials have begun, "judged" until early stopping has judged N results of epoch E.
`seconds.txt` there says how long an epoch takes.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

from sgg.checkpoint.paths import META, OPTIMIZERS, WEIGHTS, path_of, remove
from sgg.common.atomic import write_json
from sgg.common.run_log import CONFIG, TEST, History, read_optional_json, read_rows


def open_data(config):
    Path(config.data.root).mkdir(parents=True, exist_ok=True)
    every = dict.fromkeys(("zs", "10s", "100s", "all"), 1)
    return SimpleNamespace(name="toy", description="stub data", hash="0123456789", findings=(),
                           relations_by_subset=lambda *_: every)


def prepare(config):
    settings = config.model_dump()
    settings["training"]["epochs"] = settings["training"]["epochs"] or 3
    facts = {"name": "stub", "description": "stub data", "hash": "0123456789"}
    return SimpleNamespace(config=type(config).model_validate(settings), provenance=facts)


def fit(config, directory, on_epoch_end=None, resume=True, start_from=None, make_maps=True):
    config = prepare(config).config
    directory, epochs = Path(directory), config.training.epochs
    write_json(directory / CONFIG, {"config": config.model_dump(mode="json"), "data": prepare(config).provenance})
    history = History(directory)
    donor = _read(Path(start_from)) if start_from else (0, 0.0)
    done, state = max(_newest(directory) or (0, 0.0), donor)
    pace = Path(config.data.root) / "seconds.txt"
    seconds = float(pace.read_text()) if pace.is_file() else 0.05
    print(f"trial process {os.getpid()}, GPUs {os.environ.get('CUDA_VISIBLE_DEVICES')}, attempt {history.attempt}")
    for row in history.rows(up_to=done) if on_epoch_end else ():
        if row["epoch"] > donor[0]:
            on_epoch_end(row)
    for epoch in range(done + 1, epochs + 1):
        time.sleep(seconds)
        _go_wrong(config, directory, epoch)
        state += config.loss.scale * (1 + config.seed / 1000)
        row = history.append(epoch, {"loss": 1 / epoch, "time": 0.05, **_metrics("val", state / 100, config)})
        _save(path_of(directory, epoch), {"format": 1, "epoch": epoch, "state": state})
        if on_epoch_end:
            on_epoch_end(row)
    test = _metrics("test", state / 100, config)
    write_json(directory / TEST, test)
    return test


def _metrics(part, value, config):
    plain = {f"{part}/{mode}/{subset}/ngR@100": value * (0.5 if mode == "sgcls" else 1)
             for mode in ("sgcls", "predcls") for subset in ("zs", "10s", "100s", "all")}
    return plain | {f"{name}/x{x:g}": value * (1 + x) for name, value in plain.items()
                    for x in config.evaluation.pred_weight if x}


def _save(checkpoint, meta):
    unfinished = checkpoint.with_name(f".{checkpoint.name}.{os.getpid()}")
    unfinished.mkdir(parents=True, exist_ok=True)
    write_json(unfinished / META, meta)
    for name in (WEIGHTS, OPTIMIZERS):
        (unfinished / name).touch()
    remove(checkpoint)
    os.replace(unfinished, checkpoint)


def _newest(directory):
    found = sorted((directory / "checkpoints").glob("epoch_*"))
    return _read(found[-1]) if found else None


def _read(checkpoint):
    meta = read_optional_json(checkpoint / META)
    return meta["epoch"], meta["state"]


def _go_wrong(config, directory, epoch):
    path = Path(config.data.root) / "faults.json"
    for number, fault in enumerate(json.loads(path.read_text()) if path.is_file() else []):
        value = config.model_dump(mode="json")
        for part in fault["key"].split("."):
            value = value[part]
        mark = Path(config.data.root) / f"fault-{number}-{directory.name}"
        happened = len(mark.read_text()) if mark.is_file() else 0
        if value == fault["value"] and epoch == fault["epoch"] and happened < fault.get("times", 1):
            mark.write_text("x" * (happened + 1))
            _do(fault["do"], directory.parent)


def _do(what, trials):
    match what.split():
        case ["meet", number]:
            while len(list(trials.glob(f"*/{CONFIG}"))) < int(number):
                time.sleep(0.1)
        case ["hold"]:
            time.sleep(3600)
        case ["judged", number, epoch]:
            judgements = trials.parent / "judgements.jsonl"
            while sum(row["epoch"] == int(epoch) for row in read_rows(judgements)) < int(number):
                time.sleep(0.1)
        case ["raise"]:
            raise ValueError("the stub raises here")
        case ["nan"]:
            raise FloatingPointError("loss is not finite in epoch 2, step 1")
        case ["full"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
