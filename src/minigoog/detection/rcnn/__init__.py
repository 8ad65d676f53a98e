"""R-CNN: crops of proposals through a network, heads that name them, and boxes that move to what they hold."""

from .detector import Detector, Member, Way
from .saving import load, save
from .settings import Settings
from .training import train

__all__ = ["Detector", "load", "Member", "save", "Settings", "train", "Way"]
