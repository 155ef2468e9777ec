"""File formats of annotations. Each file here reads one format into a data set."""
