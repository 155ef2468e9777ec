"""The parts of a method: their contracts, and the registries of their entries. This package does not import torch."""
