"""
`disclose = false`, end to end: nothing of the field in anything a person receives, reads or is answered.
"""

import pytest
from tests.spellings import found
from tests.toml_texts import NOTICE

from streampay_export import (
    Actor,
    Catalog,
    Constant,
    Dataset,
    Field,
    FieldRule,
    Policies,
    Policy,
    Subject,
    Withhold,
    keep,
    owner_only,
)
from streampay_export.__main__ import main
from streampay_export.http.api import HttpApi
from streampay_export.http.message import Request
from streampay_export.testing.deployment import MemoryDeployment

NAME, DESCRIPTION, REASON, BASIS = (
    "aml_flag",
    "Suspicion of laundering",
    "Under investigation.",
    "AML act, section 5",
)
VALUE, UNIT = "SUSPECTED-OF-FRAUD", "risk_unit"
TEXTS = [NAME, DESCRIPTION, REASON, BASIS, VALUE, UNIT]
HIDDEN = FieldRule(rule=Withhold(), reason=REASON, disclose=False, basis=BASIS)
CATALOG = Catalog(
    [
        Dataset(
            name="payments",
            table="payments",
            key=["id"],
            subject=["payer"],
            state=NAME,
            highlights=["id", NAME, "amount"],
            fields=[
                Field(name="id", type="integer"),
                Field(name="amount", type="decimal", asset=UNIT),
                Field(name="fee", type="decimal", asset=Constant("XLM")),
                Field(name=NAME, type="text", description=DESCRIPTION, category="suspicion", purpose=REASON),
                Field(name=UNIT, type="text", description=DESCRIPTION, category="suspicion"),
            ],
        )
    ],
    timezone="UTC",
)
POLICIES = Policies.of(
    Policy(
        profile="self", rules={"payments": [keep("Yours.", "id", "amount", "fee"), {NAME: HIDDEN, UNIT: HIDDEN}]}
    ),
    Policy(profile="portability", rules={"payments": keep("Yours.", "id", "amount")}),
    Policy(profile="auditor", rules={"payments": keep("Needed to see what was done.", "id", NAME)}),
)
ROW = {"id": 1, "payer": "ann", "amount": "5.5", "fee": "0.1", NAME: VALUE, UNIT: VALUE}


def copy_of_ann(profile):
    """
    Ann's copy in a profile, for whoever may have it.
    """
    house = MemoryDeployment(
        {"payments": [ROW]}, catalog=CATALOG, policies=POLICIES, authorize=lambda access: access.owns
    )
    job_id = house.service.request(
        Actor(id="ann"), Subject("ann"), profile=profile, formats=["csv", "ndjson", "json"]
    ).export.id
    house.worker.work()
    ticket = house.service.link(Actor(id="ann"), job_id).url.partition("ticket=")[2]
    return b"".join(house.service.open(Actor(id="ann"), job_id, ticket).read())


@pytest.mark.parametrize("profile", ["self", "portability"])
def test_no_file_of_a_bundle_has_anything_of_it(profile):
    """
    Neither name, description, reason, basis nor value, in data, counts, report, data package, notice or manifest;
    also in a profile that has no rule for it, and as the asset of another field.
    """
    assert set() == found(copy_of_ann(profile), TEXTS)


def test_whoever_may_learn_of_it_does():
    """
    The profile that is given the field has its values: the search finds what is there.
    """
    assert {NAME, VALUE} <= {text for text, _ in found(copy_of_ann("auditor"), TEXTS)}


@pytest.mark.parametrize("profile", ["self", "portability", "auditor"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_no_page_of_the_policy_has_anything_of_it(profile, accept):
    """
    Anybody may read the page of any profile, so also that of the profile which is given the field is silent.
    """
    house = MemoryDeployment(catalog=CATALOG, policies=POLICIES, authorize=owner_only)
    api = HttpApi(service=house.service, identify=lambda _: None)
    asked = Request(method="GET", path="/exports/policy", query=f"profile={profile}", headers={"Accept": accept})
    answer = api.handle(asked)
    assert 200 == answer.status
    assert [] == [text for text in TEXTS if text.encode() in answer.body]
    assert b"payments" in answer.body


@pytest.fixture
def configuration(tmp_path):
    """
    The same catalog and policies as a file.
    """
    file = tmp_path / "streampay.toml"
    file.write_text(
        f"""
[source]
url = "sqlite:///{tmp_path}/shop.db"
[datasets.payments]
table = "payments"
key = ["id"]
subject = ["payer"]
[datasets.payments.fields.id]
type = "integer"
rule = "keep"
reason = "Yours."
[datasets.payments.fields.{NAME}]
type = "text"
description = "{DESCRIPTION}"
rule = "withhold"
reason = "{REASON}"
disclose = false
basis = "{BASIS}"
rules.support = {{rule = "keep", reason = "Needed for an answer."}}
{NOTICE}"""
    )
    return str(file)


COMMANDS = {
    "list": ["policy", "list"],
    "list for programs": ["policy", "list", "--json"],
    "list of staff's": ["policy", "list", "--profile", "support"],
    "document": ["policy", "document"],
    "page": ["policy", "document", "--format", "html"],
    "document for programs": ["policy", "document", "--format", "json"],
    "header": ["header"],
}
TOLD = [NAME, DESCRIPTION, REASON, BASIS]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_prints_anything_of_it(configuration, capsys, command):
    """
    Lists, documents and header lines are as if there were no such field.
    """
    assert 0 == main([*command, "--config", configuration])
    printed = capsys.readouterr().out
    assert [] == [text for text in TOLD if text in printed]
    assert "id" in printed


@pytest.mark.parametrize("command", ["list", "list for programs", "document", "page", "document for programs"])
def test_operators_are_told_with_reason_and_basis(configuration, capsys, command):
    """
    With --operator the same commands say what is hidden, why, and on which ground, and that this is internal.
    """
    assert 0 == main([*COMMANDS[command], "--config", configuration, "--operator"])
    printed = capsys.readouterr().out
    assert [] == [text for text in (NAME, REASON, BASIS) if text not in printed]
    assert "nternal" in printed or "undisclosed" in printed
