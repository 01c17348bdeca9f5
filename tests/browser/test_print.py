"""
The report on paper.
"""

import re
import subprocess

import pytest

from tests.browser.histories import HISTORIES
from tests.requirements import program

pytestmark = pytest.mark.promise
POPPLER = "poppler-utils"


@pytest.mark.parametrize("name", ["empty", "tiny", "ordinary", "partial"])
def test_everything_is_on_paper(page_of, tmp_path, name):
    """
    Every word of the page is printed, what is folded on the screen too, and every sheet can be drawn.
    """
    from tests.browser.printing import not_printed, printed, text_of, words_for_paper

    page = page_of(HISTORIES[name](), color_scheme="dark").page
    words = words_for_paper(page)
    pdf = printed(page, tmp_path / "report.pdf")
    missing = not_printed(words, text_of(pdf, program("pdftotext", package=POPPLER)))
    subprocess.run(
        [program("pdftoppm", package=POPPLER), "-r", "40", "-png", str(pdf), str(tmp_path / "sheet")], check=True
    )

    assert len(words) > 200
    # A symbol without a letter may be drawn from a font that has no text.
    assert [] == [word for word in missing if re.search(r"\w", word)]
    assert 1 <= len(list(tmp_path.glob("sheet-*.png"))) <= 20


def test_a_huge_history_is_a_short_print(page_of, tmp_path):
    """
    Paper does not grow with the rows either.
    """
    from tests.browser.printing import printed

    pdf = printed(page_of(HISTORIES["huge"]()).page, tmp_path / "report.pdf")
    command = [program("pdfinfo", package=POPPLER), str(pdf)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert int(re.search(r"^Pages: +(\d+)$", told, re.MULTILINE)[1]) <= 60
