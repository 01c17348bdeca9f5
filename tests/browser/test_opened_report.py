"""
The report in a browser, in short: `make promises` asks the same of every history, width and colour.
"""

from tests.browser.histories import hostile, ordinary
from tests.browser.hostile_texts import EVERYTHING


def test_it_opens_in_silence(page_of):
    """
    Nothing is reported to the console and nothing but the file itself is asked for.
    """
    report = page_of(ordinary())

    assert "copy of your data" in report.page.title().lower()
    assert [] == report.said


def test_axe_finds_nothing_wrong(page_of):
    """
    The ordinary history on a phone breaks no accessibility rule.
    """
    from tests.browser.accessibility import violations

    assert [] == violations(page_of(ordinary(), size=(390, 844)).page)


def test_hostile_texts_run_nothing_and_break_nothing(page_of):
    """
    All of them at once, in every place at once, stay texts inside a narrow window.
    """
    from tests.browser.layout import sticking_out

    report = page_of(hostile(EVERYTHING), size=(360, 740))

    assert [] == report.said
    assert [] == sticking_out(report.page)
