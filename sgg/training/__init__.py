"""The training loop of one trial. It knows systems by their contract only."""
