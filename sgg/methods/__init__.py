"""The parts of a method: contracts, and the registries of what fulfils them. Nothing here imports torch."""
