"""
The page that a mailed link leads to. No script, nothing from elsewhere; looking at it changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files as package_files

from jinja2 import Environment, StrictUndefined

from .._core.job import Protection
from ..linking import Opened
from .message import Response
from .problems import GUARDED

_READY = ("Your copy is ready", "Only you can download it, signed in with the account it was made for.")
_READY_FOR_BEARER = ("Your copy is ready", "Whoever has this link can download it: pass it on to nobody.")
_AWAY = ("That did not work", "Something this page depends on does not answer. Load it again in a few minutes.")
_REFUSED = {
    "not-signed-in": ("Sign in first", "Sign in, and open the link again."),
    "insufficient_user_authentication": (
        "Sign in once more",
        "To be sure that it is you, sign in anew. Then open the link again.",
    ),
    "cooling-off": (
        "Not just yet",
        "What this account signs in with was changed lately. Open the link again in a few days.",
    ),
    "invalid-ticket": (
        "This link is not valid",
        "It may have been cut when it was copied. Take the whole link, or ask for a new one.",
    ),
    "not-found": (
        "There is nothing here for you",
        "What this link leads to is not there, or is another account's than the one you are signed in with.",
    ),
    "ticket-expired": (
        "This link has ended",
        "Its time is over, it was used as often as it may be, or it was withdrawn. You can ask for a new one.",
    ),
    "gone": ("Your copy is gone", "Copies are kept for some days only. You can ask for a new one."),
    "not-ready": ("Your copy is not ready", "It is still being made, or could not be. Load this page again later."),
    "invalid-form-token": ("This page is out of date", "Open the link again, and press the button then."),
}


class OpenPage:
    """
    Renders what an open link leads to, and why it leads nowhere. Everything shown is escaped. Thread-safe.
    """

    def __init__(self) -> None:
        here = package_files(__package__)
        environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
        self._template = environment.from_string(here.joinpath("open.html").read_text("utf-8"))
        self._style = here.joinpath("open.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode("ascii")
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'; form-action"
        )

    def ready(self, opened: Opened) -> Response:
        """
        Return the page with the button.
        """
        title, sentence = _READY_FOR_BEARER if opened.bearer else _READY
        export = opened.export
        until = "" if export.expires_at is None else f"{export.expires_at:%Y-%m-%d %H:%M} UTC"
        facts = {"export": export, "size": _size(export.size or 0), "until": until, "form_token": opened.form_token}
        # Browsers hold a form's redirects to this too, and a store that hands out by itself is elsewhere.
        leads_to = "'self' https:" if opened.protection is Protection.STORE else "'self'"
        return self._page(200, title, sentence, facts, leads_to=leads_to)

    def refused(self, slug: str, problem: Response) -> Response:
        """
        Return the page for a problem, with its status and fields; the problem itself where none is for people.
        """
        words = _AWAY if problem.status >= 500 else _REFUSED.get(slug)
        if words is None:
            return problem
        fields = [(name, value) for name, value in problem.headers if name in {"Retry-After", "WWW-Authenticate"}]
        return self._page(problem.status, *words, {"export": None}, *fields)

    def _page(
        self,
        status: int,
        title: str,
        sentence: str,
        facts: dict[str, object],
        *fields: tuple[str, str],
        leads_to: str = "'none'",
    ) -> Response:
        page = self._template.render(title=title, sentence=sentence, style=self._style, **facts)
        body = page.encode()
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", f"{self._policy} {leads_to}"),
            # Of this address nothing goes elsewhere; without a referrer here, browsers send `Origin: null`.
            ("Referrer-Policy", "same-origin"),
            *GUARDED,
            *fields,
        )
        return Response(status=status, headers=headers, body=body)


def _size(octets: int) -> str:
    unit, name = (1024**2, "MiB") if octets >= 1024**2 else (1024, "KiB")
    return f"{octets / unit:,.1f} {name}"
