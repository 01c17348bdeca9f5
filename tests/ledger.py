"""
A made-up town that pays itself on a public ledger, and what StreamPay holds of it.

The ledger's view is what anybody can read; the tables are what an export reads.
"""

import hashlib
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import frozen

START = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS = 3
ASSETS = ["XLM"] * 16 + ["USDC:GCIRCLE"] * 3 + ["BEER:GPUB"]
STATUSES = ["active"] * 6 + ["ended"] * 3 + ["cancelled"]


@frozen(kw_only=True)
class Transaction:
    """
    What the public ledger says of one payment or of one stream's beginning.
    """

    hash: str
    sender: str
    receiver: str
    asset: str
    amount: str
    closed_at: str
    ledger: str
    contract: str
    status: str

    @property
    def month(self):
        """
        The month it closed in.
        """
        return self.closed_at[:7]


@frozen(kw_only=True)
class Town:
    """
    People's addresses; the ledger's payments and streams; StreamPay's tables.
    """

    people: list
    payments: list
    streams: list
    tables: dict


def town(seed, *, people=80, streams=2_000, payments=6_000):
    """
    A town in which everybody streams to everybody for three months; the first is the busiest.
    """
    draw = random.Random(seed)
    addresses = ["G" + _name(f"{seed} person {number}", 55) for number in range(people)]
    made, paid, tables = [], [], defaultdict(list)
    for number in range(streams):
        pair, at = _pair(draw, addresses), _instant(draw)
        stream = _transaction(draw, f"{seed} stream {number}", pair, at, status=draw.choice(STATUSES))
        made.append(stream)
        tables["streams"].append(_stream_row(number, stream, at))
        tables["events"] += _event_rows(number, stream, at)
    for number in range(payments):
        place = draw.randrange(streams)
        stream, at = made[place], _instant(draw)
        pair = (stream.sender, stream.receiver)
        payment = _transaction(draw, f"{seed} payment {number}", pair, at, stream=stream)
        paid.append(payment)
        tables["payouts"] += _payout_rows(number, place, payment, at)
    tables["users"] = [_user_row(address) for address in addresses]
    keys = {"streams": ("created_at", "id"), "payouts": ("requested_at", "id"), "events": ("timestamp", "id")}
    for name, key in keys.items():
        tables[name].sort(key=lambda row, key=key: tuple(row[column] for column in key))
    return Town(people=addresses, payments=paid, streams=made, tables=dict(tables))


def _pair(draw, addresses):
    first, second = draw.sample(addresses, 2)
    if draw.random() < 0.1:
        first = addresses[0] if second != addresses[0] else first
    return (first, second) if draw.random() < 0.5 else (second, first)


def _instant(draw):
    return START + timedelta(seconds=draw.randrange(MONTHS * 30 * 86_400))


def _transaction(draw, name, pair, at, *, status="", stream=None):
    # Log-uniform from 0.1 to 100,000, seven digits: most amounts occur once.
    amount = f"{10 ** draw.uniform(-1, 5):.7f}"
    return Transaction(
        hash=hashlib.sha256(name.encode()).hexdigest(),
        sender=pair[0],
        receiver=pair[1],
        asset=stream.asset if stream else draw.choice(ASSETS),
        amount=amount,
        closed_at=_spelled(at),
        ledger=str(50_000_000 + int((at - START).total_seconds()) // 5),
        contract=stream.contract if stream else "C" + _name(name, 55),
        status=status,
    )


def _stream_row(number, stream, at):
    return {
        "id": _uuid("stream", number),
        "payer": stream.sender,
        "recipient": stream.receiver,
        "status": stream.status,
        "token": stream.asset,
        "rate_per_second": "0.000100000",
        "total_amount": f"{stream.amount}00",
        "released_amount": stream.amount,
        "start_time": at,
        "created_at": at,
        "label": f"to {stream.receiver[:9]}",
        "off_chain_memo": f"for {stream.receiver}",
        "chain_id": "stellar:pubnet",
        "contract_address": stream.contract,
        "transaction_hash": stream.hash,
    }


def _event_rows(number, stream, at):
    for step, kind in enumerate(["stream.created", f"stream.{stream.status}"]):
        yield {
            "id": f"event-{number}-{step}",
            "type": kind,
            "stream_id": _uuid("stream", number),
            "timestamp": at + timedelta(minutes=step),
            "description": f"{stream.sender} and {stream.receiver}",
        }


def _payout_rows(number, place, payment, at):
    sides = (("out", payment.sender, payment.receiver), ("in", payment.receiver, payment.sender))
    for direction, person, other in sides:
        yield {
            "id": f"payout-{number}-{direction}",
            "wallet_address": person,
            "stream_id": _uuid("stream", place),
            "kind": "settlement",
            "direction": direction,
            "counterparty": other,
            "asset": payment.asset,
            "amount": payment.amount,
            "fee": "0.0000100",
            "state": "succeeded",
            "attempts": 1,
            "settlement_transaction_hash": payment.hash,
            "ledger": int(payment.ledger),
            "requested_at": at,
            "settled_at": at,
        }


def _user_row(address):
    return {"wallet_address": address, "email": f"{address[1:9].lower()}@example.org", "created_at": START}


def _spelled(at):
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _uuid(kind, number):
    return UUID(hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:32])


def _name(seed, length):
    return hashlib.sha512(seed.encode()).hexdigest().upper()[:length]
