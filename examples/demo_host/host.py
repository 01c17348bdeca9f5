"""
A login and a start page over made-up people. A real application has its own: never ship this one.
"""

import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote

from attrs import field, frozen

from streampay_export import Actor, ProcessingNotice
from streampay_export.http import Identity, Request, Response

from .people import PEOPLE, make_database

COOKIE = "demo_session"
PAGE = Path(__file__).with_name("page.html")

NOTICE = ProcessingNotice(
    controller="StreamPay Demo, a made-up company",
    contact="privacy@example.org",
    purposes="Running your streams and paying out what they settle",
    recipients="The other side of each stream; the public Stellar ledger",
    retention="Seven years for amounts and times; other data until you delete your account",
    rights="Access, correction, erasure, restriction, portability and objection",
    complaint="The data protection authority of the country you live in",
    source="You, the other side of your streams, and the Stellar ledger",
    automated_decisions="None",
    transfers="The Stellar ledger is public and world-wide",
)


@frozen(kw_only=True)
class DemoHost:
    """
    The stand-in's people, their database, and who is signed in. Thread-safe.
    """

    folder: Path
    port: int = 8000
    _sessions: dict[str, str] = field(factory=dict, repr=False)

    @property
    def database_url(self) -> str:
        """
        The URL of the made-up history.
        """
        return f"sqlite:///{self.folder / 'streampay.db'}"

    def identify(self, request: Request) -> Identity | None:
        """
        Return who is signed in: by the header that `curl` sends, or by the cookie that the page gets.
        """
        name = request.headers.get("X-Demo-User") or self._sessions.get(_cookie(request))
        if name not in PEOPLE:
            return None
        return Identity(Actor(id=name), PEOPLE[name])

    def login(self, path: str) -> str:
        """
        Return where a person signs in who followed a mailed link, and goes on to its *path* from.
        """
        return f"/?next={quote(path, safe='')}"

    def handle(self, request: Request) -> Response:
        """
        Answer the stand-in's own paths: the page, the people, logging in and out.
        """
        match request.method, request.path:
            case "GET" | "HEAD", "/":
                return _answer(200, PAGE.read_bytes(), "text/html; charset=utf-8")
            case "GET", "/demo/users":
                return _answer(200, json.dumps(list(PEOPLE)).encode(), "application/json")
            case "GET", "/demo/me":
                identity = self.identify(request)
                return _answer(200, json.dumps(identity and identity.subject.id).encode(), "application/json")
            case "POST", "/demo/login":
                return self._login(request)
            case "POST", "/demo/logout":
                self._sessions.pop(_cookie(request), None)
                return _answer(204, b"", None, ("Set-Cookie", f"{COOKIE}=; Path=/; Max-Age=0"))
        return _answer(404, b"there is nothing here\n", "text/plain")

    def _login(self, request: Request) -> Response:
        name = _named(request) or request.headers.get("X-Demo-User") or ""
        if name not in PEOPLE:
            return _answer(422, b'"name one of GET /demo/users as user"\n', "application/json")
        session = secrets.token_urlsafe(16)
        self._sessions[session] = name
        return _answer(204, b"", None, ("Set-Cookie", f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"))


@contextmanager
def started() -> Iterator[DemoHost]:
    """
    Make the people's history in a temporary folder, gone afterwards; exit where nobody asked for a demo.
    """
    if os.environ.get("STREAMPAY_DEMO") != "1":
        sys.exit("This example lets anybody be anybody, over made-up data: set STREAMPAY_DEMO=1 to start it.")
    port = os.environ.get("PORT", "8000")
    if not (port.isdecimal() and 0 < int(port) < 2**16):
        sys.exit("PORT is a number from 1 to 65535, such as 8000.")
    # Left alone, SIGTERM would end the process before it can tidy up.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with tempfile.TemporaryDirectory(prefix="streampay-demo-") as folder:
            host = DemoHost(folder=Path(folder), port=int(port))
            make_database(host.folder / "streampay.db")
            yield host
    finally:
        signal.signal(signal.SIGTERM, before)


def _cookie(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.headers.get("Cookie") or "").get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _named(request: Request) -> str | None:
    """
    Return the `user` of a JSON or form body.
    """
    text = request.body.decode("utf-8", "replace")
    try:
        read = json.loads(text)
    except ValueError:
        return parse_qs(text).get("user", [None])[0]
    user = read.get("user") if isinstance(read, dict) else None
    return user if isinstance(user, str) else None


def _answer(status: int, body: bytes, kind: str | None, *fields: tuple[str, str]) -> Response:
    headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *fields]
    if kind is not None:
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return Response(status=status, headers=headers, body=body)
