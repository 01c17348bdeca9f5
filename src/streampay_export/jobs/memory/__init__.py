"""
The job store as an executable model: what `ports.jobs` says, in dicts. For tests, and to read.

It is divided as `ports.jobs` is.
"""

from __future__ import annotations

from .claims import MemoryClaims
from .deadlines import MemoryDeadlines
from .ends import MemoryEnds
from .erasures import MemoryErasures
from .keys import MemoryKeys
from .links import MemoryLinks
from .outbox import MemoryOutbox
from .parts import MemoryParts
from .requests import MemoryRequests


class MemoryJobStore(
    MemoryRequests,
    MemoryClaims,
    MemoryParts,
    MemoryDeadlines,
    MemoryEnds,
    MemoryKeys,
    MemoryLinks,
    MemoryErasures,
    MemoryOutbox,
):
    """
    Jobs and outbox of this process, gone with it. Thread-safe; nothing to close.

    *clock* is the store's clock: it returns aware instants in UTC.
    """
