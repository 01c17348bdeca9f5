"""
The policy document as a page, for a site or a privacy policy to link to. One file, no script, no network.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files as package_files

from jinja2 import Environment, StrictUndefined

from .._core.policy_document import PolicyDocument


class HtmlPolicy:
    """
    Renders policy documents. Everything shown is escaped and stands in a `<bdi>`. Thread-safe; nothing to close.

    *content_security_policy* is what the page itself asks for; a server that sends it as a header may add
    `frame-ancestors`, which a page cannot ask for.
    """

    def __init__(self) -> None:
        here = package_files(__package__)
        environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
        self._template = environment.from_string(here.joinpath("policy.html").read_text("utf-8"))
        # The look is the report's: what a person reads about their copy, and what they read in it, belong together.
        self._style = "".join(here.joinpath(name).read_text("utf-8") for name in ("report.css", "policy.css"))
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode("ascii")
        self.content_security_policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )

    def __call__(self, document: PolicyDocument) -> bytes:
        """
        Return the page in UTF-8: the same document gives the same bytes.
        """
        page = self._template.render(
            document=document,
            style=self._style,
            content_security_policy=self.content_security_policy,
        )
        return page.encode()
