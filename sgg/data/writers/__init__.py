"""Writers of annotation formats. Each module writes a data set in the format of the reader of the same name."""
