"""From a command line to a running search, and from its end to a table."""
