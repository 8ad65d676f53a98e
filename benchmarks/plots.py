"""The figures: a roofline of the convolutions, bars of the whole network."""
from typing import Any

from minigoog import figures

DPI = 100
COLORS = {name: f"tab:{color}" for name, color in (("NumPy", "gray"), ("im2col", "olive"), ("direct", "blue"), ("winograd", "red"),
                                                   ("auto", "green"), ("plan", "purple"))}


def roofline(facts: dict[str, Any], path: str) -> None:
    """GFLOP/s of each layer over the operations for each byte that it must move, under the machine's two limits."""
    import numpy as np

    figure = figures.new(7, 4.5)
    axes = figure.subplots()
    for name in dict.fromkeys(row["algorithm"] for row in facts["rows"]):
        rows = [row for row in facts["rows"] if row["algorithm"] == name]
        intensity = [row["flops"] / row["bytes"] for row in rows]
        axes.plot(intensity, [row["gflops"] for row in rows], "o", ms=4, alpha=0.7, label=name, color=COLORS.get(name))
    x = np.geomspace(1, max(row["flops"] / row["bytes"] for row in facts["rows"]) * 1.5, 50)
    axes.plot(x, np.minimum(facts["peak_gflops"], facts["bandwidth"] * x), "k-", lw=1)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s (winograd counts what it saves)")
    axes.set_title(f"{facts['threads']} threads, {facts['direction']}, batch {facts['batch']}: {facts['peak_gflops']:.0f} GFLOP/s, "
                   f"{facts['bandwidth']:.0f} GB/s", fontsize=9)
    axes.legend(fontsize=8)
    figures.save(figure, path, DPI)


def bars(facts: dict[str, Any], path: str) -> None:
    """Milliseconds an image, a group of bars for each table."""
    tables = list(dict.fromkeys((row["task"], row["batch"]) for row in facts["rows"]))
    figure = figures.new(3.2 * len(tables), 3.6)
    for axes, (task, batch) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        group = [row for row in facts["rows"] if (row["task"], row["batch"]) == (task, batch)]
        colors = ["tab:red" if row["name"].startswith("minigoog") else "tab:gray" for row in group]
        axes.bar([row["name"].replace(" ", "\n") for row in group], [row["ms"] / batch for row in group], color=colors)
        axes.set(title=f"{task}, batch {batch}", ylabel="ms an image")
        axes.tick_params(axis="x", labelsize=7)
    figures.save(figure, path, DPI)
