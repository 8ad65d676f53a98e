"""How one number of a network was computed, and one number of a gradient."""
