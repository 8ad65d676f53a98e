"""Data sets for detection: pictures with objects."""

from .dataset import DetectionSet, Fault, Objects, Picture

__all__ = ["DetectionSet", "Fault", "Objects", "Picture"]
