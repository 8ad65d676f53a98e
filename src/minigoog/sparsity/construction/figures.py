"""F1 to F3: what was recovered of random networks."""
from ..runner.demonstration import Figure, Numbers


def draw_samples(numbers: Numbers, figure: Figure) -> None:
    """F1: recovery against how often a hidden unit was on, in ln(units); a line for each size."""
    axis = figure.subplots()
    rows = numbers["samples"]["rows"]
    for marker, units in zip("os^", sorted({row["units"] for row in rows}), strict=False):
        of_size = [row for row in rows if row["units"] == units]
        axis.plot([row["often"] for row in of_size], [row["good"] for row in of_size], marker + "-", ms=4, label=f"n = {units:,}")
    axis.set(xscale="log", xlabel="N rho / ln n", ylabel="units recovered (Jaccard 0.8 or more)", ylim=(-0.03, 1.03))
    often = sorted({row["often"] for row in rows})
    axis.set_xticks(often, [f"{each:g}" for each in often])
    axis.minorticks_off()
    axis.legend()


def draw_crowding(numbers: Numbers, figure: Figure) -> None:
    """F2: recovery against density, and against degree."""
    left, right = figure.subplots(1, 2, sharey=True)
    for axis, part, key, label in ((left, "density", "crowding", "rho d^2"), (right, "degree", "degree", "positive edges of a unit")):
        rows = numbers[part]["rows"]
        for style, share, name in (("o-", "good", "Jaccard 0.8 or more"), ("s--", "exact", "exact")):
            axis.plot([row[key] for row in rows], [row[share] for row in rows], style, ms=4, label=name)
        axis.set(xlabel=label, ylim=(-0.03, 1.03))
    left.set_ylabel("units recovered")
    left.legend()


def draw_adjacency(numbers: Numbers, figure: Figure) -> None:
    """F3: three adjacency matrices side by side."""
    numbers = numbers["adjacency"]
    titles = {"true": "there", "as_found": "found", "by_match": "found, permuted by the match"}
    for axis, (name, title) in zip(figure.subplots(1, 3, sharey=True), titles.items(), strict=True):
        rows, columns = zip(*numbers[name], strict=True) if numbers[name] else ((), ())
        axis.scatter(columns, rows, s=2, marker="s", linewidths=0)
        axis.set(title=title, xlabel="hidden unit", xlim=(-1, numbers["columns"]), ylim=(numbers["rows"], -1))
