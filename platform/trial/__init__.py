"""One trial: a Ray Tune trainable that holds one Ray Train run."""
