"""
How fresh a sign-in must be before something weighty is done.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import field, frozen

from ..errors import InvalidConfiguration

# Long enough to read what erasing means and to decide, too short for a screen left open.
ERASE_WITHIN = timedelta(minutes=15)


def _within(value: timedelta | None) -> timedelta | None:
    if value is not None and value < timedelta(seconds=1):
        raise InvalidConfiguration("step_up", "a second or longer is expected, or None where no proof is needed")
    return value


@frozen(kw_only=True)
class StepUp:
    """
    How long ago an actor may have proved who they are, at most, when they ask for an export (*request*), get
    a link or bytes (*download*), or erase a person (*erase*). `None` asks for no proof (ASVS 7.5.3).

    A broken-off transfer that is taken up again is a download too: less than a session's life asks anew.
    """

    request: timedelta | None = field(default=None, converter=_within)
    download: timedelta | None = field(default=None, converter=_within)
    erase: timedelta | None = field(default=ERASE_WITHIN, converter=_within)
