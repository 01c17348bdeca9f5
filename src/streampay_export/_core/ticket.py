"""
What a link claims, and its exact spelling. Signing it is `ports.signing`'s affair.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen


class Purpose(StrEnum):
    """
    What a ticket is good for.
    """

    DOWNLOAD = "download"
    OPEN = "open"


@frozen(kw_only=True)
class Ticket:
    """
    The claims of a link: no subject in it. *expires_at* is UTC, whole seconds: the moment until
    which the download may *start*. *link_id* names the link's row in the job store.
    """

    job_id: str
    purpose: Purpose = field(converter=Purpose)
    link_id: str
    expires_at: datetime
