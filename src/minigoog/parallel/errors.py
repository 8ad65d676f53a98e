"""What may go wrong between processes."""


class RankLost(RuntimeError):
    """A process has died, or left the exchange because another one has."""


class OutOfStep(RuntimeError):
    """Two processes are in different exchanges, which would wait for each other without end."""
