"""
Deployments behind each host of the HTTP API.
"""

import pytest
from tests.http_hosts import DirectHost, ServerHost, Site, fastapi_server, flask_server


@pytest.fixture(scope="module")
def servers():
    """
    Both examples, served for the whole module.
    """
    with flask_server() as flask, fastapi_server() as fastapi:
        yield {"flask": flask, "fastapi": fastapi}


@pytest.fixture(params=["direct", "flask", "fastapi"])
def site(request, servers):
    """
    A fresh deployment behind each host.
    """
    return Site(servers[request.param] if request.param in servers else DirectHost())


@pytest.fixture(params=["flask", "fastapi"])
def server(request, servers) -> ServerHost:
    """
    Each real server.
    """
    return servers[request.param]
