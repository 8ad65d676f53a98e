"""The page of `--live`: how a run goes, in one file that loads nothing and renews itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import html
from ..curves import METRICS
from ..reading import json_value
from ..text import duration
from .callbacks import Callback
from .log import Log

if TYPE_CHECKING:
    from .loop import Trainer

NAME = "live.html"
RENEW = 5  # seconds
WIDTH, HEIGHT = 420, 140  # of a figure, in pixels
MOST_POINTS, MOST_FILTERS, MOST_MISTAKES = 500, 64, 12
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")


class Live(Callback):
    """Writes the page every 50 steps and after every epoch."""

    def on_steps(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        write(trainer, ended=False)

    def on_epoch(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        write(trainer, ended=False)

    def on_end(self, trainer: Trainer) -> None:
        write(trainer, ended=True)


def write(trainer: Trainer, ended: bool) -> None:
    """Writes the page. ended: it shows the end of the run and is not renewed."""
    lines = [json_value(line, dict) for line in trainer.run.path(METRICS).read_bytes().splitlines()]
    epochs, steps = ([line for line in lines if kind in line] for kind in ("test_loss", "losses"))
    parts = [
        _heading(trainer, ended),
        _figure("loss", {f"{part}": _points(epochs, f"{part}_loss") for part in ("train", "test", "averaged_test")}),
        _figure("accuracy", {f"{part}": _points(epochs, f"{part}_accuracy") for part in ("train", "test", "averaged_test")}),
        _figure("loss of each head, by step", _columns(steps, "losses")),
        _figure("gradient norm of each module, by step", _columns(steps, "gradient_norms")),
        _filters(trainer), _mistakes(trainer),
    ]  # fmt: skip
    renew = "" if ended else f'<meta http-equiv="refresh" content="{RENEW}">'
    title = escape(str(trainer.run.folder))
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{renew}<title>{title}</title></head>'
    trainer.run.write(NAME, f'{head}<body style="font-family:sans-serif;max-width:900px;margin:auto">{"".join(parts)}</body></html>\n')


def _heading(trainer: Trainer, ended: bool) -> str:
    """The run, where it is, and how long it will take."""
    at, config = trainer.progress, trainer.config
    where = f"epoch {at.epoch + at.step / len(trainer.batches):.2f} of {config.epochs}"
    left = "ended" if ended else f"{duration(Log.seconds_left(trainer))} left" if at.step else "testing or starting an epoch"
    best = f", best accuracy so far {at.best:.2%} (epoch {at.best_epoch})" if at.best >= 0 else ""
    return f"<h1>{escape(str(trainer.run.folder))}</h1><p>{escape(config.model)} on {escape(config.data)}: {where}, {left}{best}</p>"


def _points(lines: Sequence[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """(epoch, value) of each epoch that has the value."""
    return [(line["epoch"], line[name]) for line in lines if name in line]


def _columns(steps: Sequence[dict[str, Any]], name: str) -> dict[str, list[tuple[float, float]]]:
    """The curves of a list or a dictionary of numbers, by step."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in steps:
        values = line[name]
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            found.setdefault(str(key), []).append((line["step"], value))
    return found


def _figure(title: str, curves: dict[str, list[tuple[float, float]]]) -> str:
    """Curves on one scale, from 0 to the largest value, as SVG; nothing if they have no points."""
    shown = {name: points[:: -(-len(points) // MOST_POINTS)] for name, points in curves.items() if points}
    if not shown:
        return ""
    first, last = (f(x for points in shown.values() for x, _ in points) for f in (min, max))
    top = max(max(y for points in shown.values() for _, y in points), 1e-30)
    lines = []
    for colour, points in zip(COLOURS * len(shown), shown.values(), strict=False):
        scaled = [(WIDTH * (x - first) / max(last - first, 1e-9), HEIGHT * (1 - y / top)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (scaled if len(scaled) > 1 else [(0.0, scaled[0][1]), (WIDTH, scaled[0][1])]))
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}"/>')
    names = " ".join(
        f'<span style="color:{colour}">{escape(name)} {points[-1][1]:.4g}</span>'
        for colour, (name, points) in zip(COLOURS * len(shown), shown.items(), strict=False)
    )
    drawing = f'<svg width="{WIDTH}" height="{HEIGHT}" style="border:1px solid #999">{"".join(lines)}</svg>'
    return f"<h2>{escape(title)}</h2><div>{drawing}</div><small>0 to {top:.4g}, from {first:g} to {last:g}: {names}</small>"


def _filters(trainer: Trainer) -> str:
    """The filters of the first convolution, each averaged over its input channels."""
    first = next((p.data for p in trainer.model.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1), None)
    if first is None:
        return ""
    filters = first.mean(axis=2)[..., :MOST_FILTERS]
    limits = html.limits_of(filters)
    return "<h2>filters of the first layer</h2>" + "".join(html.picture(filters[..., i], 40, limits) for i in range(filters.shape[-1]))


def _mistakes(trainer: Trainer) -> str:
    """The test images that were classified wrongly with the highest probabilities, when they were tested last."""
    tested = trainer.tested.get("averaged_test") or trainer.tested.get("test")
    if tested is None:
        return ""
    labels, names, cells = trainer.setup.test.labels, trainer.setup.info.classes, []
    predicted, sureness = tested.predicted, tested.sureness
    wrong = np.flatnonzero(predicted != labels)
    for i in wrong[np.argsort(-sureness[wrong], kind="stable")][:MOST_MISTAKES].tolist():
        image = np.asarray(trainer.setup.test[i][0], np.float32).mean(axis=2)
        said = f"{names[predicted[i]]} {sureness[i]:.0%}, is {names[labels[i]]}"
        caption = f"<figcaption>{escape(said)}</figcaption>"
        cells.append(f'<figure style="display:inline-block;margin:4px">{html.picture(image, 96)}{caption}</figure>')
    return f"<h2>worst mistakes</h2>{''.join(cells)}" if cells else ""
