"""Writes measurements as tables between marks in Markdown files.

python benchmarks/update_readme.py benchmarks/results/googlenet.json            into README.md
python benchmarks/update_readme.py benchmarks/results/kernels.json --into docs/kernels.md
python benchmarks/update_readme.py RUN/argument.json --into docs/sparsity.md    verdicts of python -m minigoog.sparsity, with reasons
The table of NAME.json goes between <!-- benchmark: NAME --> and <!-- end of benchmark -->."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from minigoog.files import atomic_write

README = Path(__file__).parent.parent / "README.md"
TASKS = {"inference": "inference, {} image{s}", "train": "training step, {} image{s}"}


def googlenet(facts: dict[str, Any]) -> tuple[list[str], str]:
    """Milliseconds, the fastest of each row in bold; below them the memory of a training step."""
    rows, names = facts["rows"], list(dict.fromkeys(row["name"] for row in facts["rows"]))
    lines = [head(f"GoogLeNet, ms ({facts['threads']} cores)", names)]
    for task, batch in dict.fromkeys((row["task"], row["batch"]) for row in rows):
        here = [row for row in rows if (row["task"], row["batch"]) == (task, batch)]
        label = TASKS[task].format(batch, s="s" * (batch > 1))
        lines.append(table_line(label, names, {row["name"]: row["ms"] for row in here}, ".1f"))
        if task == "train":
            lines.append(table_line("peak memory, MiB", names, {row["name"]: row["peak_mib"] for row in here}, ".0f"))
    return lines, "medians of interleaved runs from the same weights, outputs compared first"


def head(first: str, names: list[str]) -> str:
    """The first two lines of a table."""
    return f"| {first} | {' | '.join(names)} |\n{'|---' * (len(names) + 1)}|"


def table_line(label: str, names: list[str], values: dict[str, float], form: str) -> str:
    """A row of a table, the smallest value in bold."""
    best = min(values.values())
    cells = [f"**{values[n]:{form}}**" if values.get(n) == best else f"{values[n]:{form}}" if n in values else "" for n in names]
    return f"| {label} | {' | '.join(cells)} |"


def kernels(facts: dict[str, Any]) -> tuple[list[str], str]:
    """The sums over the layers."""
    lines = [head(facts["direction"], ["layers", "ms", "GFLOP/s", "of peak", "x NumPy", "x direct on the same layers"])]
    for row in facts["totals"]:
        beside = f"{row['x_direct']:.2f}" if row["x_direct"] else ""
        speed = f"{row['ms']:.1f}", f"{row['gflops']:.0f}", f"{row['share']:.0%}", f"{row['x_peer']:.2f}", beside
        lines.append(f"| {row['algorithm']} | {row['layers']} | {' | '.join(speed)} |")
    return lines, (f"batch {facts['batch']}; peak {facts['peak_gflops']:.0f} GFLOP/s and {facts['bandwidth']:.0f} GB/s, measured; "
                   f"each result compared with float64 first")


def ladder(facts: dict[str, Any]) -> tuple[list[str], str]:
    """GFLOP/s, a line for each rung, a column for each layer."""
    rates = {(row["rung"], row["layer"]): f"{row['gflops']:.3g}" for row in facts["rows"]}
    names = list(dict.fromkeys(row["layer"] for row in facts["rows"]))
    rungs = sorted({row["rung"]: None for row in facts["rows"]}, key=lambda rung: int(rung.split()[0]))
    lines = [head("GFLOP/s", names)]
    lines += [f"| {rung} | {' | '.join(rates.get((rung, name), '') for name in names)} |" for rung in rungs]
    return lines, f"batch {facts['batch']}; peak {facts['peak_gflops']:.0f} GFLOP/s, measured"


def argument(facts: dict[str, Any], reasons: bool = False) -> str:
    """The verdict on each link of the argument about sparsity, with the numbers behind it if `reasons`."""
    rows = facts["rows"]
    lines = [head("link", ["shown by", "verdict", *["because"] * reasons])]
    lines += [f"| {' | '.join([row['link'], row['title'], row['verdict'], *[row['why']] * reasons])} |" for row in rows]
    return "\n".join([*lines, "", f"{', '.join(facts['processors'])}; {facts['run']}."])


def table(facts: dict[str, Any], reasons: bool = False) -> str:
    """The Markdown of a file that googlenet.py, kernels.py, ladder.py or minigoog.sparsity wrote; `reasons`: see `argument`."""
    if facts.get("benchmark") == "argument":
        return argument(facts, reasons)
    kinds = {"googlenet": googlenet, "kernels": kernels, "ladder": ladder}
    lines, note = kinds[facts.get("benchmark", "googlenet")](facts)
    machine = facts["machine"]
    return "\n".join([*lines, "", f"{machine['cpu']}, {facts['threads']} threads, {machine['isa']}, float32; {note}."])


def update(text: str, name: str, new: str) -> str | None:
    """`text` with `new` between the marks of `name`; None if it has no such marks."""
    marked = re.compile(rf"(<!-- benchmark: {re.escape(name)} -->\n).*?(<!-- end of benchmark -->)", re.S)
    return marked.sub(lambda match: f"{match[1]}{new}\n{match[2]}", text) if marked.search(text) else None


def main() -> None:
    """Replaces the text between the marks."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("json", type=Path, help="what googlenet.py, kernels.py, ladder.py or minigoog.sparsity wrote")
    p.add_argument("--into", type=Path, default=README, metavar="FILE")
    flags = p.parse_args()
    for path in (flags.json, flags.into):
        if not path.is_file():
            p.error(f"there is no file {path}")
    text = update(flags.into.read_text(), flags.json.stem, table(json.loads(flags.json.read_text()), flags.into != README))
    if text is None:
        sys.exit(f"update_readme.py: {flags.into} has no mark <!-- benchmark: {flags.json.stem} -->")
    with atomic_write(flags.into) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main()
