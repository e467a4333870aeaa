"""A real server and a real browser for the tests of the editor.

Every page is watched: a request that leaves the origin, an error on the console or an exception in
a script fails the test, unless the test says by `watch.expect(…)` that it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from editing import Editor
from on_page import PATIENCE
from programs import chromium
from serving import Server, serving


@dataclass
class Watch:
    """What went wrong on the pages of a test."""

    origins: set[str]
    faults: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Faults that match are meant by this test."""
        self.expected.append(re.compile(pattern))

    def see(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def unexpected(self) -> list[str]:
        return [f for f in self.faults if not any(p.search(f) for p in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "") if message.location else ""
            self.faults.append(f"console {message.type}: {message.text} {where}")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("blob", "data"):
            return
        if f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}" not in self.origins:
            self.faults.append(f"left the origin: {url}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that failed, what its pages showed: pictures in its `tmp_path`."""
    report = yield
    if report.when == "call" and report.failed:
        given = item.funcargs
        pages = [value for value in given.values() if isinstance(value, Page)]
        pages += [value.page for value in given.values() if isinstance(value, Editor)]
        for k, page in enumerate(page for page in pages if not page.is_closed()):
            path = given["tmp_path"] / f"failed-{k}.png"
            with suppress(PlaywrightError):  # of a page that crashed there is none
                page.screenshot(path=path)
            report.sections.append(("screenshot", str(path)))
    return report


@pytest.fixture(autouse=True)
def a_place_for_screenshots(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module. Playwright runs an event loop for as long as it lives, and no
    asynchronous test can run beside that: it must not outlive the module."""
    path = chromium()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module; each test has a browser profile of its own."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def watch(server: Server) -> Iterator[Watch]:
    parts = urlsplit(server.url)
    found = Watch({f"{parts.scheme}://{parts.netloc}"})
    yield found
    assert found.unexpected() == []


def new_context(browser: Browser, watch: Watch) -> BrowserContext:
    made = browser.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", accept_downloads=True
    )
    made.set_default_timeout(PATIENCE)
    made.on("page", watch.see)
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    return made


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    made = new_context(browser, watch)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page; `visit` or `page.goto(server.url)` opens the editor."""
    return context.new_page()


@pytest.fixture
def visit(page: Page, server: Server) -> Callable[..., Page]:
    """Open the editor and wait until it can be used; `welcome=True` leaves the welcome open."""

    def go(*, welcome: bool = False) -> Page:
        page.goto(server.url)
        page.get_by_role("region", name="Graph").wait_for()
        if not welcome:
            dialog = page.get_by_role("dialog", name="Welcome")
            dialog.wait_for()
            page.keyboard.press("Escape")
            dialog.wait_for(state="hidden")
        return page

    return go


@pytest.fixture(scope="module")
def shared(browser: Browser, server: Server) -> Iterator[tuple[Page, Watch]]:
    """One page for the tests of a module that each open a graph of their own in it."""
    parts = urlsplit(server.url)
    watch = Watch({f"{parts.scheme}://{parts.netloc}"})
    made = new_context(browser, watch)
    page = made.new_page()
    page.goto(server.url)
    page.get_by_role("dialog", name="Welcome").wait_for()
    page.keyboard.press("Escape")
    yield page, watch
    made.close()


@pytest.fixture
def editor(shared: tuple[Page, Watch]) -> Iterator[Editor]:
    """The shared page, with nothing open beside the canvas."""
    page, watch = shared
    watch.faults.clear()
    watch.expected.clear()
    found = Editor(page)
    found.close_all()
    yield found
    assert watch.unexpected() == []


def graph_file(folder: Path, text: str, name: str = "graph.json") -> Path:
    """A file to drop on the page."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
