"""
The lines of a trail in a file: `{"number":1,"link":"…","entry":{…}}`, in this one spelling.
"""

from __future__ import annotations

import json
import re

from .._core.chain import ChainedEntry
from .._core.trail import AuditEntry
from .._core.wire import read_entry

# The entry is taken as it stands: what its link was made over is bytes.
_LINE = re.compile(rb'\{"number":([1-9][0-9]{0,17}),"link":"([0-9a-f]{64})","entry":(\{.*\})\}\n')


def spell_link(link: ChainedEntry) -> bytes:
    """
    Return a link as one line, with its end.
    """
    return b'{"number":%d,"link":"%b","entry":%b}\n' % (link.number, link.link.hex().encode(), link.entry)


def read_link(line: bytes) -> ChainedEntry | None:
    """
    Return the link that a line holds, or `None` for anything `spell_link` would not write.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return ChainedEntry(number=int(found[1]), link=bytes.fromhex(found[2].decode()), entry=found[3])


def read_name(line: bytes) -> tuple[str, str] | None:
    """
    Return the tenant and id of a line's entry, or `None` where it has none.
    """
    try:
        form = json.loads(line)["entry"]
        return str(form["tenant"]), str(form["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def read_entry_of(line: bytes) -> AuditEntry:
    """
    Return the entry of a line. Raises `ValueError`, which quotes nothing.
    """
    link = read_link(line)
    if link is None:
        raise ValueError("this is no line of a trail")
    return read_entry(link.entry.decode("ascii"))
