"""
A browser for each module, and reports opened in it.

Not for the whole session: playwright keeps an event loop running in this thread, and tests of others want
their own.
"""

from contextlib import ExitStack

import pytest

from tests.requirements import library, program


@pytest.fixture(scope="module")
def browser():
    """
    The machine's Chromium.
    """
    executable = program("chromium", package="chromium and fonts-noto-core")
    library("playwright", package="playwright")
    from tests.browser.chromium import chromium

    with chromium(executable) as started:
        yield started


@pytest.fixture
def page_of(browser, tmp_path):
    """
    Opens a bundle's report: `page_of(bundle, size=PHONE, color_scheme="dark")`.
    """
    from tests.browser.chromium import opened

    with ExitStack() as stack:
        numbers = iter(range(100))
        yield lambda bundle, **how: stack.enter_context(
            opened(browser, bundle, tmp_path / f"bundle-{next(numbers)}", **how)
        )
