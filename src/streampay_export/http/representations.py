"""
The JSON forms of exports, lists, links, policies and keys, as the HTTP contract has them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from attrs import Attribute, asdict

from .._core.export import Export
from .._core.lifecycle import State
from .._core.policy_listing import ListedField
from .._core.signature import PublicKey
from .._core.wire import spell_instant
from ..linking import Link
from ..service import ExportList

Form: TypeAlias = dict[str, Any]


def export_form(export: Export, *, prefix: str) -> Form:
    """
    Return an export; `links.links` takes POST and is there while there is a file to link to.
    """
    here = f"{prefix}/{export.id}"
    failure, extension = export.failure, export.extension
    return {
        "id": export.id,
        "state": export.state,
        "completeness": export.completeness,
        "profile": export.profile,
        "capacity": export.capacity,
        "received_at": spell_instant(export.received_at),
        "due_at": spell_instant(export.due_at),
        "extension": extension and {"reason": extension.reason, "at": spell_instant(extension.at)},
        "paused_at": _instant(export.paused_at),
        "as_of": _instant(export.as_of),
        "expires_at": _instant(export.expires_at),
        "formats": list(export.formats),
        "datasets": {
            each.name: {"state": each.state, "expected": each.expected, "written": each.written}
            for each in export.datasets
        },
        "progress": {"rows": export.rows, "total": export.total},
        "estimate": {"parts": export.parts, "seconds_left": export.seconds_left},
        "size": export.size,
        "sha256": export.sha256,
        "error": failure and asdict(failure, filter=_not_detail),
        "links": {"self": here, **({"links": f"{here}/links"} if export.state is State.READY else {})},
    }


def _not_detail(attribute: Attribute[Any], _: object) -> bool:
    return attribute.name != "detail"


def list_form(page: ExportList, *, prefix: str) -> Form:
    """
    Return one page of exports.
    """
    items = [export_form(each, prefix=prefix) for each in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


def link_form(link: Link) -> Form:
    """
    Return a download link.
    """
    return {"url": link.url, "expires_at": spell_instant(link.expires_at)}


def policy_form(profile: str, datasets: Mapping[str, Iterable[ListedField]]) -> Form:
    """
    Return what a profile does with each field, and why.
    """
    return {
        "profile": profile,
        "datasets": [
            {"name": name, "fields": [asdict(each) for each in fields]} for name, fields in datasets.items()
        ],
    }


def keys_form(keys: Iterable[PublicKey]) -> Form:
    """
    Return verification keys; `python -m streampay_export.verify --public-key` reads this form.
    """
    return {
        "keys": [
            {
                "key_id": key.key_id,
                "algorithm": "Ed25519",
                "public_key": base64.b64encode(key.raw).decode("ascii"),
                "state": key.state,
            }
            for key in keys
        ]
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else spell_instant(instant)
