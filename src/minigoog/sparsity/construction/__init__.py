"""A sparse network recovered from correlations, after Arora et al. (arXiv 1310.6343)."""
