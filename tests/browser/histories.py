"""
Made-up StreamPay histories, exported by a real deployment: empty, tiny, ordinary, partial, huge, hostile.

A page that folds more out of the rows than today's gets what it folds from here, with nothing to change.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from attrs import evolve

from streampay_export import STREAMPAY, STREAMPAY_POLICIES, Actor, Catalog, Policies, ProcessingNotice, Subject
from streampay_export._core.notice import NOTICE_PARTS
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON

ME = "GADA" + "A2" * 26
OTHERS = [f"G{name}" + "B7" * 26 for name in ("BOB", "CHI", "DAN")]
XLM, USDC = "XLM", "USDC:GISSUER" + "X5" * 24 + "C"
MEMOS = ("Rent, January", "merci beaucoup 💸", "naïve café; Zürich", None, 'She said "on time", twice', "")
NOTICE = ProcessingNotice(
    controller="StreamPay Demo, 1 Example Street",
    contact="privacy@example.org",
    purposes="Streaming payments between people, and keeping the books the law asks for.",
    recipients="The other side of each payment; the public Stellar ledger.",
    retention="Payments: seven years. Everything else: until the account is deleted.",
    rights="Access, rectification, erasure, restriction, portability, objection.",
    complaint="Your data protection authority.",
    source="You, the other side of your payments, and the Stellar ledger.",
    automated_decisions="None.",
    transfers="The Stellar ledger is public and kept all over the world.",
)
STATES = ("active", "active", "paused", "ended", "withdrawn", "completed", "cancelled", "draft")

Tables = dict[str, list[dict[str, object]]]


def bundle_of(tables: Tables, *, subject: str = ME, **changes: Any) -> bytes:
    """
    Ask a deployment for everything about *subject*, and download it. *changes* are of its wiring.
    """
    settings = {"catalog": STREAMPAY, "policies": STREAMPAY_POLICIES, "notice": NOTICE} | changes
    house = MemoryDeployment(tables, **settings)
    actor = Actor(id=subject)
    job_id = house.service.request(actor, Subject(subject)).export.id
    house.worker.work()
    link = house.service.link(actor, job_id)
    return b"".join(house.service.open(actor, job_id, link.url.partition("ticket=")[2]).read())


def tables(
    *,
    streams: int,
    payouts: int,
    days: int = 400,
    assets: Sequence[str] = (XLM, USDC),
    memos: Sequence[str | None] = MEMOS,
    me: str = ME,
    hostile: str = "",
) -> Tables:
    """
    Return the tables of one person's history. With *hostile* it stands in every text that is free.
    """
    began = NOON - timedelta(days=days)
    every = _filler(hostile)
    made = [
        every(
            "streams",
            {
                "id": str(UUID(int=number + 1, version=4)),
                "created_at": began + timedelta(days=days) * number / max(streams, 1),
                "start_time": began,
                "payer": me if number % 3 else _other(number, hostile),
                "recipient": _other(number, hostile) if number % 3 else me,
                "status": hostile or STATES[number % len(STATES)],
                "token": assets[number % len(assets)],
                **_amounts(cancelled=number % len(STATES) == 6),
                "label": hostile or f"Stream {number + 1}",
                "labels": '["rent"]',
                "off_chain_memo": memos[number % len(memos)],
            },
        )
        for number in range(streams)
    ]
    paid = [
        every(
            "payouts",
            {
                "id": f"payout-{number:09d}",
                "wallet_address": me,
                "stream_id": made[number % len(made)]["id"],
                "kind": hostile or ("settlement", "withdrawal", "refund")[number % 3],
                "direction": "in" if number % 5 < 2 else "out",
                "counterparty": _other(number, hostile),
                "asset": assets[number % len(assets)],
                "amount": f"{number % 970 + 1}.{number * 7919 % 10_000_000:07d}",
                "fee": "0.0000100",
                "state": hostile or ("pending" if number % 97 == 5 else "succeeded"),
                "attempts": 1,
                "ledger": 50_000_000 + number,
                "requested_at": began + timedelta(days=days) * number / payouts,
                "settled_at": began + timedelta(days=days) * number / payouts + timedelta(seconds=6),
            },
        )
        for number in range(payouts)
    ]
    account = {"wallet_address": me, "email": "ada@example.org", "display_name": "Ada 🌊", "created_at": began}
    return {
        "users": [every("account", account)] if streams or payouts else [],
        "streams": made,
        "payouts": paid,
        "events": [
            every(
                "events",
                {
                    "id": f"event-{number:06d}",
                    "type": hostile or "stream.created",
                    "stream_id": stream["id"],
                    "timestamp": stream["created_at"],
                    "description": hostile or "The stream was made",
                },
            )
            for number, stream in enumerate(made)
        ],
    }


def empty() -> bytes:
    """
    Somebody who never did anything.
    """
    return bundle_of(tables(streams=0, payouts=0))


def tiny() -> bytes:
    """
    One stream and three payouts within a week.
    """
    return bundle_of(tables(streams=1, payouts=3, days=6))


def ordinary() -> bytes:
    """
    Four hundred days, a dozen streams in every state, two assets.
    """
    return bundle_of(tables(streams=12, payouts=480))


def partial() -> bytes:
    """
    The ordinary one, whose events cannot be read: one of them has no time.
    """
    broken = tables(streams=12, payouts=480)
    broken["events"][-1]["timestamp"] = None
    return bundle_of(broken, allow_partial=True)


def huge(*, payouts: int = 60_000) -> bytes:
    """
    Fifteen years, 2,000 streams, 41 assets.
    """
    assets = (XLM, *(f"TOK{number}:GISSUER" + "X5" * 24 + "C" for number in range(40)))
    return bundle_of(tables(streams=2_000, payouts=payouts, days=15 * 365, assets=assets))


def hostile(text: str) -> bytes:
    """
    A history whose texts are all *text*: rows, catalog, policy, notice, and as far as allowed the person's id.
    """
    me = "".join(filter(str.isprintable, text))[-500:]
    return bundle_of(
        tables(streams=8, payouts=24, assets=(text, XLM), memos=(text,), me=me, hostile=text),
        subject=me,
        notice=ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, text)),
        **hostile_settings(text),
    )


def hostile_settings(text: str) -> dict[str, Any]:
    """
    StreamPay's catalog and its policy for oneself, with *text* for every description, category and reason.
    """
    datasets = [
        evolve(
            each,
            description=text,
            fields=[evolve(field, description=text, category=text) for field in each.fields],
        )
        for each in STREAMPAY.datasets
    ]
    policy = STREAMPAY_POLICIES.profile("self")
    rules = {
        name: {field: evolve(rule, reason=text) for field, rule in by_field.items()}
        for name, by_field in policy.rules.items()
    }
    return {
        "catalog": Catalog(datasets, timezone=STREAMPAY.timezone),
        "policies": Policies.of(evolve(policy, rules=rules)),
    }


HISTORIES: Mapping[str, Callable[[], bytes]] = {
    "empty": empty,
    "tiny": tiny,
    "ordinary": ordinary,
    "partial": partial,
    "huge": huge,
}


def _other(number: int, hostile: str) -> str:
    return hostile or OTHERS[number % len(OTHERS)]


def _amounts(*, cancelled: bool) -> dict[str, object]:
    return {
        "rate_per_second": "0.000012500",
        "total_amount": "1000.000000000",
        "vested_amount": "640.5",
        "released_amount": "600.25",
        "cancellation_recipient_payout": "40.25" if cancelled else None,
        "cancellation_sender_refund": "359.5" if cancelled else None,
        "cancellation_total": "1000" if cancelled else None,
        "cancellation_already_released": "600.25" if cancelled else None,
    }


def _filler(text: str) -> Callable[[str, dict[str, object]], dict[str, object]]:
    """
    Return what gives a row every column of its dataset: *text* where it is text, else NULL.
    """
    blank = {
        dataset.name: {each.column: (text or None) if each.type == "text" else None for each in dataset.fields}
        for dataset in STREAMPAY.datasets
    }
    return lambda dataset, row: blank[dataset] | row
