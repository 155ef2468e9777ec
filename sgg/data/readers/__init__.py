"""Readers of annotation formats. Each module reads one format into a data set."""
