"""
A stand-in for Azure Blob Storage for one test session: Azurite, from npm, on loopback.
"""

import base64
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.requirements import program
from tests.s3_server import free_ports

ACCOUNT = "teststore"


def azurite() -> str:
    """
    Return where it is: beside this environment (`make promises` puts it there), or on the machine.
    """
    here = Path(sys.prefix) / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    return str(here) if here.exists() else program("azurite-blob", package="azurite, by npm")


@contextmanager
def azure_server(command: str) -> Iterator[str]:
    """
    Start the server and give a connection string; stop it in the end. It checks signatures.
    """
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="azurite-") as folder:
        arguments = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
        arguments += ["--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry"]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
        log = Path(folder) / "log"
        with log.open("wb") as out:
            server = subprocess.Popen([command, *arguments], stdout=out, stderr=out, env=environment, cwd=folder)
        try:
            wait_for(port, server, log)
            endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
            yield f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """
    Return once the server takes connections.
    """
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, f"azurite ended: {log.read_text()[-1000:]}"
        time.sleep(0.1)
    pytest.fail("azurite is not ready after 30 s")
