"""
A network that fails: a TCP proxy on loopback that passes on, resets, swallows, slows down or cuts off.
"""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

# Closing sends RST at once instead of FIN.
ABORT = struct.pack("ii", 1, 0)
CHUNK = 16 * 1024


class FaultyNetwork:
    """
    Between a client and the server at a port of loopback. Its `port` is what the client connects to.

    `fault` may be set at any time, and holds for what is under way too: `pass`; `reset`; `swallow`, where
    nothing arrives and nobody is told; `slow`, to `limit` bytes per second; `cut`, after `limit` bytes of
    a connection in one direction.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.fault = "pass"
        self.limit = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                passed += len(data)
                if self.fault == "reset" or (self.fault == "cut" and passed > self.limit):
                    for each in (source, target):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                        each.shutdown(socket.SHUT_RDWR)
                        each.close()
                    return
                if self.fault == "slow":
                    time.sleep(len(data) / self.limit)
                if self.fault != "swallow":
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
