"""Which trials run: the search space, search algorithms, early stopping."""
