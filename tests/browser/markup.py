"""
The report's markup, read by the standard library's parser: what stands where.
"""

import re
from html.parser import HTMLParser

# What has no end tag (HTML Living Standard, void elements).
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FORBIDDEN = {"script", "iframe", "frame", "object", "embed", "form", "input", "button", "img", "link", "base"}
FORBIDDEN |= {"audio", "video", "source", "foreignobject", "image", "use", "animate", "set", "a:href", "template"}

PLAIN = {
    "lang",
    "dir",
    "class",
    "id",
    "role",
    "scope",
    "colspan",
    "rowspan",
    "headers",
    "open",
    "datetime",
    "title",
}
PLAIN |= {"charset", "http-equiv", "content", "name", "tabindex", "hidden", "translate", "start", "data-label"}
DRAWN = {"viewbox", "xmlns", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "d"}
DRAWN |= {"points", "transform", "fill", "stroke", "stroke-width", "text-anchor", "dominant-baseline", "opacity"}
DRAWN |= {"preserveaspectratio", "focusable", "dx", "dy", "stroke-dasharray", "stroke-linecap", "fill-opacity"}
ALLOWED = PLAIN | DRAWN | {"href"}

HREF = re.compile(r"#[\w-]+|[\w./-]+")
QUOTED = re.compile(r"""\s[^\s"'<>/=]+(?:="[^"]*"|='[^']*')?""")


class Markup(HTMLParser):
    """
    One reading of a page. *wrong* says what no report may have; *shown* are the texts inside `<bdi>`.
    """

    def __init__(self, page: str, mark: str = "\0") -> None:
        super().__init__(convert_charrefs=True)
        self.mark = mark
        self.opened: list[str] = []
        self.metas: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.shown: list[str] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.wrong += [f"never closed: {tag}" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Hold a tag against the lists.
        """
        self.opened.append(tag)
        if tag in FORBIDDEN:
            self.wrong.append(f"<{tag}>")
        if QUOTED.sub("", (self.get_starttag_text() or "")[len(tag) + 1 :]).strip(" \r\n/>"):
            self.wrong.append(f"an attribute without quotes: {self.get_starttag_text()}")
        for name, value in attrs:
            self._attribute(name, value or "")
        if tag == "meta":
            self.metas.append(dict(attrs))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        As a start tag; nothing stays open.
        """
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """
        Notice what closes something else than what is open.
        """
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> out of place at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        """
        Gather what stands in `<bdi>`, and notice data outside.
        """
        if "bdi" in self._open:
            self.shown.append(data)
        elif self.mark in data:
            self.wrong.append(f"data outside <bdi>, in {self._open[-1:]}: {data[-80:]!r}")

    def handle_comment(self, data: str) -> None:
        """
        A comment could only come from a datum.
        """
        self.wrong.append(f"comment: {data[:80]!r}")

    def _attribute(self, name: str, value: str) -> None:
        if name not in ALLOWED and not name.startswith("aria-"):
            self.wrong.append(f"attribute {name}={value[:80]!r}")
        if name in DRAWN | {"href", "id", "class"} and self.mark in value:
            self.wrong.append(f"data in {name}")
        if name == "id":
            self.ids.append(value)
        if name == "href":
            self.hrefs.append(value)
            if not HREF.fullmatch(value):
                self.wrong.append(f"href={value[:80]!r}")
