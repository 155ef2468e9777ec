"""Load a valid and complete Config from a YAML file, command-line words or an old checkpoint."""
