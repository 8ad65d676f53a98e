"""How a run with these settings gets its gradients."""

from ..parallel import Alone, Communicator, Ranks
from .config import Config
from .gradients import Gradients, MicroBatches, Whole
from .server import Arrivals
from .setup import Setup


def gradients(setup: Setup, config: Config, ranks: Communicator) -> Gradients:
    """Of whole batches, of micro-batches, or those that arrive from replicas: for the first server; a replica has its own."""
    if config.downpour and ranks.rank == 0:
        assert isinstance(ranks, Ranks)
        return Arrivals(setup, config, ranks)
    if config.downpour:
        return MicroBatches(setup, config, Alone())
    return MicroBatches(setup, config, ranks) if config.micro_batches else Whole(setup, config)
