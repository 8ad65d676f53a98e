"""Measuring detections (average precision) and proposals (recall and MABO)."""

from .evaluation import ClassResult, Detections, Evaluation, evaluate
from .precision import average_precision
from .recall import Coverage, coverage
from .rules import RULES

__all__ = ["average_precision", "ClassResult", "Coverage", "coverage", "Detections", "evaluate", "Evaluation", "RULES"]
