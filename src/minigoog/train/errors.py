"""Exceptions that end a training before its last epoch."""


class TrainingError(RuntimeError):
    """Training cannot continue; the message says why and what to do."""


class Interrupted(RuntimeError):
    """A stop was requested (Ctrl-C, SIGTERM); the step in progress was finished and a checkpoint was saved."""

    def __init__(self, message: str, signal: int, said: bool = False) -> None:
        super().__init__(message)
        self.signal, self.said = signal, said  # said: by another process
