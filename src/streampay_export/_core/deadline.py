"""
When an answer is due: within one month of receipt (GDPR Art. 12(3)).
"""

from __future__ import annotations

import calendar
from datetime import datetime


def one_month_after(received_at: datetime) -> datetime:
    """
    Return the same day and time of the next month, or that month's last day where it is shorter.

    This is how Regulation (EEC, Euratom) No 1182/71 Art. 3(2)(c) counts months; its move to the next
    working day is left out, so the date is never later than the law allows.
    """
    year, month = divmod(received_at.year * 12 + received_at.month, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return received_at.replace(year=year, month=month + 1, day=min(received_at.day, last))
