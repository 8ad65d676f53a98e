"""The break-it lab: the classic mistakes of autograd as switches on a tape, to see what they do and what catches them."""

from .differences import central_difference
from .mistakes import MISTAKES, Mistake, mistake
from .report import report
from .tape import LabTape, LabTensor

__all__ = ["central_difference", "LabTape", "LabTensor", "Mistake", "mistake", "MISTAKES", "report"]
