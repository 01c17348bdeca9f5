"""
Processes that put into a storage: several at one key at once, and one to be killed in the middle.
"""

import json
import subprocess
import sys
from typing import Any

WRITER = """
import io, json, sys
from streampay_export.errors import ObjectExists
from streampay_export.storage.fsspec import FsspecStorage

url, options, key, name = sys.argv[1:]
storage = FsspecStorage(url, **json.loads(options))
print("ready", flush=True)
sys.stdin.readline()
try:
    storage.put(key, io.BytesIO(name.encode() * 100_000))
    print("won")
except ObjectExists:
    print("lost")
"""

UPLOADER = """
import json, sys, tempfile
from streampay_export.storage.fsspec import FsspecStorage

url, options, key = sys.argv[1:]
storage = FsspecStorage(url, **json.loads(options))
with tempfile.TemporaryFile() as stage:
    stage.truncate(4 * 1024 ** 3)
    storage.put(key, stage)
"""


def race(url: str, options: dict[str, Any], key: str) -> tuple[list[str], list[bytes]]:
    """
    Have four processes put *key* at once; return what each said, sorted, and what each winner had put.
    """
    arguments = [sys.executable, "-W", "ignore", "-c", WRITER, url, json.dumps(options), key]
    writers = [
        subprocess.Popen([*arguments, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in "abcd"
    ]
    ready = [writer.stdout.readline() for writer in writers if writer.stdout]
    assert ["ready\n"] * 4 == ready
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=60)[0].strip() for writer in writers]
    won = [name.encode() * 100_000 for name, word in zip("abcd", said, strict=True) if word == "won"]
    return sorted(said), won


def upload(url: str, options: dict[str, Any], key: str) -> "subprocess.Popen[bytes]":
    """
    Begin to put 4 GiB of zeros under *key*, in a process to be killed.
    """
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", UPLOADER, url, json.dumps(options), key])
