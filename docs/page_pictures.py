"""The pictures of the page in docs/images: page_sizes.png, at four widths in two themes; a map, a gradient, the evidence, the laboratory.

    python docs/page_pictures.py PAGE [FOLDER]        PAGE: of python -m minigoog.inspection page; with selenium, chromium and Pillow"""

import io
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

from minigoog.files import atomic_write

WIDTHS = {390: 844, 800: 1000, 1366: 768, 2560: 1300}
HEIGHT = 300  # of each width in the picture of all
MODULE = "inception_3a"
SILENCE = f"""const chosen = document.querySelector("#classes [aria-pressed=true]:not(.start)");
  const done = arguments[0], {{nodes, goToNode, lookAt}} = minigoog, at = (name) => nodes.findIndex((n) => n.name === name);
  if (chosen) chosen.click();
  document.getElementById("keep").click();
  goToNode(at("{MODULE}.relu_3x3"), "forward");
  document.querySelectorAll("#tools button")[1].click();
  setTimeout(() => {{
    goToNode(at("inception_3b.relu_3x3"), "forward");
    document.getElementById("comparison").scrollIntoView({{block: "center"}});
    document.getElementById("changed").scrollIntoView({{block: "end"}});
    setTimeout(done, 1500);
  }}, 3000);"""


GO = "const at = minigoog.nodes.findIndex((n) => n.name === arguments[0]); minigoog.goToNode(at, arguments[1]);"
TOP, PRODUCTS = (f"document.getElementById('{part}').scrollIntoView()" for part in ("heading", "products"))
CHOOSE = "document.querySelector('#classes button').click(); document.activeElement.blur();"
SIGHTS = {  # (theme, node, direction, what else to do)
    "page_forward.png": ("light", f"{MODULE}.3x3", "forward", TOP),
    "page_backward.png": ("dark", "pool2.3x3_s2", "backward", PRODUCTS),
    "page_evidence.png": ("light", "pool5.7x7_s1", "forward", TOP + ";" + CHOOSE),
}


def browser(page: Path) -> Any:
    """A browser with the page in it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.get(page.resolve().as_uri())
    while not driver.execute_script("return document.body.classList.contains('ready')"):
        time.sleep(0.05)
    return driver


def shot(driver: Any, width: int, height: int) -> Image.Image:
    """The window at this size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 400}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(1)
    return Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")


def sizes(driver: Any) -> Image.Image:
    """All widths beside each other, light above dark."""
    driver.execute_script(f"minigoog.goToNode(minigoog.nodes.findIndex((n) => n.name === '{MODULE}.3x3'), 'forward')")
    rows = []
    for theme in ("light", "dark"):
        driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        shots = [shot(driver, width, height) for width, height in WIDTHS.items()]
        rows.append([one.resize((one.width * HEIGHT // one.height, HEIGHT), Image.Resampling.LANCZOS) for one in shots])
    width = sum(one.width for one in rows[0]) + 8 * (len(WIDTHS) - 1)
    whole = Image.new("RGB", (width, 2 * HEIGHT + 8), "white")
    for i, row in enumerate(rows):
        x = 0
        for one in row:
            whole.paste(one, (x, i * (HEIGHT + 8)))
            x += one.width + 8
    return whole


def sight(driver: Any, theme: str, node: str, direction: str, then: str) -> Image.Image:
    """The page at one operation, forward or backward."""
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    shot(driver, 1440, 960)
    driver.execute_script(GO, node, direction)
    driver.execute_script(then)
    return shot(driver, 1440, 960)


def laboratory(driver: Any) -> Image.Image:
    """A branch silenced, beside the pass that was kept."""
    driver.execute_script("document.documentElement.dataset.theme = 'light'")
    driver.set_script_timeout(60)
    shot(driver, 1366, 900)
    driver.execute_async_script(SILENCE)
    return shot(driver, 1366, 900)


def main() -> None:
    """Draws all pictures."""
    if len(sys.argv) < 2:
        sys.exit("docs/page_pictures.py: which PAGE? python docs/page_pictures.py PAGE [FOLDER]")
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "images"
    driver = browser(Path(sys.argv[1]))
    try:
        pictures = {"page_sizes.png": sizes(driver)} | {name: sight(driver, *where) for name, where in SIGHTS.items()}
        for name, picture in (pictures | {"page_laboratory.png": laboratory(driver)}).items():
            with atomic_write(folder / name) as file:
                picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
