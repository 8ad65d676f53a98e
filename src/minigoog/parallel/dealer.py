"""Which batches of an epoch are still to be dealt, and who has those that were."""

from collections import deque
from collections.abc import Iterable


class Dealer:
    """Deals the batches of an epoch, by number, one at a time to whoever asks; those of a process that has died are dealt anew."""

    def __init__(self) -> None:
        self.left: deque[int] = deque()
        self.held: dict[int, list[int]] = {}  # by process, in the order in which they were dealt

    def begin(self, numbers: Iterable[int]) -> None:
        """Begins an epoch of these batches, when all of the last one are done."""
        self.left.extend(numbers)

    @property
    def busy(self) -> bool:
        """Whether a batch is not done yet."""
        return bool(self.left) or any(self.held.values())

    def deal(self, process: int) -> int:
        """The next batch."""
        number = self.left.popleft()
        self.held.setdefault(process, []).append(number)
        return number

    def done(self, process: int) -> list[int]:
        """A process has sent the gradient of all that it holds: these."""
        return self.held.pop(process, [])

    def lost(self, process: int) -> list[int]:
        """A process has died: what it held is dealt next."""
        numbers = self.done(process)
        self.left.extendleft(reversed(numbers))
        return numbers
