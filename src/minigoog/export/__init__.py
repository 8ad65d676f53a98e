"""The program `minigoog.export`: a trained network as a file for other systems."""
