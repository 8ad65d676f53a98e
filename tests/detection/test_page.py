"""The page of a detector: complete in itself, and looked at in a browser."""

import base64
import json
import re
import time

import numpy as np
import pytest

from minigoog.data.images import decode
from minigoog.detection.__main__ import main
from minigoog.detection.drawing.png import png
from minigoog.detection.drawing.steps import regions_at
from minigoog.detection.proposals import hierarchies, scaled


@pytest.fixture(scope="module")
def page(world, tmp_path_factory):
    dataset, _, folder = world
    path = tmp_path_factory.mktemp("page") / "page.html"
    main(["page", str(folder), str(dataset.pictures[0].file), "--output", str(path)])
    return path


def test_a_png_is_read_as_what_was_written():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert np.array_equal(decode(png(image)), image)


def test_the_page_needs_no_other_file_and_holds_the_hierarchies(world, page):
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", text) and "http" not in text
    facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.S)[1])
    image = world[0].pictures[0].pixels()
    first = next(hierarchies(scaled(image, 128), "single"))
    pixels = decode(base64.b64decode(facts["hierarchies"][0]["labels"].partition(",")[2])).astype(int)
    assert np.array_equal(pixels @ [1, 256, 65536], first.regions.labels) and len(facts["hierarchies"]) == 1
    assert facts["hierarchies"][0]["merged"] == first.merged.tolist() and len(facts["proposals"]) > 10
    assert len(facts["proposals"][0]["scores"]) == 2 and facts["classes"] == ["disc", "square"]


def test_in_a_browser_regions_merge_and_a_click_chooses_a_crop(driver, world, page):  # noqa: F811
    driver.get(page.as_uri())
    end = time.monotonic() + 20
    while not driver.execute_script("return document.body.dataset.ready"):
        assert time.monotonic() < end
    driver.execute_script("view('regions'); at('merges').value = 9; at('merges').dispatchEvent(new Event('input'))")
    image = world[0].pictures[0].pixels()
    first = next(hierarchies(scaled(image, 128), "single"))
    n = len(first.regions.sizes)
    assert driver.execute_script("return at('regions-text').textContent").startswith(f"{n - 9} regions.")
    seen = driver.execute_script("return merged(facts.hierarchies[0], 9).region")
    assert np.array_equal(np.array(seen)[first.regions.labels], regions_at(first, 9))
    driver.execute_script("view('proposals'); show(4)")
    assert driver.execute_script("return [at('region-title').textContent, at('crop').width]")[0].startswith("Region 5 of ")
    assert driver.execute_script("return at('save').href").startswith("data:image/png")
    for width in (1200, 420):
        driver.set_window_size(width, 900)
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
