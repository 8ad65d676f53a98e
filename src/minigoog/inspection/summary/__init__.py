"""A table of the layers of a network, and the differences between two networks."""
