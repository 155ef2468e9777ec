r"""Evaluate trained systems and prediction files: `python -m sgg.evaluate`."""
