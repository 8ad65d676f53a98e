"""Which units of a layer are on together, modulo translation, and clusters of these."""
