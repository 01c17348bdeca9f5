"""
A made-up StreamPay database: five people who pay each other, and text that makes careless exports break.

Every run makes the same rows; nobody in them exists.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

from attrs import frozen

from .._core.streampay import STREAMPAY

NAMES = ("Ada", "Bo", "Chidi", "Dana", "Eve")
PAYOUTS_EACH_WAY = 13_000
"""Settlements of Ada's, so many out and so many in."""
START = datetime.fromisoformat("2025-01-01T08:00:00.250000")  # without a zone, as StreamPay stores times
MEMOS = (
    "Rent, January",
    'She said "on time", twice',
    "first line\nsecond line\r\nthird line",
    "merci beaucoup 💸🎉",
    '=HYPERLINK("http://example.invalid";"click")',
    "+1 for the gig",
    "-5 % discount",
    "@everyone",
    "naïve café; Zürich",
    "",
    None,
)


@frozen(kw_only=True)
class Person:
    """
    A made-up person and their made-up Stellar address.
    """

    name: str
    wallet: str


@frozen(kw_only=True)
class Stream:
    """
    A made-up stream between two of them.
    """

    id: str
    payer: Person
    recipient: Person
    token: str
    created_at: datetime


def people() -> tuple[Person, ...]:
    """
    Return everybody; the first is whom the demo is about.
    """
    return tuple(Person(name=name, wallet=_address(name)) for name in NAMES)


def make_database(file: Path) -> None:
    """
    Make the SQLite database *file*, with the indexes that keep every page of an export flat.
    """
    everybody = people()
    streams = list(_streams(everybody))
    with closing(sqlite3.connect(file)) as database, database:
        for dataset in STREAMPAY.datasets:
            # Amounts are text: as SQLite numbers they would be floats, and inexact.
            columns = {each.column: "INTEGER" if each.type == "integer" else "TEXT" for each in dataset.fields}
            columns |= {name: f"{columns[name]} NOT NULL" for name in dataset.key}
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            database.execute(f'CREATE TABLE "{dataset.table}" ({listed}, PRIMARY KEY ("{dataset.key[-1]}"))')
        _fill(database, "users", _users(everybody))
        _fill(database, "streams", map(_stream_row, streams, cycle(MEMOS)))
        _fill(database, "payouts", _payouts(everybody[0], streams))
        _fill(database, "events", _events(streams))
        for index in (
            "streams_payer ON streams (payer, created_at, id)",
            "streams_recipient ON streams (recipient, created_at, id)",
            "payouts_wallet ON payouts (wallet_address, requested_at, id)",
            "events_stream ON events (stream_id, timestamp, id)",
        ):
            database.execute(f"CREATE INDEX {index}")


def _fill(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, object]]) -> None:
    first = next(rows)
    columns = ", ".join(f'"{name}"' for name in first)
    insert = f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join("?" * len(first))})'  # noqa: S608 — our own names
    database.execute(insert, tuple(first.values()))
    database.executemany(insert, (tuple(row.values()) for row in rows))


def _users(everybody: tuple[Person, ...]) -> Iterator[dict[str, object]]:
    for place, person in enumerate(everybody):
        yield {
            "wallet_address": person.wallet,
            "email": f"{person.name.lower()}@example.org",
            "display_name": f"{person.name} 🌊",
            "avatar_url": f"https://example.org/{person.name.lower()}.png",
            "created_at": _text(START - timedelta(days=30 - place)),
            "last_seen": _text(START + timedelta(days=300)),
        }


def _streams(everybody: tuple[Person, ...]) -> Iterator[Stream]:
    pairs = [(payer, recipient) for payer in everybody for recipient in everybody if payer is not recipient]
    for number, (payer, recipient) in enumerate(pairs * 3):
        yield Stream(
            id=str(uuid.UUID(bytes=_bytes(f"stream {number}")[:16], version=4)),
            payer=payer,
            recipient=recipient,
            token="XLM" if number % 3 else f"USDC:{_address('issuer')}",
            created_at=START + timedelta(hours=5 * number),
        )


def _stream_row(stream: Stream, memo: str | None) -> dict[str, object]:
    cancelled = _bytes(stream.id)[0] % 4 == 0
    return {
        "id": stream.id,
        "payer": stream.payer.wallet,
        "recipient": stream.recipient.wallet,
        "status": "cancelled" if cancelled else "active",
        "token": stream.token,
        "rate_per_second": "0.000012500",
        "total_amount": "1000.000000000",
        "vested_amount": "640.5",
        "released_amount": "600.25",
        "schedule": "linear",
        "start_time": _text(stream.created_at),
        "created_at": _text(stream.created_at),
        "updated_at": _text(stream.created_at + timedelta(days=1)),
        "label": f"{stream.payer.name} to {stream.recipient.name}",
        "labels": '["demo", "made up"]',
        "off_chain_memo": memo,
        "email": f"{stream.recipient.name.lower()}@example.org",
        "partner_id": f"partner-{stream.recipient.name}",
        "metadata": '{"note": "unclassified: never exported"}',
        "chain_id": "stellar:testnet",
        "contract_address": _address(f"contract {stream.id}", "C"),
        "transaction_hash": _bytes(f"tx {stream.id}").hex(),
        "cancellation_recipient_payout": "40.25" if cancelled else None,
        "cancellation_sender_refund": "359.5" if cancelled else None,
        "cancellation_total": "1000" if cancelled else None,
        "cancellation_already_released": "600.25" if cancelled else None,
    }


def _payouts(about: Person, streams: list[Stream]) -> Iterator[dict[str, object]]:
    """
    Yield one record a side, as StreamPay keeps them: what one pays is what the other one gets.
    """
    out = [stream for stream in streams if stream.payer is about]
    into = [stream for stream in streams if stream.recipient is about]
    others = [stream for stream in streams if about not in {stream.payer, stream.recipient}]
    for number in range(PAYOUTS_EACH_WAY):
        for stream in (out[number % len(out)], into[number % len(into)]):
            yield from _settlement(number, stream)
        if number % 10 == 0:
            yield from _settlement(number, others[number // 10 % len(others)])


def _settlement(number: int, stream: Stream) -> Iterator[dict[str, object]]:
    at = START + timedelta(minutes=17 * number)
    pending = number % 997 == 5
    sides = (("out", stream.payer, stream.recipient), ("in", stream.recipient, stream.payer))
    for direction, person, other in sides:
        yield {
            "id": f"{stream.id[:8]}-{number:06}-{direction}",
            "wallet_address": person.wallet,
            "stream_id": stream.id,
            "kind": "settlement",
            "direction": direction,
            "counterparty": other.wallet,
            "asset": stream.token,
            "amount": f"{number % 90 + 1}.{number % 10_000_000:07}",
            "fee": "0.0000100" if direction == "out" else "0.0000000",
            "state": "pending" if pending else "succeeded",
            "attempts": 1 + (number % 50 == 0),
            "ledger": None if pending else 50_000_000 + number,
            "requested_at": _text(at),
            "settled_at": None if pending else _text(at + timedelta(seconds=6)),
        }


def _events(streams: list[Stream]) -> Iterator[dict[str, object]]:
    for stream in streams:
        for step, kind in enumerate(("stream.created", "stream.started", "stream.settled")):
            yield {
                "id": f"{stream.id}-{step}",
                "type": kind,
                "stream_id": stream.id,
                "timestamp": _text(stream.created_at + timedelta(minutes=step)),
                "description": f"{stream.payer.name} and {stream.recipient.name}: {kind}",
            }


def _text(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="microseconds")


def _bytes(seed: str) -> bytes:
    return hashlib.sha256(seed.encode()).digest()


def _address(seed: str, kind: str = "G") -> str:
    return kind + base64.b32encode(_bytes(seed) + _bytes(seed + "!")).decode("ascii")[:55]
