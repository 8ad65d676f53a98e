"""Cache misses per useful multiply-add: the kernels on two layers of GoogLeNet, in simulated caches."""

from collections.abc import Sequence

import numpy as np

from ..runner.demonstration import Demonstration, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, Verdict, above
from .break_even import LAYERS
from .cache import SIZE, STREAMS, WAYS, misses
from .contest import random_pattern

CASES = (("dense", 32, 1.0), ("blocks", 32, 0.1), ("blocks", 32, 0.01), ("CSR", 1, 0.1), ("CSR", 1, 0.01), ("textbook", 1, 0.1),
         ("textbook", 1, 0.01))
QUICK = ("4a 1x1",)
FULL = ("4a 1x1", "3a 3x3", "5b 3x3")


def layer_misses(name: str, seed: int) -> Rows:
    """A row for each kernel and density."""
    side, cin, cout, k = LAYERS[name]
    rng = np.random.default_rng(seed)
    return [{"layer": name, "kernel": kernel, "density": density,
             **misses(STREAMS[kernel](side, side, random_pattern((k, k, cin, cout), density, block, rng)))}
            for kernel, block, density in CASES]


def measure(setting: Setting) -> Numbers:
    """{"rows": one for each layer, kernel and density}."""
    rows: Rows = []
    for name in QUICK if setting.quick else FULL:
        setting.say(f"  {name}: cache misses, simulated")
        rows += setting.rows(name, layer_misses, name, setting.seed)
    return {"rows": rows}


def ratios(rows: Rows, kernel: str, density: float) -> list[float]:
    """First-level misses of a kernel per multiply-add, relative to the dense kernel, layer by layer."""
    dense = {row["layer"]: row["misses"] for row in rows if row["kernel"] == "dense"}
    return [row["misses"] / dense[row["layer"]] for row in rows if (row["kernel"], row["density"]) == (kernel, density)]


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the first-level misses of CSR at 10%."""
    csr, blocks, textbook = (ratios(numbers["rows"], kernel, 0.1) for kernel in ("CSR", "blocks", "textbook"))
    why = (f"At a density of 10% a useful multiply-add of CSR misses the first-level cache {_span(csr)} times as often as a dense one, of "
           f"a textbook's CSR {_span(textbook)} times, of blocks of 32 {_span(blocks)} times.")
    margins = (above("misses of CSR, times dense, the fewest", min(csr), 2), above("the most", max(csr), 2))
    return Verdict(HOLDS if margins[0].answer else PARTLY if margins[1].answer else CONTRADICTED, why, margins)


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def table(numbers: Numbers) -> Table:
    """A row for each layer, kernel and density."""
    head = ["layer", "kernel", "density", "accesses", "misses"]
    return head, [[row["layer"], row["kernel"], f"{row['density']:.0%}", *(f"{row[key]:.1f}" for key in ("accesses", "misses"))]
                  for row in numbers["rows"]]


CACHE_MISSES = Demonstration(
    name="cache_misses",
    link="L2",
    title="Cache misses for a useful multiply-add",
    claim="\"The overhead of lookups and cache misses is so dominant\" (section 3): a sparse product misses caches more often for the "
          "work that it does.",
    experiment="The addresses that the inner loops of each kernel touch, in their order, run through a simulated cache "
               f"({SIZE >> 10} KiB, {WAYS} ways, 64-byte lines, least recently used evicted). Packing and hardware "
               "prefetching are left out. Accesses and misses are counted for 1,000 useful multiply-adds.",
    rule="holds: at a density of 10% the best CSR kernel misses the first-level cache at least twice as often as the dense one, on every "
         "layer. Holds partly: on some layer. Contradicted: on none.",
    measure=measure,
    judge=judge,
    table=table,
)
