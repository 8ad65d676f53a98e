"""The report: one self-contained HTML file that presents the argument link by link."""

import html
import json
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, TypeAlias

from ...files import atomic_write, error_text
from ...text import shell_word
from ..runner.demonstration import Numbers, Rows, facts_in
from ..runner.machine import machine, now
from ..runner.run import Outcome, kind_of
from ..runner.verdicts import NOT_MEASURED, VERDICTS
from . import figures, margins, text

Command: TypeAlias = Callable[..., str]  # (): the command that repeats the whole run; (name): the one for this demonstration

NAME, SUMMARY = "report.html", "argument.json"
NUMBER = re.compile(r"[-+±]?[\d.,]+( ?(%|x|ms|M|K|G|KiB|MiB|GFLOP/s))?( ?\(\d+\))?")
OUTCOMES = re.compile(rf"\b({'|'.join(sorted(VERDICTS, key=len, reverse=True))})(?=:)", re.I)  # in a rule
SHORT = 24  # characters: shorter cells are not wrapped
LONG = 24  # rows: longer tables are collapsed
BACK = "<p class='back'><a href='#contents'>Back to the contents</a></p>"
KEY = "Margins: the result (dot) with its interval (line) and the threshold of the rule (bar); undecided where the line crosses it."
NO_FIGURES = "Figures were left out: they need matplotlib, pip install 'minigoog[plots]'."


def write(outcomes: Sequence[Outcome], folder: str | Path, command: Command) -> dict[str, str]:
    """Writes report.html and the figures of these Outcomes into `folder`; returns what could not be drawn, {figure: error}."""
    folder = Path(folder)
    drawings, errors = drawn(outcomes, folder)
    body = "\n".join(
        [
            _opening(outcomes, folder),
            _contents(),
            _verdicts(outcomes, folder),
            *(_link(link, outcomes, folder, drawings, errors, command) for link in text.LINKS),
            _errata(),
            _machine(outcomes, folder, command()),
        ]
    )
    template = Template((resources.files(__package__) / "report.html").read_text(encoding="utf-8"))
    for name, content in ((NAME, template.substitute(body=body)), (SUMMARY, json.dumps(summary(outcomes, folder), indent=1) + "\n")):
        with atomic_write(folder / name) as file:
            file.write(content.encode("utf-8", "backslashreplace"))
    return errors


def summary(outcomes: Sequence[Outcome], folder: Path) -> Numbers:
    """The verdicts, for `benchmarks/update_readme.py`: what was run, on which processors, and a row for each demonstration."""
    rows = [{"link": o.demonstration.link, "name": o.demonstration.name, "title": o.demonstration.title, "verdict": state(o), "why": o.why,
             "margins": [margin._asdict() for margin in o.margins]} for o in outcomes]  # fmt: skip
    processors = sorted({part["machine"]["processor"] for part in parts(outcomes, folder)})
    return {"benchmark": "argument", "run": str(kind_of(folder)), "processors": processors, "rows": rows}


def parts(outcomes: Sequence[Outcome], folder: Path) -> Rows:
    """The stored results of each part of the demonstrations that have run, with time and machine."""
    folders = [folder / outcome.demonstration.name for outcome in outcomes if outcome.numbers]
    return [facts_in(path) for place in folders for path in sorted(place.glob("*.json"))]


def drawn(outcomes: Sequence[Outcome], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """({figure: SVG element}, {figure: error}) of the demonstrations that have numbers; each is also written to its own file."""
    found: dict[str, str] = {}
    errors: dict[str, str] = {}
    for outcome in outcomes if figures.available() else ():
        for name, (_, draw) in _figures_of(outcome).items():
            try:
                found[name], svg = figures.svg(name, draw, outcome.numbers or {})
            except Exception as error:  # any error is reported, and the report still has the numbers
                errors[name] = f"{type(error).__name__}: {error_text(error)}"
                continue
            with atomic_write(folder / f"{name}.svg") as file:
                file.write(svg.encode())
    return found, errors


def _figures_of(outcome: Outcome) -> dict[str, Any]:
    """The figures that have something to show."""
    return outcome.demonstration.figures if outcome.numbers and outcome.verdict != NOT_MEASURED else {}


def markup(words: str) -> str:
    """Words as HTML: **bold**, `code`."""
    safe = html.escape(words, quote=False)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe))


def sentence(words: str) -> str:
    """The words, with a capital first."""
    return words[:1].upper() + words[1:]


def state(outcome: Outcome) -> str:
    """The verdict, or why there is none."""
    return outcome.verdict or ("failed" if outcome.error else "not run")


def badge(said: str, quick: bool = False) -> str:
    """A verdict as a coloured label; one of a quick run is marked, and its colour is pale."""
    return f'<span class="badge {said.replace(" ", "-")}{" quick" * quick}">{said}{" (quick run)" * quick}</span>'


def full_run() -> Numbers:
    """{"about", "verdicts": {name of a demonstration: verdict}} of the full run that the documentation shows."""
    stored: Numbers = json.loads((resources.files(__package__) / "full_run.json").read_text(encoding="utf-8"))
    return stored


def _opening(outcomes: Sequence[Outcome], folder: Path) -> str:
    quick = kind_of(folder).quick
    note = "<p><strong>A quick run</strong>: small samples, few repetitions. Reliable verdicts need a run without <code>--quick</code>.</p>"
    return (
        f"<h1>{text.TITLE}</h1>\n<p class='soft'>{now()[:10]} · {html.escape(machine()['processor'])} · "
        f"minigoog {machine()['minigoog']}</p>\n<p class='lead'>{markup(text.LEAD)}</p>\n{note if quick else ''}"
        f"<div class='first'><p>{markup(text.FIRST)}</p></div>"
    )


def _contents() -> str:
    """Links to all sections."""
    names = {"verdicts": "Verdicts", **text.LINKS, "errata": "Numbers of the paper that do not add up", "machine": "Machine"}
    labels = {name: f"{name} {markup(title)}" if name in text.LINKS else markup(title) for name, title in names.items()}
    items = "\n".join(f"<li><a href='#{name}'>{label}</a></li>" for name, label in labels.items())
    return f"<nav id='contents' aria-label='Contents'><ul>\n{items}\n</ul></nav>"


def _verdicts(outcomes: Sequence[Outcome], folder: Path) -> str:
    """A row for each demonstration; in a quick run, beside what a full run said."""
    quick, full = kind_of(folder).quick, full_run()
    head = ["link", "shown by", "margins", "this quick run" if quick else "verdict", *["a full run"] * quick]
    rows = []
    for link in text.LINKS:
        for o in (outcome for outcome in outcomes if outcome.demonstration.link == link):
            d, measured = o.demonstration, o.verdict is not None
            cells = [link, f"<a href='#{d.name}'>{markup(d.title)}</a>", margins.bars(o.margins), badge(state(o), quick and measured)]
            cells += [badge(full["verdicts"].get(d.name, "not run"))] * quick
            rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    lines = "\n".join(f"<tr>{row}</tr>" for row in rows)
    heading = "".join(f"<th>{name}</th>" for name in head)
    about = f" The full run: {html.escape(full['about'])}." if quick else ""
    table_of_all = scrolling(f"<table><tr>{heading}</tr>{lines}</table>", "Verdicts")
    return f"<section id='verdicts'><h2>Verdicts</h2>\n{table_of_all}\n<p class='soft'>{KEY}{about}</p></section>"


def scrolling(content: str, label: str) -> str:
    """Content that may be wider than the page: it scrolls by itself, with the keyboard too, and shadows show that there is more."""
    return f"<div class='scroll' tabindex='0' role='region' aria-label='{html.escape(label, quote=True)}'>{content}</div>"


def _link(link: str, outcomes: Sequence[Outcome], folder: Path, drawings: dict[str, str], errors: dict[str, str], command: Command) -> str:
    cards = [_card(o, drawings, errors, command) for o in outcomes if o.demonstration.link == link]
    return f"<section id='{link}'><h2>{link} · {markup(text.LINKS[link])}</h2>\n{chr(10).join(cards)}\n{BACK}</section>"


def _card(outcome: Outcome, drawings: dict[str, str], errors: dict[str, str], command: Command) -> str:
    """All about one demonstration."""
    d = outcome.demonstration
    said = {"Claim": markup(d.claim), "Experiment": markup(d.experiment)}
    said["Rule"] = OUTCOMES.sub(r"<strong>\1</strong>", markup(sentence(d.rule)))
    if outcome.why:
        said["Result"] = f"<span class='result'>{markup(sentence(outcome.why))}</span>"
    if still_open := [margin.words for margin in outcome.margins if margin.answer is None]:
        said["Open"] = "<br>".join(map(markup, still_open))
    said["Repeat"] = f"<code>{html.escape(command(d.name))}</code>"
    lines = "\n".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in said.items())
    parts = [f"<div class='head'><h3>{markup(d.title)}</h3>{badge(state(outcome))}</div>\n<dl>{lines}</dl>"]
    if outcome.error:
        parts.append(f"<details open><summary>What went wrong</summary><pre>{html.escape(outcome.error)}</pre></details>")
    if outcome.numbers:
        parts += [_figure(name, caption, drawings, errors) for name, (caption, _) in _figures_of(outcome).items()]
        parts.append(table(*d.table(outcome.numbers)))
    return f"<article class='card' id='{d.name}'>\n{chr(10).join(parts)}\n</article>"


def _figure(name: str, caption: str, drawings: dict[str, str], errors: dict[str, str]) -> str:
    picture = drawings.get(name, f"<p class='soft'>{html.escape(errors.get(name, NO_FIGURES))}</p>")
    return f"<figure>{picture}<figcaption><strong>{name}</strong> {markup(caption)}</figcaption></figure>"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table, columns of numbers right-aligned; a long table is collapsed."""
    right = [all(NUMBER.fullmatch(row[i]) or not row[i] for row in rows) for i in range(len(headings))]

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ("n" if number else "s" if len(cell) <= SHORT else "" for number, cell in zip(right, cells, strict=True))
        return "<tr>" + "".join(f"<{tag} class='{kind}'>{markup(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)) + "</tr>"

    inner = "\n".join([line(headings, "th"), *(line(row, "td") for row in rows)])
    whole = scrolling(f"<table>\n{inner}\n</table>", f"Table: {headings[0] or 'machine'} and {len(headings) - 1} more columns")
    return whole if len(rows) <= LONG else f"<details><summary>All {len(rows)} rows</summary>{whole}</details>"


def _errata() -> str:
    points = "\n".join(f"<li><p>{markup(point)}</p></li>" for point in text.ERRATA)
    return f"<section id='errata'><h2>Numbers of the paper that do not add up</h2>\n<ul>{points}</ul></section>"


def _machine(outcomes: Sequence[Outcome], folder: Path, command: str) -> str:
    """Where and when the numbers were measured, from each demonstration's files."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for part in parts(outcomes, folder):
        rows.setdefault(tuple(part["machine"].get(name, "") for name in machine()), []).append(part["finished"])
    lines = [[*facts, f"{min(times)} to {max(times)}", str(len(times))] for facts, times in rows.items()]
    where = table([*machine(), "when (UTC)", "parts"], lines) if lines else ""
    return f"<section id='machine'><h2>Machine, and how to repeat it</h2>\n<pre>{html.escape(command)}</pre>\n{where}</section>"


def command_of(flags: dict[str, Any], names: Sequence[str] = ()) -> str:
    """The command that repeats a run of these demonstrations with these flags, {flag: value or True}."""
    words = [word for flag, value in flags.items() for word in ([flag] if value is True else [flag, str(value)])]
    return " ".join(map(shell_word, ["python", "-m", "minigoog.sparsity", *words, *names]))
