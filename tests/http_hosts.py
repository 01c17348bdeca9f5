"""
The HTTP API in three hosts: called directly, behind Flask's server, behind FastAPI's.

Each is asked in the same words and answers in the same form, so that one table of tests fits all.
"""

import http.client
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote, unquote

import uvicorn
import werkzeug.serving
from attrs import evolve, field, frozen
from examples.fastapi_app.app import create_app as fastapi_app
from examples.flask_app.app import QuietHandler
from examples.flask_app.app import create_app as flask_app

from streampay_export import Actor, Capacity, ExportService, Subject
from streampay_export._core.policy import Policies
from streampay_export.access import owner_only
from streampay_export.http import HttpApi, Identity, Request, Response
from streampay_export.ports.authorize import Access
from streampay_export.testing.deployment import CATALOG, MemoryDeployment, keep_everything

# Set by the servers, not by us: they say when and by what software.
SERVERS_OWN = frozenset({"date", "server", "connection", "transfer-encoding"})

PEOPLE = {
    "ann": Identity(Actor(id="ann"), Subject("ann", ("GANN",))),
    "bob": Identity(Actor(id="bob"), Subject("bob", ("GBOB",))),
    "ann elsewhere": Identity(Actor(id="ann", tenant="elsewhere"), Subject("ann", ("GANN",))),
    "support": Identity(Actor(id="support", capacity=Capacity.OPERATOR), Subject("ann", ("GANN",))),
}


@frozen(kw_only=True)
class Answer:
    """
    What came back. *headers* have lower-case names and lack what servers add of their own.
    """

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """
        The body, read.
        """
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """
        The end of a problem's type.
        """
        assert "application/problem+json" == self.headers["content-type"]
        return str(self.json["type"]).rsplit("/", 1)[1]


class Host(Protocol):
    """
    Something that carries the API: *api* is asked through it, *target* is a raw request target.
    """

    api: Any

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """
        Return what comes back.
        """


class DirectHost:
    """
    No framework: the API is called.
    """

    api: Any

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """
        Call the API and close the response, as a host must.
        """
        path, _, query = target.partition("?")
        response = self.api.handle(
            Request(method=method, path=unquote(path), query=query, headers=headers, body=body)
        )
        try:
            content = b"".join(response.chunks())
        finally:
            response.close()
        return Answer(status=response.status, headers={n.lower(): v for n, v in response.headers}, body=content)


class Exchange:
    """
    Stands where the API stands in a running server, so that each test can put its own there.
    """

    prefix = "/exports"

    def __init__(self) -> None:
        self.api: Any = None

    def handle(self, request: Request) -> Response:
        """
        Pass the request on.
        """
        answer: Response = self.api.handle(request)
        return answer


class ServerHost:
    """
    A real server on loopback. `api` is what it carries at the moment.
    """

    def __init__(self, port: int, exchange: Exchange) -> None:
        self.port = port
        self.exchange = exchange

    @property
    def api(self) -> Any:
        """
        What the server carries.
        """
        return self.exchange.api

    @api.setter
    def api(self, api: Any) -> None:
        self.exchange.api = api

    def connect(self) -> http.client.HTTPConnection:
        """
        Return a new connection; the caller closes it.
        """
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """
        Send the target as it is: nothing tidies `..` or `//` away.
        """
        connection = self.connect()
        try:
            connection.request(method, target, body=body or None, headers=headers)
            answer = connection.getresponse()
            fields = {n.lower(): v for n, v in answer.getheaders() if n.lower() not in SERVERS_OWN}
            return Answer(status=answer.status, headers=fields, body=answer.read())
        finally:
            connection.close()


@contextmanager
def flask_server() -> Iterator[ServerHost]:
    """
    Serve the Flask example with werkzeug's server.
    """
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    exchange = Exchange()
    app = flask_app(exchange, _NoPages())  # type: ignore[arg-type]  # it looks at `prefix` and `handle` only
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ServerHost(server.port, exchange)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def fastapi_server() -> Iterator[ServerHost]:
    """
    Serve the FastAPI example with uvicorn.
    """
    exchange = Exchange()
    app = fastapi_app(exchange, _NoPages())  # type: ignore[arg-type]  # as above
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, access_log=False, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield ServerHost(server.servers[0].sockets[0].getsockname()[1], exchange)
    finally:
        server.should_exit = True
        thread.join()


class _NoPages:
    def handle(self, request: Request) -> Response:
        return Response(status=404, headers=())


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """
    Wait until the condition holds, or fail.
    """
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


def rows(owner: str, count: int = 25) -> list[dict[str, object]]:
    """
    Payouts of one wallet, in key order.
    """
    return [
        {
            "id": number,
            "requested_at": f"2026-01-01T00:00:{number:02d}.000000",
            "payer": owner,
            "payee": "GOTHER",
            "amount": "1.5",
            "note": f"canary-{owner}-{number}",
        }
        for number in range(count)
    ]


class Recorded:
    """
    A port that notes which of its methods are called.
    """

    def __init__(self, port: object, name: str, log: list[str]) -> None:
        self._port = port
        self._name = name
        self._log = log

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._log.append(f"{self._name}.{method}")
            return found(*args, **kwargs)

        return call


def staff_for_support(access: Access) -> bool:
    """
    Allow owners, and operators the support copies they asked for.
    """
    operator = access.actor.capacity is Capacity.OPERATOR and access.profile == "support"
    return owner_only(access) or (operator and access.requested)


def login(path: str) -> str:
    """
    Where the application signs people in, and has them go on from.
    """
    return f"/sign-in?next={quote(path, safe='')}"


class Site:
    """
    A deployment in memory behind a host, and how people call it.
    """

    def __init__(self, host: Host, **changes: Any) -> None:
        self.host = host
        history = [*rows("GANN"), *rows("GBOB")]
        history.sort(key=lambda row: (row["requested_at"], row["id"]))
        for number, row in enumerate(history):
            row["id"] = number
        self.deployment = MemoryDeployment(
            {"payouts": history},
            policies=Policies.of(*(keep_everything(CATALOG, name) for name in ("self", "support"))),
            authorize=staff_for_support,
            **changes,
        )
        self.port_calls: list[str] = []
        d = self.deployment
        jobs = Recorded(d.jobs, "jobs", self.port_calls)
        wiring = evolve(
            d.wiring,
            jobs=jobs,
            outbox=jobs,
            storage=Recorded(d.storage, "storage", self.port_calls),
            audit=Recorded(d.audit, "audit", self.port_calls),
        )
        self.service = ExportService(wiring)
        host.api = HttpApi(
            service=self.service,
            identify=lambda request: PEOPLE.get(request.headers.get("X-User") or ""),
            check_form=lambda request: request.body == b"token=good",
            login=login,
        )

    def ask(
        self,
        method: str,
        target: str,
        user: str | None = "ann",
        *,
        json_body: Any = None,
        body: bytes = b"",
        **headers: str,
    ) -> Answer:
        """
        Ask as *user*; keywords are header fields (`If_Range` is If-Range). *json_body* brings its content type.
        """
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            fields["X-User"] = user
        if json_body is not None:
            body = json.dumps(json_body).encode()
            fields["Content-Type"] = "application/json"
        return self.host.ask(method, target, fields, body)

    def queued(self, user: str = "ann", **asked: Any) -> str:
        """
        Ask for an export and return its id.
        """
        answer = self.ask("POST", "/exports", user, json_body=asked)
        assert 202 == answer.status
        return str(answer.json["id"])

    def ready(self, user: str = "ann", **asked: Any) -> str:
        """
        Ask for an export, have it made, and return its id.
        """
        job_id = self.queued(user, **asked)
        assert self.deployment.worker.work() is not None
        return job_id

    def link(self, job_id: str, user: str = "ann") -> str:
        """
        Return a download URL.
        """
        answer = self.ask("POST", f"/exports/{job_id}/links", user, json_body={})
        assert 201 == answer.status
        return str(answer.json["url"])

    def open_link(self, job_id: str, user: str = "ann", *, limit: int | None = None) -> str:
        """
        Return the URL that a mail would have.
        """
        return self.service.open_link(PEOPLE[user].actor, job_id, limit=limit).url
