"""
`index.html`: the page a person reads first. One file, no script, nothing from the network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files as package_files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from .._core.contents import BundleContents
from .._core.documents import CHAIN_SENTENCE
from .._core.manifest import BundleFile
from .._core.notice import HEADINGS
from .report_pieces import bar_rows, bars, category_lines, column_rows, latest_rows
from .report_section import Section, grouped

_UNITS: Mapping[str, int] = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


class HtmlReport:
    """
    A `Report`. Everything shown is escaped and stands in a `<bdi>`. Thread-safe; nothing to close.
    """

    def __init__(self) -> None:
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True, loader=FunctionLoader(_read)
        )
        environment.filters.update(grouped=_grouped, instant=_instant, size=_size)
        pieces = (latest_rows, bars, bar_rows, category_lines, column_rows)
        environment.filters.update({each.__name__: each for each in pieces})
        self._template = environment.get_template("report.html")
        self._style = _read("report.css")
        digest = hashlib.sha256(self._style.encode()).digest()
        self._style_hash = f"sha256-{base64.b64encode(digest).decode('ascii')}"

    def __call__(self, contents: BundleContents, files: Sequence[BundleFile]) -> bytes:
        """
        Return the page: the same arguments give the same bytes.
        """
        page = self._template.render(
            contents=contents,
            files=files,
            sections=[Section.of(number, each) for number, each in enumerate(contents.datasets)],
            total_rows=sum(each.summary.written for each in contents.datasets),
            has_withheld=any(each.withheld for each in contents.datasets),
            headings=HEADINGS,
            chain_sentence=CHAIN_SENTENCE,
            style=self._style,
            style_hash=self._style_hash,
        )
        return page.encode()


def _read(name: str) -> str:
    return package_files(__package__).joinpath(name).read_text("utf-8")


def _grouped(number: int | Decimal) -> str:
    """
    Write a number out in full, its whole digits in groups of three: `1,234,567.8900000`.
    """
    return grouped(format(number, "f") if isinstance(number, Decimal) else str(number))


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds") + " UTC"


def _size(octets: int) -> str:
    if octets < 1000:
        return f"{octets} bytes"
    unit = next((unit for unit in ("kB", "MB") if octets < 1000 * _UNITS[unit]), "GB")
    return f"{octets / _UNITS[unit]:,.1f} {unit}"
