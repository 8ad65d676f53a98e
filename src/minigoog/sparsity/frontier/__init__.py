"""Accuracy against density and milliseconds of one network, pruned further and further."""
