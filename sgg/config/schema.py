"""Every setting of an experiment, with its type, range, default and meaning.

`None` stands for "what suits the data set": `sgg/config/profiles.py` fills it in. Numbers from the papers are marked
[1] (BMVC 2020, arXiv 2005.08230) and [2] (ICCV 2021, arXiv 2007.05756).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from sgg.naming import KS

from .search import Resources, Search, Tracking
from .section import Distinct, HomePath, Listed, Off, Section, Share

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Mode = Literal["sgcls", "predcls", "sgdet"]
Term = Literal["D", "G", "rec"]
EdgeBoxes = Literal["motifs", "raw_boxes"]
Exponent = Annotated[float, Field(ge=0, le=10)]


class Experiment(Section):
    """What the run is called and where it goes: everything is written under `<output>/<name>/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "experiment"
    output: HomePath = Path("runs")
    seed: Annotated[list[Seed], Listed, Distinct, Field(min_length=1)] = [111]
    """A list runs every configuration once per seed."""


class Data(Section):
    """The data set and how it is read (docs/SYSTEM.md section 1)."""

    name: Literal["auto", "vg", "toy", "gqa", "vtranse", "custom"] = "auto"
    """auto: Visual Genome where it is under `root`, else the toy genome."""
    root: HomePath = Path("data")
    num_val_images: PositiveInt | None = None
    """The first so many training images are validation. None: the data set's own number, 5,000 of Visual Genome."""
    min_objects: Annotated[int, Field(ge=0)] = 0
    max_objects: PositiveInt | None = None
    """Train on images with at least and at most so many objects."""
    train_images: PositiveInt | None = None
    """Train on the first so many images only; None: all."""
    eval_images: PositiveInt | None = None
    """Evaluate on the first so many images of each part only; None: all."""
    flip: bool = True
    workers: Annotated[int, Field(ge=0)] | None = None
    exclude_left_right: bool = False
    """GQA: drop "to the left of" and "to the right of"."""


class DetectorSettings(Section):
    """The frozen detector (docs/SYSTEM.md section 2)."""

    backbone: Literal["vgg16", "resnet50", "tiny"] | None = None
    weights: HomePath | None = None
    """A published `vg-faster-rcnn.tar` or a directory made by `python -m sgg.detector train`; None: pre-train here."""
    epochs: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    """None: the backbone's own recipe (`sgg/detector/recipe.py`)."""


class Model(Section):
    """The scene-graph model F (docs/SYSTEM.md section 2)."""

    head: Literal["imp"] = "imp"
    hidden_dim: PositiveInt | None = None
    iterations: Annotated[int, Field(ge=0)] = 3
    edge_boxes: EdgeBoxes | None = None
    """How the boxes of a pair are drawn. None: `raw_boxes` on GQA, else `motifs`. A trained model needs the drawing
    that it was trained with, and its weights do not tell which that was."""
    box_strides: Literal["published", "intended"] = "published"
    """published: the stride of 16 that the papers' weights were trained with; intended: 2 and 1."""
    frequency_bias: Literal["off", "add", "only"] = "off"
    """add: added to the predicate logits; only: the predicate logits are the frequency table alone (evaluation)."""
    pairs_per_image: PositiveInt | None = None
    """Budget of training pairs an image, over the batch. None: 1,024; on the toy genome 48; in SGDet training 64."""
    foreground_share: Share = 0.25
    dropout: Share | None = None


class Loss(Section):
    """Edge loss ([1], docs/SYSTEM.md section 3)."""

    kind: Literal["baseline", "dnorm", "dnorm-fgbg"] = "dnorm"
    foreground_weight: NonNegativeFloat = 1.0
    background_weight: NonNegativeFloat = 1.0
    scale: NonNegativeFloat = 1.0


class Embeddings(Section):
    """Class vectors for `neigh`, `graphn` and `gan.init_embeddings`."""

    source: Literal["auto", "glove", "cooccurrence"] = "auto"
    """auto: GloVe where its file is, else vectors computed from the training graphs."""
    path: HomePath | None = None
    """None: where `python -m sgg.data prepare glove` puts it under `data.root`, see `Config.glove`."""


class Perturb(Section):
    """Scene-graph perturbations ([2], docs/SYSTEM.md section 5)."""

    method: Annotated[Literal["off", "rand", "neigh", "graphn"], Off] = "off"
    intensity: Annotated[float, Field(gt=0, le=1)] = 0.2
    """L: the share of an image's nodes that get a new label."""
    topk: Annotated[int, Field(ge=0)] = 5
    alpha: Annotated[float, Field(ge=1)] = 2
    """GraphN: a context must have been seen so often in training. Not the loss weight alpha of [1]."""
    uniform: bool = False
    degree_smoothing: NonNegativeFloat = 1.0


class GAN(Section):
    """Generator, discriminators and their updates ([2], docs/SYSTEM.md section 4)."""

    enabled: bool = False
    terms: Annotated[list[Term], Listed, Distinct] = ["D", "G", "rec"]
    large_discriminator: bool = True
    visual_conditioning: bool = True
    attach_generator: bool = False
    init_embeddings: bool = False
    adversarial_weight: PositiveFloat = 5.0
    hidden_dim: PositiveInt = 64
    embedding_dim: PositiveInt = 200
    learning_rate_generator: PositiveFloat = 1e-4
    learning_rate_discriminator: PositiveFloat = 4e-4
    perturb: Perturb = Perturb()


class Training(Section):
    """Optimisation of F (docs/SYSTEM.md section 2, "Optimiser")."""

    mode: Literal["sgcls", "predcls", "sgdet"] = "sgcls"
    epochs: Annotated[int, Field(ge=0)] | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    """None: the profile's rate per image times batch_size (the papers: 1e-3 x 24)."""
    decay_epoch: PositiveInt | None = None
    """The last epoch at the full rates, counted from 1; after it they are a tenth."""
    momentum: Share = 0.9
    weight_decay: NonNegativeFloat = 1e-4
    box_head_rate: PositiveFloat = 0.1
    """Learning rate of the two box-head copies, as a share of `learning_rate`."""
    clip_gradient: PositiveFloat = 5.0
    f_updates: PositiveInt = 1
    """Updates of F on the real batch per step: 2 matches the number of updates that a GAN run makes."""
    keep_checkpoints: PositiveInt = 2
    device: str = "auto"
    compile: bool = False
    autocast_bf16: bool = False
    tf32: bool = False


class Evaluation(Section):
    """What is measured; nothing here changes the trained model (docs/SYSTEM.md section 6)."""

    modes: Annotated[list[Mode], Listed, Distinct, Field(min_length=1)] = ["sgcls", "predcls"]
    ks: Annotated[list[PositiveInt], Listed, Distinct, Field(min_length=1)] = list(KS)
    pred_weight: Annotated[list[Exponent], Listed, Distinct, Field(min_length=1)] = [0.0]
    """Exponents of the predicate re-weighting; every value is evaluated on each trained model."""
    every: PositiveInt | None = None
    """Validate after the first epoch, then after every so many more, and after the last."""
    batch_size: PositiveInt | None = None
    test: bool = True


class Settings(Section):
    """Everything that can be set, each setting by itself; what must fit together is `Config`'s to check."""

    experiment: Experiment = Experiment()
    data: Data = Data()
    detector: DetectorSettings = DetectorSettings()
    model: Model = Model()
    loss: Loss = Loss()
    embeddings: Embeddings = Embeddings()
    gan: GAN = GAN()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
    resources: Resources = Resources()
    tracking: Tracking = Tracking()
