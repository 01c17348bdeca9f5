"""
What every test may ask for: a hypothesis profile, and a PostgreSQL database of its own.

Addresses of real servers come from the environment. Where none answers the test skips and says so, unless
STREAMPAY_REQUIRE_SERVERS=1 turns that into a failure.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from typing import NoReturn

import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

POSTGRES = os.environ.get("STREAMPAY_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")

# ci draws the same examples every time: a red build is about the change in it. dev draws new ones every time.
settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def _no_server(reason: str) -> NoReturn:
    if os.environ.get("STREAMPAY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and STREAMPAY_REQUIRE_SERVERS=1 asks for it", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """
    The URL of an empty PostgreSQL database that nobody else uses, dropped when the session ends.
    """
    server = make_url(POSTGRES)
    name = f"streampay_{os.getpid()}_{secrets.token_hex(4)}"
    admin = sqlalchemy.create_engine(
        server, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5}
    )
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    except OperationalError:
        _no_server(f"no PostgreSQL answers at {server.host}:{server.port}, or it has no database {server.database}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _own_logger():
    """
    Give every test the library's logger as it was: command lines run in this process set theirs up.
    """
    logger = logging.getLogger("streampay_export")
    before = logger.propagate, logger.level, list(logger.handlers)
    yield
    logger.propagate = before[0]
    logger.setLevel(before[1])
    logger.handlers[:] = before[2]
