"""
The FastAPI example, as `make fastapi` wires it, through Starlette's test client.
"""

import pytest
from examples.demo_host.wiring_contract import WiringContract
from examples.fastapi_app.app import create_app
from starlette.testclient import TestClient


class TestFastApiApp(WiringContract):
    """
    What both examples do.
    """

    program = "examples/fastapi_app/app.py"

    @pytest.fixture
    def ask(self, wired):
        """
        Ask through Starlette's test client.
        """
        client = TestClient(create_app(*wired), follow_redirects=False)

        def ask(method, path, *, headers=(), body=b""):
            client.cookies.clear()
            answer = client.request(method, path, headers=dict(headers), content=body)
            return answer.status_code, dict(answer.headers), answer.content

        return ask
