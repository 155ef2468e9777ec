"""Edge losses. Each file or folder here is one; it registers its settings in `sgg.methods.edge_loss.EDGE_LOSSES`."""
