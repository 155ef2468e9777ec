"""Relation heads. Each file or folder here registers one head with its section of settings; none imports torch."""
