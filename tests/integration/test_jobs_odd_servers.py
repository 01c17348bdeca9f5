"""
What the SQL job store says of servers that are none, or speak another language.
"""

import socket
from threading import Thread

import pytest

from streampay_export._sql import engine
from streampay_export.errors import JobStoreUnavailable
from streampay_export.jobs.sql import SqlJobStore


@pytest.fixture
def listening():
    """
    A socket that takes connections, and its port.
    """
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        yield opened, opened.getsockname()[1]


def said_of(url):
    """
    What is said of a job store that cannot be reached.
    """
    store = SqlJobStore(url)
    with pytest.raises(JobStoreUnavailable) as caught:
        store.now()
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("backend", "seconds"), [("postgresql", 2), ("mariadb", 1)])
def test_a_server_that_says_nothing_did_not_answer_in_time(listening, monkeypatch, backend, seconds):
    """
    Whatever takes the connection and is silent is given up on, and told from one that refuses.
    """
    monkeypatch.setitem(engine._CONNECT_ARGS[backend], "connect_timeout", seconds)
    said = said_of(f"{backend}://me:secret@127.0.0.1:{listening[1]}/exports")
    assert "the job store is not available: the server did not answer in time" == said


@pytest.mark.parametrize(
    ("number", "problem"),
    [(1045, "the server refused the credentials"), (1049, "the server has no such database")],
)
def test_mariadb_is_understood_in_any_language(listening, number, problem):
    """
    Its errors are known by their numbers: their texts are in the language of the server.
    """

    def refuse():
        taken, _ = listening[0].accept()
        refusal = b"\xff" + number.to_bytes(2, "little") + b"#28000" + b"Benutzer 'secret' verweigert"
        with taken:
            taken.sendall(len(refusal).to_bytes(3, "little") + b"\0" + refusal)

    server = Thread(target=refuse)
    server.start()
    said = said_of(f"mariadb://me:secret@127.0.0.1:{listening[1]}/exports")
    server.join()
    assert f"the job store is not available: {problem}" == said
