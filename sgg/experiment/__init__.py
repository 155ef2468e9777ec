"""One experiment: its settings, its data, and the checks that both fit together."""
