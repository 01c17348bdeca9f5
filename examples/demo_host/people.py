"""
Made-up people and their made-up history, in an SQLite database of StreamPay's shape.

Every run makes the same rows; nobody in them exists.
"""

import base64
import hashlib
import json
import random
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from streampay_export import STREAMPAY, Subject

START = datetime.fromisoformat("2026-01-05T08:00:00.500000")
STREAMS = 60
SETTLEMENTS_A_STREAM = 25
MEMOS = ("Rent", 'She said "on time"', "first line\nsecond line", "merci 💸", "=1+1", "-5 %", "a;b,c", None)
INDEXES = (
    "users_wallet ON users (wallet_address)",
    "streams_id ON streams (id)",
    "streams_payer ON streams (payer, created_at, id)",
    "streams_recipient ON streams (recipient, created_at, id)",
    "payouts_wallet ON payouts (wallet_address, requested_at, id)",
    "events_stream ON events (stream_id, timestamp, id)",
)


def address(seed: str) -> str:
    """
    Return a text that looks like a Stellar address.
    """
    return "G" + base64.b32encode(hashlib.sha512(seed.encode()).digest())[:55].decode()


# Ada has two wallets; Fay has just signed up and has no history at all.
PEOPLE = {
    "ada": Subject("ada", (address("ada"), address("ada, her savings"))),
    **{name: Subject(name, (address(name),)) for name in ("bo", "chidi", "dana", "eve", "fay")},
}
ACTIVE = ("ada", "bo", "chidi", "dana", "eve")


def make_database(file: Path) -> None:
    """
    Make the database *file*.
    """
    rng = random.Random(131)
    streams = [_stream(rng, number) for number in range(STREAMS)]
    settlements = [_settlement(rng, each, n) for each in streams for n in range(SETTLEMENTS_A_STREAM)]
    with closing(sqlite3.connect(file)) as database, database:
        for dataset in STREAMPAY.datasets:
            # Amounts are text: as SQLite numbers they would be floats, and inexact.
            columns = (f'"{f.column}" {"INTEGER" if f.type == "integer" else "TEXT"}' for f in dataset.fields)
            database.execute(f'CREATE TABLE "{dataset.table}" ({", ".join(columns)})')
        _insert(database, "users", [row for person in PEOPLE.values() for row in _users(person)])
        _insert(database, "streams", streams)
        _insert(database, "payouts", [side for each in settlements for side in each])
        _insert(database, "events", [event for each in streams for event in _events(each)])
        for index in INDEXES:
            database.execute(f"CREATE INDEX {index}")


def _insert(database: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    columns = ", ".join(f'"{name}"' for name in rows[0])
    places = ", ".join("?" * len(rows[0]))
    database.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', [tuple(r.values()) for r in rows])


def _users(person: Subject) -> Iterable[dict[str, Any]]:
    for wallet in person.identifiers:
        yield {
            "wallet_address": wallet,
            "email": f"{person.id}@example.org",
            "display_name": person.id.capitalize(),
            "created_at": _text(START - timedelta(days=30)),
        }


def _stream(rng: random.Random, number: int) -> dict[str, Any]:
    payer, recipient = rng.sample(ACTIVE, 2)
    created_at = START + timedelta(hours=9 * number)
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "payer": rng.choice(PEOPLE[payer].identifiers),
        "recipient": rng.choice(PEOPLE[recipient].identifiers),
        "status": rng.choice(("active", "paused", "completed")),
        "token": "XLM" if number % 3 else f"USDC:{address('issuer')}",
        "rate_per_second": f"0.{rng.randrange(1, 10**6):09d}",
        "total_amount": f"{rng.randrange(10, 5000)}.000000000",
        "created_at": _text(created_at),
        "start_time": _text(created_at + timedelta(hours=1)),
        "label": rng.choice(("Salary", "Rent", "Studio", None)),
        "labels": json.dumps(["recurring"]),
        "off_chain_memo": rng.choice(MEMOS),
        "email": f"{recipient}@example.org",
        "metadata": json.dumps({"source": "mobile"}),
        "chain_id": "stellar:testnet",
        "transaction_hash": rng.randbytes(32).hex(),
    }


def _settlement(rng: random.Random, stream: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """
    Return both sides' records of one settlement.
    """
    requested_at = datetime.fromisoformat(stream["created_at"]) + timedelta(hours=2 + 6 * number)
    pending = number == SETTLEMENTS_A_STREAM - 1
    shared = {
        "stream_id": stream["id"],
        "kind": "settlement",
        "asset": stream["token"],
        "amount": f"{rng.randrange(1, 200)}.{rng.randrange(10**7):07d}",
        "fee": "0.0000100",
        "state": "pending" if pending else "succeeded",
        "attempts": 1,
        "settlement_transaction_hash": None if pending else rng.randbytes(32).hex(),
        "ledger": None if pending else 50_000_000 + rng.randrange(10**6),
        "requested_at": _text(requested_at),
        "settled_at": None if pending else _text(requested_at + timedelta(seconds=6)),
    }
    sides = (("out", stream["payer"], stream["recipient"]), ("in", stream["recipient"], stream["payer"]))
    return [
        {"id": f"{stream['id'][:8]}-{number}-{way}", "wallet_address": mine, "counterparty": theirs,
         "direction": way, **shared}
        for way, mine, theirs in sides
    ]  # fmt: skip


def _events(stream: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for number, kind in enumerate(("created", "funded", "started")):
        yield {
            "id": f"{stream['id'][:8]}-{number}",
            "type": f"stream.{kind}",
            "stream_id": stream["id"],
            "timestamp": _text(datetime.fromisoformat(stream["created_at"]) + timedelta(minutes=number)),
            "description": f"The stream was {kind}",
        }


def _text(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="microseconds")
