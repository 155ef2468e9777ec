"""Relation heads: each is a file or a folder here that registers its section of settings. None imports torch."""
