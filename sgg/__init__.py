"""Scene graph generation with generative compositional augmentation. Works without Ray; `platform` adds it."""

__version__ = "0.1.0"
