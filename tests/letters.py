"""
A small catalog for tests of policies: letters, one fact of which the person may not learn.
"""

from streampay_export import (
    Catalog,
    Dataset,
    Field,
    FieldRule,
    Omission,
    Policies,
    Policy,
    Retain,
    Scrub,
    Withhold,
    keep,
    mask,
)

WATCHED = FieldRule(rule=Withhold(), reason="Watched for fraud.", disclose=False, basis="AML act, section 5")
LETTERS = Catalog(
    [
        Dataset(
            name="letters",
            table="letters",
            key=["id"],
            subject=["sender"],
            description="What you sent.",
            omit=Omission(column="hidden_at", reason="Hidden by you."),
            fields=[
                Field(name="id", type="integer"),
                Field(
                    name="text",
                    type="text",
                    description="What you wrote",
                    category="content",
                    origin="provided",
                    legal_basis="contract",
                    purpose="To deliver it.",
                    retention="A year.",
                    on_erasure=Scrub(),
                ),
                Field(name="stamp", type="text", on_erasure=Retain(basis="Tax law", until="the year's end")),
                Field(name="risk", type="integer", description="How suspicious you are"),
            ],
        )
    ]
)
LETTER_POLICIES = Policies.of(
    Policy(
        profile="self",
        description="For you.",
        rules={"letters": [keep("Yours.", "id", "text"), mask("text", "Ours.", "stamp"), {"risk": WATCHED}]},
    ),
    Policy(profile="staff", rules={"letters": keep("Needed.", "id", "risk")}),
)
