"""One experiment: its settings, its data, and the checks that join the two."""
