"""
Two people with entangled histories, and a third: each receives their own rows, and of the others only what their
own transactions say.
"""

import base64
import json
import sqlite3
from contextlib import closing
from uuid import NAMESPACE_URL, uuid5

import pytest
from tests.readers import csv_cells
from tests.spellings import found, members, readings, spellings

from streampay_export import STREAMPAY, STREAMPAY_POLICIES, Actor, Subject
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.testing.deployment import MemoryDeployment

PEOPLE = {name: "G" + (name.upper() * 40)[:55] for name in ("ann", "ben", "cyd")}
PROFILES = ["self", "portability", "portability_strict"]
PAIRS = [(payer, recipient) for payer in PEOPLE for recipient in PEOPLE if payer != recipient]
CSV, NDJSON, JSON = "csv", "ndjson", "json"


def secret(kind, name):
    """
    A text of one person's that nothing else contains.
    """
    return f"{kind}-of-{name}-{len(kind)}{len(name)}x"


def private(name):
    """
    What is a person's alone: their account, and what identifies them off the ledger.
    """
    return [
        f"{name}.private@{name}-mail.example",
        secret("partner", name),
        secret("display", name),
        f"https://pictures.example/{name}-face.png",
        f"2025-02-0{1 + list(PEOPLE).index(name)}",
    ]


def stream_id(payer, recipient):
    """
    The id of the stream between two people.
    """
    return str(uuid5(NAMESPACE_URL, f"{payer}-to-{recipient}"))


def unrelated(payer, recipient):
    """
    All that says something of one pair's stream and payments.
    """
    pair = f"{payer}-to-{recipient}"
    return [
        stream_id(payer, recipient),
        secret("memo", pair),
        secret("label", pair),
        secret("tag", pair),
        secret("hash", pair),
        secret("contract", pair),
        secret("event", pair),
        secret("told", pair),
        *(f"{pair}-payout-{side}" for side in ("out", "in")),
        secret("settlement", pair),
    ]


def rows():
    """
    Everybody pays everybody: streams, both sides' records of a payment, events, accounts.
    """
    for name, wallet in PEOPLE.items():
        email, _, display, picture, seen = private(name)
        yield (
            "users",
            {
                "wallet_address": wallet,
                "email": email,
                "display_name": display,
                "avatar_url": picture,
                "created_at": f"{seen} 10:00:00.000000",
                "last_seen": f"{seen} 11:00:00.000000",
            },
        )
    for number, (payer, recipient) in enumerate(PAIRS):
        pair, at = f"{payer}-to-{recipient}", f"2025-03-{number + 1:02} 12:00:00.000000"
        yield (
            "streams",
            {
                "id": stream_id(payer, recipient),
                "payer": PEOPLE[payer],
                "recipient": PEOPLE[recipient],
                "status": "active",
                "token": "XLM",
                "total_amount": f"{number + 1}.000000000",
                "created_at": at,
                "label": secret("label", pair),
                "labels": json.dumps([secret("tag", pair)]),
                "off_chain_memo": secret("memo", pair),
                # Given with the stream: the other side's, whichever side one is on.
                "email": private(recipient)[0] if number % 2 else private(payer)[0],
                "partner_id": private(payer)[1] if number % 2 else private(recipient)[1],
                "metadata": json.dumps({"of": [private(payer)[0], private(recipient)[0]]}),
                "contract_address": secret("contract", pair),
                "transaction_hash": secret("hash", pair),
            },
        )
        for side, mine, other in (("out", payer, recipient), ("in", recipient, payer)):
            yield (
                "payouts",
                {
                    "id": f"{pair}-payout-{side}",
                    "wallet_address": PEOPLE[mine],
                    "counterparty": PEOPLE[other],
                    "stream_id": stream_id(payer, recipient),
                    "direction": side,
                    "asset": "XLM",
                    "amount": f"{number + 1}.5",
                    "state": "succeeded",
                    "settlement_transaction_hash": secret("settlement", pair),
                    "requested_at": at,
                },
            )
        yield (
            "events",
            {
                "id": secret("event", pair),
                "type": "stream.created",
                "stream_id": stream_id(payer, recipient),
                "timestamp": at,
                "description": secret("told", pair),
            },
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """
    StreamPay's tables in SQLite, with everybody's rows in them.
    """
    file = tmp_path_factory.mktemp("entangled") / "streampay.db"
    with closing(sqlite3.connect(file)) as database, database:
        for dataset in STREAMPAY.datasets:
            columns = ", ".join(
                f'"{f.column}" TEXT{" NOT NULL" * (f.column in dataset.key)}' for f in dataset.fields
            )
            database.execute(f'CREATE TABLE "{dataset.table}" ({columns}, PRIMARY KEY ("{dataset.key[-1]}"))')
        for table, row in rows():
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values()))
    with SqlAlchemySource(f"sqlite:///{file}", timezone="UTC") as opened:
        yield opened


@pytest.fixture(scope="module")
def bundles(source):
    """
    The copies of two of them, in every profile of their own and every format.
    """
    house = MemoryDeployment(catalog=STREAMPAY, policies=STREAMPAY_POLICIES, source=source)
    return {(name, profile): _copy(house, name, profile) for name in ("ann", "ben") for profile in PROFILES}


def _copy(house, name, profile):
    actor = Actor(id=name)
    subject = Subject(name, (PEOPLE[name],))
    job_id = house.service.request(actor, subject, profile=profile, formats=[CSV, NDJSON, JSON]).export.id
    house.worker.work()
    ticket = house.service.link(actor, job_id).url.partition("ticket=")[2]
    return b"".join(house.service.open(actor, job_id, ticket).read())


COPIES = [(name, profile) for name in ("ann", "ben") for profile in PROFILES]


def ids_in(bundle, dataset, field):
    """
    The values of one field in a dataset's files, by format.
    """
    files = members(bundle)
    header, *cells = csv_cells(files[f"data/{dataset}.csv"].decode())
    place = [text for _, text in header].index(field)
    return {
        CSV: [row[place][1] for row in cells],
        NDJSON: [json.loads(line)[field] for line in files[f"data/{dataset}.ndjson"].splitlines()],
        JSON: [row[field] for row in json.loads(files[f"data/{dataset}.json"])],
    }


@pytest.mark.parametrize(("name", "profile"), COPIES)
def test_every_row_of_ones_own_is_there_exactly_once(bundles, name, profile):
    """
    As payer and as recipient, in every format; under codes where the profile gives codes for identifiers.
    """
    mine = [(payer, recipient) for payer, recipient in PAIRS if name in {payer, recipient}]
    side = {pair: "out" if pair[0] == name else "in" for pair in mine}
    expected = {
        ("account", "wallet_address"): [PEOPLE[name]],
        ("streams", "id"): [stream_id(*pair) for pair in mine],
        ("payouts", "id"): [f"{payer}-to-{recipient}-payout-{side[payer, recipient]}" for payer, recipient in mine],
        ("events", "id"): [secret("event", f"{payer}-to-{recipient}") for payer, recipient in mine],
    }
    for (dataset, field), ids in expected.items():
        for values in ids_in(bundles[name, profile], dataset, field).values():
            if profile == "portability_strict":
                assert len(ids) == len(values) == len(set(values))
                assert all(value.startswith("p-") for value in values)
            else:
                assert ids == values


@pytest.mark.parametrize(("name", "profile"), COPIES)
def test_nothing_of_the_others_is_anywhere(bundles, name, profile):
    """
    No e-mail, partner id or account of another person, and no row of which one is not part; in no file, however
    it is spelled.
    """
    others = [text for other in PEOPLE if other != name for text in private(other)]
    theirs = [text for pair in PAIRS if name not in pair for text in unrelated(*pair)]
    records = [
        f"{payer}-to-{recipient}-payout-{'in' if payer == name else 'out'}"
        for payer, recipient in PAIRS
        if name in {payer, recipient}
    ]
    assert set() == found(bundles[name, profile], others + theirs + records)


@pytest.mark.parametrize("name", ["ann", "ben"])
def test_what_ones_own_transactions_say_is_there(bundles, name):
    """
    For oneself the other side's address, and memos both ways, as a bank statement has them; one's own account.
    """
    mine = [f"{payer}-to-{recipient}" for payer, recipient in PAIRS if name in {payer, recipient}]
    texts = [*PEOPLE.values(), *(secret("memo", pair) for pair in mine), *private(name)[2:], private(name)[0]]
    seen = {text for text, _ in found(bundles[name, "self"], texts)}
    assert set(texts) == seen


@pytest.mark.parametrize("name", ["ann", "ben"])
def test_what_one_wrote_is_portable_and_what_one_received_is_not(bundles, name):
    """
    Label, labels and memo go along where one paid.
    """
    kinds = ("label", "tag", "memo")
    sent = {secret(kind, f"{p}-to-{r}") for p, r in PAIRS if p == name for kind in kinds}
    received = {secret(kind, f"{p}-to-{r}") for p, r in PAIRS if r == name for kind in kinds}
    assert sent == {text for text, _ in found(bundles[name, "portability"], sent | received)}


@pytest.mark.parametrize("name", ["ann", "ben"])
def test_the_strict_copy_names_nobody_on_the_ledger(bundles, name):
    """
    No address, one's own included, no hash, contract, identifier or text, and no day: not in the report either.
    """
    mine = [pair for pair in PAIRS if name in pair]
    texts = [*PEOPLE.values(), *(text for pair in mine for text in unrelated(*pair))]
    days = [f"2025-03-{day:02}" for day in range(1, len(PAIRS) + 1)]
    assert set() == found(bundles[name, "portability_strict"], texts + days)


@pytest.mark.parametrize("text", ["ben.private@ben-mail.example", "partner-of-ben-73x"])
def test_the_search_finds_what_is_hidden_in_any_of_these_ways(text):
    """
    Plain, inside JSON, in base64 with something before and after it, in hexadecimal.
    """
    hidden = [
        text.encode(),
        json.dumps({"a": [text]}).encode(),
        b'{"payload": "' + base64.b64encode(b"{..." + text.encode() + b"...}") + b'"}',
        b"x" + base64.urlsafe_b64encode(text.encode() * 3),
        text.encode().hex().encode(),
        text.encode("utf-16-le"),
    ]
    for data in hidden:
        assert any(spelling in b"\0".join(readings(data)) for spelling in spellings(text)), data
