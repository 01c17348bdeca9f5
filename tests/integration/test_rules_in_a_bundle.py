"""Every rule in a whole bundle: what it leaves of entangled rows, and what no file may hold."""

import csv
import io
import json
import zipfile

import pytest

from streampay_export import (
    Actor,
    Catalog,
    Custom,
    Dataset,
    Field,
    Keep,
    Mask,
    Policies,
    Policy,
    Subject,
    SubjectIn,
    ValueIn,
    Withhold,
    band,
    by_row,
    generalise,
    keep,
    mask,
    pseudonymise,
    ruled,
)
from streampay_export.testing.deployment import MemoryDeployment

ALICE = Actor(id="alice")
TYPES = {"id": "integer", "at": "timestamp", "amount": "decimal", "email": "text", "memo": "text", "note": "text"}
PAYMENTS = Dataset(
    name="payments",
    table="payments",
    key=["id"],
    subject=["payer", "payee"],
    fields=[
        *(Field(name=name, type=kind) for name, kind in TYPES.items()),
        Field(name="other", column="payee", type="text"),
        Field(name="card", type="text"),
        Field(name="secret", type="text"),
    ],
)
POLICY = Policy(
    profile="self",
    rules={
        "payments": [
            keep("Yours.", "id"),
            generalise("day", "The day is enough.", "at"),
            band([10, 100], "The size is enough.", "amount"),
            mask("email", "May be the other side's.", "email"),
            by_row(
                "Kept where you wrote it.", "memo", when=SubjectIn(column="author"), then=Keep(), otherwise=Mask()
            ),
            by_row(
                "Left out where it was sent.",
                "note",
                when=ValueIn(column="way", values=["in"]),
                then=Keep(),
                otherwise=Withhold(),
            ),
            pseudonymise("Tells people apart.", "other"),
            ruled(Custom("last_two", lambda text: text[-2:]), "Enough to recognise it.", "card"),
        ]
    },
)
ROW = {"amount": "99.50", "email": "canary@bob.example", "secret": "canary", "card": "4242-canary-42"}
ROWS = [
    {**ROW, "id": 1, "at": "2026-01-31 23:59:59", "payer": "alice", "payee": "bob-canary", "author": "alice",
     "way": "out-canary", "memo": "from me", "note": "canary"},
    {**ROW, "id": 2, "at": "2026-02-01 00:00:00", "payer": "bob-canary", "payee": "alice", "author": "bob-canary",
     "way": "in", "memo": "canary", "note": "to me"},
    {**ROW, "id": 3, "at": None, "payer": "alice", "payee": "bob-canary", "author": None,
     "way": None, "memo": "canary", "note": None},
]  # fmt: skip


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The files of alice's bundle."""
    house = MemoryDeployment(
        {"payments": ROWS}, catalog=Catalog([PAYMENTS], timezone="UTC"), policies=Policies.of(POLICY)
    )
    job = house.service.request(ALICE, Subject("alice"), formats=["csv", "json", "ndjson"]).export.id
    house.worker.work()
    link = house.service.link(ALICE, job)
    bundle = b"".join(house.service.open(ALICE, job, link.url.partition("ticket=")[2]).read())
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_each_rule_leaves_what_it_says(files: dict[str, bytes]) -> None:
    """Row by row: days, bands, masks, one's own memos, notes that came in, one pseudonym for one person."""
    rows = list(csv.DictReader(io.StringIO(files["data/payments.csv"].decode(), newline="")))
    bob, alice, again = (row.pop("other") for row in rows)
    assert [
        {"id": "1", "at": "2026-01-31", "memo": "from me", "note": ""},
        {"id": "2", "at": "2026-02-01", "memo": "***", "note": "to me"},
        {"id": "3", "at": "", "memo": "***", "note": ""},
    ] == [{name: row[name] for name in ("id", "at", "memo", "note")} for row in rows]
    assert {("10 to under 100", "c***@***.example", "42")} == {
        (row["amount"], row["email"], row["card"]) for row in rows
    }
    assert (bob, True, True) == (again, bob != alice, bob.startswith("p-"))


def test_what_is_left_out_is_in_no_file(files: dict[str, bytes]) -> None:
    """Neither what rules replaced nor what they looked at is in any file, in any format, the report included."""
    assert {"data/payments.csv", "data/payments.json", "data/payments.ndjson", "index.html"} <= set(files)
    assert [] == [name for name, content in files.items() if b"canary" in content]


def test_what_was_looked_at_is_no_field(files: dict[str, bytes]) -> None:
    """The columns of conditions are in no schema; a field's type there is the one its texts have."""
    package = json.loads(files["datapackage.json"])
    fields = {field["name"]: field["type"] for field in package["resources"][0]["schema"]["fields"]}
    texts = dict.fromkeys(("amount", "email", "memo", "note", "other", "card"), "string")
    assert {"id": "integer", "at": "date", **texts} == fields


def test_the_person_is_told_how(files: dict[str, bytes]) -> None:
    """`withheld.json` says of each altered field what was done, and why."""
    document = json.loads(files["withheld.json"])
    said = {each["field"]: each for each in document["altered"]}
    assert "kept as it is where author is you; replaced by *** everywhere else" == said["memo"]["how"]
    assert ("by_row", "Kept where you wrote it.") == (said["memo"]["rule"], said["memo"]["reason"])
    assert "given as a range: under 10, 10 to under 100, 100 or more" == said["amount"]["how"]
    assert ("last_two", "altered by the rule last_two") == (said["card"]["rule"], said["card"]["how"])
    assert ["secret"] == [each["field"] for each in document["withheld"]]
    assert set(said) == {field.name for field in PAYMENTS.fields} - {"id", "secret"}
