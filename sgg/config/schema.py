"""Every setting of an experiment, with its type, range, default and meaning.

Beside its type, a setting carries its role (`sgg/settings/roles.py`) and, where its default depends on the data set or
on other settings, a mark (`sgg/settings/marks.py`). Numbers from the papers are marked [1] (BMVC 2020, arXiv
2005.08230) and [2] (ICCV 2021, arXiv 2007.05756).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sgg.common.metric_names import KS
from sgg.methods.augmentation import AUGMENTATIONS, Augmentation
from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.counterfactual import Trained
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.methods.head import HEADS, Head, Mode
from sgg.methods.registry import Registry
from sgg.settings.marks import ComputedDefault, acts_unless, acts_with, data_defaults
from sgg.settings.roles import draws, measures, runs, trains
from sgg.settings.section import Distinct, Fraction, HomePath, Listed, Off, Section, section_type

from .adjustment_settings import declare_adjustments
from .choice import Choice, choice_of
from .corruptions import SEVERITIES, USUAL_SEVERITY, CorruptionName
from .defaults import complete, data_of_root
from .edge_boxes import EdgeBoxes
from .rules import pairs_of_mode, rate_of_batch
from .search import Resources, Search, Tracking
from .setting import forget_settings

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Experiment(Section):
    """The name and the place of the run, which writes all its files to `<output>/<name>/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"), runs()] = "experiment"
    """The name of the run, and of its folder."""
    output: Annotated[HomePath, runs()] = Path("runs")
    """The folder of all runs."""
    seed: Annotated[list[Seed], Listed, Distinct, Field(min_length=1), draws()] = [111]
    """The seeds. Every configuration runs once per seed."""
    plugins: Annotated[list[str], Listed, Distinct, runs()] = []
    """Your own relation heads, losses, augmentations, data sets, ...: files (my_head.py) and modules
    (my_package.module). A relative name is looked for in the folder of the config file, then in the working directory.
    """
    allow_changed_plugins: Annotated[bool, runs()] = False
    """Resume and measure even if the files of plugins have changed (--allow-changed-plugin)."""


class Model(Section):
    """The scene-graph model F (docs/SYSTEM.md section 2)."""

    head: Annotated[Head, Choice(HEADS)] = Field(HEADS.default, validate_default=True)
    """The relation head."""
    edge_boxes: Annotated[EdgeBoxes, trains(), data_defaults(gqa="image_frame")] = "union_frame"
    """How the boxes of a pair are drawn: union_frame draws both in the frame of their union, image_frame in the frame
    of the image; image_cells fills whole cells of a grid over the image, as the public re-implementation of Motifs,
    Transformer and VCTree does. A trained model needs the drawing that it was trained with; its weights do not show
    which one."""
    box_strides: Annotated[Literal["published", "intended"], trains()] = "published"
    """Strides of the box-mask convolutions. published: 16, as the papers' weights were trained; intended: 2 and 1."""
    frequency_bias: Annotated[Literal["off", "add", "only"], Off, trains()] = "off"
    """The frequency bias of predicates. add: it is added to the predicate logits; only: it replaces the predicate
    logits (for evaluation)."""
    pairs_per_image: Annotated[PositiveInt, trains(mid_training=True), ComputedDefault(pairs_of_mode)] = 1024
    """Budget of pairs an image that a step trains on, annotated and background ones, over the batch."""
    foreground_share: Annotated[Fraction, trains(mid_training=True)] = 0.25
    """The largest fraction of annotated pairs among the training pairs."""
    dropout: Annotated[Fraction, trains(mid_training=True), data_defaults(toy=0.2)] = 0.5
    """Dropout in the box heads."""

    @property
    def needs_frequency_table(self) -> bool:
        """Whether the model, or its head, asks for the frequencies of predicates in training."""
        return self.frequency_bias != "off" or "frequency_table" in self.head.needs


class Embeddings(Section):
    """Word vectors of classes and predicates, for augmentations and heads that need them."""

    source: Annotated[Literal["auto", "glove", "cooccurrence"], trains(tried=True)] = "auto"
    """auto: GloVe if its file exists, else cooccurrence: vectors computed from the training graphs."""
    path: Annotated[HomePath | None, trains(tried=True), acts_unless("source", "cooccurrence")] = None
    """The GloVe file; None: the file under `data.root` that `python -m sgg.data prepare glove` writes."""
    dim: Annotated[PositiveInt, trains(tried=True)] = 200
    """The length of a vector."""


class Features(Section):
    """Features of the frozen detector that all trials share (docs/TRAINING.md)."""

    maps: Annotated[Literal["auto", "exact", "float16", "off"], Off, runs(exact=False)] = "auto"
    """Whether the outputs of the detector for every image of train, val and test are stored once and read by all
    trials, which then decode no image and run no backbone. exact: float32, with results bitwise those of off. float16:
    half the size; results differ as under another seed. auto: exact where it saves time and takes at most half of the
    free disk, else off. off: every trial computes from images."""
    in_memory: Annotated[NonNegativeInt, runs(), acts_unless("maps", "off")] = 128
    """MiB. Each trial keeps the stored outputs of a split in its memory, unpacked, once it has read them, if all of the
    split take no more than this. Larger ones are read from the disk in every epoch. 0: all are."""


class Training(Section):
    """Optimisation of F (docs/SYSTEM.md section 2, "Optimiser")."""

    mode: Annotated[Mode, trains(tried=True)] = "sgcls"
    """The annotation that the model gets in training: boxes (sgcls), boxes and labels (predcls), nothing (sgdet)."""
    epochs: Annotated[NonNegativeInt, trains(grows=True), data_defaults(toy=3)] = 20
    """Epochs of training."""
    batch_size: Annotated[PositiveInt, trains(mid_training=True, tried=True), data_defaults(toy=8)] = 24
    """Images per batch."""
    drop_last: Annotated[bool, trains(tried=True), data_defaults(toy=False)] = True
    """Leave out an epoch's last batch if it has fewer than `batch_size` images, as the papers did: it would be a step
    of a few images at the full rate."""
    accumulate: Annotated[PositiveInt, trains(mid_training=True)] = 1
    """The number of parts that a batch is split into, to save memory. The parts are computed one after another, and
    their gradients are added. Losses and updates are those of the whole batch, but BatchNorm sees one part at a time,
    and each part has its own budget of pairs."""
    optimizer: Annotated[Literal["sgd", "adamw"], trains()] = "sgd"
    """The optimiser of F."""
    learning_rate: Annotated[PositiveFloat, trains(mid_training=True), ComputedDefault(rate_of_batch)] = 0.024
    """Learning rate of F."""
    schedule: Annotated[Literal["step", "cosine", "constant"], trains(mid_training=True)] = "step"
    """The schedule of the learning rate. step: it falls to a tenth after `decay_epoch`. cosine: it falls to 0 at the
    end of the last epoch, so a run that resumes with more epochs continues on another curve. constant: no change."""
    decay_epoch: Annotated[PositiveInt, trains(mid_training=True), acts_with("schedule", "step"),
                           data_defaults(toy=2)] = 16
    """The last epoch at the full rate, counted from 1. Later epochs have a tenth of the rate."""
    warmup_steps: Annotated[NonNegativeInt, trains(mid_training=True)] = 0
    """The number of steps over which the rate rises linearly, with every schedule."""
    warmup_factor: Annotated[Fraction, trains(mid_training=True), acts_unless("warmup_steps", 0)] = 0.1
    """The fraction of the rate at which warm-up begins."""
    momentum: Annotated[Fraction, trains(), acts_with("optimizer", "sgd")] = 0.9
    """Momentum of SGD."""
    weight_decay: Annotated[NonNegativeFloat, trains()] = 1e-4
    """Weight decay of the optimiser; with adamw it is decoupled from the gradient."""
    box_head_rate: Annotated[PositiveFloat, trains(mid_training=True)] = 0.1
    """Learning rate of the two box-head copies, as a fraction of `learning_rate`."""
    clip_gradient: Annotated[PositiveFloat, trains(mid_training=True)] = 5.0
    """The largest norm of F's gradient."""
    f_updates: Annotated[NonNegativeInt, trains(mid_training=True)] = 1
    """Updates of F on the real batch per step. 2 gives as many updates as a GAN run makes. 0: F learns from what the
    augmentation makes alone."""
    keep_checkpoints: Annotated[PositiveInt, runs()] = 2
    """The number of checkpoints to keep, the newest ones."""
    checkpoint_steps: Annotated[PositiveInt | None, runs()] = None
    """The number of steps after which a checkpoint is written within an epoch; None: only at the end of an epoch. A run
    that is killed resumes after the newest one, to the same numbers. It is deleted when there is a newer one."""
    device: Annotated[str, runs(exact=False)] = "auto"
    """The device: cpu, cuda, cuda:1, ...; auto: CUDA if there is a GPU and `resources.gpus` is not 0, else cpu."""
    compile: Annotated[bool, trains()] = False
    """Compile F with torch.compile."""
    autocast_bf16: Annotated[bool, trains()] = False
    """Compute F's layers in bfloat16 while training."""
    tf32: Annotated[bool, trains()] = False
    """Allow TF32 in matrix products and convolutions."""
    recompute_box_heads: Annotated[bool, runs()] = False
    """Compute the box heads again in the backward pass, to save the memory of their activations (activation
    checkpointing). Results stay the same to the last bit; a step takes longer."""


class Evaluation(Section):
    """What is measured. No setting here changes the trained model (docs/SYSTEM.md section 6). Each adjustment after
    training, such as `pred_weight`, has a setting here, too (`sgg/methods/adjustment.py`)."""

    modes: Annotated[list[Mode], Listed, Distinct, Field(min_length=1), measures(swept=True)] = ["sgcls", "predcls"]
    """The modes of evaluation."""
    ks: Annotated[list[PositiveInt], Listed, Distinct, Field(min_length=1), measures(swept=True)] = list(KS)
    """The cut-offs K of recall."""
    every: Annotated[PositiveInt, measures(), data_defaults(toy=1)] = 5
    """The number of epochs between validations. The first and the last epoch are always validated."""
    val_images: Annotated[PositiveInt | None, measures()] = None
    """Validate on this many images of val only, at equal distances over the split; None: all. The test split stays
    whole, and so does val in `python -m sgg.evaluate`."""
    zero_shot_list: Annotated[HomePath | None, measures()] = None
    """Also measure the test split on the triplets of this file, as the subset `zs-list` (docs/METRICS.md). Validation
    never reads the list."""
    relation_nms: Annotated[bool, measures()] = False
    """Suppress relations of alike pairs before ranking, as T-CAR's evaluator does (docs/SYSTEM.md section 6). Results
    with it cannot be compared with others, and are never pooled with them."""
    corruption: Annotated[Literal["off"] | CorruptionName, Off, measures()] = "off"
    """Corrupt the images of the test split before the detector sees them (docs/METRICS.md). Validation never sees
    corrupted images, and stored maps, which are of clean ones, are not read."""
    severity: Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1]), measures(),
                        acts_unless("corruption", "off")] = USUAL_SEVERITY
    """The severity of `corruption`, from 1 to 5."""
    batch_size: Annotated[PositiveInt, runs(exact=False), data_defaults(toy=16)] = 8
    """Images per batch in evaluation. The model runs on fewer of them together where they have many objects. Another
    value changes the last bits of results at most."""
    test: Annotated[bool, measures()] = True
    """Evaluate on the test split after the last epoch."""

    def values_of(self, adjustment: str) -> list[Any]:
        """The measured values of an adjustment, by its name: numbers or words."""
        values: list[Any] = getattr(self, adjustment)
        return values


declare_adjustments(Evaluation)


class Settings(Section):
    """All settings. This class checks each setting by itself; `Config` checks that they agree with each other."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, settings: Any) -> Any:
        return complete(cls, settings) if isinstance(settings, dict) else settings

    experiment: Experiment = Experiment()
    data: Annotated[DataSettings, Choice(DATA_SETS, auto=data_of_root)] = Field(DATA_SETS.default,
                                                                                validate_default=True)
    """The data set and how it is read (docs/SYSTEM.md section 1)."""
    detector: Annotated[Backbone, Choice(BACKBONES), data_defaults(toy="tiny")] = Field(BACKBONES.default,
                                                                                validate_default=True)
    """The network of the frozen detector (docs/SYSTEM.md section 2)."""
    model: Model = Model()
    loss: Annotated[EdgeLoss, Choice(EDGE_LOSSES)] = Field(EDGE_LOSSES.default, validate_default=True)
    """The edge loss: how it weights the cross-entropies of annotated and background pairs ([1], docs/SYSTEM.md section
    3)."""
    embeddings: Embeddings = Embeddings()
    augmentation: Annotated[Augmentation, Choice(AUGMENTATIONS)] = Field(AUGMENTATIONS.default,
                                                                                validate_default=True)
    """The augmentation, which trains the model on more than the annotated images."""
    features: Features = Features()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
    resources: Resources = Resources()
    tracking: Tracking = Tracking()

    def value_of(self, key: str) -> Any:
        """The value of a dotted key; None where the chosen entries have no such setting."""
        value: Any = self
        for part in key.split("."):
            value = getattr(value, part, None)
        return value

    @property
    def trained(self) -> Trained:
        """The settings that the model is trained with, as far as adjustments depend on them."""
        return Trained(self.model.head, self.loss, self.model.frequency_bias)


def renew_schema() -> None:
    """Rebuild all sections of settings for the current entries of the registries."""
    declare_adjustments(Evaluation)
    _renew(Settings)
    schemas: list[type[BaseModel]] = [Settings, *Settings.__subclasses__()]
    for schema in schemas:
        schema.model_rebuild(force=True)
    forget_settings()


def _renew(section: type[BaseModel]) -> bool:
    """Rebuild the sections that hold a registry's section, innermost first. Returns whether `section` holds one."""
    holds = False
    for field in section.model_fields.values():
        if (choice := choice_of(field)) is not None:
            holds = True
            for entry in choice.registry.entries.values():
                _renew(entry)
        elif (below := section_type(field)) is not None:
            holds |= _renew(below)
    if holds:
        section.model_rebuild(force=True)
    return holds


Registry.on_change.append(renew_schema)
