"""The laboratory of the page in a real browser: what a learner changes goes through the network there."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.inspection.page import build
from tests.inspection.page.browser import Page

LOGITS = "const {runs, facts} = minigoog; return [...runs.now.planesOf(facts.verdict.logits)]"


@pytest.fixture
def lab(page):
    """The page of the tiny network as it was recorded."""
    changed(page, "document.getElementById('undo').click()")
    yield page
    page.run("minigoog.runs.other = null")
    changed(page, "document.getElementById('undo').click()")


def changed(page, script, *arguments):
    """Does something that runs the network, and waits until it has run."""
    page.run("window.ran = 0; window.once = new MutationObserver(() => window.ran++);"
             "once.observe(document.getElementById('ran'), {childList: true})")  # fmt: skip
    disabled = page.run("return document.getElementById('undo').disabled")
    if disabled and "undo" in script:
        return
    page.run(script, *arguments)
    page.wait("return window.ran > 0")
    page.run("once.disconnect()")


def logits(page):
    return np.array(page.run(LOGITS), np.float32)


def logits_of(model, image):
    """What Python gives, by other kernels than the page."""
    with mg.no_grad():
        return model.eval()(mg.Tensor(image[None])).data[0]


def test_the_recorded_image_gives_the_recorded_logits_and_the_lab_is_open(lab):
    assert np.allclose(logits(lab), lab.steps.logits.y[0], rtol=1e-5, atol=1e-5)
    assert "ms here" in lab.text("#ran") and lab.text("#changed") == ""


def test_a_silenced_branch_changes_the_prediction_and_undo_brings_it_back(lab):
    before, words = logits(lab), lab.text("#classes")
    lab.run("minigoog.goToNode(minigoog.nodes.findIndex((n) => n.name === 'inception3b.branch3x3.conv'))")
    changed(lab, "[...document.querySelectorAll('#tools button')].find((b) => b.textContent === 'Silence this branch').click()")
    assert lab.text("#changed") == "inception3b.branch3x3.conv: silenced" and not np.allclose(logits(lab), before)
    assert lab.text("#classes") != words
    assert lab.run("return Math.max(...minigoog.runs.now.planesOf(minigoog.state.step))") == 0
    lab.run("minigoog.lookAt(1, 1, 3)")
    assert "stored is 0, as it is silenced" in lab.text("#products .result")
    layer = lab.sample.model.inception3b.branch3x3.conv
    kept = [parameter.data.copy() for parameter in (layer.weight, layer.bias)]
    layer.weight.data[...], layer.bias.data[...] = 0, 0
    expected = logits_of(lab.sample.model, lab.sample.image)
    layer.weight.data, layer.bias.data = kept
    assert np.allclose(logits(lab), expected, rtol=1e-5, atol=1e-5)
    changed(lab, "document.getElementById('undo').click()")
    assert np.array_equal(logits(lab), before) and lab.text("#classes") == words


def test_an_edited_weight_is_used_and_explained(lab):
    before = logits(lab)
    lab.run("minigoog.goToNode(4); minigoog.lookAt(3, 3, 5)")
    changed(lab, """document.getElementById('weight-place').value = '1, 1, 2'; document.getElementById('weight-value').value = '3';
                    document.querySelector('#tools .weight button').click()""")
    assert "weight [1,1,2,5] is 3, was" in lab.text("#changed") and not np.array_equal(logits(lab), before)
    ((value, stored, exact),) = lab.explained([[4, "forward", 3, 3, 5]])
    assert exact and value == pytest.approx(stored, rel=1e-5, abs=1e-6)
    old = lab.steps["inception2a.branch3x3.conv"][0].output[0, 3, 3, 5]
    assert stored != pytest.approx(float(old))
    changed(lab, "document.getElementById('undo').click()")
    assert np.array_equal(logits(lab), before)


def test_gradients_stay_those_of_the_recorded_image_and_weights(lab):
    place = [[4, "backward", 2, 2, 1], [1, "backward", 3, 3, 3]]
    before = lab.explained(place)
    changed(lab, "minigoog.change(() => { minigoog.changes.noise = 60; })")
    lab.run("minigoog.goToNode(4); minigoog.lookAt(3, 3, 5)")
    changed(lab, "document.getElementById('weight-value').value = '3'; document.querySelector('#tools .weight button').click()")
    assert lab.explained(place) == before and "noise of 60" in lab.text("#changed")
    assert "Gradients stay those of the recorded image" in lab.text("#ran")


def test_a_shifted_image_is_what_python_sees_shifted(lab):
    changed(lab, "document.querySelector('#shifts button[aria-label=\"Shift the image down\"]').click()")
    moved = np.zeros_like(lab.sample.image)
    moved[1:] = lab.sample.image[:-1]
    assert np.allclose(logits(lab), logits_of(lab.sample.model, moved), rtol=1e-5, atol=1e-5)
    assert "shifted by 1, 0 pixels" in lab.text("#changed")


def test_a_photograph_goes_through_the_network(lab, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    pillow.fromarray(pixels).save(tmp_path / "cat.png")
    file = lab.driver.find_element("id", "file")
    lab.run("arguments[0].hidden = false", file)
    file.send_keys(str(tmp_path / "cat.png"))
    lab.wait("return document.getElementById('changed').textContent.includes('cat.png')")
    lab.run("arguments[0].hidden = true", file)
    image = lab.sample.preprocess.normalized(lab.sample.preprocess.middle(pixels))
    assert np.allclose(logits(lab), logits_of(lab.sample.model, image), rtol=1e-4, atol=1e-4)


def test_what_is_no_image_is_named(lab, tmp_path):
    (tmp_path / "words.png").write_text("no image")
    lab.driver.find_element("id", "file").send_keys(str(tmp_path / "words.png"))
    lab.wait("return document.getElementById('ran').textContent === 'words.png cannot be read as an image.'")


def test_the_pointer_paints_on_the_image_and_the_network_sees_it(lab):
    before = logits(lab)
    lab.click("#paint")
    changed(lab, """const s = document.getElementById('stack'), r = s.getBoundingClientRect();
        s.dispatchEvent(new PointerEvent('pointerdown', {buttons: 1, clientX: r.left + 5, clientY: r.top + 5, bubbles: true}))""")
    lab.click("#paint")
    assert lab.run("return minigoog.changes.photograph.data[0]") == 255 and not np.array_equal(logits(lab), before)
    assert "painted on" in lab.text("#changed")


def test_the_gradient_starts_at_the_class_that_is_chosen(lab):
    lab.run("minigoog.goToNode(4, 'backward')")
    recorded = lab.explained([[4, "backward", 2, 2, 1]])
    name = lab.text("#classes li:nth-child(2) span")
    lab.click("#classes li:nth-child(2) .start")
    lab.wait("return minigoog.runs.gradient !== null")
    assert f"from {name}, computed here" in lab.text("#ran") and "◂" in lab.text("#classes li:nth-child(2) span")
    ((value, stored, exact),) = lab.explained([[4, "backward", 2, 2, 1]])
    expected = mg.trace(lab.sample.model, lab.sample.image, int(name))["inception2a.branch3x3.conv"][0].dy[0, 2, 2, 1]
    assert exact and stored == pytest.approx(float(expected), rel=1e-3, abs=1e-6) and value == pytest.approx(stored, rel=1e-3, abs=1e-6)
    lab.click("#classes li:first-child .start")
    lab.wait("return minigoog.runs.gradient === null")
    assert lab.explained([[4, "backward", 2, 2, 1]]) == recorded


def test_two_passes_are_compared(lab):
    lab.run("minigoog.goToNode(1)")
    assert lab.run("return document.getElementById('comparison').hidden")
    lab.click("#keep")
    changed(lab, "minigoog.change(() => { minigoog.changes.shift = [1, 1]; })")
    assert lab.run("return document.querySelectorAll('#comparison canvas').length") == 2
    assert "Kept to compare: the recorded image and weights. 5, 37" in lab.text("#kept")
    assert "Now minus kept" in lab.text("#comparison")
    lab.click("#keep")
    assert lab.run("return document.getElementById('kept').hidden && document.getElementById('comparison').hidden")


def test_the_keyboard_alone_silences_a_channel(lab):
    from selenium.webdriver import Keys

    lab.run("minigoog.goToNode(4); document.querySelector('#tools button').focus()")
    lab.press(Keys.ENTER)
    lab.wait("return document.getElementById('changed').textContent.includes('channel')")
    assert "inception2a.branch3x3.conv: channel" in lab.text("#changed")


# ---- browsers that cannot run it: from here on other pages ----


@pytest.mark.parametrize("rounding, hidden", [((), False), ((127,), True)])
def test_without_webassembly_the_page_shows_what_is_stored(driver, tmp_path, rounding, hidden, monkeypatch):
    filled = build._filled
    without = '"use strict"; globalThis.WebAssembly = undefined;'
    monkeypatch.setattr(build, "_filled", lambda *parts: filled(*parts).replace('"use strict";', without))
    page = Page(driver, tmp_path, rounding=rounding)
    assert page.run("return document.getElementById('lab').hidden")
    page.run("minigoog.goToNode(4)")
    assert page.run("return document.getElementById('looking').hidden") == hidden
    assert page.run("return document.getElementById('missing').hidden") != hidden
    assert "adds up to" in page.text("#products") and "exact" in page.text("#products h2")
    page.run("minigoog.goToNode(4, 'backward')")
    assert not page.run("return document.getElementById('looking').hidden") and page.driver.get_log("browser") == []


def test_a_page_without_gradients_says_so_and_its_network_runs(driver, tmp_path):
    page = Page(driver, tmp_path, rounding=(127, float("inf"), False))
    assert "Left out because they are too large: all gradients." in page.text("#rounding") and "ms here" in page.text("#ran")
    assert page.run("return document.getElementById('backward').disabled && !document.querySelector('#classes .start')")
    page.run("minigoog.goToNode(4, 'backward'); minigoog.lookAt(1, 1, 1)")
    assert page.here() == (page.run("return minigoog.nodes[4].name"), "forward")
