"""Data sets. Each module registers the settings of one data set in `sgg.methods.dataset.DATA_SETS`. Opening it imports
the reader of its files."""
