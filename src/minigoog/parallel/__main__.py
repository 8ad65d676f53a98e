"""python -m minigoog.parallel COMMAND: training on several machines.

  plan --machines 64 --network 10G  where synchronous training stops scaling
  plan --network 10G --output p.png  the same, drawn"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from .. import figures, losses, models
from ..cli import Command, Parser, exit_codes, integer, number_from, with_commands
from ..nn import Module
from ..tensor import Tensor
from ..text import aligned
from .cost import Cost, bits_per_second

PROG = "python -m minigoog.parallel"
MEASURED = 4  # images of the step that is measured
DISTBELIEF = 20, 200  # replicas of a parameter server: SGD, and the fastest, with Adagrad (Dean et al. 2012, figure 4)
AHEAD = 1.5  # twice the machines should give at least so many times the images


def add_flags(p: Parser) -> None:
    """The flags of `plan`."""
    p.add_argument("--machines", type=integer(1, 1 << 16), default=64, metavar="N", help="up to so many (default: 64)")
    p.add_argument("--network", type=_network, default=_network("10G"), metavar="SPEED", help="bits a second (default: 10G)")
    p.add_argument("--latency", type=number_from(0, 1e9), default=50.0, metavar="US", help="of a message, in microseconds (default: 50)")
    p.add_argument("--model", choices=list(models.MODELS), default="googlenet", metavar="NAME", help="the network (default: googlenet)")
    p.add_argument("--batch-size", type=integer(1, 1 << 32), default=256, metavar="N", help="of all machines together (default: 256)")
    p.add_argument("--image-ms", type=number_from(1e-6, 1e9), metavar="MS", help="of an image, forward and backward (default: measured)")
    p.add_argument("--shards", type=integer(1, 1 << 16), default=1, metavar="N", help="of the parameter server (default: 1)")
    p.add_argument("--overlap", type=number_from(0, 1), default=0.0, metavar="X",
                   help="share of the exchange beside computing (default: 0, as ours)")
    p.add_argument("--output", type=figures.output, metavar="FILE", help="draws it (png, svg, pdf)")


def _network(text: str) -> float:
    """An argparse type: bytes a second."""
    try:
        return bits_per_second(text) / 8
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def plan(flags: argparse.Namespace) -> None:
    """Prints images a second by the number of machines, for both ways of training."""
    model = models.build(flags.model)
    parameters = sum(p.size for p in model.parameters())
    seconds = _measured(model, models.INPUT_SIZES[flags.model]) if flags.image_ms is None else flags.image_ms / 1e3
    cost = Cost(seconds, 4 * parameters, latency=flags.latency / 1e6, bandwidth=flags.network, overlap=flags.overlap)
    counts = [2**i for i in range(flags.machines.bit_length()) if 2**i <= flags.machines]
    rates = [_rates(cost, n, flags) for n in counts]
    how = " (measured)" if flags.image_ms is None else ""
    print(f"{flags.model}: {4 * parameters / 1e6:.1f} MB a message, {1e3 * seconds:.1f} ms an image{how}")
    rows = [(f"{n}", f"{a:,.0f}", f"{a / n / rates[0][0]:.0%}", f"{b:,.0f}") for n, (a, b) in zip(counts, rates, strict=True)]
    print(aligned([("machines", "synchronous, images/s", "of ideal", "server, images/s"), *rows], right=range(4)))
    slow = next((n for n, before, now in zip(counts[1:], rates, rates[1:], strict=False) if now[0] < AHEAD * before[0]), None)
    print(f"synchronous training stops scaling at {slow} machines" if slow else "synchronous training still scales")
    print("DistBelief, for speech: {} to {} replicas and a server of many shards (Dean et al. 2012)".format(*DISTBELIEF))
    if flags.output:
        _draw(counts, rates, slow, flags.output)


def _rates(cost: Cost, machines: int, flags: argparse.Namespace) -> tuple[float, float]:
    """Images a second: synchronous with one global batch, asynchronous with the same batch shared out to the replicas."""
    each = max(1, flags.batch_size // machines)
    return flags.batch_size / cost.synchronous(machines, flags.batch_size), each / cost.server(machines, each, flags.shards)


def _measured(model: Module, size: tuple[int, int, int]) -> float:
    """Seconds of an image's forward and backward pass: the quicker of two small batches."""
    x, labels, best = Tensor(np.zeros((MEASURED, *size), np.float32)), np.zeros(MEASURED, np.int64), float("inf")
    for _ in range(2):
        began = time.perf_counter()
        losses.googlenet_loss(model.train()(x), labels).backward()
        model.zero_grad()
        best = min(best, time.perf_counter() - began)
    return best / MEASURED


def _draw(counts: Sequence[int], rates: Sequence[tuple[float, float]], slow: int | None, path: str) -> None:
    """Images a second by machines; where synchronous training stops scaling, and where the paper's setting lay."""
    figure = figures.new(6, 4)
    axes = figure.subplots()
    for way, style in (("synchronous", "o-"), ("parameter server", "s-")):
        axes.plot(counts, [rate[way != "synchronous"] for rate in rates], style, label=way)
    axes.plot(counts, [n * rates[0][0] for n in counts], "k:", label="ideal")
    if slow:
        axes.axvline(slow, color="C0", linestyle="--", label="synchronous training stops scaling")
    axes.axvspan(*DISTBELIEF, color="0.9", label="DistBelief's replicas")
    axes.set(xscale="log", yscale="log", xlabel="machines", ylabel="images a second")
    axes.legend(fontsize=8)
    figures.save(figure, path, 120)


COMMANDS = {"plan": Command("what training on many machines would cost", add_flags, plan)}


def parser(prog: str = PROG) -> Parser:
    """The flags of all commands."""
    return with_commands(Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1]), COMMANDS)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 1 too little memory, 2 wrong flags or files, 130 stopped."""
    flags = parser(prog).parse_args(arguments)
    with exit_codes(flags.parser):
        COMMANDS[flags.command].run(flags)


if __name__ == "__main__":
    main()
