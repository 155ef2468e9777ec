"""Detector backbones. Each module registers the settings of one backbone in `sgg.methods.backbone.BACKBONES`. No module
imports torch."""
