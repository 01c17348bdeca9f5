"""
What the tests of both examples share: the wiring of `main`, and asserts that explain themselves.
"""

from collections.abc import Iterator

import pytest
from examples.demo_host import NOTICE, DemoHost, started

from streampay_export import STREAMPAY, STREAMPAY_POLICIES
from streampay_export.embedded import Places, embedded
from streampay_export.http import HttpApi
from streampay_export.sources.sqlalchemy import SqlAlchemySource

pytest.register_assert_rewrite("examples.demo_host.wiring_contract")


@pytest.fixture(scope="module")
def wired() -> Iterator[tuple[HttpApi, DemoHost]]:
    """
    The API and its host over a real database, real files and a worker thread.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STREAMPAY_DEMO", "1")
        with started() as host, SqlAlchemySource(host.database_url, timezone="UTC") as source:
            deployment = embedded(
                Places.beside(host.folder),
                source=source,
                catalog=STREAMPAY,
                policies=STREAMPAY_POLICIES,
                notice=NOTICE,
            )
            with deployment:
                yield HttpApi(service=deployment.service, identify=host.identify, login=host.login), host
