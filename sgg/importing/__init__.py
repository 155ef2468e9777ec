"""Import published checkpoints into our format: weights by our names, and the drawing of box pairs of their training.
"""
