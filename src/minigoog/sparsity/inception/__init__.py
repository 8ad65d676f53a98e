"""Inception as the dense approximation of a sparse layer: one function three ways, and what the reductions save."""
