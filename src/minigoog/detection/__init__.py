"""Detection, as section 8 of the paper has it: what is in a picture, and where. `python -m minigoog.detection`."""

from .annotations import DetectionSet, Objects, Picture, open_detection
from .boxes import iou, nms
from .measuring import RULES, Detections, Evaluation, average_precision, coverage, evaluate
from .proposals import priors, selective_search, square_grid

__all__ = [
    "average_precision", "coverage", "Detections", "DetectionSet", "evaluate", "Evaluation", "iou", "nms", "Objects", "open_detection",
    "Picture", "priors", "RULES", "selective_search", "square_grid",
]  # fmt: skip
