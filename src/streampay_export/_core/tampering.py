"""
What was done to a chain at the place where it does not hold.

The place is certain. What was done there is read from how the entries behind it still fit together, by
trying; where that tells nothing, the answer is the plain one, that the entry was edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from attrs import frozen

from .chain import ChainedEntry, Head, Mac, next_link

# So many entries behind the place are looked at: it bounds the work that a tampered trail can make.
LOOK_AHEAD = 500


class Tampering(StrEnum):
    """
    The ways of changing a trail that a chain and its checkpoints show.
    """

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT = "cut"
    REGROWN = "cut and regrown"
    REPLACED = "replaced whole"


_SENTENCES = {
    Tampering.EDITED: "what stands there is not what was recorded",
    Tampering.DELETED: "what was recorded there is gone",
    Tampering.INSERTED: "what stands there was never recorded there",
    Tampering.REORDERED: "what was recorded there stands further on",
    Tampering.CUT: "the end is gone; a checkpoint shows that it was there",
    Tampering.REGROWN: "a checkpoint covers other entries than stand there",
    Tampering.REPLACED: "nothing there is what was recorded (are these the deployment's keys?)",
}


@frozen(kw_only=True)
class Finding:
    """
    What is wrong, at the numbers *first* to *last*: one, unless entries are missing, or (cut and
    regrown, replaced whole) only checkpoints tell, which stand apart.
    """

    kind: Tampering
    first: int
    last: int

    def __str__(self) -> str:
        where = f"number {self.first}" if self.first == self.last else f"numbers {self.first} to {self.last}"
        return f"{where}: {self.kind}: {_SENTENCES[self.kind]}"


def what_was_done(mac: Mac, head: Head, behind: Sequence[ChainedEntry]) -> Finding:
    """
    Say what is wrong with the first of *behind*, which stands behind *head* and does not follow it.
    """
    number = head.number + 1
    found = _place_of_next(mac, head, behind, range(len(behind)))
    if found:
        moved = _fits_further_on(mac, head, behind, found)
        return Finding(kind=Tampering.REORDERED if moved else Tampering.INSERTED, first=number, last=number)
    missing = 0 if found == 0 else _missing(mac, number, behind)
    if missing:
        return Finding(kind=Tampering.DELETED, first=number, last=number + missing - 1)
    # Two entries that fit each other are what was recorded: only the key joins them.
    strange = len(behind) > 2 and not any(
        next_link(mac, a.link, number + n, b.entry) == b.link for n, (a, b) in enumerate(pairwise(behind), 1)
    )
    whole = number == 1 and found is None and strange
    return Finding(kind=Tampering.REPLACED if whole else Tampering.EDITED, first=number, last=number)


def _place_of_next(mac: Mac, head: Head, behind: Sequence[ChainedEntry], places: Sequence[int]) -> int | None:
    """
    Return where the entry stands that was recorded behind *head*; its link may have stayed elsewhere.
    """
    links = {each.link for each in behind}
    number = head.number + 1
    return next((n for n in places if next_link(mac, head.link, number, behind[n].entry) in links), None)


def _fits_further_on(mac: Mac, head: Head, behind: Sequence[ChainedEntry], found: int) -> bool:
    """
    Say whether one of the entries before place *found*, where the next one is, belongs behind it.
    """
    place: int | None = found
    while place is not None and place >= found:
        number = head.number + 1
        head = Head(number=number, link=next_link(mac, head.link, number, behind[place].entry))
        place = _place_of_next(mac, head, behind, [*range(place + 1, len(behind)), *range(found)])
    return place is not None


def _missing(mac: Mac, number: int, behind: Sequence[ChainedEntry]) -> int:
    """
    Return how many entries are missing before the first of *behind*, as the second shows.
    """
    first = behind[0]
    if len(behind) == 1:
        return max(first.number - number, 0)
    second = behind[1]
    gaps = (first.number - number, *range(1, LOOK_AHEAD))
    return next(
        (gap for gap in gaps if gap > 0 and _follows(mac, first.link, number + gap + 1, second)),
        0,
    )


def _follows(mac: Mac, link: bytes, number: int, entry: ChainedEntry) -> bool:
    return number < 1 << 63 and next_link(mac, link, number, entry.entry) == entry.link
