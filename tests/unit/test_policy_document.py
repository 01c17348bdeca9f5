"""
The policy as a document: complete, grouped, the same every time, and silent where it must be.
"""

import json
import re
from pathlib import Path

import pytest
from tests.letters import LETTER_POLICIES, LETTERS, WATCHED

from streampay_export import (
    STREAMPAY,
    STREAMPAY_POLICIES,
    Policies,
    Policy,
    Withhold,
    by_row,
    keep,
    withhold,
)
from streampay_export._core.policy_document import document_form, policy_document
from streampay_export._core.policy_markdown import policy_markdown
from streampay_export._core.rules import Keep, SubjectIn
from streampay_export.errors import InvalidPolicy, UnknownName
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.writers.policy import HtmlPolicy

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "streampay-policy.md"
GOLDEN = """\
# What an export holds

Every field that is held of a person's history, why and for how long, and what becomes of it in a copy.
A field that is not listed is in no copy.

| Profile | The copy |
| --- | --- |
| `self` | For you. |
| `staff` |  |

## `letters`

What you sent.

Some rows are left out of every copy: Hidden by you.

| Field | What it is | Type | Category | Origin |
| --- | --- | --- | --- | --- |
| `id` |  | integer |  |  |
| `text` | What you wrote | text | content | provided |
| `stamp` |  | text |  |  |

Why it is held, for how long, and what erasure does:

| Fields | Purpose | Legal basis | Kept | On erasure |
| --- | --- | --- | --- | --- |
| `id` |  |  |  |  |
| `text` | To deliver it. | our contract with you (GDPR Art. 6(1)(b)) | A year. | removed |
| `stamp` |  |  |  | kept until the year's end: Tax law |

### `letters` in a copy for `self`

| Fields | In the copy | Why |
| --- | --- | --- |
| `id`, `text` | kept as it is | Yours. |
| `stamp` | replaced by \\*\\*\\* | Ours. |

### `letters` in a copy for `staff`

| Fields | In the copy | Why |
| --- | --- | --- |
| `id` | kept as it is | Needed. |
| `text`, `stamp` | left out | No rule lists this field, so it is not exported. |
"""


def test_the_document_of_a_small_catalog():
    """
    Facts of each field, why it is held, and per profile what becomes of it; of a hidden field nothing.
    """
    assert GOLDEN == policy_markdown(policy_document(LETTERS, LETTER_POLICIES))


def test_the_operators_document_has_what_is_hidden_and_says_so():
    """
    Marked as internal, with the legal basis, and under the profile that may learn of it too.
    """
    told = policy_markdown(policy_document(LETTERS, LETTER_POLICIES, internal=True))
    assert "**Internal: not for publication.**" in told
    assert "| `risk` | left out | Watched for fraud. Not told to the person: AML act, section 5 |" in told
    assert "| `id`, `risk` | kept as it is | Needed. |" in told


RENDERED = {
    "markdown": policy_markdown,
    "html": lambda document: HtmlPolicy()(document).decode(),
    "json": lambda document: json.dumps(document_form(document)),
}


@pytest.mark.parametrize("render", RENDERED.values(), ids=RENDERED)
def test_what_is_hidden_stands_in_internal_documents_alone(render):
    """
    Name, description, reason and basis of a field that one profile hides are in no public document.
    """
    hidden = ("risk", "How suspicious", "Watched for fraud", "AML act")
    public, internal = (
        render(policy_document(LETTERS, LETTER_POLICIES, internal=internal)) for internal in (False, True)
    )
    assert [] == [text for text in hidden if text in public]
    assert [] == [text for text in hidden if text not in internal]
    assert "nternal" not in public.replace('"internal": false', "").replace(".internal", "")
    assert public == render(policy_document(LETTERS, LETTER_POLICIES))


@pytest.mark.parametrize("dataset", STREAMPAY.names)
def test_every_field_occurs_once_in_every_table_of_its_dataset(dataset):
    """
    In the table of facts, in the table of reasons, and in one for each profile.
    """
    markdown = policy_markdown(policy_document(STREAMPAY, STREAMPAY_POLICIES))
    section = re.search(rf"\n## `{dataset}`\n(.*?)(?=\n## |\Z)", markdown, re.DOTALL)[1]
    names = [field.name for field in STREAMPAY.dataset(dataset).fields]
    tables = re.findall(r"\| --- .*\n((?:\|.*\n?)+)", section)
    assert 2 + len(STREAMPAY_POLICIES.by_profile) == len(tables)
    for table in tables:
        first = " ".join(row.split(" | ")[0] for row in table.splitlines())
        assert sorted(names) == sorted(re.findall(r"`(\w+)`", first))


def test_profiles_are_chosen_by_name():
    """
    A document may speak of some profiles only; one that is not there is an error.
    """
    document = policy_document(LETTERS, LETTER_POLICIES, profiles=["staff"])
    assert ["staff"] == [profile.name for profile in document.profiles]
    assert {"staff"} == {rule.profile for field in document.datasets[0].fields for rule in field.rules}
    with pytest.raises(UnknownName):
        policy_document(LETTERS, LETTER_POLICIES, profiles=["nobody"])


def test_the_service_gives_the_public_document():
    """
    An application publishes what it is wired with.
    """
    service = MemoryDeployment(catalog=LETTERS, policies=LETTER_POLICIES).service
    assert policy_document(LETTERS, LETTER_POLICIES) == service.policy_document()
    assert policy_document(LETTERS, LETTER_POLICIES, profiles=["self"]) == service.policy_document(["self"])


def test_the_json_form_has_every_fact_by_its_name():
    """
    A program finds what stands in the tables, with the catalog's own words for legal basis and type.
    """
    form = json.loads(json.dumps(document_form(policy_document(LETTERS, LETTER_POLICIES))))
    text = form["datasets"][0]["fields"][1]
    assert {
        "name": "text",
        "type": "text",
        "description": "What you wrote",
        "category": "content",
        "origin": "provided",
        "held": {
            "purpose": "To deliver it.",
            "legal_basis": "contract",
            "retention": "A year.",
            "on_erasure": "removed",
        },
        "reveals": "",
        "portable": True,
        "rules": [
            {"profile": "self", "rule": "keep", "how": "kept as it is", "reason": "Yours."},
            {
                "profile": "staff",
                "rule": "withhold",
                "how": "left out",
                "reason": "No rule lists this field, so it is not exported.",
            },
        ],
    } == text


def test_the_published_document_of_streampay_is_up_to_date():
    """
    `streampay-export policy document --out docs/reference/streampay-policy.md` makes it anew.
    """
    assert policy_markdown(policy_document(STREAMPAY, STREAMPAY_POLICIES)) == PUBLISHED.read_text("utf-8")


def test_what_one_profile_hides_no_other_tells():
    """
    A profile without a rule for it hides it too; one that withholds it aloud is refused.
    """
    hidden = Policy(profile="self", rules={"letters": {"risk": WATCHED}})
    policies = Policies.of(hidden, Policy(profile="portability", rules={"letters": keep("Yours.", "id")}))
    assert WATCHED == policies.profile("portability").rule("letters", "risk")
    assert {"risk"} == policies.unspoken("letters")
    assert set() == policies.unspoken("elsewhere")
    with pytest.raises(InvalidPolicy, match=r"portability: letters\.risk: another profile hides"):
        Policies.of(hidden, Policy(profile="portability", rules={"letters": withhold("Ours.", "risk")}))


def test_no_public_rule_depends_on_what_is_hidden():
    """
    A rule of another profile that looks at the field would name it on that profile's page.
    """
    looks = by_row("It depends.", "text", when=SubjectIn(column="risk"), then=Keep(), otherwise=Withhold())
    staff = Policy(profile="staff", rules={"letters": [keep("Needed.", "risk"), looks]})
    with pytest.raises(InvalidPolicy, match=r"staff: letters\.text: it depends on risk, of which another profile"):
        Policies.of(LETTER_POLICIES.profile("self"), staff).check(LETTERS)


def test_a_dataset_of_which_nothing_may_be_told_is_refused():
    """
    Its rows would be counted, and its name tells of it.
    """
    rules = {"letters": dict.fromkeys(["id", "text", "stamp", "risk"], WATCHED)}
    with pytest.raises(InvalidPolicy, match="self: letters: nothing of it may be told"):
        Policies.of(Policy(profile="self", rules=rules)).check(LETTERS)
