"""A real browser with a page of the tiny network in it."""

import shutil

import pytest

from tests.inspection.page.browser import Page

CHROMIUM, DRIVER = (next(filter(None, map(shutil.which, names)), None) for names in (("chromium", "google-chrome"), ("chromedriver",)))
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1440,900")  # fmt: skip


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="module")
def tiny(driver, tmp_path_factory):
    return Page(driver, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def page(tiny):
    """The page of the tiny network at its beginning."""
    tiny.run("document.activeElement.blur(); minigoog.goTo(0); delete document.documentElement.dataset.theme")
    return tiny
