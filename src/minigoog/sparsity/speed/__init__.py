"""At which density sparse weights are faster than dense ones."""
