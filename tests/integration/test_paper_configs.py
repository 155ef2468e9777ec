"""The paper's configs with all of their weights (VGG16, heads 4,096 wide, 151 classes): two updates of one image each.

Images of 592 pixels where everything is switched on; of 320, the least that global discriminators take, elsewhere.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_published_full_size import random_weights

from sgg import systems
from sgg.common.seeding import seed_everything
from sgg.config import load
from sgg.methods.backbone import BACKBONES
from sgg.systems.contract import Draws
from sgg.training.epoch_losses import EpochLosses
from tests.visual_genome import write_visual_genome

CONFIGS = Path(__file__).parents[2] / "tune_configs" / "paper"
TRAIN, VALIDATION, TEST = 2, 1, 1
MOTIFS = {"features.": "backbone.", "rpn_head.conv.0.": "rpn.head.conv.0.0.", "roi_fmap.0.": "roi_heads.box_head.fc6.",
          "roi_fmap.3.": "roi_heads.box_head.fc7.", "score_fc.": "roi_heads.box_predictor.cls_score.",
          "bbox_fc.": "roi_heads.box_predictor.bbox_pred."}
"""Prefixes in Neural Motifs' detector file -> torchvision's."""


@pytest.fixture(scope="module")
def visual_genome(tmp_path_factory) -> Path:
    """A data root with Visual Genome's files, of few images, and detector weights in the published layout."""
    root = tmp_path_factory.mktemp("data")
    write_visual_genome(root, TRAIN + VALIDATION, TEST)
    everything = random_weights("RelModelStanford.vgg16.use_bias=False.edge_model=motifs",
                                torch.Generator().manual_seed(0))
    weights = {theirs + name.removeprefix(f"detector.{today}"): value for theirs, today in MOTIFS.items()
               for name, value in everything.items() if name.startswith(f"detector.{today}")}
    torch.save({"state_dict": weights, "epoch": 0}, root / "VG" / "vg-faster-rcnn.tar")
    return root


@pytest.mark.slow  # a detector of 140 million weights is read, and 240 million are updated
@pytest.mark.parametrize(("name", "pixels", "head"), [("imp", 320, "imp"), ("imp_dnorm", 320, "imp"),
                                                      ("imp_dnorm", 320, "motifs"), ("imp_gan", 320, "imp"),
                                                      ("imp_gan_graphn", 592, "imp")])
def test_training_step_with_each_paper_config(visual_genome, name: str, pixels: int, head: str, monkeypatch) -> None:
    monkeypatch.setattr(BACKBONES["vgg16"], "spec", replace(BACKBONES["vgg16"].spec, image_size=pixels))
    overrides = [f"data.root={visual_genome}", f"data.num_val_images={VALIDATION}", "training.batch_size=1",
                 f"detector.weights={visual_genome}/VG/vg-faster-rcnn.tar",
                 "embeddings.source=cooccurrence",  # class1 and its like are no words of GloVe
                 f"resources.cpus={os.cpu_count()}", f"model.head={head}",
                 "training.momentum=0", "training.weight_decay=0",  # each is another gigabyte of memory
                 "data.workers=0"]  # of four images; the processes would be half of one
    config = load(CONFIGS / f"{name}.yaml", overrides).trial({})
    foundation = systems.prepare(config)
    assert foundation.detector.image_size == pixels
    seed_everything(config.seed)
    run = foundation.build()
    if "detector_logits" not in run.model.needs:
        del foundation.detector.rcnn.roi_heads  # has been copied, and is half a gigabyte
    run.model.train()
    heads = [*run.model.node_box_head.parameters(), *run.model.edge_box_head.parameters()]
    before = [parameter[:2].clone() for parameter in heads]
    draws = Draws(config.seed, 1)
    losses = EpochLosses(1, "")
    for step, batch in enumerate(foundation.experiment.training_batches().epoch(1), start=1):
        losses.add(step, run.training_step(batch, draws), batch.image_ids)
    losses.read()  # raises an error if one of them is not finite
    assert sum(parameter.numel() for parameter in heads) == 2 * (25088 * 4096 + 4096 + 4096 * 4096 + 4096)
    levels = {f"{network}/{level}" for network in "GD" for level in ("nodes", "edges", "global")}
    gan = {"rec/nodes", "rec/edges", *levels} if config.augmentation.kind == "gan" else set()
    assert losses.counts == dict.fromkeys({"nodes", "edges"} | gan, 2)
    assert any(not torch.equal(then, now[:2]) for then, now in zip(before, heads, strict=True))
