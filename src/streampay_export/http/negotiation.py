"""
JSON or HTML, by Accept (RFC 9110, section 12.5.1).
"""

from __future__ import annotations


def prefers_html(accept: str | None) -> bool:
    """
    Return whether HTML is wanted more than JSON; who has no preference gets JSON.
    """
    qualities = _qualities(accept or "*/*")
    return _quality(qualities, "text/html") > _quality(qualities, "application/json")


def _qualities(accept: str) -> dict[str, float]:
    qualities = {}
    for each in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in each.split(";"))
        qualities[media_range] = _weight(parameters)
    return qualities


def _weight(parameters: list[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _quality(qualities: dict[str, float], media_type: str) -> float:
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((qualities[each] for each in ranges if each in qualities), 0.0)
