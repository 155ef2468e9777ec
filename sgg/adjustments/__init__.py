"""What changes the predicate scores of a trained model: an entry is a file, and its values are `evaluation.<name>`."""
