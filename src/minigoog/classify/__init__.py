"""What is on photographs, by a trained network: `python -m minigoog.classify PHOTO... --weights FILE`."""

from .evidence import evidence
from .photographs import Result, classify, photographs

__all__ = ["classify", "evidence", "photographs", "Result"]
