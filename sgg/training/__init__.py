"""The training loop of one trial. It uses only the protocol of systems."""
