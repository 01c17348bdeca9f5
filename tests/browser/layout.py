"""
What of a page sticks out of the window, and what a keyboard reaches.
"""

from playwright.sync_api import Page

STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const scrolled = element => {
    for (let each = element.parentElement; each; each = each.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(each).overflowX)) return true;
    return false;
  };
  const out = [...document.querySelectorAll("body *")].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width > 1 && (box.right > width + 1 || box.left < -1) && !scrolled(each);
  });
  return (document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [])
    .concat(out.map(each => each.outerHTML.slice(0, 120)));
}"""

FOCUSABLE = "a[href], summary, button, input, select, textarea, [tabindex]:not([tabindex='-1'])"
FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {
    place: [...document.querySelectorAll("*")].indexOf(at),
    html: at.outerHTML.slice(0, 120),
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.width > 0,
  };
}"""


def sticking_out(page: Page) -> list[str]:
    """
    Return what is wider than the window and cannot be scrolled in a place of its own.
    """
    found: list[str] = page.evaluate(STICKING_OUT)
    return found


def tab_stops(page: Page, most: int = 500) -> list[dict[str, object]]:
    """
    Return each stop of the Tab key, from the top until focus leaves the page.
    """
    stops: list[dict[str, object]] = []
    while len(stops) < most:
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or (stops and stop["place"] == stops[0]["place"]):
            break
        stops.append(stop)
    return stops
