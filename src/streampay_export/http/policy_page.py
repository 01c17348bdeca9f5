"""
The policy as a page: what a privacy policy links to. No script, nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from importlib.resources import files as package_files

from jinja2 import Environment, StrictUndefined

from .._core.policy import ListedField
from .message import Response
from .problems import GUARDED


class PolicyPage:
    """
    Renders a profile's fields for people. Everything shown is escaped. Thread-safe.
    """

    def __init__(self) -> None:
        here = package_files(__package__)
        environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
        self._template = environment.from_string(here.joinpath("policy.html").read_text("utf-8"))
        self._style = here.joinpath("policy.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode("ascii")
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )

    def __call__(self, profile: str, datasets: Mapping[str, Iterable[ListedField]]) -> Response:
        """
        Return the page.
        """
        page = self._template.render(profile=profile, datasets=datasets, style=self._style)
        body = page.encode()
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", self._policy),
            ("Referrer-Policy", "no-referrer"),
            *GUARDED,
        )
        return Response(status=200, headers=headers, body=body)
