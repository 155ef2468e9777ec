"""Published checkpoints in our format: weights by our names, and the drawing of pairs that they were trained with."""
