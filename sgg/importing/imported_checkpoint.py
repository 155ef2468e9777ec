"""An imported model on disk: its detector, its checkpoint, and what predictions need beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sgg import checkpoint
from sgg.checkpoint.meta import CheckpointMeta
from sgg.common.run_log import CHECKPOINTS, PARTS_FOLDER, read_optional_json
from sgg.common.versions import program
from sgg.config import Config
from sgg.data.catalogue import open_with
from sgg.data.checks.consistency import Rules
from sgg.detector.files import require_own, require_place, save_detector
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.methods.dataset import DATA_SETS
from sgg.methods.loaded_plugins import plugin_of
from sgg.systems.two_stage.parts import write_parts

DETECTOR = "detector"
Say = Callable[[str], None]
"""Gets sentences for the user."""


@dataclass(frozen=True)
class ImportFolder:
    """The folder that an import writes, from a published file of the name `source`.

    data_name: the data set of the model. root: the folder of the data sets, where names of classes and word vectors
    come from.
    """

    path: Path
    source: str
    data_name: str
    root: Path

    @property
    def detector(self) -> Path:
        """The folder of the detector, for `detector.weights`."""
        return self.path / DETECTOR

    def config(self, settings: Mapping[str, Any], weights: bool = True) -> Config:
        """The settings with which a foundation builds the imported modules.

        settings: those of the model, by section. weights: whether the detector is imported.
        """
        data = {"name": self.data_name, "flip_predicates": "keep", "self_relations": "keep"}
        plugin = plugin_of(DATA_SETS[self.data_name])  # the checkpoint names it, so that an evaluation asks for it
        given = {"weights": str(self.detector.resolve())} if weights else {}
        return Config.model_validate({
            **settings, "experiment": {} if plugin is None else {"plugins": [plugin.full_name]},
            "data": data | settings.get("data", {}), "detector": settings["detector"] | given})

    def write_detector(self, detector: Detector, **notes: str) -> str:
        """Write the detector; return its hash. notes: what detector.json says beside."""
        written: str = save_detector(detector, self.detector, {"source": self.source, **notes})["hash"]
        return written

    def write(self, config: Config, modules: Mapping[str, nn.Module | None], epoch: int, detector: Detector | None,
              num_predicates: int, say: Say) -> Path:
        """Write detector, checkpoint and parts. Returns the folder of the checkpoint.

        detector: None if it is not imported, so that there are no parts. num_predicates: R, background included.
        """
        digest = None if detector is None else self.write_detector(detector)
        meta: CheckpointMeta = {
            "source": self.source, "config": config.model_dump(mode="json"),
            "data": {"name": self.data_name, "description": f"{DATA_SETS[self.data_name].called()}, as published",
                     "hash": None},
            "metrics": {}, "program": program()}
        if digest is not None:
            meta["detector"] = digest
        path = checkpoint.save(self.path, epoch, modules, {}, meta).path
        if detector is not None and digest is not None:
            self._write_parts(config, detector, digest, num_predicates, say)
        return path

    def _write_parts(self, config: Config, detector: Detector, digest: str, num_predicates: int, say: Say) -> None:
        """Write names, word vectors and detector for predictions, where the data set has the names of the classes."""
        config = Config.model_validate(config.model_dump() | {"data": config.data.model_dump() | {"root": self.root}})
        settings = config.data
        try:
            data = open_with(settings, Rules(settings.allow_clipping, settings.self_relations), config.cache)
            found, known = (len(data.classes), len(data.predicates)), (detector.num_classes, num_predicates)
            if found != known:
                raise ValueError(f"{data.title} has {found[0] - 1} classes and {found[1] - 1} predicates, the model "
                                 f"knows {known[0] - 1} and {known[1] - 1}")
            write_parts(Experiment(config, data), detector, digest, self.path / PARTS_FOLDER)
        except (FileNotFoundError, ValueError) as error:
            say(f"no {PARTS_FOLDER}/, so sgg.predict cannot use this yet: the names of its classes are those of "
                f"{DATA_SETS[self.data_name].called()}, which cannot be read ({error}); put it under --root and import "
                "again")


def require_import_folder(path: Path) -> None:
    """Raise FileExistsError if a folder to write holds something other than an earlier import."""
    require_own(path, _is_imported)


def data_of(num_classes: int) -> str:
    """The name of the data set with this number of classes, background included; the default if there is none."""
    return next((name for name, entry in DATA_SETS.entries.items() if entry.num_classes == num_classes),
                DATA_SETS.default)


def _is_imported(entry: Path) -> bool:
    """Whether an entry of the folder to write comes from an earlier import, and not from training."""
    if entry.name == DETECTOR:
        require_place(entry)
        return True
    if entry.name == PARTS_FOLDER:  # a trial has them too, and its checkpoints are refused
        return (entry.parent / CHECKPOINTS).is_dir()
    metas = (read_optional_json(each / "meta.json") for each in entry.glob("epoch_*"))
    return entry.name == CHECKPOINTS and all("source" in (meta or {}) for meta in metas)
