"""One image through every operation of a network and its gradient back: a Trace of Steps."""
