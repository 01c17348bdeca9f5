"""
The report without a mouse.
"""

import pytest

from tests.browser.histories import ordinary

pytestmark = pytest.mark.promise


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_tab_reaches_everything_and_shows_where_it_is(page_of, colours):
    """
    Every fold, and every link that is not folded away, is a stop: in the order of the page, with an
    outline, scrolled into the window at once for whoever wants no motion.
    """
    from tests.browser.layout import FOCUSABLE, tab_stops

    page = page_of(ordinary(), color_scheme=colours, reduced_motion="reduce").page
    place = "one => [...document.querySelectorAll('*')].indexOf(one)"
    wanted = page.eval_on_selector_all(FOCUSABLE, f"all => all.filter(one => one.checkVisibility()).map({place})")
    stops = tab_stops(page)

    assert set(wanted) <= {stop["place"] for stop in stops}
    assert [stop["place"] for stop in stops] == sorted(stop["place"] for stop in stops)
    assert [] == [stop["html"] for stop in stops if not (stop["marked"] and stop["inside"])]


def test_a_fold_opens_with_enter(page_of):
    """
    What is folded away opens, and closes again, from the keyboard.
    """
    page = page_of(ordinary()).page
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    opened = first.get_attribute("open")
    page.keyboard.press("Enter")

    assert (opened, first.get_attribute("open")) == ("", None)
