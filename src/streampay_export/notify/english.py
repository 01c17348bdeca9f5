"""
The English letters: title and template of each.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._core.notification import Occasion

ENGLISH: Mapping[Occasion, tuple[str, str]] = {
    Occasion.ASKED: (
        "Somebody else asked for a copy of your data",
        """
A copy of your data was asked for
{% if capacity == "representative" %}by somebody who represents you{% else %}by our staff{% endif %}.

If you know of it, there is nothing to do. If you do not, tell us at once: a request can be stopped, and a link
can be taken back.
""",
    ),
    Occasion.READY: (
        "The copy of your data is ready",
        """
The copy of your data that was asked for is ready.
{% if completeness == "partial" %}Something could not be read and is missing from it; the copy says what.{% endif %}

{% if url %}Open it here, signed in as yourself:

{{ url }}

Nobody else can open it by this link.{% else %}Sign in, and you find it among your exports.{% endif %}

It is there until {{ until }}, and is deleted then. If nobody asked for a copy in your name, tell us.
""",
    ),
    Occasion.EXTENDED: (
        "The answer to your request takes longer",
        """
Your request for a copy of your data will be answered by {{ due }}.

It takes longer for this reason: {{ reason }}

You may complain about this to a data protection authority, or ask a court.
""",
    ),
    Occasion.REFUSED: (
        "Your request for a copy of your data was refused",
        """
Your request for a copy of your data was refused, for this reason: {{ reason }}

{{ remedies }}
""",
    ),
    Occasion.FAILED: (
        "The copy of your data could not be made",
        """
The copy of your data that was asked for could not be made: {{ reason }}

You can ask for it again. The time we have for an answer goes on from your first request.
""",
    ),
    Occasion.ERASED: (
        "Your data was erased",
        """
Your data was erased, and every copy that we had made of it. The number of your receipt is {{ receipt }}.

{% if retained %}The law keeps some of it for longer: {{ retained }}.{% endif %}

This is the last message about it: with it your address is erased from where it was kept to send this.
""",
    ),
}
