"""Data sets: the section of settings that says how to read one, and opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from sgg.settings.marks import acts_with, data_defaults
from sgg.settings.roles import measures, runs, trains
from sgg.settings.section import HomePath

from .registry import Method, Registry

DATA_SETS: Registry[DataSettings] = Registry("data set", "sgg.data.sets", default="vg", key="name")


class DataSettings(Method):
    """The settings of a data set (docs/SYSTEM.md section 1), and the method that opens it.

    title: its name in sentences; "" for the entry's name. place: the folder below `root` that `open` reads; "": none of
    a fixed name. sources: the published files that `python -m sgg.data prepare` downloads, each a
    `sgg.data.fetch.sources.Source`. num_classes: the number of classes, background included, by which the import of a
    published model recognises the data set; None: it does not recognise it. has_sides: whether mirroring may change a
    predicate, such as "left of". rate_per_image: the default of `training.learning_rate` per image of a batch.
    pairs_per_image: the default of `model.pairs_per_image`.
    """

    title: ClassVar[str] = ""
    place: ClassVar[str] = ""
    sources: ClassVar[tuple[Any, ...]] = ()
    num_classes: ClassVar[int | None] = None
    has_sides: ClassVar[bool] = True
    rate_per_image: ClassVar[float] = 1e-3
    pairs_per_image: ClassVar[int] = 1024
    files: ClassVar[tuple[str, ...]] = ()
    required: ClassVar[frozenset[str]] = frozenset({"open"})

    root: Annotated[HomePath, runs()] = Path("data")
    """The folder of the data sets."""
    cache: Annotated[HomePath | None, runs(tried=True)] = None
    """The folder of files that are derived from the data: detectors, feature stores, lists of images. It must be
    writable, and on a cluster all nodes must see it. None: the folder `cache` of `root`."""
    min_objects: Annotated[int, Field(ge=0), trains(tried=True)] = 0
    """Train on images with at least this many objects."""
    max_objects: Annotated[PositiveInt | None, trains(tried=True)] = None
    """Train on images with at most this many objects; None: any number."""
    train_images: Annotated[PositiveInt | None, trains(tried=True)] = None
    """Train on this many images only, the first ones; None: all."""
    eval_images: Annotated[PositiveInt | None, measures()] = None
    """Evaluate on this many images of each split only, the first ones; None: all."""
    flip: Annotated[bool, trains()] = True
    """Mirror half of the training images, boxes with them."""
    flip_predicates: Annotated[Literal["exchange", "refuse", "keep"], trains(tried=True),
                               acts_with("flip", True)] = "exchange"
    """What mirroring does to predicates such as "left of". exchange: "left of" becomes "right of"; an image with a
    predicate that has no such partner is never mirrored. refuse: like exchange, but a data set with a predicate without
    partner is an error. keep: predicates stay as they are, as in the papers' system (docs/SYSTEM.md section 8)."""
    self_relations: Annotated[Literal["drop", "keep"], trains(shared=True, tried=True)] = "drop"
    """Relations of an object to itself. No pair is ever predicted for them. keep: each counts as not found, as in the
    papers' system."""
    allow_clipping: Annotated[bool, trains(shared=True, tried=True)] = False
    """Accept boxes that lie outside their images or seem to follow another convention than the reader's (corners in
    place of sizes, ...). They are cut off at the border."""
    workers: Annotated[NonNegativeInt, runs(), data_defaults(toy=0)] = 2
    """Processes that decode images; 0: the training process decodes them."""

    @classmethod
    def called(cls) -> str:
        """The title, else the name."""
        return cls.title or cls.model_fields[DATA_SETS.key].default

    def to_generate(self) -> Path | None:
        """The folder that `open` generates first, because it is not there; None: it generates nothing."""
        return None

    def generating(self) -> str:
        """The command that generates this folder and nothing else."""
        raise NotImplementedError

    def open(self, rules: Any, cache: Path) -> Any:
        """Read the annotation under `root` into a `sgg.data.DataSet`, without torch, and without image files unless
        only these have the sizes of images.

        rules: the treatment of doubtful annotation, a `sgg.data.checks.consistency.Rules`. cache: the folder for files
        that are derived from the data.

        Raises FileNotFoundError, or ValueError that names the file and the record.
        """
        raise NotImplementedError

    def write(self, data: Any, directory: Path) -> dict[str, Any]:
        """Write a `sgg.data.DataSet` into the folder `directory`, in the format that `open` reads. The files that the
        format needs are written last, so an unfinished folder is never read. Returns the settings with which `open`
        reads the same splits again.

        Raises FileExistsError for a file that is there already; ValueError for data that the format cannot hold.
        """
        raise NotImplementedError
