"""
Pictures of the report, to be looked at: each history on a phone, a desktop, in the dark and on paper.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import DESKTOP, PHONE, chromium, opened
from tests.browser.histories import HISTORIES, hostile
from tests.browser.hostile_texts import MARKED
from tests.browser.printing import printed

SCREENS = {"phone": (PHONE, "light"), "phone-dark": (PHONE, "dark"), "desktop": (DESKTOP, "light")}
SCREENS |= {"desktop-dark": (DESKTOP, "dark")}
MADE = {**HISTORIES, "hostile": lambda: hostile(MARKED["end of title"])}


def take(browser: Browser, name: str, bundle: bytes, into: Path) -> None:
    """
    Take all pictures of one history: whole pages of screens, and one picture a sheet of paper.
    """
    with tempfile.TemporaryDirectory() as folder:
        for screen, (size, colours) in SCREENS.items():
            with opened(browser, bundle, Path(folder), size=size, color_scheme=colours) as report:
                report.page.screenshot(path=into / f"{name}-{screen}.png", full_page=True)
                report.page.screenshot(path=into / f"{name}-{screen}-first.png")
        with opened(browser, bundle, Path(folder)) as report:
            pdf = printed(report.page, into / f"{name}.pdf")
    subprocess.run(["pdftoppm", "-r", "60", "-l", "6", "-png", str(pdf), str(into / f"{name}-sheet")], check=True)


def main(folder: str = "pictures") -> None:
    """
    Fill *folder*.
    """
    into = Path(folder)
    into.mkdir(exist_ok=True)
    executable = shutil.which("chromium")
    if executable is None or shutil.which("pdftoppm") is None:
        sys.exit("chromium and pdftoppm are needed: apt-get install chromium fonts-noto-core poppler-utils")
    with chromium(executable) as browser:
        for name, bundle in MADE.items():
            take(browser, name, bundle(), into)
    print(f"{len(list(into.glob('*.png')))} pictures are in {into}/")


if __name__ == "__main__":
    main(*sys.argv[1:])
