"""What a statistician sees: a browser fills the form of a flow, starts a run, sees it finish, and its artifacts.

Runs where a Chromium and its driver are installed (Debian: `chromium`, `chromium-driver`), or `SOJOURN_BROWSER` names
the browser; nothing is ever downloaded.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served_prefect import SECONDS, serving
from tiny_country import write_study

pytestmark = [pytest.mark.prefect, pytest.mark.browser, pytest.mark.timeout(600)]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1600",
    # Prefect's pages must be those of the installed package: every other host is unknown
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
HEADLINE = "Net migration, year ending June 2018: "
OF_A_RUN = {"headline", "linkage-quality", "coverage", "ledger", "checks", "report", "progress"}


def installed() -> tuple[str, str]:
    """Return the paths of a Chromium and of its driver; skips the test where there are none."""
    named = os.environ.get("SOJOURN_BROWSER")
    browser = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if named and browser is None:
        pytest.fail(f"SOJOURN_BROWSER: {named} is no program.")
    if browser is None:
        pytest.skip("no Chromium is installed, and SOJOURN_BROWSER names none")
    beside = Path(browser).resolve().parent / "chromedriver"
    driver = shutil.which("chromedriver") or (str(beside) if beside.is_file() else None)
    if driver is None:
        pytest.skip(f"no chromedriver is installed for {browser}")
    return browser, driver


class Pages:
    """A browser, and what a person does with it: look for words, click on them, type."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def see(self, look: Callable[[], object]) -> Any:
        """Return what a look at the page gives, as soon as it is anything; the page may be drawn anew meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        patient = WebDriverWait(self.driver, SECONDS, ignored_exceptions=[StaleElementReferenceException])
        return patient.until(lambda _: look())

    def shown(self, css: str, text: str = "") -> list[Any]:
        """Return the visible elements of a kind in which a line is this text; without text all of them."""
        found = [one for one in self.driver.find_elements("css selector", css) if one.is_displayed()]
        return [one for one in found if not text or text in one.text.splitlines()]

    def click(self, css: str, text: str) -> None:
        """Click on the first element of a kind that shows a text, when it can be clicked on."""
        from selenium.common.exceptions import ElementClickInterceptedException

        def clicked() -> bool:
            found = self.shown(css, text)
            try:
                return bool(found) and found[0].click() is None
            except ElementClickInterceptedException:
                return False

        self.see(clicked)

    def words(self) -> str:
        return self.driver.find_element("css selector", "body").text


@pytest.fixture
def pages(tmp_path) -> Iterator[Pages]:
    """A headless Chromium with a profile of its own."""
    browser, driver = installed()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    chrome = webdriver.Chrome(options, Service(driver))  # a driver that is named is not looked for elsewhere
    yield Pages(chrome)
    chrome.quit()


def test_a_form_starts_a_run_that_is_seen_to_finish_with_its_artifacts(pages, tmp_path):
    study = write_study(tmp_path / "tiny")
    with serving(study, folder=tmp_path) as served:
        pages.open(f"{served.address}/deployments")
        pages.click("a", "quarterly")
        pages.click("button", "Run")
        pages.click("a, button, [role=menuitem]", "Custom run")
        field = pages.see(lambda: pages.shown("textarea"))[0]
        field.clear()
        field.send_keys(str(study))
        pages.click("button[type=submit]", "Submit")
        run = served.ended("quarterly")[0]
        assert run["parameters"]["run"]["study"] == str(study)

        pages.open(f"{served.address}/runs/flow-run/{run['id']}")
        pages.see(lambda: "Completed" in pages.words().splitlines() and HEADLINE in pages.words())
        pages.click(".p-tab", "Artifacts")
        pages.see(lambda: set(pages.words().splitlines()) >= OF_A_RUN)
        pages.click("a", "headline")
        pages.see(lambda: pages.words().count(HEADLINE) >= 2)
        assert "A tiny country" in pages.words()
        assert "Immigration, year ending June 2018: 2 (95% interval 1 to 3" in pages.words()
