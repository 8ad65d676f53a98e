"""How one number of a network came about, and one number of a gradient."""
