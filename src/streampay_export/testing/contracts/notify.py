"""
The contract of `ports.notify`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import pytest
from attrs import evolve

from ..._core.notification import Letter, Notification, Occasion, Recipient
from ...errors import NotifierUnavailable, RecipientRefused
from ...ports.notify import Notifier
from ..fakes import NOON

BOUNDED = 90.0
"""Seconds that one notification may take, whatever is down."""

SECRETS = ("ann.secret", "Ann Geheim", "ticket-of-ann", "words of the letter")


def make_notification(id: str = "job-1:ready", *, tenant: str = "default") -> Notification:
    """
    Return a notification whose parts are all filled in, with letters of several alphabets.
    """
    url = "https://shop.example/exports/job-1/open?ticket=ticket-of-ann"
    return Notification(
        id=id,
        tenant=tenant,
        job_id="job-1",
        occasion=Occasion.READY,
        recipient=Recipient("ann.secret@example.org", "Ann Geheim Ü", "de-AT"),
        letter=Letter(
            title="Grüße 你好",
            text=f"words of the letter: ä 你好 \U0001f600\n.\n{url}\n{'long ' * 400}\n",
            html=f'<!DOCTYPE html><p>words of the letter: ä</p><a href="{url}">{url}</a>',
        ),
        at=NOON,
        url=url,
    )


class NotifierContract:
    """
    What every `Notifier` keeps. Give four fixtures: *notifier*; *marks*, which returns the deduplication
    marks of what it brought so far, in order; *refusing*, of the same kind, whose far end will never take this
    recipient; *unreachable*, whose far end does not answer.
    """

    @pytest.fixture
    def notifier(self) -> Notifier:
        """
        The notifier under test.
        """
        raise NotImplementedError("give a fixture `notifier` that returns your notifier")

    @pytest.fixture
    def marks(self) -> Callable[[], Sequence[object]]:
        """
        What arrived so far.
        """
        raise NotImplementedError("give a fixture `marks` that returns a function: the marks that arrived so far")

    @pytest.fixture
    def refusing(self) -> Notifier:
        """
        A notifier whose far end refuses the recipient for good.
        """
        raise NotImplementedError("give a fixture `refusing` that returns a notifier which refuses for good")

    @pytest.fixture
    def unreachable(self) -> Notifier:
        """
        A notifier whose far end is away.
        """
        raise NotImplementedError("give a fixture `unreachable` that returns a notifier whose far end is away")

    def test_the_same_has_the_same_mark(self, notifier: Notifier, marks: Callable[[], Sequence[object]]) -> None:
        """
        Sent twice, also with another letter at another time, the mark is one; another tenant or id has another.
        """
        first = make_notification()
        again = evolve(first, letter=evolve(first.letter, text="other words"), url=None)
        others = make_notification("job-2:ready"), make_notification(tenant="elsewhere")
        for each in (first, again, *others):
            notifier.send(each)
        one, two, three, four = marks()

        assert one == two
        assert 3 == len({one, three, four})

    def test_a_refusal_is_for_good(self, refusing: Notifier) -> None:
        """
        It is a `RecipientRefused`, which no retry mends, and says nothing of the person.
        """
        with pytest.raises(RecipientRefused) as refused:
            refusing.send(make_notification())

        assert not refused.value.retry
        assert _tells_nothing(refused.value)

    def test_nobody_there_is_to_be_tried_again(self, unreachable: Notifier) -> None:
        """
        It is a `NotifierUnavailable`, in bounded time, and says nothing of the person.
        """
        began = time.monotonic()
        with pytest.raises(NotifierUnavailable) as away:
            unreachable.send(make_notification())

        assert time.monotonic() - began < BOUNDED
        assert away.value.retry
        assert _tells_nothing(away.value)

    def test_nothing_of_it_is_logged(self, notifier: Notifier, caplog: pytest.LogCaptureFixture) -> None:
        """
        Neither address nor name, letter, or URL, at any level.
        """
        with caplog.at_level(logging.DEBUG):
            notifier.send(make_notification())

        assert not [secret for secret in SECRETS if secret in caplog.text]


def _tells_nothing(error: Exception) -> bool:
    # What an error was raised from is in every traceback.
    told = f"{error} {error!r} {error.__cause__!r}"
    hidden = error.__suppress_context__ or error.__context__ is None
    return hidden and not [secret for secret in SECRETS if secret in told]
