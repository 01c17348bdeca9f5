"""Telling people: by what, where they are reached, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from .._core.notification import Letter, Notification, Occasion, Recipient
from .._core.party import Subject


class Notifier(Protocol):
    """
    Brings notifications to people. Thread-safe; every wait is bounded.

    It is called at least once for each, so perhaps twice, also by two processes: what it sends bears a mark
    made of (tenant, id) alone, such as a Message-ID, by which the second is known to be the first. It logs
    neither address nor letter nor URL.
    """

    def send(self, notification: Notification) -> None:
        """
        Send it, or hand it to who does; when this returns it is on its way.

        Raises `NotifierUnavailable` for what may pass: it is tried again, for about a day. Raises
        `RecipientRefused` for what will not: then it is never tried again, and nothing else changes by it.
        """


class Recipients(Protocol):
    """
    The application's address book. Asked when something is to be told, and the answer is not kept; only of
    who is erased it is kept, sealed, until they were told, as nobody knows it afterwards. Bound what it looks up.
    """

    def __call__(self, tenant: str, subject: Subject) -> Recipient | None:
        """
        Return where the person is reached, or `None` where nobody is to be told.

        Anything raised means that it is to be asked again later; only `InvalidRequest`, which a `Recipient`
        raises that is none, means never.
        """


class Wording(Protocol):
    """
    Finds the words. Pure and thread-safe.
    """

    def __call__(self, occasion: Occasion, language: str, facts: Mapping[str, str]) -> Letter:
        """
        Return the letter, in that language or else in another.

        *facts*, each possibly empty: `url`, `until`, `completeness` (ready); `due`, `reason` (extended);
        `reason`, `remedies` (refused); `reason` (failed); `capacity` (asked); `receipt`, `retained` (erased).
        Reasons are a person's own words: they are shown escaped. Nobody is named by any of them.
        """


@frozen(kw_only=True)
class Notify:
    """
    How a deployment tells people: without it, the default, it tells nobody anything.
    """

    notifier: Notifier
    recipients: Recipients
    wording: Wording
