"""From trials on disk to tables over seeds and runs."""
