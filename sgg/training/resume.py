"""How a trial resumes: from which checkpoint, what must be as it was, and what only the log reports.

Settings that may differ: `sgg/config/loading/resume.py`. How a search resumes:
`platform/callbacks/resume_snapshots.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from sgg import checkpoint
from sgg.common.versions import changed_versions, differences, versions
from sgg.config import Config
from sgg.config.loading.resume import changes
from sgg.data.mirroring import difference
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import computed_on
from sgg.settings.keys import flatten
from sgg.systems.contract import System

log = logging.getLogger(__name__)

def checkpoint_to_resume(directory: Path, resume: bool,
                         donor: checkpoint.Checkpoint | None) -> tuple[checkpoint.Checkpoint | None, bool]:
    """The checkpoint from which training continues, if any, and whether it must have the settings of this trial.

    Raises ValueError for a `donor` within an epoch: the rest of the epoch may have other batches here.
    """
    if donor is not None and donor.partial_epoch() is not None:
        raise ValueError(f"{donor.path} is of an unfinished epoch: name a checkpoint of a finished one")
    found = checkpoint.latest_whole(directory) if resume else None
    if donor is not None and (found is None or donor.position >= found.position):
        found = donor
    return found, found is not None and donor is None


def load_checkpoint(found: checkpoint.Checkpoint | None,
                    system: System) -> tuple[int, checkpoint.PartialEpoch | None]:
    """Load a checkpoint. Return the number of finished epochs, and the state of the epoch after them, if it has begun.
    """
    if found is None:
        return 0, None
    found.load_weights(**system.networks)
    found.load_optimizers(system.optimizers)
    begun = found.partial_epoch()
    log.info("resumed after %s from %s", f"epoch {found.epoch}" if begun is None else
             f"step {begun.step} of epoch {found.epoch + 1}", found.path)
    if others := differences(found.meta.get("computed_on", {}), computed_on(system.device)):
        log.warning("resumed in another environment (%s), which changes the order of sums or the random numbers: "
                    "metrics differ from those of an uninterrupted run as if the seed was another", "; ".join(others))
    if changed := changed_versions(found.meta.get("versions", {}), versions()):
        log.warning("resumed with other versions (%s): metrics may differ from those of an uninterrupted run", changed)
    return found.epoch, begun


def _hashes_to_compare(found: checkpoint.Checkpoint, experiment: Experiment) -> dict[str, str]:
    """The image hashes that must equal those of a checkpoint: of all splits, if the same number of images is measured.
    """
    config, before = experiment.config, found.meta["config"]
    same = before["data"].get("eval_images") == config.data.eval_images and \
        before["evaluation"].get("val_images") == config.evaluation.val_images
    return experiment.image_hashes if same else {"train": experiment.image_hashes["train"]}


def require_origin(found: checkpoint.Checkpoint | None, same_settings: bool, experiment: Experiment,
                   parts: Mapping[str, str | None]) -> None:
    """Raise ValueError where a checkpoint was made from something else, or, with `same_settings`, with other settings.
    """
    if found is None:
        return
    if same_settings:
        _refuse_other_settings(experiment.config, found)
    found.require_plugins(experiment.config.experiment.allow_changed_plugins)
    found.require_origin(experiment.data.hash, parts, _hashes_to_compare(found, experiment))
    if fault := difference(found.meta["data"].get("mirrored"), experiment.exchanged):
        raise ValueError(f"{found.path} {fault}: restore the version of this program, or train again under another "
                         "experiment.name")
    if experiment.config.compares_classes:
        found.require_vectors(experiment.vector_provenance)


def _refuse_other_settings(config: Config, found: checkpoint.Checkpoint) -> None:
    changed = changes(flatten(found.meta["config"]), flatten(config.model_dump(mode="json")),
                      lambda role: role.fixed_for_trial)
    if changed:
        raise ValueError("\n  ".join([f"{found.path} was written with other settings; give the run another "
                                      "experiment.name, or restore these:", *changed]))
