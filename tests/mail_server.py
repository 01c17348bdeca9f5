"""
Mail servers on loopback: one that answers as it is told, and some that do not answer as one should.
"""

import logging
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

# What the server logs of a mail is the server's own. A filter stays where another test sets up logging anew.
logging.getLogger("mail.log").addFilter(lambda _record: False)


class MailServer(Controller):
    """
    Takes mails, and keeps them in `mails`, and the last one's octets in `raw`.

    *answers* are given to the next recipients, one each, and then 250.

    Use it in a `with`; its *port* is free.
    """

    def __init__(self, *answers, data=None, user=None, **options):
        self.mails = []
        self.raw = b""
        self.answers = list(answers)
        self.data = data
        if user is not None:
            options |= {"auth_required": True, "authenticator": lambda *given: self._known(given[-1], user)}
        super().__init__(self, hostname="127.0.0.1", port=0, ready_timeout=20, **options)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def _known(self, given, user):
        known = (given.login, given.password) == tuple(each.encode() for each in user)
        return AuthResult(success=known, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802, D102  # aiosmtpd calls it so
        answer = self.answers.pop(0) if self.answers else "250 fine"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, D102  # aiosmtpd calls it so
        if self.data is not None:
            return self.data
        self.raw = envelope.content
        self.mails.append(message_from_bytes(self.raw, policy=default))
        return "250 taken"

    @property
    def marks(self):
        """
        The Message-IDs of what arrived, in order.
        """
        return [mail["Message-ID"] for mail in self.mails]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


@contextmanager
def misbehaving(answer):
    """
    Lend the port of a server that does *answer(connection)* with each connection, and says nothing of itself.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = []

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                held.append(connection)
                with suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for each in held:
            each.close()


def says_nothing(connection):
    """
    Accept, and never answer.
    """


def resets(connection):
    """
    Reset the connection after the greeting.
    """
    connection.sendall(b"220 welcome\r\n")
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drips(connection):
    """
    Send a byte of a greeting that never ends, ten times a second.
    """
    while True:
        connection.sendall(b"2")
        time.sleep(0.1)
