"""
The calls of an open link: its page, its button, and the way round by the application's login.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from attrs import field, frozen

from .._core.ticket import parse
from ..errors import ExportError, InvalidTicket, NotSignedIn, StepUpRequired
from ..service import ExportService
from .message import Request, Response
from .negotiation import prefers_html
from .open_page import OpenPage
from .problems import GUARDED
from .refusals import InvalidFormToken, UnsupportedMediaType
from .request_body import FORM, JSON, check_size, media_type
from .routing import Call

FORM_TOKEN = "form_token"  # noqa: S105  # the name of a field


@frozen(kw_only=True)
class Opening:
    """
    Answers GET and POST of an open link. Thread-safe when *service*, *check_form* and *login* are.
    """

    service: ExportService
    check_form: Callable[[Request], bool]
    login: Callable[[str], str] | None
    prefix: str
    _page: OpenPage = field(init=False, factory=OpenPage, repr=False)

    def show(self, call: Call) -> Response:
        """
        Return the page. Mail scanners follow links: this spends nothing, however often it is asked.
        """
        return self._page.ready(self.service.look(call.who.actor, call.job_id, ticket_of(call.request)))

    def begin(self, call: Call) -> Response:
        """
        Begin a download and send the browser there.
        """
        check_size(call.request)
        kind = media_type(call.request)
        if kind not in {FORM, JSON}:
            raise UnsupportedMediaType(f"{JSON}, or {FORM} with a form token")
        if kind == FORM and not (self._is_own_form(call) or self.check_form(call.request) is True):
            raise InvalidFormToken
        link = self.service.begin(call.who.actor, call.job_id, ticket_of(call.request))
        return _see_other(link.url)

    def refused(self, call: Call, error: Exception, problem: Response) -> Response:
        """
        Return a refusal as people read it, or the way to the application's login; to programs, the problem.
        """
        if not prefers_html(call.request.headers.get("Accept")):
            return problem
        if self.login is not None and isinstance(error, NotSignedIn | StepUpRequired):
            back = self._way_back(call)
            if back is not None:
                return _see_other(self.login(back))
        return self._page.refused(error.slug if isinstance(error, ExportError) else "", problem)

    def _is_own_form(self, call: Call) -> bool:
        given = parse_qs(call.request.body.decode("utf-8", "replace")).get(FORM_TOKEN, [])
        ticket = ",".join(call.request.parameters("ticket"))
        return len(given) == 1 and self.service.is_form_token(call.who.actor, ticket, given[0])

    def _way_back(self, call: Call) -> str | None:
        """
        Return this page's own path, made of what a ticket spells and of nothing else that a caller typed.
        """
        try:
            token = ticket_of(call.request)
            ticket = parse(token).ticket
        except InvalidTicket:
            return None
        here = f"{self.prefix}/{ticket.job_id}/open?ticket={token}"
        return here if ticket.job_id == call.job_id else None


def ticket_of(request: Request) -> str:
    """
    Return the one ticket of a request, or raise `InvalidTicket`.
    """
    tickets = request.parameters("ticket")
    if len(tickets) != 1:
        raise InvalidTicket
    return tickets[0]


def carries_bearer(request: Request) -> bool:
    """
    Return whether a request's ticket says, rightly or not, that it needs nobody signed in.
    """
    try:
        return parse(ticket_of(request)).ticket.purpose.is_for_bearer
    except InvalidTicket:
        return False


def _see_other(url: str) -> Response:
    fields = (("Location", url), ("Content-Length", "0"), ("Referrer-Policy", "no-referrer"), *GUARDED)
    return Response(status=303, headers=fields)
