"""Drawings: boxes on pictures, segments and hierarchies, curves of precision."""

from .boxes import annotated
from .curves import precision_recall
from .sheet import draw_mistakes
from .steps import regions_at, segments_in_colours

__all__ = ["annotated", "draw_mistakes", "precision_recall", "regions_at", "segments_in_colours"]
