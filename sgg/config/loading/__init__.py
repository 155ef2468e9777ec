"""From a YAML file, command-line words or an old checkpoint to a valid and complete Config."""
