"""Edge losses. Each file or folder here holds one and registers its settings in `sgg.methods.edge_loss.EDGE_LOSSES`."""
