"""The report: everything in one file, everything said, nothing broken by what is in it."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from minigoog.sparsity.demonstrations import DEMONSTRATIONS
from minigoog.sparsity.report import figures, margins, report, text
from minigoog.sparsity.runner.run import run
from minigoog.sparsity.runner.verdicts import Margin, combined

from .fakes import demonstration


def drawn(numbers, figure):
    axes = figure.subplots()
    axes.plot([0, 1], [numbers["seed"], 2], label="line")
    axes.set_title("a title")
    axes.legend()


def command(*names):
    return " ".join(["python -m minigoog.sparsity", *names])


class Reader(HTMLParser):
    """Collects names, and what the page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.addresses = [], [], []

    def handle_starttag(self, tag, attributes):
        self.names += [value for name, value in attributes if name == "id"]
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href", "data", "action")]
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """That of a report of two demonstrations that ran, with figures where matplotlib is there, and of one that did not."""
    folder = tmp_path_factory.mktemp("report")
    figures = {name: (f"caption {name}", drawn) for name in ("F1", "F2")}
    some = [demonstration("one", figures=figures), demonstration("two", "L6", verdict="holds partly"), demonstration("three", "L2")]
    outcomes = run(["one", "two"], {d.name: d for d in some}, folder, say=lambda line: None)
    assert report.write(outcomes, folder, command) == {}
    return folder


@pytest.fixture
def page(folder):
    """The text of the report."""
    return (folder / "report.html").read_text()


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_loads_nothing_and_its_links_lead_somewhere(page):
    reader = read(page)
    assert reader.addresses and all(address.startswith("#") for address in reader.addresses)
    assert {address[1:] for address in reader.addresses} <= set(reader.names)
    assert not re.search(r"@import|url\((?!#)|<script|<link", page)


def test_no_two_elements_have_one_name_even_in_two_figures_of_the_same(page):
    names = read(page).names
    assert len(names) == len(set(names))


def test_the_report_shows_every_part_of_each_demonstration(page):
    for words in ("a claim", "an experiment", "A rule with <code>code</code>", "Because {'seed': 0}", "aria-label='Verdicts'",
                  "href='#contents'", "minigoog.sparsity one",
                  "The &lt;title&gt; of one", "<td class='s'>seed</td>", 'badge holds-partly">holds partly', 'badge not-run">not run'):
        assert words in page, words


def test_the_verdicts_come_before_the_links_and_the_low_rank_before_both(page):
    order = ("is low rank, not sparsity", "id='contents'", "id='verdicts'", "id='L1'", "id='L6'", "id='errata'")
    places = [page.index(words) for words in order]
    assert places == sorted(places)


def test_every_link_of_the_argument_has_its_place(page):
    assert all(f"<section id='{link}'>" in page for link in text.LINKS)


def test_a_figure_takes_the_colour_of_the_page_and_is_a_file_too(page, folder):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'minigoog[plots]'")
    assert "currentColor" in page and figures.INK not in page and "#000000" not in page
    assert figures.INK not in (folder / "F1.svg").read_text()


def test_without_matplotlib_the_report_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "available", lambda: False)
    one = demonstration("one", figures={"F1": ("caption", drawn)})
    outcomes = run(["one"], {"one": one}, tmp_path, say=lambda line: None)
    assert report.write(outcomes, tmp_path, command) == {}
    assert "minigoog[plots]" in (tmp_path / "report.html").read_text() and not (tmp_path / "F1.svg").exists()


def test_columns_of_numbers_are_set_to_the_right():
    html = report.table(["what", "how much", "how far"], [["a", "1.5", "+2.0%"], ["b", "12", "6"]])
    assert "<th class='s'>what</th><th class='n'>how much</th><th class='n'>how far</th>" in html


def test_the_verdicts_go_between_their_marks(folder, tmp_path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- benchmark: argument -->\noutdated\n<!-- end of benchmark -->\nafter\n")
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "update_readme.py"
    subprocess.run([sys.executable, script, folder / "argument.json", "--into", document], check=True, timeout=60)
    written = document.read_text()
    assert "outdated" not in written and "| L6 | The <title> of two | holds partly | because {'seed': 0} |" in written
    assert "a full run with seed 0 on the digits." in written


def test_a_quick_runs_verdicts_are_marked_and_stand_beside_the_full_runs(tmp_path):
    outcomes = run(["depth"], {"depth": demonstration("depth", verdict="contradicted")}, tmp_path, quick=True, say=lambda line: None)
    report.write(outcomes, tmp_path, command)
    page = (tmp_path / "report.html").read_text()
    assert 'badge contradicted quick">contradicted (quick run)</span></td><td><span class="badge undecided">undecided</span>' in page
    assert "this quick run" in page and "The full run: AMD EPYC; a full run" in page


def test_what_was_not_measured_is_not_red_and_has_no_empty_figure(tmp_path):
    some = {"one": demonstration("one", verdict="not measured", figures={"F1": ("caption", drawn)})}
    report.write(run(["one"], some, tmp_path, say=lambda line: None), tmp_path, command)
    page = (tmp_path / "report.html").read_text()
    assert 'badge not-measured">not measured' in page and "F1" not in page
    reds = re.search(r"([^}]*)\{ --c: var\(--not\); \}", page)[1]
    assert "not-measured" not in reds and "contradicted" in reds


@pytest.mark.parametrize(("margin", "answer"), [
    (Margin("a", 2.0, 0.5, 1.0, True, " points"), "yes"), (Margin("a", 0.8, 0.5, 1.0, None), "open"),
    (Margin("a", 0.0, 0.0, 0.0, False), "no"),
])  # fmt: skip
def test_a_margin_is_drawn_to_scale_with_its_threshold(margin, answer):
    svg = margins.bar(margin)
    dot = float(re.search(r'cx="([^"]*)"', svg)[1])
    threshold = float(re.search(r'class="threshold" d="M([^ ]*) ', svg)[1])
    assert f'class="margin {answer}"' in svg and margin.words in svg
    assert (dot > threshold) == (margin.value > margin.threshold) and 0 < dot < margins.WIDTH


def test_an_open_question_says_how_many_seeds_would_decide_it(tmp_path):
    outcome = run(["one"], {"one": demonstration("one", verdict="undecided")}, tmp_path, say=lambda line: None)[0]
    margin = Margin("a better than b", 0.8, 0.5, 1.0, None, " points", 19)
    report.write([replace(outcome, margins=(margin,))], tmp_path, command)
    assert f"<dt>Open</dt><dd>{margin.words}</dd>" in (tmp_path / "report.html").read_text()
    assert "about 19 seeds would decide" in margin.words


def test_the_stored_full_run_is_the_one_of_the_documentation():
    page = (Path(__file__).resolve().parents[2] / "docs" / "sparsity.md").read_text()
    rows = re.findall(r"^\| L\d \| ([^|]+) \| ([^|]+?) \|", page, re.M)
    assert {DEMONSTRATIONS[name].title: verdict for name, verdict in report.full_run()["verdicts"].items()} == dict(rows)


@pytest.mark.parametrize(("answers", "verdict"), [
    ([True, True], "holds"), ([True, None], "holds partly"), ([True, False], "holds partly"), ([False, None], "undecided"),
    ([False, False], "contradicted"),
])  # fmt: skip
def test_verdicts_follow_from_answers(answers, verdict):
    assert combined(answers) == verdict
