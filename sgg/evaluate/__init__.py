r"""Evaluation of trained systems and of prediction files: \`python -m sgg.evaluate\`."""
