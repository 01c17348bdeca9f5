"""
What both examples do as they are wired: a class to subclass, with a fixture `ask` and the program's path.
"""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from examples.demo_host import DemoHost

from streampay_export import Actor
from streampay_export.http import HttpApi

ROOT = Path(__file__).parents[2]
JSON = {"Content-Type": "application/json"}
Ask = Callable[..., tuple[int, dict[str, str], bytes]]


class WiringContract:
    """
    Subclass with *program* and a fixture `ask(method, path, *, headers, body)` over the fixture `wired`.
    """

    program: str

    def test_a_person_gets_their_history_and_nobody_elses(self, ask: Ask) -> None:
        """
        From the request to a bundle with what the database holds of Ada, in which nobody's secrets are.
        """
        bundle = downloaded(ask, "ada")
        account = json.loads(bundle.read("data/account.json"))
        payouts = json.loads(bundle.read("data/payouts.json"))
        wallets = {each["wallet_address"] for each in account}

        assert ("ada", 2) == (account[0]["display_name"].lower(), len(wallets))
        assert len(payouts) > 300
        assert wallets == {each["wallet_address"] for each in payouts}
        assert b"bo@example.org" not in b"".join(bundle.read(name) for name in bundle.namelist())

    def test_a_person_without_history_gets_an_empty_copy(self, ask: Ask) -> None:
        """
        Fay's bundle is whole, and has her account and no rows beside.
        """
        bundle = downloaded(ask, "fay")

        assert [] == json.loads(bundle.read("data/payouts.json"))
        assert 1 == len(bundle.read("data/payouts.csv").splitlines())
        assert 1 == len(json.loads(bundle.read("data/account.json")))

    def test_an_id_that_is_no_id_is_not_there(self, ask: Ask) -> None:
        """
        Whatever a path holds, the real job store knows nothing of it, and all answers are one.
        """
        odd = ("a" * 26, "%00", "a" * 10_000, "%ff", "%F0%9F%92%B8", "%2e%2e%2fetc", "'; DROP TABLE jobs--")
        answers = [ask("GET", f"/exports/{each}", headers={"X-Demo-User": "ada"}) for each in odd]

        assert [404] * len(odd) == [status for status, _, _ in answers]
        assert 1 == len({body for _, _, body in answers})

    @pytest.mark.parametrize(("path", "allowed"), [("/exports", "GET, HEAD, POST"), ("/exports/x/links", "POST")])
    @pytest.mark.parametrize("method", ["BREW", "TRACE", "OPTIONS"])
    def test_a_method_that_is_none_is_the_librarys_to_refuse(
        self, ask: Ask, method: str, path: str, allowed: str
    ) -> None:
        """
        Whatever the framework makes of a method: 405 with the methods that there are.
        """
        status, headers, _ = ask(method, path)

        assert (405, allowed) == (status, headers["allow"])

    def test_the_cookie_of_a_login_is_the_person(self, ask: Ask) -> None:
        """
        Login sets an HttpOnly, SameSite cookie; logging out ends it; nobody else can log in.
        """
        status, headers, _ = ask("POST", "/demo/login", headers=JSON, body=b'{"user": "bo"}')
        cookie = headers["set-cookie"]
        carried = {"Cookie": cookie.partition(";")[0]}

        assert (204, True) == (status, "HttpOnly" in cookie and "SameSite=Lax" in cookie)
        assert b'"bo"' == ask("GET", "/demo/me", headers=carried)[2]
        assert 200 == ask("GET", "/exports", headers=carried)[0]
        assert 204 == ask("POST", "/demo/logout", headers=carried)[0]
        assert 401 == ask("GET", "/exports", headers=carried)[0]
        assert 422 == ask("POST", "/demo/login", headers=JSON, body=b'{"user": ["bo"]}')[0]
        assert 204 == ask("POST", "/demo/login", body=b"user=bo")[0]

    @pytest.mark.parametrize("headers", [{}, {"X-Demo-User": "mallory"}, {"Cookie": 'demo_session=x; a="b'}])
    def test_anybody_else_is_nobody(self, ask: Ask, headers: dict[str, str]) -> None:
        """
        Without a known header or cookie: 401.
        """
        assert 401 == ask("GET", "/exports", headers=headers)[0]
        assert b"null" == ask("GET", "/demo/me", headers=headers)[2]

    def test_the_start_page_and_the_people_are_there(self, ask: Ask) -> None:
        """
        An HTML page, an array of names, and 404 for the rest.
        """
        status, headers, page = ask("GET", "/")

        assert (200, "text/html; charset=utf-8") == (status, headers["content-type"])
        assert b"Ask for a copy" in page
        assert ["ada", "bo", "chidi", "dana", "eve", "fay"] == json.loads(ask("GET", "/demo/users")[2])
        assert 404 == ask("GET", "/no/such/page")[0]

    def test_a_mailed_link_leads_by_the_login_to_the_file(self, ask: Ask, wired: tuple[HttpApi, DemoHost]) -> None:
        """
        Signed out to the start page and back; then the page, its button, and the file.
        """
        job_id = ready(ask, "eve")["id"]
        url = wired[0].service.open_link(Actor(id="eve"), job_id, limit=1).url
        browser = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
        _, away, _ = ask("GET", url, headers=browser)
        hers = {"X-Demo-User": "eve", **browser}
        _, _, page = ask("GET", url, headers=hers)
        (token,) = re.findall(rb'name="form_token" value="(.*?)"', page)
        status, headers, _ = ask("POST", url, headers=hers, body=b"form_token=" + token)

        assert f"/?next={quote(url, safe='')}" == away["location"]
        assert (303, 200) == (status, ask("GET", headers["location"], headers=hers)[0])
        assert 403 == ask("POST", url, headers=hers, body=b"form_token=" + token)[0]

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({}, "set STREAMPAY_DEMO=1 to start it"),
            ({"STREAMPAY_DEMO": "1", "PORT": "http"}, "PORT is a number from 1 to 65535"),
            ({"STREAMPAY_DEMO": "1", "PORT": "99999"}, "PORT is a number from 1 to 65535"),
        ],
    )
    def test_it_does_not_start_unasked(self, given: dict[str, str], says: str) -> None:
        """
        Without STREAMPAY_DEMO=1, or on a port that is none, it leaves with a sentence.
        """
        environment = {name: value for name, value in os.environ.items() if name != "STREAMPAY_DEMO"} | given
        done = subprocess.run(
            [sys.executable, self.program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

        assert 1 == done.returncode
        assert says in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_it_serves_on_loopback_and_leaves_nothing_behind(self, tmp_path: Path, end: signal.Signals) -> None:
        """
        The program itself: up on PORT, down on Ctrl-C or a kill without a traceback, its temporary folder gone.
        """
        port = free_port()
        # Where the tests themselves run in the background SIGINT is ignored, and children inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [sys.executable, self.program],
            cwd=ROOT,
            env={**os.environ, "STREAMPAY_DEMO": "1", "PORT": str(port), "TMPDIR": str(tmp_path)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert "ada" in json.loads(fetched(f"http://127.0.0.1:{port}/demo/users"))
            assert not answers_elsewhere(port)
            process.send_signal(end)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
            signal.signal(signal.SIGINT, before)

        assert "Traceback" not in said
        assert process.returncode in {0, 130}
        assert [] == list(tmp_path.glob("streampay-demo-*"))


def ready(ask: Ask, user: str) -> dict[str, Any]:
    """
    Ask for a copy as *user*, wait for it, and return the export.
    """
    mine = {"X-Demo-User": user, **JSON}
    export = json.loads(ask("POST", "/exports", headers=mine, body=b"{}")[2])
    until = time.monotonic() + 30
    while export["state"] in {"queued", "running"} and time.monotonic() < until:
        time.sleep(0.02)
        export = json.loads(ask("GET", export["links"]["self"], headers=mine)[2])
    assert ("ready", None) == (export["state"], export["error"])
    return export


def downloaded(ask: Ask, user: str) -> zipfile.ZipFile:
    """
    Ask for a copy as *user*, and return the bundle.
    """
    mine = {"X-Demo-User": user, **JSON}
    export = ready(ask, user)
    link = json.loads(ask("POST", export["links"]["links"], headers=mine, body=b"{}")[2])
    status, headers, body = ask("GET", link["url"], headers=mine)
    assert (200, str(export["size"])) == (status, headers["content-length"])
    assert (403, 404) == tuple(
        ask("GET", url, headers={"X-Demo-User": "chidi"})[0] for url in (link["url"][:-1], link["url"])
    )
    return zipfile.ZipFile(io.BytesIO(body))


def free_port() -> int:
    """
    Return a port nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetched(url: str) -> bytes:
    """
    Fetch as soon as somebody answers.
    """
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own server
            return bytes(answer.read())
        time.sleep(0.05)
    raise AssertionError("nobody answers")


def answers_elsewhere(port: int) -> bool:
    """
    Return whether the port answers under an address that is not exactly 127.0.0.1.
    """
    for address in ("127.0.0.2", socket.gethostbyname(socket.gethostname())):
        with socket.socket() as probe:
            probe.settimeout(1)
            if address != "127.0.0.1" and probe.connect_ex((address, port)) == 0:
                return True
    return False
