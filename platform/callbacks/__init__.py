"""What happens beside a search: status of trials, snapshots, the live table, trackers."""
