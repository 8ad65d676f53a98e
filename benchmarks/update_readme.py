"""Writes the table of measurements into README.md, between its marks.

python benchmarks/update_readme.py benchmarks/results/googlenet.json"""

import json
import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
TASKS = {"inference": "inference, {} image{s}", "train": "training step, {} images"}


def table(facts):
    """The Markdown table of a file that googlenet.py wrote: milliseconds, the fastest of each row in bold."""
    rows, names = facts["rows"], list(dict.fromkeys(row["name"] for row in facts["rows"]))
    lines = [f"| GoogLeNet, ms ({facts['threads']} cores) | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for task, batch in dict.fromkeys((row["task"], row["batch"]) for row in rows):
        times = {row["name"]: row["ms"] for row in rows if (row["task"], row["batch"]) == (task, batch)}
        best = min(times.values())
        cells = [f"**{times[n]:.1f}**" if times.get(n) == best else f"{times[n]:.1f}" if n in times else "" for n in names]
        lines.append(f"| {TASKS[task].format(batch, s='' if batch == 1 else 's')} | {' | '.join(cells)} |")
    machine = facts["machine"]
    facts_of_run = f"{machine['cpu']}, {facts['threads']} threads, {machine['isa']}, float32"
    lines.append(f"\n{facts_of_run}; medians of interleaved runs from the same weights, outputs compared first.")
    return "\n".join(lines)


def main(path):
    """Replaces what stands between the marks."""
    facts, text = json.loads(Path(path).read_text()), README.read_text()
    marked = re.compile(r"(<!-- benchmark: googlenet -->\n).*?(<!-- end of benchmark -->)", re.S)
    if not marked.search(text):
        sys.exit("update_readme.py: README.md has no mark <!-- benchmark: googlenet -->")
    README.write_text(marked.sub(lambda match: f"{match[1]}{table(facts)}\n{match[2]}", text))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
