"""Ray itself: sessions, signals, tasks on nodes, Ray's private parts."""
