"""Data sets. Each file here is one; it registers its settings in `sgg.methods.dataset.DATA_SETS`. What reads the
files is imported when they are opened."""
