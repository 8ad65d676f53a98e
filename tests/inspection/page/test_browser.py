"""The page in a real browser: every key, every picture."""

import json
import os
from pathlib import Path

import pytest

# ---- this must come first: what loading the page did ----


def test_the_page_makes_no_requests_and_the_console_is_silent(tiny):
    asked = [json.loads(entry["message"])["message"] for entry in tiny.driver.get_log("performance")]
    sent = [event["params"] for event in asked if event["method"] == "Network.requestWillBeSent"]
    here = tiny.run("return location.href.split('#')[0]")  # the address names the number that is shown
    urls = {request["request"]["url"] for request in sent if request["documentURL"] == here}  # of others: the browser's own first tab
    assert here in urls and all(url.startswith("data:") for url in urls - {here}), urls
    assert tiny.driver.get_log("browser") == []


def test_the_first_screen_says_what_to_do_next(page):
    assert "One image through TinyInception" in page.text("#heading")
    assert all(word in page.text("#welcome") for word in ("→", "next operation", "Click", "Hover", "/", "?"))
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
    assert page.run("return document.getElementById('help').open") and "first step: the image" in page.text("#help")
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
    assert ground() == dark  # what was chosen stays


WIDTHS = {390: 844, 800: 1000, 1366: 768, 2560: 1300}  # a phone, a tablet, a laptop, a wide screen
AXE = os.environ.get("MINIGOOG_AXE")  # axe.min.js of the npm package axe-core


@pytest.fixture(params=[*WIDTHS, 1000, 700], ids=str)
def sized(page, request):
    """The page in a window of this width; the narrowest is a phone."""
    width = request.param
    size = {"width": width, "height": WIDTHS.get(width, 768), "deviceScaleFactor": 1, "mobile": width < 400}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.run("minigoog.goToNode(6)")
    yield page, width
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_is_wider_than_the_window_and_the_diagram_is_seen_whole(sized):
    page, width = sized
    assert page.run("return document.documentElement.scrollWidth") <= width
    for name in ("step", "network"):
        assert page.run("const s = document.getElementById(arguments[0]); return s.scrollWidth - s.clientWidth", name) <= 0, name
    right = page.run("return Math.max(...[...document.querySelectorAll('.box')].map((box) => box.getBoundingClientRect().right))")
    assert right <= page.run("return document.getElementById('network').getBoundingClientRect().right") + 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violations(sized, theme):
    if not AXE:
        pytest.skip("no axe-core here: npm install axe-core, MINIGOOG_AXE=node_modules/axe-core/axe.min.js")
    page, _ = sized
    page.run("document.documentElement.dataset.theme = arguments[0]", theme)
    page.run(Path(AXE).read_text())
    script = "axe.run().then((found) => arguments[0](found.violations.map(({id, nodes}) => [id, nodes[0].html])))"
    assert page.driver.execute_async_script(script) == []


def test_the_address_is_a_link_to_the_number_and_takes_there(page):
    page.run("minigoog.goToNode(minigoog.nodes.findIndex((n) => n.name === 'inception2b.branch3x3.conv')); minigoog.lookAt(3, 4, 5)")
    assert page.run("return location.hash") == "#inception2b.branch3x3.conv/3,4,5"
    state = "const {row, column, channel} = minigoog.state; return [row, column, channel]"
    for address, here, at in (("#inception3a/1,2,60", ("inception3a.concat", "forward"), [1, 2, 60]),
                              ("#conv1/7,0,3/backward", ("conv1", "backward"), [7, 0, 3]),
                              ("#classifier/4", ("classifier", "forward"), [0, 0, 4])):  # fmt: skip
        page.run("location.hash = arguments[0]", address)
        page.wait(f"return document.getElementById('position').textContent.endsWith('{here[0]}')")
        assert page.here() == here and page.run(state) == at
    page.run("location.hash = '#nowhere/1,2,3'")
    assert page.here() == ("classifier", "forward")


def test_the_search_finds_layers_modules_and_classes(page):
    from selenium.webdriver import Keys

    for words, here, channel in (("inception2b", "inception2b.concat", None), ("pool2", "pool2", None), ("7", "classifier", 7)):
        page.press("/", words, Keys.ENTER)
        assert page.here()[0] == here and (channel is None or page.run("return minigoog.state.channel") == channel)
        page.run("document.getElementById('search').value = ''; document.activeElement.blur()")
    page.press("/", "nothing like that", Keys.ENTER)
    assert page.run("return document.getElementById('search').getAttribute('aria-invalid')") == "true"
    page.run("document.getElementById('search').value = ''; document.activeElement.blur()")


def test_modules_in_small_go_to_them_and_say_in_plain_words_what_they_do(page):
    page.run("document.querySelector('#minimap button[title=inception3a]').click()")
    assert page.here()[0] == "inception3a.concat"
    assert page.run("return document.querySelector('#minimap [aria-pressed=true]').textContent") == "3a"
    assert page.text(".of-module").startswith("inception3a looks at one map in 4 ways at once")
    assert "104 channels go in, 32 + 48 + 24 + 24" not in page.text(".of-module") and " = 144 come out" in page.text(".of-module")
