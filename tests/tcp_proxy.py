"""
A way to a server that a test can cut.
"""

import socket
import threading
from contextlib import suppress

NOWHERE = 9
"""A port that nobody listens on."""


class TcpProxy:
    """
    Listens on a port of loopback and hands on what comes, until it is cut; `mend` listens on the same port again.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._listen()

    def cut(self) -> None:
        """
        Break every connection and refuse new ones, as a server that is stopped.
        """
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def mend(self) -> None:
        """
        Take connections again.
        """
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(self._target, timeout=10)
                theirs.settimeout(None)
                self._open |= {ours, theirs}
                for here, there in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pump, args=(here, there), daemon=True).start()

    def _pump(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while received := here.recv(65_536):
                there.sendall(received)
        for each in (here, there):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
