"""What notebooks show of a tensor, a tape, a trace, a plan and a summary: well-formed HTML with the printed facts, and pictures."""

import pickle
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels

from .test_html import Page, pixels
from .test_tour import PATIENCE


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((8, 8, 1), np.float32)


@pytest.fixture
def model():
    mg.manual_seed(0)
    return mg.nn.Sequential(mg.nn.Conv2d(1, 6, 3, padding=1), mg.nn.ReLU(), mg.nn.MaxPool2d(2), mg.nn.Flatten(), mg.nn.Linear(96, 3))


def rows(text):
    """The cells of each row of a page's tables, without tags."""
    lines = re.findall(r"<tr>(.*?)</tr>", text, re.S)
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.S)] for line in lines]


def test_a_tensor_shows_its_facts_and_its_maps(image):
    page = Page(mg.nn.Conv2d(1, 6, 3, padding=1)(mg.Tensor(image[None]))._repr_html_())
    assert "Tensor of Conv2d 1x8x8x6 float32" in page.text and len(page.all("img")) == 6
    assert "Tensor 8x8x1 float32" in Page(mg.Tensor(image)._repr_html_()).text
    assert Page(mg.Tensor([1.0, 2.0])._repr_html_()).text == "Tensor 2 float32[1. 2.]"


def test_the_weights_of_a_convolution_show_its_filters(model):
    weight, *_, last, _ = model.parameters()
    weight.data[...] = np.arange(54).reshape(3, 3, 1, 6)
    page = Page(weight._repr_html_())
    assert "Parameter 3x3x1x6 float32" in page.text and len(page.all("img")) == 6
    assert page.all("img")[5]["title"] == "channel 5, 3x3: 5 to 53"
    assert (pixels(page.all("img")[5]["src"])[[0, 2], [0, 2], 0] == [25, 255]).all()  # 5 and 53 of 53, in 62 steps of grey
    assert "Parameter 96x3 float32" in Page(last._repr_html_()).text


def test_a_tape_shows_a_row_for_each_operation(model, image):
    tape = model(mg.Tensor(image[None])).tape()
    head, *lines = rows(tape._repr_html_())
    assert head == ["", "layer", "operation", "output", "inputs", "maps"]
    described = [[name, op.name, "x".join(map(str, op.y.shape))] for name, op in zip(tape.names(), tape, strict=True)]
    assert [line[1:4] for line in lines] == described and tape.names()[0]
    assert [line[5] for line in lines] == ["+2", "+2", "+2", "", ""]  # four pictures of six maps
    assert mg.Tensor([1.0]).tape()._repr_html_() is None  # nothing to show: the text is shown


def test_a_trace_shows_its_columns_and_maps_of_outputs_and_gradients(model, image):
    trace = mg.trace(model, image, label=1)
    text = trace._repr_html_()
    head, *lines = rows(text)
    assert head[:3] == ["", "name", "operation"] and [line[:-1] for line in lines] == [list(step.cells()) for step in trace]
    back = trace.backward.find("Conv2d")[0]
    titles = [img["title"] for img in Page(text).all("img")]
    assert f"channel 0, 8x8: {back.dy[0, :, :, 0].min():.4g} to {back.dy[0, :, :, 0].max():.4g}" in titles


def test_a_summary_shows_its_tables(model):
    summary = mg.summary(model, (8, 8, 1))
    head, *lines = rows(summary._repr_html_())
    assert head[0] == "layer" and [line[0] for line in lines] == [*(row.name for row in summary.rows), "total"]
    assert all(cell in str(summary) for line in lines for cell in line)
    page = Page(summary._repr_html_())
    assert "Sequential, input 1x8x8x1" in page.text and page.all("pre") == []


def test_the_summary_of_googlenet_shows_the_papers_table():
    summary = mg.summary(mg.models.GoogLeNet(aux_heads=False), (64, 64, 3))
    assert summary.by_the_paper in Page(summary._repr_html_()).text


def test_a_plan_shows_its_steps(model):
    if kernels.native is None:
        pytest.skip("a plan needs the C kernels")
    plan = mg.compile(model.eval(), (1, 8, 8, 1))
    page, (head, *lines) = Page(plan._repr_html_()), rows(plan._repr_html_())
    assert head[1] == "step" and [line[1] for line in lines] == [step.name for step in plan.steps]
    assert f"{len(plan.steps)} steps, " in page.text and "MiB" in page.text


def test_a_large_network_makes_less_than_half_a_megabyte():
    size = 96
    trace = mg.trace(mg.models.GoogLeNet(aux_heads=False), np.random.default_rng(0).random((size, size, 3), np.float32), label=0)
    assert 100_000 < len(trace._repr_html_()) < 500_000
    assert len(pickle.dumps(trace[0].output)) > 500_000  # one of its arrays alone is more


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages
def test_a_notebook_shows_them(tmp_path, monkeypatch):
    nbformat, nbclient = (pytest.importorskip(name, reason="pip install '.[test]' brings Jupyter") for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel", reason="pip install '.[test]' brings Jupyter")
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(Path(tmp_path)))
    setup = "import minigoog as mg, numpy as np\nmodel = mg.nn.Conv2d(1, 2, 3)\nx = np.ones((1, 5, 5, 1), np.float32)\n"
    shown = ["y = model(mg.Tensor(x)); y", "y.tape()", "mg.trace(model, x)", "mg.summary(model, (5, 5, 1))", "mg.Tensor([1.0]).tape()"]
    cells = [nbformat.v4.new_code_cell(source) for source in (setup + shown[0], *shown[1:])]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}, **PATIENCE).execute()
    outputs = [cell.outputs[-1].data for cell in notebook.cells]
    assert ["text/html" in data for data in outputs] == [True, True, True, True, False]
    assert "Tensor of Conv2d" in outputs[0]["text/html"] and "data:image/png;base64," in outputs[1]["text/html"]
    assert all("text/plain" in data for data in outputs)
