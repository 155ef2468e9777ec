"""What trains the scene-graph model on more than the annotated images. Each file or folder here is an augmentation that
registers its section of settings in `sgg.methods.augmentation.AUGMENTATIONS`. None imports torch."""
