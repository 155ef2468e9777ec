"""Adjustments change the predicate scores of a trained model. Each file registers one; its values are
`evaluation.<name>`."""
