"""
The strict variant, attacked with the whole public ledger; and the same attack on plain portability, which works.

The promise is about rows: none leads to fewer people than share its month, its range of amounts, and whether it is
XLM. What a whole history gives away is shown here too, as a limit that the documentation speaks of.
"""

import json
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from attrs import evolve
from tests.joins import Attacker, band, parties_of
from tests.ledger import town
from tests.spellings import found, members

from streampay_export import (
    STREAMPAY,
    STREAMPAY_POLICIES,
    Actor,
    Policies,
    Pseudonymise,
    Subject,
)
from streampay_export._core.streampay import PORTABILITY_STRICT_POLICY
from streampay_export.testing.deployment import MemoryDeployment

# Of 80 people, each of whom pays and is paid: so many at least may be the other side of any row.
SMALLEST_SET = 12


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.promise)])
def crowd(request):
    """
    A town and its ledger.
    """
    return town(request.param)


@pytest.fixture(scope="module")
def strict(crowd):
    """
    The strict copy of the busiest person.
    """
    return copy_of(crowd, "portability_strict")


@pytest.fixture(scope="module")
def plain(crowd):
    """
    The portability copy of the same person.
    """
    return copy_of(crowd, "portability")


def copy_of(crowd, profile, policies=STREAMPAY_POLICIES):
    """
    The bundle of the first person of a town.
    """
    blank = {dataset.table: {field.column: None for field in dataset.fields} for dataset in STREAMPAY.datasets}
    tables = {table: [blank[table] | row for row in rows] for table, rows in crowd.tables.items()}
    house = MemoryDeployment(tables, catalog=STREAMPAY, policies=policies)
    house.clock.advance(timedelta(days=365))
    me = crowd.people[0]
    job_id = house.service.request(Actor(id=me), Subject(me), profile=profile, formats=["json"]).export.id
    house.worker.work()
    ticket = house.service.link(Actor(id=me), job_id).url.partition("ticket=")[2]
    return b"".join(house.service.open(Actor(id=me), job_id, ticket).read())


def rows_of(bundle, dataset):
    """
    A dataset's rows, as a program reads them.
    """
    return json.loads(members(bundle)[f"data/{dataset}.json"])


@pytest.mark.parametrize("dataset", ["payouts", "streams"])
def test_a_row_leads_to_nobody_but_to_all_who_share_its_month_and_range(crowd, strict, dataset):
    """
    Joined by every column, whole and by first characters, each row fits everybody of its month, range and asset.
    """
    ledger = crowd.payments if dataset == "payouts" else crowd.streams
    attacker = Attacker(ledger)
    rows = rows_of(strict, dataset)
    alike = defaultdict(set)
    for each in ledger:
        alike[each.month, band(each.amount), each.asset == "XLM"].add(each)
    assert len(rows) > 150
    for row in rows:
        month, amount = row.get("requested_at") or row["created_at"], row.get("amount") or row["total_amount"]
        xlm = (row.get("asset") or row.get("token")) == "XLM"
        assert parties_of(row, alike[month, amount, xlm]) == attacker.parties(row)
        assert SMALLEST_SET <= len(attacker.parties(row))


def test_an_event_leads_to_all_whose_streams_came_to_the_same(crowd, strict):
    """
    Of an event there is its month and its type: every stream of which the ledger shows that fits.
    """
    for row in rows_of(strict, "events"):
        state = row["type"].removeprefix("stream.")
        alike = [each for each in crowd.streams if each.month == row["timestamp"]]
        fitting = alike if state == "created" else [each for each in alike if each.status == state]
        assert SMALLEST_SET <= len({each.sender for each in fitting} | {each.receiver for each in fitting})


def test_no_file_names_anybody_or_anything_on_the_ledger(crowd, strict):
    """
    No address, hash or contract, not even their first characters; whose copy it is it does not say.
    """
    mine = [each for each in crowd.payments + crowd.streams if crowd.people[0] in {each.sender, each.receiver}]
    texts = {text for each in mine for text in (each.hash, each.contract, each.amount, each.closed_at[:19])}
    begins = {address[:9] for address in crowd.people} | {each.hash[:12] for each in mine}
    assert set() == found(strict, sorted(texts)[:200] + sorted(begins)[:200])


PORTABLE_JOINS = {
    "hash": ["settlement_transaction_hash"],
    "amount": ["amount"],
    "time": ["requested_at"],
    "ledger number and asset": ["ledger", "asset"],
    "everything": None,
}


@pytest.mark.parametrize("columns", PORTABLE_JOINS.values(), ids=PORTABLE_JOINS)
def test_the_same_attack_on_plain_portability_works(crowd, plain, columns):
    """
    A hash, an exact amount, an exact time, a ledger number with an asset: each leads to the other side.
    """
    attacker = Attacker(crowd.payments)
    rows = rows_of(plain, "payouts")
    named = [row for row in rows if {row["counterparty"]} == attacker.parties(row, columns)]
    assert len(named) > 0.98 * len(rows)


def test_codes_for_assets_would_be_worked_out(crowd):
    """
    Why other assets than XLM are left out: how often a code occurs tells its asset, and a rare one singles out.
    """
    rules = PORTABILITY_STRICT_POLICY.rules["streams"]
    token = evolve(rules["token"], rule=evolve(rules["token"].rule, otherwise=Pseudonymise()))
    coded = evolve(
        PORTABILITY_STRICT_POLICY, rules={**PORTABILITY_STRICT_POLICY.rules, "streams": {**rules, "token": token}}
    )
    rows = rows_of(copy_of(crowd, "portability_strict", Policies.of(coded)), "streams")
    attacker = Attacker(crowd.streams)
    assets = attacker.assets(rows)
    narrowed = [
        parties_of(row, {each for each in attacker.transactions(row) if each.asset == assets[row["token"]]})
        for row in rows
        if row["token"] != "XLM"
    ]
    assert 2 == len(assets)
    assert min(map(len, narrowed)) < SMALLEST_SET // 2


def test_a_whole_history_is_a_fingerprint(crowd, strict):
    """
    What it cannot hide: how many payments one made in each month and range, which one address alone fits.
    """
    told = Counter(
        (row["direction"], row["requested_at"], row["amount"], row["asset"]) for row in rows_of(strict, "payouts")
    )
    seen = {person: Counter() for person in crowd.people}
    for each in crowd.payments:
        asset = "XLM" if each.asset == "XLM" else None
        seen[each.sender]["out", each.month, band(each.amount), asset] += 1
        seen[each.receiver]["in", each.month, band(each.amount), asset] += 1
    assert [crowd.people[0]] == [person for person, counted in seen.items() if counted == told]
