"""Clusters of units that are on together, modulo translation, and of the rows and columns of sparse matrices."""
