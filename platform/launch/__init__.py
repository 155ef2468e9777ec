"""From a study to its results: checks, preparation, the trials, the summary."""
