"""What a step costs on many machines: a model with few numbers, all of them measured or given."""

from typing import NamedTuple

UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}


class Cost(NamedTuple):
    """What decides the time of a step. image_seconds: forward and backward pass of an image on one machine; gradient_bytes: of a message;
    update_seconds: the optimizer's step; latency: seconds of a message; bandwidth: bytes a second, in each direction of a machine's link;
    overlap: the share of the exchange that runs while gradients are computed, 0 for ours."""

    image_seconds: float
    gradient_bytes: float
    update_seconds: float = 0.0
    latency: float = 5e-5
    bandwidth: float = 10e9 / 8
    overlap: float = 0.0

    def synchronous(self, machines: int, batch: int) -> float:
        """Seconds of a step with a batch of `batch` images on all machines together: slices to all others, and sums back."""
        others = machines - 1
        exchange = 2 * others * (self.latency + self.gradient_bytes / machines / self.bandwidth)
        compute = -(-batch // machines) * self.image_seconds
        return max(compute, compute + exchange - self.overlap * min(compute, exchange)) + self.update_seconds

    def server(self, machines: int, batch: int, shards: int) -> float:
        """Mean seconds between two updates of a parameter server: replicas take turns, each with a batch of `batch` images.

        A replica fetches weights and pushes a gradient; the links of the shards carry those of all replicas."""
        transfer = 2 * (self.latency + self.gradient_bytes / self.bandwidth)
        replica = batch * self.image_seconds + (1 - self.overlap) * transfer
        link = self.latency + self.gradient_bytes / shards / self.bandwidth  # one direction: the busier of two equal ones
        return max(replica / machines, link, self.update_seconds / shards)


def bits_per_second(text: str) -> float:
    """A network's speed, such as 10G or 100M, in bits a second; ValueError for anything else."""
    number, unit = (text[:-1], UNITS[text[-1].upper()]) if text[-1:].upper() in UNITS else (text, 1.0)
    try:
        value = float(number) * unit
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(f"parallel: a network of {text!r}, expected bits a second, such as 10G or 100M")
    return value
