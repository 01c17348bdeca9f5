"""
Chromium opening a report from disk, and all it says while it does.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP, PHONE = (1280, 900), (390, 844)


@frozen(kw_only=True)
class Opened:
    """
    A report in a tab. *said* is everything it should be silent about: messages, errors, dialogs, and
    requests for anything but itself.
    """

    page: Page
    html: str
    folder: Path
    said: list[str] = field(factory=list)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """
    Start the machine's own Chromium, and end it.
    """
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, bundle: bytes, folder: Path, *, size: tuple[int, int] = DESKTOP, **context: Any
) -> Iterator[Opened]:
    """
    Unpack a bundle into *folder* and open its report. *context* is of the browser's, as `color_scheme`.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        packed.extractall(folder)
    file = folder / "index.html"
    tab = browser.new_context(viewport={"width": size[0], "height": size[1]}, **context)
    page = tab.new_page()
    report = Opened(page=page, html=file.read_text(encoding="utf-8"), folder=folder)
    said = report.said
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: said.append(f"popup: {popup.url}"))
    page.on("request", lambda request: request.url == file.as_uri() or said.append(f"request: {request.url}"))
    page.goto(file.as_uri())
    yield report
    tab.close()
