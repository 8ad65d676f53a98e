"""The page in a real browser: every key, every picture, and every number beside what Python explains."""

import json
import shutil
import time
from argparse import Namespace

import numpy as np
import pytest

import minigoog as mg
from minigoog.inspection import inputs
from minigoog.inspection.page import build
from minigoog.inspection.page.data import page_data
from minigoog.inspection.trace import trace

CHROMIUM, DRIVER = (next(filter(None, map(shutil.which, names)), None) for names in (("chromium", "google-chrome"), ("chromedriver",)))
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1440,900")  # fmt: skip


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: the page was not tried in a browser")
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium and chromedriver here: the page was not tried in a browser (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get("about:blank")
    yield driver
    driver.quit()


class Page:
    """A page in the browser, and the trace that it was made from."""

    def __init__(self, driver, folder, rounding=None, **flags):
        mg.manual_seed(0)
        names = {"model": None, "weights": None, "image": None, "label": None, "training": False}
        self.subject = inputs.load_subject(Namespace(**names | flags))
        self.steps = trace(self.subject.model, self.subject.image, self.subject.label)
        facts, pack = page_data(self.steps, self.subject, *(rounding or (None,)))
        numbers, packed = pack.text()
        path = folder / "page.html"
        path.write_text(build._filled(facts | {"packed": packed}, numbers), encoding="utf-8")
        self.driver = driver
        driver.get_log("performance")  # what the browser's first tab did
        driver.get(path.as_uri())
        self.wait("return document.body.classList.contains('ready')")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        end = time.monotonic() + 20
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def here(self):
        """(what the walk is at, its direction)"""
        return tuple(self.run("const {walk, state, nodes} = minigoog, at = walk[state.step]; return [nodes[at.number].name, at.direction]"))

    def hover(self, selector, x, y):
        """Moves the mouse to a pixel of an element."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.by import By

        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        width, height = element.size["width"], element.size["height"]
        ActionChains(self.driver, duration=0).move_to_element_with_offset(element, x - width // 2, y - height // 2).perform()

    def click(self, selector):
        self.run("document.querySelector(arguments[0]).click()", selector)

    def explained(self, places):
        """[(sum of the accounts or None, stored)] of places (node, direction, row, column, channel)."""
        script = """const {explain, nodes} = minigoog;
                    return arguments[0].map(([n, ...at]) => explain(nodes[n], ...at)).map(({accounts, stored, exact}) =>
                        [accounts && accounts.reduce((sum, a) => sum + a.value, 0), stored, exact]);"""
        return self.run(script, places)


@pytest.fixture(scope="module")
def tiny(driver, tmp_path_factory):
    return Page(driver, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def page(tiny):
    """The page of the tiny network at its beginning."""
    tiny.run("document.activeElement.blur(); minigoog.goTo(0); delete document.documentElement.dataset.theme")
    return tiny


# ---- this must come first: what loading the page did ----


def test_it_asks_the_network_for_nothing_and_the_console_is_silent(tiny):
    asked = [json.loads(entry["message"])["message"] for entry in tiny.driver.get_log("performance")]
    sent = [event["params"] for event in asked if event["method"] == "Network.requestWillBeSent"]
    here = tiny.run("return location.href")
    urls = {request["request"]["url"] for request in sent if request["documentURL"] == here}  # of others: the browser's own first tab
    assert here in urls and all(url.startswith("data:") for url in urls - {here}), urls
    assert tiny.driver.get_log("browser") == []


def test_the_first_screen_says_what_to_do_next(page):
    assert "One image through TinyInception" in page.text("#heading")
    assert all(word in page.text("#welcome") for word in ("→", "next operation", "Click", "Hover", "?"))
    assert page.text("#position") == "forward 1 of 38: image"
    assert page.text("#classes li:first-child span").startswith("5")


def test_the_arrows_walk_through_every_step_forward_and_back_to_the_image(page):
    from selenium.webdriver import Keys

    page.run("window.seen = []; window.watch = new MutationObserver(() => seen.push(document.getElementById('position').textContent));"
             "watch.observe(document.getElementById('position'), {childList: true})")  # fmt: skip
    page.press(Keys.ARROW_RIGHT * 75)
    forward = ["image", *(step.name for step in page.steps.forward)]
    seen = [(name, "forward") for name in forward] + [(name, "backward") for name in reversed(forward)]
    words = [f"{way} {i % 38 + 1} of 38: {name}" for i, (name, way) in enumerate(seen)]
    assert page.run("watch.disconnect(); return seen") == words[1:]
    page.press(Keys.ARROW_RIGHT)
    assert page.here() == seen[-1] and page.run("return document.getElementById('next').disabled")
    for expected in (seen[-2], seen[-3]):
        page.press(Keys.ARROW_LEFT)
        assert page.here() == expected
    page.press(Keys.HOME)
    assert page.here() == seen[0]
    page.press(Keys.END)
    assert page.here() == ("image", "backward")


def test_other_keys(page):
    from selenium.webdriver import Keys

    page.press(Keys.ARROW_RIGHT, "b")
    assert page.here() == ("conv1", "backward") and page.text("#heading h2").startswith("Gradient of conv1")
    page.press("f")
    assert page.here() == ("conv1", "forward")
    order = page.run("return minigoog.state.byStrength")
    page.press("s")
    assert page.run("return minigoog.state.byStrength") == (not order)
    page.press("]", "]", "[", "s")
    assert page.run("return minigoog.state.channel") != page.run("return minigoog.nodes[1].exact.at[2]")
    page.press("e")
    at = page.run("const {row, column, channel} = minigoog.state; return [row, column, channel]")
    assert at == page.run("return minigoog.nodes[1].exact.at")
    page.press("?")
    assert page.run("return document.getElementById('help').open") and "to the image, where the walk begins" in page.text("#help")
    page.press(Keys.ESCAPE)
    page.wait("return !document.getElementById('help').open")
    page.press("p")
    page.wait("return minigoog.state.step > 1")
    page.press("p")
    assert page.text("#play") == "Play"


def test_a_click_on_a_box_shows_the_operation_with_its_row_of_the_table(page):
    page.click(".box[title='inception2a.branch3x3.conv']")
    step = page.steps["inception2a.branch3x3.conv"][0]
    row = page.text("#row")
    for fact in ("8×8×16 → 8×8×32", "4,640", "294,912", "5×5 pixels", f"{step.ms:.3f} ms", step.kernel):
        assert fact in row, row
    assert page.run("return document.querySelector('.box.here').getAttribute('aria-current')") == "step"
    assert page.run("return document.querySelectorAll('#filters canvas').length") == 16  # one for each input channel
    assert page.run("return document.querySelectorAll('#histograms svg').length") == 2


def test_hovering_shows_what_a_pixel_sees_and_products_that_add_up(page):
    page.run("minigoog.goToNode(4)")
    step = page.steps["inception2a.branch3x3.conv"][0]
    scale = int(page.run("return document.getElementById('map').dataset.scale"))
    page.hover("#map", 6 * scale + 3, 2 * scale + 3)
    channel = page.run("return minigoog.state.channel")
    assert page.run("return [minigoog.state.row, minigoog.state.column]") == [2, 6]
    rows, columns = step.receptive_field.window(2, 6, (8, 8))
    field = page.run("return document.getElementById('field').dataset.field")
    assert field == f"{rows.start} {columns.start} {rows.stop} {columns.stop}"
    shown = {name: float(x) for name, x in page.run("return {...document.getElementById('products').dataset}").items() if name != "exact"}
    assert shown["value"] == pytest.approx(step.explain(2, 6, channel).value, rel=1e-6, abs=1e-9)
    assert shown["stored"] == pytest.approx(float(step.output[0, 2, 6, channel]), rel=1e-6)
    assert "exact" in page.text("#products h2") and "strongest of 144 products" in page.text("#products")


def test_the_keyboard_alone_reaches_and_moves_everything(page):
    from selenium.webdriver import Keys

    page.run("minigoog.goToNode(4); document.querySelector('.box.here').focus()")
    page.press(Keys.ARROW_RIGHT)
    assert page.here()[0] == page.steps[4].name
    assert page.run("return document.activeElement === document.querySelector('.box.here')")  # the focus goes with the walk
    focused = []
    for _ in range(3):
        page.press(Keys.TAB)
        focused.append(page.run("return document.activeElement.id"))
    assert focused == ["map", "order", "grid"]
    page.run("document.getElementById('map').focus(); minigoog.lookAt(3, 3)")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.run("return [minigoog.state.row, minigoog.state.column]") == [4, 5]
    assert "Row 4, column 5" in page.run("return document.getElementById('map').getAttribute('aria-label')")
    page.press(Keys.ESCAPE)
    assert page.run("return document.activeElement.className").startswith("box")
    channel = page.run("document.getElementById('grid').focus(); return minigoog.state.channel")
    page.press(Keys.ARROW_RIGHT)
    assert page.run("return minigoog.state.channel") != channel
    assert page.run("return [...document.querySelectorAll('button')].every((b) => b.textContent.trim() || b.ariaLabel)")
    assert page.run("return document.querySelectorAll('.box[tabindex=\"0\"]').length") == 1


def test_a_class_shows_its_evidence(page):
    page.click("#classes li:first-child button")
    entry = page.run("return minigoog.facts.verdict.classes[0]")
    assert entry["share"] + entry["bias"] == pytest.approx(entry["logit"], rel=1e-4)
    assert "Exact: the mean of this map" in page.text("#because")
    assert page.run("return document.getElementById('evidence').getContext('2d').getImageData(5, 5, 1, 1).data[3]") == 255
    page.click("#classes li:first-child button")
    assert "Choose a class" in page.text("#because")


def test_dark_mode_follows_the_system_and_the_button(page):
    def ground():
        return page.run("return getComputedStyle(document.body).backgroundColor")

    def prefer(scheme):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    prefer("light")
    light = ground()
    prefer("dark")
    dark = ground()
    assert light != dark
    page.click("#theme")
    assert ground() == light
    page.press("t")
    assert ground() == dark
    prefer("light")
    assert ground() == dark  # what somebody chose stays


@pytest.mark.parametrize("width", [1366, 1000, 700])
def test_nothing_is_wider_than_the_window(page, width):
    size = {"width": width, "height": 768, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.run("minigoog.goToNode(6)")
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("const s = document.getElementById('step'); return s.scrollWidth - s.clientWidth") <= 0
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# ---- every number ----


def places(page, n=3):
    """Random places of every map and gradient, and the number of the trace that is there."""
    generator = np.random.default_rng(0)
    nodes = page.run("return minigoog.nodes.map((n) => [n.name, n.shape])")
    drawn = {step.name: step for step in page.steps.forward}
    for number, (name, shape) in enumerate(nodes):
        for way in ("forward", "backward") if name != "image" else ():
            array = drawn[name].output if way == "forward" else drawn[name].dy
            for _ in range(n):
                at = [int(generator.integers(size)) for size in shape]
                yield [number, way, *at], float(np.reshape(array, shape)[tuple(at)])


def compare(page, rounded=False):
    """Compares what the page explains with the trace; returns how many numbers it could explain, of how many."""
    wanted = list(places(page))
    explained = page.explained([place for place, _ in wanted])
    for (place, number), (value, stored, exact) in zip(wanted, explained, strict=True):
        assert exact or rounded
        if not rounded:
            assert stored == pytest.approx(number, rel=1e-6, abs=1e-12), place
            assert value is None or place[1] == "backward" and not value or value == pytest.approx(number, rel=2e-4, abs=2e-6), place
    return sum(value is not None for value, _, _ in explained), len(explained)


def test_everywhere_the_products_add_up_to_the_number_of_the_trace(tiny):
    assert compare(tiny) == (222, 222)


def test_the_gradient_of_a_filter_is_that_of_the_trace(tiny):
    for number, channel in ((1, 3), (4, 5), (6, 7)):
        name = tiny.run("return minigoog.nodes[arguments[0]].name", number)
        found = tiny.run("return [...minigoog.filterGradient(minigoog.nodes[arguments[0]], arguments[1]).data]", number, channel)
        expected = tiny.steps[name][0].dxs[1][..., channel]
        assert np.allclose(np.reshape(found, expected.shape), expected, rtol=1e-3, atol=1e-5), name


# ---- other pages: from here on the browser shows them ----


def test_lenet_5_is_explained_too(driver, tmp_path):
    page = Page(driver, tmp_path, model="lenet5")
    explained, of = compare(page)
    assert explained > 0.8 * of and "there is no exact class activation map" in page.text("#because")


def test_a_rounded_page_says_so_and_is_close(driver, tmp_path):
    page = Page(driver, tmp_path, rounding=(127,))
    page.run("minigoog.goToNode(4)")
    assert "exact" in page.text("#products h2") and "Maps and gradients are rounded to 8 bits" in page.text("#rounding")
    page.run("minigoog.lookAt(0, 0)")
    assert "rounded" in page.text("#products h2") and "8 bits" in page.text("#products .result")
    steps = {step.name: step for step in page.steps.forward}
    for number in (1, 3, 4, 6, 12):
        name, shape = page.run("return [minigoog.nodes[arguments[0]].name, minigoog.nodes[arguments[0]].shape]", number)
        at = [n // 3 for n in shape]
        ((value, stored, _),) = page.explained([[number, "forward", *at]])
        explanation = steps[name].explain(*at)
        bound = error_bound(steps[name], explanation)
        assert abs(value - explanation.value) <= bound and abs(stored - explanation.stored) <= np.abs(steps[name].output).max() / 250
        assert bound < 0.2 * max(explanation.magnitude, 0.1)


def error_bound(step, explanation):
    """How far off the sum of products may be when x is rounded to 1/254 of its channel's largest at most, w and the bias likewise."""
    patch, weights = (np.abs(explanation.factors[name]) for name in ("patch", "filter"))
    dx = np.abs(step.inputs[0]).max(axis=(0, 1, 2)) / 254
    dw = np.abs(step.inputs[1]).max() / 254
    return float((dx * weights + patch * dw + dx * dw).sum()) * 1.01 + np.abs(step.inputs[2]).max() / 254 + 1e-6


def test_the_heads_stand_beside_the_trunk_and_left_out_weights_are_named(driver, tmp_path):
    page = Page(driver, tmp_path, rounding=(15, 100_000), model="googlenet", training=True)
    xs = dict(page.run("return minigoog.nodes.map((n) => [n.name, n.x])"))
    assert xs["aux_4a.conv"] == xs["aux_4d.classifier"] > max(x for name, x in xs.items() if name.startswith("inception"))
    assert "Left out, they are too large" in page.text("#rounding")
    number = page.run("return minigoog.nodes.findIndex((n) => n.name === 'aux_4a.hidden')")
    page.run("minigoog.goToNode(arguments[0]); minigoog.lookAt(0, 0, 1)", number)
    assert "The page does not carry what it would need" in page.text("#products")
    assert page.driver.get_log("browser") == []
