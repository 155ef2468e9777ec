"""One trial: a trainable of Ray Tune that has one Ray Train run."""
