"""
The Flask example, as `make flask` wires it, through Flask's own test client.
"""

import pytest
from examples.demo_host.wiring_contract import WiringContract
from examples.flask_app.app import create_app


class TestFlaskApp(WiringContract):
    """
    What both examples do.
    """

    program = "examples/flask_app/app.py"

    @pytest.fixture
    def ask(self, wired):
        """
        Ask through Flask's test client.
        """
        client = create_app(*wired).test_client(use_cookies=False)

        def ask(method, path, *, headers=(), body=b""):
            answer = client.open(path, method=method, headers=dict(headers), data=body)
            return answer.status_code, {name.lower(): value for name, value in answer.headers}, answer.data

        return ask
