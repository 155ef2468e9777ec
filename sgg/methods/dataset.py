"""Data sets: the section of settings that says how one is read, and opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from sgg.settings.marks import suits
from sgg.settings.roles import measures, runs, trains
from sgg.settings.section import HomePath

from .registry import Method, Registry

DATA_SETS: Registry[DataSettings] = Registry("data set", "sgg.data.sets", default="vg", key="name")


class DataSettings(Method):
    """How a data set is read (docs/SYSTEM.md section 1), and how it is opened.

    title: what it is called in sentences; the name where it has none. sources: the published files that
    `python -m sgg.data prepare` fetches, each a `sgg.data.fetch.sources.Source`. num_classes: background included, by
    which published models of it are known; None: they are not. has_sides: whether mirroring may change a predicate,
    such as "left of". rate_per_image and pairs_per_image: what `training.learning_rate` for each image of a batch, and
    `model.pairs_per_image`, are by default.
    """

    title: ClassVar[str] = ""
    sources: ClassVar[tuple[Any, ...]] = ()
    num_classes: ClassVar[int | None] = None
    has_sides: ClassVar[bool] = True
    rate_per_image: ClassVar[float] = 1e-3
    pairs_per_image: ClassVar[int] = 1024
    required: ClassVar[frozenset[str]] = frozenset({"open"})

    root: Annotated[HomePath, runs()] = Path("data")
    """The folder of the data sets."""
    cache: Annotated[HomePath | None, runs(tried=True)] = None
    """The folder of what is derived from the data once: detectors, feature stores, lists of images. It must be
    writable, and on a cluster a path that all nodes see. None: the folder `cache` of `root`."""
    min_objects: Annotated[int, Field(ge=0), trains(tried=True)] = 0
    """Train on images with at least so many objects."""
    max_objects: Annotated[PositiveInt | None, trains(tried=True)] = None
    """Train on images with at most so many objects; None: any number."""
    train_images: Annotated[PositiveInt | None, trains(tried=True)] = None
    """Train on the first so many images only; None: all."""
    eval_images: Annotated[PositiveInt | None, measures()] = None
    """Evaluate on the first so many images of each part only; None: all."""
    flip: Annotated[bool, trains()] = True
    """Mirror half of the training images, boxes with them."""
    flip_predicates: Annotated[Literal["exchange", "refuse", "keep"], trains(tried=True)] = "exchange"
    """Predicates that mirroring changes. exchange: "left of" becomes "right of" in a mirrored image, and an image with
    one that has no partner is never mirrored; refuse: as exchange, but data with one that has no partner are refused;
    keep: all stay as they are, as in the papers' system (docs/SYSTEM.md section 8)."""
    self_relations: Annotated[Literal["drop", "keep"], trains(shared=True, tried=True)] = "drop"
    """Relations of an object to itself, for which no pair is ever predicted. keep: as in the papers' system, where each
    counts as not found."""
    allow_clipping: Annotated[bool, trains(shared=True, tried=True)] = False
    """Accept boxes that look as if they were written in another way than they are read (corners for sizes, ...) or lie
    outside their pictures: they are cut off at the border."""
    workers: Annotated[NonNegativeInt, runs(), suits(toy=0)] = 2
    """Processes that decode pictures; 0: the training process itself."""

    @classmethod
    def called(cls) -> str:
        """The title, else the name."""
        return cls.title or cls.model_fields[DATA_SETS.key].default

    def open(self, rules: Any, cache: Path) -> Any:
        """The annotation under `root` as a `sgg.data.DataSet`, read without torch and without pictures.

        rules: what is done with doubtful annotation, a `sgg.data.checks.consistency.Rules`. cache: where what is
        derived from the files may be kept.

        Raises FileNotFoundError or ValueError naming the file and the record that is wrong.
        """
        raise NotImplementedError
