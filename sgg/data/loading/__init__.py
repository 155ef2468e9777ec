"""Batches of images with their annotation, loaded beside training."""
