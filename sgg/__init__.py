"""Scene graph generation with generative compositional augmentation. Works without Ray; `platform` adds it."""
