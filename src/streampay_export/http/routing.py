"""
From a path to a route. Paths and their methods are in `api.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from ..errors import NotSignedIn
from .message import Identity, Request, Response
from .refusals import MethodNotAllowed

ID = "{id}"
"""Stands in a route's path for an export's id: one segment, of any length and with any character."""


@frozen(kw_only=True)
class Call:
    """
    A request on its way to a handler: who asks (`None` on a public route), and the id its path names.
    """

    request: Request
    identity: Identity | None = None
    job_id: str = ""

    @property
    def who(self) -> Identity:
        """
        Who is signed in. Raises `NotSignedIn`.
        """
        if self.identity is None:
            raise NotSignedIn
        return self.identity


Handler = Callable[[Call], Response]


@frozen
class Route:
    """
    One path below the prefix, such as `/{id}/links`, and a handler per method; GET answers HEAD too.

    On a *bearer* route a ticket may stand for who is signed in. *refused* makes of a call, an error and its
    problem document what is answered instead.
    """

    path: str
    handlers: Mapping[str, Handler]
    public: bool = field(default=False, kw_only=True)
    bearer: bool = field(default=False, kw_only=True)
    refused: Callable[[Call, Exception, Response], Response] | None = field(default=None, kw_only=True)

    @property
    def segments(self) -> tuple[str, ...]:
        """
        The path's segments, none for the prefix itself.
        """
        return tuple(self.path.split("/")[1:])

    def handler(self, method: str) -> Handler:
        """
        Return the handler of a method, or raise `MethodNotAllowed`.
        """
        found = self.handlers.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = {*self.handlers, *(["HEAD"] if "GET" in self.handlers else [])}
            raise MethodNotAllowed(", ".join(sorted(allowed)))
        return found


@frozen
class Found:
    """
    The route of a path, and the id in it (empty where the route has none).
    """

    route: Route
    job_id: str


def find(routes: Sequence[Route], prefix: str, path: str) -> Found | None:
    """
    Return the first route whose segments are the path's, or `None`.
    """
    below = path.removeprefix(prefix)
    if not path.startswith(prefix) or (below and not below.startswith("/")):
        return None
    segments = below.split("/")[1:]
    for route in routes:
        if len(route.segments) == len(segments):
            pairs = tuple(zip(route.segments, segments, strict=True))
            if all(wanted in {ID, given} for wanted, given in pairs):
                return Found(route, next((given for wanted, given in pairs if wanted == ID), ""))
    return None
