"""The head of a report: what was asked, on which data, by which code, on which machine, at which cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sgg.common.metric_names import HARMONIC_MEANS
from sgg.common.versions import describe_program
from sgg.metrics.conventions import REFERENCE
from sgg.settings.keys import find

from ...study.study_file import StudyFile
from ...study.trial_record import FAILED, FINISHED, RUNNING, STOPPED
from ..basis import Basis
from ..collection import Collection
from ..history import TrialHistory
from ..pooling import in_order
from ..result_row import ResultRow

ZERO_SHOT = ("zs: triplets (subject class, predicate, object class) that do not occur in training; 10s: 1 to 10 times; "
             "100s: 11 to 100 times. For test, training is train and val together; for validation it is train.")
ZERO_SHOT_TRAIN = "zs-train: triplets of the test split that do not occur in train, whether or not in val."
RECALL = (
    "recall of each image, averaged over images. R, mR and F1: graph-constrained, one predicate for each pair; ngR, "
    f"ng-mR and ng-F1: without graph constraint, at most {REFERENCE.unconstrained_limit} triplets an image. "
    f"{' '.join(f'{name}: the harmonic mean of {one} and {other}.' for name, (one, other) in HARMONIC_MEANS.items())} "
    "By sgg.metrics.Conventions, whose defaults follow the evaluator of the papers' code (docs/SYSTEM.md section 6).")
UNKNOWN = "not recorded"
MEASURE = "`python -m sgg.detector evaluate RUN/trials/TRIAL/parts/detector` measures it"


def facts(collection: Collection, rows: Sequence[ResultRow], folders: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The facts of the head, each with a label and its lines. A line for each different value of several studies."""
    trials, studies = collection.trials, collection.studies
    bases = list(dict.fromkeys(basis for row in rows for basis in row.basis.each))
    seconds = [trial.seconds for trial in trials if trial.seconds is not None]
    return [
        ("Question", [_question(collection)]),
        ("Data", _different(basis.data for basis in bases)),
        ("Word vectors", _different(basis.embeddings for basis in bases)),
        ("Detector", _detectors(studies, [dict(basis.parts).get("detector", "") for basis in bases])),
        ("Detector's mAP", _different(_average_precision(data) for data in _provenances(collection))),
        ("Evaluation", _evaluation(rows, bases)),
        ("Zero-shot", [ZERO_SHOT, *_other_sets(rows, bases)]),
        ("Code", _different(program for row in rows for program in row.programs) or
         _different(describe_program(study.get("program", {})) for study in studies)),
        ("Packages", _different(", ".join(f"{name} {version}" for name, version in trial.versions.items())
                                for trial in trials)),
        ("Command", _different(study.get("command", "") for study in studies)),
        ("Machine", _different(study.get("machine", "") for study in studies)),
        ("Each trial", _different(_resources(study, trials) for study in studies) or
         _different(trial.computed_on for trial in trials)),
        ("Wall time", _different(_wall(study) for study in studies)),
        ("GPU time", [_gpu_time(trials)]),
        ("Training time", [f"{duration(sum(seconds))} over {len(seconds)} trials, without validation and test"]
         if seconds else [UNKNOWN]),
        *([("Data sets", [f"{', '.join(collection.blocks)}: {', '.join(blocks)}; every configuration runs on each"])]
          if (blocks := in_order(block for row in rows for block in row.blocks)) else []),
        ("Seeds", [", ".join(map(str, sorted({trial.seed for trial in trials if trial.seed is not None}))) or UNKNOWN]),
        ("Trials", [_counts(trials)]),
        ("Folder", list(folders)),
    ]


def wall_time(studies: Sequence[StudyFile]) -> str:
    """From the beginning of each study to its last result, in words; "" where no study has one."""
    seconds = [study["ended"] - study["began"] for study in studies if "ended" in study and "began" in study]
    return duration(sum(seconds)) if seconds else ""


def duration(seconds: float) -> str:
    """Seconds in words, such as 3 h 07 min."""
    minutes = round(seconds / 60)
    if minutes == 0:
        return f"{seconds:.0f} s"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"


def _different(lines: Iterable[str]) -> list[str]:
    """The lines that differ, without empty ones."""
    return list(dict.fromkeys(line for line in lines if line))


def _evaluation(rows: Sequence[ResultRow], bases: Sequence[Basis]) -> list[str]:
    """How recall is measured, at which K, and whether relations are suppressed first."""
    names = {name for row in rows for name in row.cells}
    ks = sorted({int(found[1]) for name in names if (found := re.search(r"/all/(?:ng)?R@(\d+)$", name))})
    return [RECALL, *([f"K: {', '.join(map(str, ks))}"] if ks else []), *_different(
        basis.conventions or "without relation NMS" for basis in bases)]


def _other_sets(rows: Sequence[ResultRow], bases: Sequence[Basis]) -> list[str]:
    """What the other zero-shot subsets are, where they were measured."""
    train = any("/zs-train/" in name for row in rows for name in row.cells)
    return ([ZERO_SHOT_TRAIN] if train else []) + _different(
        f"zs-list: a file of {basis.zero_shot_list}" for basis in bases if basis.zero_shot_list)


def _question(collection: Collection) -> str:
    metrics = [name for name, _ in collection.objectives]
    settings = [key for key in collection.searched if key not in collection.blocks]
    if not settings:
        return f"What does this configuration reach in {' and '.join(metrics)}?"
    names = ", ".join(settings[:-1]) + (" and " if len(settings) > 1 else "") + settings[-1]
    gives = f"Which {names} {'gives' if len(settings) == 1 else 'give'}"
    if len(metrics) > 1:
        return f"{gives} the best trade-offs between {' and '.join(metrics)}?"
    return f"{gives} the {'highest' if collection.mode == 'max' else 'lowest'} {collection.metric}?"


def _detectors(studies: Sequence[StudyFile], hashes: Sequence[str]) -> list[str]:
    """The backbone and the hash of each detector. hashes: of all data sets; a study names that of its first alone."""
    named = [(find(study["settings"], "detector.backbone"), study["data"].get("detector")) for study in studies]
    backbones, digests = {backbone for backbone, _ in named}, _different(hashes)
    if len(backbones) == 1 and digests:
        named = [(backbone, digest) for backbone in backbones for digest in digests]
    return _different(", ".join(str(part) for part in one if part) for one in named) or digests


def _provenances(collection: Collection) -> list[Mapping[str, Any]]:
    """What the trials say of their data and parts; what their studies say where no trial has begun."""
    begun: list[Mapping[str, Any]] = [trial.data for trial in collection.trials if trial.data]
    return begun or [study["data"] for study in collection.studies]


def _average_precision(data: Mapping[str, Any]) -> str:
    """The mean average precision of the detector, or why it is unknown, from what a run says of its data."""
    said = data.get("detector_metrics", {"unknown": f"the run is of an earlier version of this program; {MEASURE}"})
    if "unknown" in said:
        return f"unknown: {said['unknown']}"
    return f"{100 * said['mAP']:.1f} % ({100 * said['mAP@.5']:.1f} % at IoU .5; COCO's definition) on {said['on']}"


def _resources(study: StudyFile, trials: Sequence[TrialHistory]) -> str:
    amounts = " and ".join(f"{amount:g} {name}" for name, amount in study.get("resources", {}).items())
    return "; ".join(dict.fromkeys(part for part in (amounts, *(trial.computed_on for trial in trials)) if part))


def _wall(study: StudyFile) -> str:
    began, ended = study.get("began"), study.get("ended")
    if began is None:
        return ""
    start = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"begun {start}" + ("" if ended is None else f", {duration(ended - began)} until the last result")


def _gpu_time(trials: Sequence[TrialHistory]) -> str:
    """The time of the trials times the GPUs that each held."""
    with_gpu = [trial for trial in trials if trial.gpus]
    if not with_gpu:
        return "no GPU was used" if any(trial.computed_on for trial in trials) else UNKNOWN
    held = sum(trial.gpus * (trial.ran or 0) for trial in with_gpu)
    each = " or ".join(f"{gpus:g}" for gpus in sorted({trial.gpus for trial in with_gpu}))
    return (f"{duration(held)}, the time of {len(with_gpu)} trial{'' if len(with_gpu) == 1 else 's'} x {each} "
            f"GPU{'' if each == '1' else 's'}")


def _counts(trials: Sequence[TrialHistory]) -> str:
    counts = Counter(trial.status for trial in trials)
    order = [FINISHED, STOPPED, FAILED, RUNNING]
    order += [status for status in counts if status not in order]
    return f"{len(trials)}: " + ", ".join(f"{counts[status]} {status}" for status in order if counts[status])
