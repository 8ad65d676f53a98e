"""A page in a browser, as the tests see it."""

import time
from argparse import Namespace

import minigoog as mg
from minigoog.inspection import inputs
from minigoog.inspection.page import build
from minigoog.inspection.trace.trace import trace


class Page:
    """A page in the browser, and the trace that it was made from."""

    def __init__(self, driver, folder, rounding=None, sample=None, **flags):
        mg.manual_seed(0)
        names = {"model": None, "weights": None, "image": None, "label": None, "training": False}
        self.sample = sample or inputs.load_sample(Namespace(**names | flags))
        self.steps = trace(self.sample.model, self.sample.image, self.sample.label)
        path = folder / "page.html"
        path.write_text(build.page_of(self.steps, self.sample, *(rounding or ())), encoding="utf-8")
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
        """Keys for whatever has the focus; an element that is just being hidden may still have it, and takes no keys by itself."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

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
        """[(sum of the breakdowns or None, stored)] of places (node, direction, row, column, channel)."""
        script = """const {explain, nodes} = minigoog;
                    return arguments[0].map(([n, ...at]) => explain(nodes[n], ...at)).map(({breakdowns, stored, exact}) =>
                        [breakdowns && breakdowns.reduce((sum, a) => sum + a.value, 0), stored, exact]);"""
        return self.run(script, places)
