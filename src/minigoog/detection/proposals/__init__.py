"""Proposals: boxes that may hold an object."""

from .controls import prior_sides, priors, square_grid
from .search import STRATEGIES, Hierarchy, hierarchies, ranked, scaled, selective_search

__all__ = ["hierarchies", "Hierarchy", "prior_sides", "priors", "ranked", "scaled", "selective_search", "square_grid", "STRATEGIES"]
