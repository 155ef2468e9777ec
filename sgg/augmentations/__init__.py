"""Augmentations train the scene-graph model on more than the annotated images. Each file or folder here registers one
with its section of settings in `sgg.methods.augmentation.AUGMENTATIONS`; none imports torch."""
