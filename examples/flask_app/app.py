"""
StreamPay exports in a Flask application: `make flask`, then open http://127.0.0.1:8000 and ask for a copy.
"""

import sys
from pathlib import Path

import flask
from werkzeug.datastructures import Headers
from werkzeug.serving import WSGIRequestHandler

sys.path.insert(0, str(Path(__file__).parents[2]))  # a script finds its own folder only

from examples.demo_host import NOTICE, DemoHost, started

from streampay_export import STREAMPAY, STREAMPAY_POLICIES
from streampay_export.embedded import Places, embedded
from streampay_export.http import LARGEST_BODY, HttpApi, Request, Response
from streampay_export.sources.sqlalchemy import SqlAlchemySource


def create_app(api: HttpApi, host: DemoHost) -> flask.Flask:
    """
    Make the application: the exports under their prefix, and the pages of the host.
    """
    app = flask.Flask(__name__)

    @app.before_request
    def exports() -> flask.Response | None:
        # Before Flask's own routing: that would redirect `//`, answer OPTIONS, and not know every method.
        if f"{flask.request.path}/".startswith(f"{api.prefix}/"):
            return to_flask(api.handle(from_flask(flask.request)))
        return None

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def pages(path: str) -> flask.Response:
        return to_flask(host.handle(from_flask(flask.request)))

    return app


def from_flask(request: flask.Request) -> Request:
    """
    Return the request as the library takes it, with no more of the body than it looks at.
    """
    return Request(
        method=request.method,
        path=request.path,
        query=request.query_string.decode("latin-1"),
        headers=request.headers.items(),
        body=request.stream.read(LARGEST_BODY + 1),
    )


def to_flask(response: Response) -> flask.Response:
    """
    Return the response as Flask sends it: it closes what it iterates over, also when the person went away.
    """
    answer = flask.Response(response.chunks(), response.status)
    answer.headers = Headers(response.headers)
    return answer


class QuietHandler(WSGIRequestHandler):
    """
    Keeps no access log: its lines would hold the tickets of links.
    """

    def log_request(self, *_: object) -> None:
        """
        Log nothing.
        """


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
            app.run("127.0.0.1", host.port, threaded=True, request_handler=QuietHandler)


if __name__ == "__main__":
    main()
