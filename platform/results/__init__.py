"""Tables over seeds and runs, from the trials on disk."""
