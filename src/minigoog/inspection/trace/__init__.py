"""One image's forward and backward pass, operation by operation: a Trace of Steps."""
