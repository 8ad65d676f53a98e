"""A walk through a trace in the terminal."""
