"""Training steps on several processes beside those of one with as many threads, and beside the model of cost. Needs minigoog[dist].

python benchmarks/parallel_steps.py [--processes 2] [--model googlenet --size 224 --batch 32 --parts 8] [--rounds 15] [--json FILE]
Each of so many processes has one thread; the other contestant is one process with --threads. They take turns, and those that wait sleep.
--processes 1 2 4: each of these teams. Printed are images a second, the ratio to the one process in the same round (median and quartiles),
the share of the exchange in a step, and what `python -m minigoog.parallel plan` would say: from a step of one process with one thread,
and from an exchange of the same size with nothing else going on.
In the model processes that share a core take as much longer, and threads share the work perfectly.
All contestants must have the same weights at the end, bit for bit."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import flags as common
import machine

from minigoog.files import atomic_write
from minigoog.parallel.cost import Cost
from minigoog.text import aligned

RANK = Path(__file__).with_name("parallel_rank.py")
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
WARM_UP = 2  # steps of each contestant before those that count


class Team:
    """Some processes that train together, each with `threads`."""

    def __init__(self, processes: int, threads: int, flags: Any) -> None:
        self.processes, self.threads, self.rows = processes, threads, []  # type: ignore[var-annotated]
        self.name = f"{processes} of {threads} thread{'s' if threads > 1 else ''}"
        with tempfile.TemporaryDirectory() as folder, Listener(f"{folder}/socket") as listener:
            words = [sys.executable, str(RANK), f"{folder}/socket", flags.model, *map(str, (flags.size, flags.batch, flags.parts))]
            environment = os.environ | AS_ROOT | {"OMP_NUM_THREADS": str(threads)}
            self.job = subprocess.Popen([*launcher(processes), *words], env=environment)
            found = [listener.accept() for _ in range(processes)]
        self.ranks: list[Connection] = [connection for _, connection in sorted((each.recv(), each) for each in found)]

    def all_do(self, order: str) -> list[Any]:
        """What each process answers."""
        for rank in self.ranks:
            rank.send(order)
        return [rank.recv() for rank in self.ranks]

    def turn(self) -> None:
        """One step that counts: as long as the slowest process takes."""
        answers = self.all_do("step")
        self.rows.append({name: max(answer[name] for answer in answers) for name in ("seconds", "exchange")})

    def end(self) -> None:
        """Lets the processes end."""
        for rank in self.ranks:
            rank.send("end")
        self.job.wait(60)

    @property
    def seconds(self) -> list[float]:
        """Of each step that counted."""
        return [row["seconds"] for row in self.rows]


def launcher(processes: int) -> list[str]:
    """The command that starts so many processes."""
    if processes == 1:
        return []
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        sys.exit("parallel_steps: needs mpiexec: pip install 'minigoog[dist]'")
    return [found, "-n", str(processes), "--oversubscribe", "--bind-to", "none"]


def predicted(teams: list[Team], one: Team, flags: Any) -> dict[str, float]:
    """Seconds of a step by the model of cost, for each team."""
    whole, found = median(one.seconds), {}
    for team in teams:
        probe = {name: max(answer[name] for answer in team.all_do("probe")) for name in ("small", "large", "bytes")}
        others = team.processes - 1
        latency = probe["small"] / 2 / others if others else 0.0
        slices = 2 * others * probe["bytes"] / team.processes
        bandwidth = slices / max(probe["large"] - probe["small"], 1e-9) if others else 1.0
        crowded = max(1.0, team.processes / (os.cpu_count() or 1))
        image = whole / flags.batch * crowded / team.threads
        cost = Cost(image, int(probe["bytes"]), latency=latency, bandwidth=bandwidth)
        found[team.name] = cost.synchronous(team.processes, flags.batch)
    return found


def table(teams: list[Team], base: Team, model: dict[str, float], flags: Any) -> list[dict[str, Any]]:
    """A row for each team."""
    rows = []
    for team in teams:
        ratios = [b / a for a, b in zip(team.seconds, base.seconds, strict=True)]
        low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        seconds = median(team.seconds)
        share = median(row["exchange"] / row["seconds"] for row in team.rows)
        row = {"processes": team.name, "images_per_second": flags.batch / seconds, "ratio": median(ratios), "quartiles": [low, high]}
        rows.append(row | {"exchange": share, "seconds": seconds, "model": model[team.name], "error": model[team.name] / seconds - 1})
    return rows


def parse() -> Any:
    """The flags."""
    p = common.parser(__doc__ or "")
    p.set_defaults(rounds=15)
    p.add_argument("--processes", type=common.positive, nargs="+", default=[2])
    p.add_argument("--model", default="googlenet")
    p.add_argument("--size", type=common.positive, default=224, help="height and width of the images")
    p.add_argument("--batch", type=common.positive, default=32, help="of all processes together")
    p.add_argument("--parts", type=common.positive, default=8, help="micro-batches")
    return p.parse_args()


def main() -> None:
    flags = parse()
    shapes = [(1, flags.threads), (1, 1), *((n, 1) for n in flags.processes if n > 1)]
    teams = [Team(*shape, flags) for shape in dict.fromkeys(shapes)]
    base, one = teams[0], next(team for team in teams if (team.processes, team.threads) == (1, 1))
    for number in range(WARM_UP + flags.rounds):
        for team in teams if number % 2 else reversed(teams):
            team.turn()
    for team in teams:
        team.rows = team.rows[WARM_UP:]
    if len({checksum for team in teams for checksum in team.all_do("checksum")}) > 1:
        sys.exit("parallel_steps: the weights differ")
    rows = table(teams, base, predicted(teams, one, flags), flags)
    for team in teams:
        team.end()
    report(rows, flags)


def report(rows: list[dict[str, Any]], flags: Any) -> None:
    """Prints the table, and writes it if that was asked for."""
    print(f"{flags.model} {flags.size}x{flags.size}, batch {flags.batch} in {flags.parts} micro-batches, {flags.rounds} rounds")
    heading = ("processes", "images/s", "ratio", "quartiles", "exchange", "ms", "model, ms", "error")
    lines = [(row["processes"], f"{row['images_per_second']:.1f}", f"{row['ratio']:.3f}", "{:.3f} {:.3f}".format(*row["quartiles"]),
              f"{row['exchange']:.1%}", f"{1e3 * row['seconds']:.1f}", f"{1e3 * row['model']:.1f}", f"{row['error']:+.1%}")
             for row in rows]  # fmt: skip
    print(aligned([heading, *lines], right=range(1, 8)))
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps({"machine": machine.facts(), "rows": rows}, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
