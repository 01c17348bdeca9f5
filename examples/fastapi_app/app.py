"""
StreamPay exports in a FastAPI application: `make fastapi`, then open http://127.0.0.1:8000 and ask for a copy.
"""

import sys
from pathlib import Path

import uvicorn
from anyio import CancelScope
from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.requests import Request as HostRequest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parents[2]))  # a script finds its own folder only

from examples.demo_host import NOTICE, DemoHost, started

from streampay_export import STREAMPAY, STREAMPAY_POLICIES
from streampay_export.embedded import Places, embedded
from streampay_export.http import LARGEST_BODY, HttpApi, Request, Response
from streampay_export.sources.sqlalchemy import SqlAlchemySource


def create_app(api: HttpApi, host: DemoHost) -> FastAPI:
    """
    Make the application: the exports under their prefix, and the pages of the host.
    """
    app = FastAPI(redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None)

    async def exports(request: HostRequest) -> ClosingResponse:
        # The library blocks while it asks the job store, so it works in a thread.
        return ClosingResponse(await run_sync(api.handle, await from_starlette(request)))

    for path in (api.prefix, api.prefix + "/{below:path}"):
        app.add_route(path, exports, methods=[])  # every method is the library's to answer, also one made up

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def pages(request: HostRequest) -> ClosingResponse:
        return ClosingResponse(host.handle(await from_starlette(request)))

    return app


async def from_starlette(request: HostRequest) -> Request:
    """
    Return the request as the library takes it, with no more of the body than it looks at.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: LARGEST_BODY + 1 - len(body)]  # the rest is let go, so that the answer is not lost
    return Request(
        method=request.method,
        path=request.scope["path"],
        query=request.scope["query_string"].decode("latin-1"),
        headers=request.headers.items(),
        body=bytes(body),
    )


class ClosingResponse(StreamingResponse):
    """
    A response that is closed when it was sent and when the person went away, which Starlette leaves open.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response.chunks(), response.status)
        self.raw_headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        self.close = response.close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Send, and close whatever happens.
        """
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_sync(self.close)


def main() -> None:
    """
    Wire the library to a database and a login, and serve on this machine alone.
    """
    with started() as host, SqlAlchemySource(host.database_url, timezone="UTC") as source:
        deployment = embedded(
            Places.beside(host.folder), source=source, catalog=STREAMPAY, policies=STREAMPAY_POLICIES, notice=NOTICE
        )
        with deployment.start():
            api = HttpApi(service=deployment.service, identify=host.identify, login=host.login)
            app = create_app(api, host)
            # No access log: its lines would hold the tickets of links.
            uvicorn.run(app, host="127.0.0.1", port=host.port, access_log=False, timeout_graceful_shutdown=5)


if __name__ == "__main__":
    main()
