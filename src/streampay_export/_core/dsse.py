"""
DSSE, the Dead Simple Signing Envelope (v1): bytes, their type, and signatures over both.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from attrs import frozen

from .signature import Signature

IN_TOTO = "application/vnd.in-toto+json"


@frozen(kw_only=True)
class Envelope:
    """
    A payload, its media type, and the signatures over their pre-authentication encoding.

    A signature's key id is a hint, not a proof.
    """

    payload_type: str = IN_TOTO
    payload: bytes
    signatures: tuple[Signature, ...]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """
    Return the bytes that are signed (PAE in the DSSE specification).
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def spell_envelope(envelope: Envelope) -> bytes:
    """
    Return the envelope's JSON form: one spelling for each envelope.
    """
    form = {
        "payloadType": envelope.payload_type,
        "payload": b64encode(envelope.payload).decode("ascii"),
        "signatures": [
            {"keyid": each.key_id, "sig": b64encode(each.value).decode("ascii")} for each in envelope.signatures
        ],
    }
    return (json.dumps(form, indent=2) + "\n").encode("ascii")


def read_envelope(data: bytes) -> Envelope:
    """
    Return the envelope of its JSON form, or raise `ValueError` for any but the one spelling.
    """
    try:
        form = json.loads(data)
        envelope = Envelope(
            payload_type=form["payloadType"],
            payload=b64decode(form["payload"], validate=True),
            signatures=tuple(
                Signature(key_id=each["keyid"], value=b64decode(each["sig"], validate=True))
                for each in form["signatures"]
            ),
        )
        spelled = spell_envelope(envelope)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        raise ValueError("it is no DSSE envelope") from None
    if spelled != data:
        raise ValueError("it is not in the one form in which envelopes are written here")
    return envelope
