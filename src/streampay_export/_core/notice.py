"""
What must accompany a copy of personal data (GDPR Art. 15(1)-(2)).
"""

from __future__ import annotations

from attrs import asdict, fields, frozen

from ..errors import InvalidConfiguration


@frozen(kw_only=True)
class ProcessingNotice:
    """
    The ten parts of the notice, each in the application's own words and language, none empty.
    """

    controller: str
    contact: str
    purposes: str
    recipients: str
    retention: str
    rights: str
    complaint: str
    source: str
    automated_decisions: str
    transfers: str

    def __attrs_post_init__(self) -> None:
        for part, text in asdict(self).items():
            if not isinstance(text, str) or not text.strip():
                raise InvalidConfiguration(f"notice.{part}", "a non-empty text is required")


NOTICE_PARTS = tuple(a.name for a in fields(ProcessingNotice))
