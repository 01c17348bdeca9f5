"""
The calls of the HTTP contract. `HttpApi.handle` answers any request; it never raises.

Refusals come in this order: 405 by path and method alone, 401, then 404 for a path that is no route; 413,
415, 400 and 422 for the call itself; and from the service 403 for the ticket, 404, 401 for a sign-in that
is not fresh, 403, 410 and 409.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from .._core.export import Export
from .._core.party import Actor, Capacity, Subject, check_tenant
from ..errors import InvalidConfiguration, InvalidRequest, NotFound, NotSignedIn
from ..service import ExportService
from .conditional import matches, require_match
from .downloading import download_response
from .message import Identity, Request, Response
from .negotiation import prefers_html
from .opening import Opening, carries_bearer, ticket_of
from .policy_page import PolicyPage
from .problems import GUARDED, problem_of
from .refusals import InvalidFormToken, UnsupportedMediaType
from .representations import export_form, keys_form, link_form, list_form, policy_form
from .request_body import FORM, JSON, check_size, media_type, read_requested, require_json
from .routing import Call, Found, Route, find

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)

POLL_AFTER = 2
"""Seconds after which it makes sense to ask for an export's state again."""


def _refuse_forms(_: Request) -> bool:
    return False


@frozen(kw_only=True, eq=False)
class HttpApi:
    """
    The contract over a service. Thread-safe when *service*, *identify* and *check_form* are.

    *identify* says who is signed in, `None` for nobody: the application's own login. *check_form* says
    whether a form carries the application's own token against cross-site requests; without it forms
    are refused and only JSON is taken, but for the form of an open link's page, which has a token of its
    own. *prefix* is where the application has these paths, the same as its links have. *challenge* is the
    `WWW-Authenticate` of a 401. *login* makes the URL of the application's login page from the path to come
    back to afterwards: there a person is sent who follows an open link and is signed out.

    With *bearer_tenant* links that need nobody signed in are served, where the wiring has any: their tickets
    are that tenant's. Off by default; whoever has such a link has the history.

    `not_signed_in` counts the requests of nobody in particular since this process began: anybody can
    make any number of them, so that they have no entries in the audit trail.
    """

    service: ExportService
    identify: Callable[[Request], Identity | None]
    check_form: Callable[[Request], bool] = _refuse_forms
    prefix: str = "/exports"
    challenge: str = 'Session realm="streampay-export"'
    login: Callable[[str], str] | None = None
    bearer_tenant: str | None = None
    _routes: tuple[Route, ...] = field(init=False, repr=False)
    _policy_page: PolicyPage = field(init=False, factory=PolicyPage, repr=False)
    _count: Counter[str] = field(init=False, factory=Counter, repr=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock, repr=False)

    def __attrs_post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise InvalidConfiguration("prefix", "write a path such as /exports, without a slash at its end")
        if self.bearer_tenant is not None:
            check_tenant(self.bearer_tenant)
        opening = Opening(service=self.service, check_form=self.check_form, login=self.login, prefix=self.prefix)
        routes = (
            Route("", {"GET": self._list, "POST": self._request}),
            Route("/policy", {"GET": self._policy}, public=True),
            Route("/keys", {"GET": self._keys}, public=True),
            Route("/{id}", {"GET": self._status, "DELETE": self._delete}),
            Route("/{id}/links", {"POST": self._link}),
            Route("/{id}/download", {"GET": self._download}, bearer=True),
            Route("/{id}/open", {"GET": opening.show, "POST": opening.begin}, bearer=True, refused=opening.refused),
            Route("/{id}/delete", {"POST": self._delete_by_form}),
        )
        object.__setattr__(self, "_routes", routes)

    @property
    def not_signed_in(self) -> int:
        """
        How many requests were refused because nobody was signed in.
        """
        return self._count["not signed in"]

    def handle(self, request: Request) -> Response:
        """
        Answer a request. The host sends the response and then calls its `close`.
        """
        try:
            response = self._answer(request)
        except Exception as error:  # noqa: BLE001  # the edge: whatever it is becomes a problem document
            response = self._refused(request, error)
        return response.without_body() if request.method == "HEAD" else response

    def _answer(self, request: Request) -> Response:
        found = find(self._routes, self.prefix, request.path)
        handler = found.route.handler(request.method) if found else None
        identity = None if found and found.route.public else self._who(request, found)
        # What is no route is answered like what is no export: a path with a slash more is nothing new.
        if found is None or handler is None:
            raise NotFound
        return handler(Call(request=request, identity=identity, job_id=found.job_id))

    def _refused(self, request: Request, error: Exception) -> Response:
        problem = problem_of(error, prefix=self.prefix, challenge=self.challenge)
        try:
            found = find(self._routes, self.prefix, request.path)
            if found is not None and found.route.refused is not None:
                return found.route.refused(Call(request=request, job_id=found.job_id), error, problem)
        except Exception as another:  # noqa: BLE001  # the application's login hook, for one
            return problem_of(another, prefix=self.prefix, challenge=self.challenge)
        return problem

    def _who(self, request: Request, found: Found | None) -> Identity:
        if self.bearer_tenant is not None and found is not None and found.route.bearer and carries_bearer(request):
            return Identity(
                Actor(id="bearer", capacity=Capacity.BEARER, tenant=self.bearer_tenant), Subject("bearer")
            )
        return self._signed_in(request)

    def _signed_in(self, request: Request) -> Identity:
        identity = self.identify(request)
        if identity is None:
            with self._lock:
                self._count["not signed in"] += 1
            raise NotSignedIn
        return identity

    def _request(self, call: Call) -> Response:
        asked = read_requested(call.request)
        requested = self.service.request(
            call.who.actor,
            call.who.subject,
            formats=asked.formats,
            datasets=asked.datasets,
            profile=asked.profile,
            window=asked.window,
            idempotency_key=call.request.headers.get("Idempotency-Key"),
        )
        form = export_form(requested.export, prefix=self.prefix)
        return _json(202, form, ("Location", form["links"]["self"]), ("Retry-After", str(POLL_AFTER)))

    def _list(self, call: Call) -> Response:
        limit, cursor = call.request.parameter("limit"), call.request.parameter("cursor")
        page = self.service.list(call.who.actor, limit=20 if limit is None else _number(limit), cursor=cursor)
        return _json(200, list_form(page, prefix=self.prefix))

    def _status(self, call: Call) -> Response:
        export = self.service.status(call.who.actor, call.job_id)
        etag = _etag(export)
        require_match(call.request.headers.get("If-Match"), etag)
        if matches(call.request.headers.get("If-None-Match"), etag):
            return Response(status=304, headers=(("ETag", etag), *GUARDED))
        return _json(200, export_form(export, prefix=self.prefix), ("ETag", etag))

    def _link(self, call: Call) -> Response:
        require_json(call.request)
        return _json(201, link_form(self.service.link(call.who.actor, call.job_id)))

    def _download(self, call: Call) -> Response:
        ticket = ticket_of(call.request)
        return download_response(call.request, self.service.open(call.who.actor, call.job_id, ticket))

    def _delete(self, call: Call) -> Response:
        # No form can send DELETE and no foreign script may: without a body it needs no content type.
        if call.request.body or media_type(call.request):
            require_json(call.request)
        self.service.delete(call.who.actor, call.job_id)
        return Response(status=204, headers=GUARDED)

    def _delete_by_form(self, call: Call) -> Response:
        check_size(call.request)
        kind = media_type(call.request)
        if kind == FORM and self.check_form(call.request) is not True:
            raise InvalidFormToken
        if kind not in {FORM, JSON}:
            raise UnsupportedMediaType(f"{JSON}, or {FORM} with a form token")
        self.service.delete(call.who.actor, call.job_id)
        return Response(status=204, headers=GUARDED)

    def _policy(self, call: Call) -> Response:
        profile = call.request.parameter("profile")
        profile = "self" if profile is None else profile
        if prefers_html(call.request.headers.get("Accept")):
            return self._policy_page(self.service.policy_document([profile]))
        return _json(200, policy_form(profile, self.service.policy(profile)), ("Vary", "Accept"))

    def _keys(self, _: Call) -> Response:
        return _json(200, keys_form(self.service.public_keys()))


def _json(status: int, form: dict[str, Any], *fields: tuple[str, str]) -> Response:
    body = json.dumps(form).encode("ascii")
    headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *GUARDED, *fields)
    return Response(status=status, headers=headers, body=body)


def _etag(export: Export) -> str:
    # Expiry changes the state without a revision.
    return f'"{export.revision}-{export.state}"'


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRequest("limit", "a whole number is expected")
    return int(text)
