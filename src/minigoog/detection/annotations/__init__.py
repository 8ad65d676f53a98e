"""Data sets for detection: Pascal VOC, COCO and CSV become pictures with objects."""

from .dataset import DetectionSet, Fault, Objects, Picture
from .opening import open_detection

__all__ = ["DetectionSet", "Fault", "Objects", "open_detection", "Picture"]
