"""Every setting of an experiment, with its type, range, default and meaning.

Beside its type, a setting carries its role (`sgg/settings/roles.py`) and, where its default depends on the data set or
on other settings, a mark (`sgg/settings/marks.py`). Numbers from the papers are marked [1] (BMVC 2020, arXiv
2005.08230) and [2] (ICCV 2021, arXiv 2007.05756).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sgg.common.metric_names import KS
from sgg.methods.augmentation import AUGMENTATIONS, Augmentation
from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.methods.head import HEADS, Head
from sgg.settings.marks import Follows, suits
from sgg.settings.roles import draws, measures, runs, trains
from sgg.settings.section import Distinct, Fraction, HomePath, Listed, Section

from .adjustment_settings import declare_adjustments
from .choice import Choice
from .defaults import complete, data_of_root
from .edge_boxes import EdgeBoxes
from .rules import pairs_of_mode, rate_of_batch
from .search import Resources, Search, Tracking

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Mode = Literal["sgcls", "predcls", "sgdet"]


class Experiment(Section):
    """What the run is called and where it goes: everything is written under `<output>/<name>/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"), runs()] = "experiment"
    """The name of the run, and of its folder."""
    output: Annotated[HomePath, runs()] = Path("runs")
    """The folder that runs are written to."""
    seed: Annotated[list[Seed], Listed, Distinct, Field(min_length=1), draws()] = [111]
    """A list runs every configuration once per seed."""
    plugins: Annotated[list[str], Listed, Distinct, runs()] = []
    """Your own relation heads, losses, augmentations, data sets, ...: files (my_head.py) and modules
    (my_package.module). They are looked for in the folder of the config file, then in the working directory."""
    allow_changed_plugins: Annotated[bool, runs()] = False
    """Go on, and measure, with plugins whose files are no longer as they were (--allow-changed-plugin)."""


class Model(Section):
    """The scene-graph model F (docs/SYSTEM.md section 2)."""

    head: Annotated[Head, Choice(HEADS)] = Field(HEADS.default, validate_default=True)
    """The relation head."""
    edge_boxes: Annotated[EdgeBoxes, trains(), suits(gqa="image_frame")] = "union_frame"
    """How the boxes of a pair are drawn: union_frame draws both in the frame of their union, image_frame in the frame
    of the image. A trained model needs the drawing that it was trained with; its weights do not show which one."""
    box_strides: Annotated[Literal["published", "intended"], trains()] = "published"
    """published: the stride of 16 that the papers' weights were trained with; intended: 2 and 1."""
    frequency_bias: Annotated[Literal["off", "add", "only"], trains()] = "off"
    """add: added to the predicate logits; only: the predicate logits are the frequency table alone (evaluation)."""
    pairs_per_image: Annotated[PositiveInt, trains(mid_training=True), Follows(pairs_of_mode)] = 1024
    """Budget of training pairs an image, over the batch."""
    foreground_share: Annotated[Fraction, trains(mid_training=True)] = 0.25
    """The largest share of annotated pairs among the training pairs."""
    dropout: Annotated[Fraction, trains(mid_training=True), suits(toy=0.2)] = 0.5
    """Dropout in the box heads."""


class Embeddings(Section):
    """Word vectors of classes and predicates, for the augmentations and heads that compare them."""

    source: Annotated[Literal["auto", "glove", "cooccurrence"], trains(tried=True)] = "auto"
    """auto: GloVe where its file is, else vectors computed from the training graphs."""
    path: Annotated[HomePath | None, trains(tried=True)] = None
    """None: where `python -m sgg.data prepare glove` puts it under `data.root`, see `Config.glove`."""
    dim: Annotated[PositiveInt, trains(tried=True)] = 200
    """Numbers of a vector."""


class Training(Section):
    """Optimisation of F (docs/SYSTEM.md section 2, "Optimiser")."""

    mode: Annotated[Literal["sgcls", "predcls", "sgdet"], trains(tried=True)] = "sgcls"
    """What is given in training: boxes (sgcls), boxes and labels (predcls), nothing (sgdet)."""
    epochs: Annotated[NonNegativeInt, trains(grows=True), suits(toy=3)] = 20
    """Epochs of training."""
    batch_size: Annotated[PositiveInt, trains(mid_training=True, tried=True), suits(toy=8)] = 24
    """Images of a batch."""
    drop_last: Annotated[bool, trains(tried=True), suits(toy=False)] = True
    """Leave out an epoch's last batch where it has fewer than `batch_size` images, as the papers did: it would be a
    step of a few images at the full rate."""
    accumulate: Annotated[PositiveInt, trains(mid_training=True)] = 1
    """Parts that a batch is worked through in, one after another, for want of memory. Gradients are added: losses and
    updates are those of the whole batch, but BatchNorm sees one part at a time, and each part has its own budget of
    pairs."""
    optimizer: Annotated[Literal["sgd", "adamw"], trains()] = "sgd"
    """The optimiser of F."""
    learning_rate: Annotated[PositiveFloat, trains(mid_training=True), Follows(rate_of_batch)] = 0.024
    """Learning rate of F."""
    schedule: Annotated[Literal["step", "cosine", "constant"], trains(mid_training=True)] = "step"
    """How the rate changes. step: to a tenth after `decay_epoch`; cosine: down to 0 at the end of the last epoch, so
    that a run that goes on with more epochs follows another curve from there."""
    decay_epoch: Annotated[PositiveInt, trains(mid_training=True), suits(toy=2)] = 16
    """Schedule step: the last epoch at the full rates, counted from 1; after it they are a tenth."""
    warmup_steps: Annotated[NonNegativeInt, trains(mid_training=True)] = 0
    """Steps over which the rate rises linearly, with each schedule."""
    warmup_factor: Annotated[Fraction, trains(mid_training=True)] = 0.1
    """The share of the rate that warm-up begins with."""
    momentum: Annotated[Fraction, trains()] = 0.9
    """Momentum of SGD."""
    weight_decay: Annotated[NonNegativeFloat, trains()] = 1e-4
    """Weight decay of the optimiser; with adamw it is decoupled from the gradient."""
    box_head_rate: Annotated[PositiveFloat, trains(mid_training=True)] = 0.1
    """Learning rate of the two box-head copies, as a share of `learning_rate`."""
    clip_gradient: Annotated[PositiveFloat, trains(mid_training=True)] = 5.0
    """The largest norm of F's gradient."""
    f_updates: Annotated[PositiveInt, trains(mid_training=True)] = 1
    """Updates of F on the real batch per step: 2 matches the number of updates that a GAN run makes."""
    keep_checkpoints: Annotated[PositiveInt, runs()] = 2
    """How many of the newest checkpoints are kept."""
    device: Annotated[str, runs(exact=False)] = "auto"
    """auto: CUDA where there is a GPU and `resources.gpus` is not 0; cpu, cuda, cuda:1, ..."""
    compile: Annotated[bool, trains()] = False
    """Compile F by torch.compile."""
    autocast_bf16: Annotated[bool, trains()] = False
    """Compute F's layers in bfloat16 while training."""
    tf32: Annotated[bool, trains()] = False
    """Allow TF32 in matrix products and convolutions."""


class Evaluation(Section):
    """What is measured; nothing here changes the trained model (docs/SYSTEM.md section 6). Beside these settings there
    is one for each adjustment after training, such as `pred_weight` (`sgg/methods/adjustment.py`)."""

    modes: Annotated[list[Mode], Listed, Distinct, Field(min_length=1), measures(swept=True)] = ["sgcls", "predcls"]
    """What is given in evaluation."""
    ks: Annotated[list[PositiveInt], Listed, Distinct, Field(min_length=1), measures(swept=True)] = list(KS)
    """The cut-offs K of recall."""
    every: Annotated[PositiveInt, measures(), suits(toy=1)] = 5
    """Validate after the first epoch, then after every so many more, and after the last."""
    batch_size: Annotated[PositiveInt, measures(), suits(toy=16)] = 1
    """Images of a batch in evaluation."""
    test: Annotated[bool, measures()] = True
    """Evaluate on test after the last epoch."""

    def values_of(self, adjustment: str) -> list[float]:
        """The values of an adjustment that are measured, by its name."""
        values: list[float] = getattr(self, adjustment)
        return values


declare_adjustments(Evaluation)


class Settings(Section):
    """Everything that can be set, each setting by itself; what must fit together is `Config`'s to check."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, settings: Any) -> Any:
        return complete(cls, settings) if isinstance(settings, dict) else settings

    experiment: Experiment = Experiment()
    data: Annotated[DataSettings, Choice(DATA_SETS, auto=data_of_root)] = Field(DATA_SETS.default,
                                                                                validate_default=True)
    """The data set and how it is read (docs/SYSTEM.md section 1)."""
    detector: Annotated[Backbone, Choice(BACKBONES), suits(toy="tiny")] = Field(BACKBONES.default,
                                                                                validate_default=True)
    """The network of the frozen detector (docs/SYSTEM.md section 2)."""
    model: Model = Model()
    loss: Annotated[EdgeLoss, Choice(EDGE_LOSSES)] = Field(EDGE_LOSSES.default, validate_default=True)
    """How cross-entropies of annotated and background pairs are weighted ([1], docs/SYSTEM.md section 3)."""
    embeddings: Embeddings = Embeddings()
    augmentation: Annotated[Augmentation, Choice(AUGMENTATIONS)] = Field(AUGMENTATIONS.default,
                                                                                validate_default=True)
    """What the model is trained on beside the annotated images."""
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
    resources: Resources = Resources()
    tracking: Tracking = Tracking()
