"""
Our notifiers keep the contract of the port, and the contract catches notifiers that do not.
"""

import logging
import socket

import pytest
from tests.mail_server import MailServer

from streampay_export._core.notification import Recipient
from streampay_export.errors import NotifierUnavailable, RecipientRefused
from streampay_export.notify.smtp import SmtpNotifier
from streampay_export.testing.contracts import notify
from streampay_export.testing.contracts.notify import NotifierContract
from streampay_export.testing.fakes import RecordingNotifier

SHOP = Recipient("privacy@shop.example", "Shop")


class TestRecordingNotifier(NotifierContract):
    @pytest.fixture
    def notifier(self):
        """
        The fake.
        """
        return RecordingNotifier()

    @pytest.fixture
    def marks(self, notifier):
        """
        What it remembers.
        """
        return lambda: [(each.tenant, each.id) for each in notifier.sent]

    @pytest.fixture
    def refusing(self):
        """
        One told to refuse.
        """
        return RecordingNotifier(RecipientRefused("it was told to"))

    @pytest.fixture
    def unreachable(self):
        """
        One told to be away.
        """
        return RecordingNotifier(NotifierUnavailable("it was told to be away"))


class TestSmtp(NotifierContract):
    @pytest.fixture
    def server(self):
        """
        A mail server that takes everything.
        """
        with MailServer() as server:
            yield server

    @pytest.fixture
    def notifier(self, server):
        """
        Plain, as it is on loopback.
        """
        return SmtpNotifier("127.0.0.1", server.port, sender=SHOP)

    @pytest.fixture
    def marks(self, server):
        """
        The Message-IDs that arrived.
        """
        return lambda: server.marks

    @pytest.fixture
    def refusing(self):
        """
        The server knows no such person, and quotes the address.
        """
        with MailServer("550 no ann.secret@example.org here") as server:
            yield SmtpNotifier("127.0.0.1", server.port, sender=SHOP)

    @pytest.fixture
    def unreachable(self):
        """
        Nobody listens there.
        """
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return SmtpNotifier("127.0.0.1", port, sender=SHOP)


class _SaysTooMuch(RecordingNotifier):
    def send(self, notification):
        logging.getLogger("host").debug("to %s", notification.recipient.address)
        try:
            super().send(notification)
        except RecipientRefused as error:
            raise NotifierUnavailable(notification.recipient.address) from error


@pytest.mark.parametrize("law", ["test_a_refusal_is_for_good", "test_nobody_there_is_to_be_tried_again"])
def test_the_contract_notices_errors_that_say_too_much(law):
    """
    An address in an error, or a refusal that passes for an outage, breaks it.
    """
    with pytest.raises((AssertionError, NotifierUnavailable)):
        getattr(NotifierContract(), law)(_SaysTooMuch(RecipientRefused("no")))


def test_the_contract_notices_marks_that_differ():
    """
    A mark of the letter or the moment, and not of tenant and id, breaks it.
    """
    careless = RecordingNotifier()
    with pytest.raises(AssertionError):
        NotifierContract().test_the_same_has_the_same_mark(
            careless, lambda: [each.letter for each in careless.sent]
        )


def test_the_contract_notices_what_is_logged(caplog):
    """
    An address in the log breaks it, at any level.
    """
    with pytest.raises(AssertionError):
        NotifierContract().test_nothing_of_it_is_logged(_SaysTooMuch(), caplog)


def test_the_contract_notices_who_waits_for_ever(monkeypatch):
    """
    A notifier that takes longer than it may breaks it.
    """
    monkeypatch.setattr(notify, "BOUNDED", 0)
    with pytest.raises(AssertionError):
        NotifierContract().test_nobody_there_is_to_be_tried_again(RecordingNotifier(NotifierUnavailable("away")))
