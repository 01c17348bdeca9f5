"""
Mail, by SMTP.
"""

from __future__ import annotations

import hashlib
import ipaddress
import smtplib
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from socket import SHUT_RDWR

from .._core.notification import Notification, Recipient
from ..errors import InvalidConfiguration, NotifierUnavailable, RecipientRefused

# Of each answer of the server, and of a whole delivery, in seconds.
TIMEOUT = 10.0
LONGEST = 60.0
# Seven bits pass every server, whatever it announces.
_POLICY = SMTP.clone(cte_type="7bit")


class Security(StrEnum):
    """
    How the connection is kept from others: TLS from its start, TLS by STARTTLS, or not at all.
    """

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


_PORTS: Mapping[Security, int] = {Security.TLS: 465, Security.STARTTLS: 587, Security.PLAIN: 25}
_PROBLEMS: Mapping[type[Exception], str] = {
    smtplib.SMTPAuthenticationError: "the mail server does not take this user and password",
    smtplib.SMTPSenderRefused: "the mail server does not take this sender",
    smtplib.SMTPNotSupportedError: "the mail server does not offer STARTTLS, or no way to sign in",
    ssl.SSLError: "the mail server's certificate does not hold, or it speaks no TLS there",
}


class SmtpNotifier:
    """
    Sends mails through one server, a connection for each. Thread-safe; nothing to close.

    *sender* is who they are from, and where they come back to. Without *security* it is STARTTLS, and plain
    only on loopback; the server's certificate is always checked, by *tls* if given. *timeout* bounds each
    answer and *longest* the whole, in seconds; how long a name's lookup takes the system says. Raises
    `InvalidConfiguration`, also for a password that would go in the clear.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        sender: Recipient,
        security: Security | str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout: float = TIMEOUT,
        longest: float = LONGEST,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        loopback = _is_loopback(host)
        if security is None:
            security = Security.PLAIN if loopback else Security.STARTTLS
        if security not in set(Security):
            raise InvalidConfiguration("mail.security", "write tls, starttls (the default) or plain")
        if (user is None) != (password is None):
            raise InvalidConfiguration("mail.user", "a user and a password are given together, or neither")
        if user is not None and security == Security.PLAIN and not loopback:
            raise InvalidConfiguration("mail.security", "a password is sent by tls or starttls only")
        self._security = Security(security)
        self._host, self._port = host, _PORTS[self._security] if port is None else port
        self._sender = sender
        self._login = None if user is None or password is None else (user, password)
        self._timeout, self._longest = timeout, longest
        self._tls = tls or ssl.create_default_context()

    def send(self, notification: Notification) -> None:
        """
        Send it; the server has taken it when this returns.
        """
        message = _message(notification, self._sender)
        with _translated(), self._connected() as server:
            server.send_message(message, self._sender.address, [notification.recipient.address])

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        # Said in EHLO; left out, it would be looked up, for as long as that takes.
        name = self._sender.address.partition("@")[2]
        server = (
            smtplib.SMTP_SSL(local_hostname=name, timeout=self._timeout, context=self._tls)
            if self._security is Security.TLS
            else smtplib.SMTP(local_hostname=name, timeout=self._timeout)
        )
        server._host = self._host  # type: ignore[attr-defined]  # noqa: SLF001  # it sets it only when it connects at once
        # A server that sends a byte now and then keeps within every timeout for ever.
        watch = threading.Timer(self._longest, _hang_up, [server])
        watch.daemon = True
        watch.start()
        try:
            server.connect(self._host, self._port)
            if self._security is Security.STARTTLS:
                server.starttls(context=self._tls)
            if self._login is not None:
                server.login(*self._login)
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()  # it has the mail, whatever it says now
        finally:
            watch.cancel()
            server.close()


def _message(notification: Notification, sender: Recipient) -> EmailMessage:
    recipient, letter = notification.recipient, notification.letter
    mark = hashlib.sha256(f"{notification.tenant}\n{notification.id}".encode()).hexdigest()[:32]
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = Address(recipient.name, addr_spec=recipient.address)
    message["Subject"] = letter.title
    message["Date"] = notification.at
    message["Message-ID"] = f"<{mark}@{sender.address.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


@contextmanager
def _translated() -> Iterator[None]:
    """
    Tell what may pass from what will not. The server's words are left out: they quote the address.
    """
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        ((code, _),) = error.recipients.values()
        raise _refusal("recipient", code) from None
    except smtplib.SMTPDataError as error:
        raise _refusal("mail", error.smtp_code) from None
    except (smtplib.SMTPException, OSError) as error:
        known = (problem for kind, problem in _PROBLEMS.items() if isinstance(error, kind))
        raise NotifierUnavailable(
            next(known, "the mail server cannot be reached, did not answer in time, or hung up")
        ) from None


def _refusal(what: str, code: int) -> NotifierUnavailable | RecipientRefused:
    if 500 <= code < 600:
        return RecipientRefused(f"the mail server refused the {what} ({code})")
    return NotifierUnavailable(f"the mail server does not take this {what} now ({code})")


def _hang_up(server: smtplib.SMTP) -> None:
    connection = server.sock
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(SHUT_RDWR)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
