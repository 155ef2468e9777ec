"""Ray itself: sessions, signals, tasks on nodes."""
