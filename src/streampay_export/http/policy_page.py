"""
The policy as a page: what a privacy policy links to.
"""

from __future__ import annotations

from .._core.policy_document import PolicyDocument
from ..writers.policy import HtmlPolicy
from .message import Response
from .problems import GUARDED


class PolicyPage:
    """
    Answers with a policy document for people. Thread-safe.
    """

    def __init__(self) -> None:
        self._render = HtmlPolicy()

    def __call__(self, document: PolicyDocument) -> Response:
        """
        Return the page.
        """
        body = self._render(document)
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", f"{self._render.content_security_policy}; frame-ancestors 'none'"),
            ("Referrer-Policy", "no-referrer"),
            ("Vary", "Accept"),
            *GUARDED,
        )
        return Response(status=200, headers=headers, body=body)
