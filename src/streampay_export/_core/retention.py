"""
How long what is kept is kept.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from ..errors import InvalidConfiguration

LONGEST = timedelta(days=7)
_DAY = timedelta(days=1)


@frozen(kw_only=True)
class Retention:
    """
    The periods of a deployment (GDPR Art. 5(1)(e)). What is not named here goes with what it belongs to.

    *exports* are ready files: at most a week, since the source still has what is in them.
    *jobs* are the rows of exports, from when one was finished, or its file expired, if that was later. They answer
    whoever asks what became of a request; by default half a year, as an answer may take three months
    (Art. 12(3)) and a complaint comes afterwards.
    *idempotency* are the keys of repeated requests, from when one was made: by default as long as a file, so that
    a repeated request gets the file it made. They go with their job at the latest.
    *audit* are entries of the trail, for whoever prunes it; `None`, the default, is until somebody decides, as
    what was pruned proves nothing any more (Art. 5(2)).

    Raises `InvalidConfiguration`.
    """

    exports: timedelta = LONGEST
    jobs: timedelta = timedelta(days=180)
    idempotency: timedelta = LONGEST
    audit: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if not timedelta(0) < self.exports <= LONGEST:
            raise InvalidConfiguration("retention.days", "an export is kept longer than 0 and at most 7 days")
        # A cooldown looks back as far.
        if self.jobs < _DAY:
            raise InvalidConfiguration(
                "retention.jobs_days", "what became of an export is kept for a day or longer"
            )
        if self.idempotency <= timedelta(0) or (self.audit is not None and self.audit <= timedelta(0)):
            raise InvalidConfiguration("retention", "a period is longer than 0")
