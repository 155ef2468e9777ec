"""A study on disk, and what of it every process needs. Imports no Ray."""
