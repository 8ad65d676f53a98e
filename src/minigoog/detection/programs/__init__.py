"""The commands of `python -m minigoog.detection`."""
