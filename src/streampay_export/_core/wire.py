"""
JSON forms of the values that stores keep: one canonical spelling each, and back.

Keys sorted, no spaces, ASCII (so that no text can break a line or an encoding). Instants have six
fractional digits and `Z`, decimals no exponent, bytes are base64. Reading ignores keys it does not
know, so that during a rolling upgrade an older worker reads what a newer one wrote; anything else that
is not the form is a `ValueError`, which quotes nothing.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from cattrs import BaseValidationError, Converter

from .checkpoint import Checkpoint, SignedCheckpoint
from .dsse import pre_authentication_encoding
from .erasure import Tombstone
from .job import DatasetProgress
from .notification import Recipient
from .party import Subject
from .request import ExportRequest
from .trail import AuditEntry

CHECKPOINT = "application/vnd.streampay-export.audit-checkpoint+json"


def spell_instant(instant: datetime) -> str:
    """
    Return an aware instant as `2026-01-31T23:59:59.000000Z`: such texts sort as their instants do.
    """
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_instant(text: str) -> datetime:
    """
    Return the instant of a text with an offset, in UTC. Raises `ValueError` without one.
    """
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None:
        raise ValueError("an instant needs an offset from UTC, such as Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC the instant is before the year 1 or after 9999") from None


def spell_decimal(number: Decimal) -> str:
    """
    Return a decimal without exponent, digit for digit. Raises `ValueError` for NaN and infinity.
    """
    if not number.is_finite():
        raise ValueError("NaN and infinity are no amounts")
    return format(number, "f")


def _take_text(value: Any, kind: type[str]) -> str:
    # StrEnums are asked for here too, as they are texts.
    if not isinstance(value, str):
        raise TypeError("a text is asked for")
    return kind(value)


def _take_number(value: Any, _: type[int]) -> int:
    if type(value) is not int:
        raise TypeError("a whole number is asked for")
    return value


def _take_flag(value: Any, _: type[bool]) -> bool:
    if type(value) is not bool:
        raise TypeError("true or false is asked for")
    return value


def make_converter() -> Converter:
    """
    Return a new cattrs converter that knows our instants, decimals and bytes, and takes no text for a number.
    """
    converter = Converter()
    # As it comes, cattrs makes text of anything and a number of any text.
    converter.register_structure_hook(str, _take_text)
    converter.register_structure_hook(int, _take_number)
    converter.register_structure_hook(bool, _take_flag)
    converter.register_unstructure_hook(datetime, spell_instant)
    converter.register_structure_hook(datetime, lambda text, _: read_instant(text))
    converter.register_unstructure_hook(Decimal, spell_decimal)
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    converter.register_unstructure_hook(bytes, lambda octets: b64encode(octets).decode("ascii"))
    converter.register_structure_hook(bytes, lambda text, _: b64decode(text, validate=True))
    return converter


def canonical_json(form: Any) -> str:
    """
    Return ASCII JSON text of plain values: keys sorted, no spaces; NaN is a `ValueError`.
    """
    return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_json(text: str | bytes) -> Any:
    """
    Return what JSON text says. Raises `ValueError` also for an object that gives a name twice, as readers
    differ in which they take, and for nesting too deep to read.
    """
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("a name is given twice")
    return form


_CONVERTER = make_converter()
_Form = TypeVar("_Form")


def _read(text: str, form: type[_Form]) -> _Form:
    try:
        return _CONVERTER.structure(json.loads(text), form)
    except (BaseValidationError, ValueError, TypeError):
        raise ValueError(f"this is no JSON form of {form}") from None


def spell_request(request: ExportRequest) -> str:
    """
    Return an export request as JSON; equal requests have equal texts.
    """
    return canonical_json(_CONVERTER.unstructure(request))


def read_request(text: str) -> ExportRequest:
    """
    Return the request that `spell_request` wrote.
    """
    return _read(text, ExportRequest)


def spell_subject(subject: Subject) -> str:
    """
    Return a person's id and identifiers as JSON: what is sealed, and never stored in the clear.
    """
    return canonical_json(_CONVERTER.unstructure(subject))


def read_subject(text: str) -> Subject:
    """
    Return the person that `spell_subject` wrote.
    """
    return _read(text, Subject)


def spell_recipient(recipient: Recipient) -> str:
    """
    Return where a person is reached as JSON: what is sealed, and never stored in the clear.
    """
    return canonical_json(_CONVERTER.unstructure(recipient))


def read_recipient(text: str) -> Recipient:
    """
    Return the recipient that `spell_recipient` wrote.
    """
    return _read(text, Recipient)


def spell_progress(datasets: Sequence[DatasetProgress]) -> str:
    """
    Return the progress of all datasets as one JSON array.
    """
    return canonical_json(_CONVERTER.unstructure(tuple(datasets)))


def read_progress(text: str) -> tuple[DatasetProgress, ...]:
    """
    Return the progress that `spell_progress` wrote.
    """
    return _read(text, tuple[DatasetProgress, ...])


def spell_entry(entry: AuditEntry) -> str:
    """
    Return an audit entry as one line of JSON, without its line end.
    """
    return canonical_json(_CONVERTER.unstructure(entry))


def read_entry(text: str) -> AuditEntry:
    """
    Return the entry that `spell_entry` wrote.
    """
    return _read(text, AuditEntry)


def checkpoint_to_sign(checkpoint: Checkpoint) -> bytes:
    """
    Return what of a checkpoint is signed: as DSSE does it, so that it can be taken for nothing else.
    """
    return pre_authentication_encoding(CHECKPOINT, canonical_json(_CONVERTER.unstructure(checkpoint)).encode())


def spell_checkpoint(signed: SignedCheckpoint) -> str:
    """
    Return a signed checkpoint as one line of JSON, without its line end.
    """
    return canonical_json(_CONVERTER.unstructure(signed))


def read_checkpoint(text: str) -> SignedCheckpoint:
    """
    Return the checkpoint that `spell_checkpoint` wrote; whether it is genuine, its signature says.
    """
    return _read(text, SignedCheckpoint)


def spell_tombstone(tombstone: Tombstone) -> str:
    """
    Return a tombstone as one line of JSON, without its line end.
    """
    return canonical_json(_CONVERTER.unstructure(tombstone))


def read_tombstone(text: str) -> Tombstone:
    """
    Return the tombstone that `spell_tombstone` wrote.
    """
    return _read(text, Tombstone)
