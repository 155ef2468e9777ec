"""Detector backbones. Each file or folder here is one; it registers its settings in `sgg.methods.backbone.BACKBONES`.
None imports torch."""
