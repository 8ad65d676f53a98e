"""F4: filter sizes that were planted and found."""
from ..runner.demonstration import Figure, Numbers


def draw(numbers: Numbers, figure: Figure) -> None:
    """F4: histograms side by side; recovery against images and density."""
    left, middle, right = figure.subplots(1, 3)
    row = numbers["planted"][0]
    for i, kind in enumerate(("planted", "found")):
        left.bar([place + 0.4 * i for place in range(len(row[kind]))], row[kind].values(), width=0.38, label=kind)
    left.set_xticks([place + 0.2 for place in range(len(row["planted"]))], row["planted"])
    left.set(ylabel="units", title="filter sizes")
    left.legend()
    for axis, part, label in ((middle, "images", "images of 64x64"), (right, "density", "places where a unit is on")):
        rows = numbers[part]
        axis.plot([row[part] for row in rows], [row["exact"] / row["units"] for row in rows], "o-", ms=4)
        axis.set(xscale="log", xlabel=label, ylim=(-0.03, 1.03), title="found exactly")
