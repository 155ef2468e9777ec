"""Callbacks of Tune: status of trials, snapshots, the live table, trackers."""
