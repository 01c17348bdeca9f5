"""TOML to configuration: defaults filled in, mistakes named."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.toml_texts import NOTICE

from streampay_export._core.catalog import Constant, Direction, FieldType, Origin, Owner
from streampay_export._core.retention import Retention
from streampay_export._core.rules import Keep, Mask, MaskKind, Pseudonymise, Withhold
from streampay_export._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from streampay_export.configuration import configuration_from, read_configuration
from streampay_export.errors import InvalidConfiguration
from streampay_export.toml_table import TomlTable

FOLDER = Path("/etc/shop")
SOURCE = '[source]\nurl = "sqlite:///shop.db"\n'
DATASET = """
[datasets.payouts]
table = "settlement"
key = ["booked", "no"]
subject = ["payer", "payee"]
as_of = "booked"
direction = {out = "payer", in = "payee"}
[datasets.payouts.fields.amount]
column = "amt"
type = "decimal"
asset = {const = "EUR"}
scale = 2
rule = "keep"
reason = "Theirs"
description = "Amount"
category = "financial"
origin = "observed"
rules.portability = {rule = "pseudonymise", reason = "Not needed"}
[datasets.payouts.fields.mail]
type = "text"
rule = "mask"
as = "email"
reason = "Another's"
[datasets.payouts.fields.flag]
type = "boolean"
rule = "withhold"
reason = "Secret"
disclose = false
basis = "AML law"
"""


def configured(text: str) -> Any:
    """Read TOML as of a file in /etc/shop."""
    return configuration_from(tomllib.loads(text), folder=FOLDER)


def problem(text: str) -> InvalidConfiguration:
    """Return the mistake that is found in TOML."""
    with pytest.raises(InvalidConfiguration) as caught:
        configured(text)
    return caught.value


def test_minimal() -> None:
    """Source and notice are enough: StreamPay's catalog, and every place beside the file."""
    made = configured(SOURCE + NOTICE)
    assert made.source_url == "sqlite:////etc/shop/shop.db"
    assert made.catalog == STREAMPAY
    assert made.policies is STREAMPAY_POLICIES
    assert made.places.storage == "file:///etc/shop/exports"
    assert made.places.jobs == "sqlite:////etc/shop/exports.db"
    assert made.places.audit == "/etc/shop/audit.jsonl"
    assert made.places.keys == FOLDER / "keys"
    assert made.retention == Retention()
    assert made.notice.controller == "controller"
    assert (made.notice.language, made.notice.headings) == ("en", {})
    assert (made.timezone, made.schema) == (None, None)


def test_notice() -> None:
    """The notice's language and headings are taken, and a list of recipients is one name a line."""
    text = NOTICE.replace('"recipients"', '["The Bank", "The printer"]') + 'language = "pt-BR"\n'
    notice = configured(SOURCE + text + '[notice.headings]\nrights = "Seus direitos"\n').notice
    assert (notice.language, notice.recipients) == ("pt-BR", "The Bank\nThe printer")
    assert notice.heading("rights") == "Seus direitos"


def test_dataset() -> None:
    """Any [datasets] replaces the built-in catalog whole."""
    made = configured(SOURCE + DATASET + NOTICE)
    assert made.catalog.names == ("payouts",)
    dataset = made.catalog.dataset("payouts")
    assert dataset.table == "settlement"
    assert dataset.key == ("booked", "no")
    assert dataset.subject == ("payer", "payee")
    assert dataset.as_of == "booked"
    assert dataset.direction == Direction(out="payer", into="payee")
    amount = dataset.field_named("amount")
    assert (amount.column, amount.type, amount.asset, amount.scale) == (
        "amt",
        FieldType.DECIMAL,
        Constant("EUR"),
        2,
    )
    assert (amount.description, amount.category, amount.origin) == ("Amount", "financial", Origin.OBSERVED)
    assert dataset.field_named("mail").column == "mail"


def test_rules() -> None:
    """The field's rule is profile self's, `rules` are the other profiles', and absent is withheld."""
    policies = configured(SOURCE + DATASET + NOTICE).policies
    own, portable = policies.profile("self"), policies.profile("portability")
    assert isinstance(own.rule("payouts", "amount").rule, Keep)
    assert own.rule("payouts", "mail").rule == Mask(MaskKind.EMAIL)
    hidden = own.rule("payouts", "flag")
    assert (isinstance(hidden.rule, Withhold), hidden.disclose, hidden.basis) == (True, False, "AML law")
    assert isinstance(portable.rule("payouts", "amount").rule, Pseudonymise)
    assert isinstance(portable.rule("payouts", "mail").rule, Withhold)


def test_owner() -> None:
    """Ownership may lie in another table."""
    text = (
        '[datasets.steps]\nkey = ["id"]\n[datasets.steps.owner]\nvia = "no"\ntable = "settlement"\nkey = "no"\n'
        'subject = ["payer"]\n[datasets.steps.fields.id]\ntype = "uuid"\nrule = "keep"\nreason = "x"\n'
    )
    dataset = configured(SOURCE + text + NOTICE).catalog.dataset("steps")
    assert dataset.table == "steps"
    assert dataset.owner == Owner(via="no", table="settlement", key="no", subject=["payer"])


def test_omission() -> None:
    """Soft-deleted rows are left out only with a reason."""
    text = DATASET.replace(
        'as_of = "booked"\n', 'as_of = "booked"\nomit_deleted = {column = "gone", reason = "Drafts"}\n'
    )
    omit = configured(SOURCE + text + NOTICE).catalog.dataset("payouts").omit
    assert omit is not None
    assert (omit.column, omit.reason) == ("gone", "Drafts")


def test_places() -> None:
    """Each place can be named; relative ones are relative to the file."""
    places = configured(
        SOURCE
        + '[storage]\nurl = "file://there"\n[jobs]\nurl = "postgresql://db/x"\n'
        + '[audit]\nurl = "sqlite:///trail.db"\n[keys]\npath = "secret"\n[retention]\ndays = 3\n'
        + NOTICE
    ).places
    assert places.storage == "file:///etc/shop/there"
    assert places.jobs == "postgresql://db/x"
    assert places.audit == "sqlite:////etc/shop/trail.db"
    assert places.keys == FOLDER / "secret"


def test_retention() -> None:
    """Each period is a number of days of its own."""
    days = "days = 3\njobs_days = 400\nidempotency_days = 1\naudit_days = 3650\n"
    three, year, one, decade = (timedelta(days=days) for days in (3, 400, 1, 3650))
    expected = Retention(exports=three, jobs=year, idempotency=one, audit=decade)
    assert expected == configured(SOURCE + "[retention]\n" + days + NOTICE).retention


def test_protection() -> None:
    """Who encrypts artifacts at rest: this library, unless the storage is told to."""
    assert configured(SOURCE + NOTICE).places.protection == "library"
    chosen = configured(SOURCE + NOTICE + '[storage]\nurl = "s3://bucket"\nprotection = "store"\n')
    assert chosen.places.protection == "store"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (NOTICE, "source.url", "required"),
        (SOURCE + NOTICE + "[storage]\nunencrypted = true\n", "storage.unencrypted", "always encrypted"),
        (SOURCE + NOTICE + '[storage]\nprotection = "none"\n', "storage.protection", "library"),
        (SOURCE + NOTICE + "[storage]\nprotection = true\n", "storage.protection", "a text"),
        (SOURCE, "notice", "[notice] is required"),
        (SOURCE + NOTICE.replace('rights = "rights"', ""), "notice.rights", "required"),
        (SOURCE + NOTICE.replace('"rights"', '" "'), "notice.rights", "non-empty"),
        (SOURCE + "[notice]\ncontroller = 3\n", "notice", "in each of controller, contact, purposes, recipients"),
        (SOURCE + NOTICE.replace("rights =", "right ="), "notice.right", "did you mean 'rights'"),
        (SOURCE + NOTICE + 'language = "english"\n', "notice.language", "such as en or pt-BR"),
        (
            SOURCE + NOTICE + 'headings = {right = "x"}\n',
            "notice.headings",
            "no part of the notice 'right'",
        ),
        (SOURCE + NOTICE + "headings = {rights = 3}\n", "notice.headings.rights", "a text is expected"),
        (SOURCE + NOTICE.replace('"recipients"', '["A", ""]'), "notice.recipients", "non-empty"),
        (SOURCE + 'timezon = "UTC"\n' + NOTICE, "source.timezon", "did you mean 'timezone'"),
        (SOURCE + 'timezone = "Mars/Base"\n' + NOTICE, "source.timezone", "IANA"),
        (SOURCE + "[storge]\n" + NOTICE, "storge", "did you mean 'storage'"),
        (SOURCE.replace("[source]", "[sources]") + NOTICE, "sources", "did you mean 'source'"),
        (SOURCE.replace("url", "uri") + NOTICE, "source.url", "a text is required; is 'uri' meant to be it?"),
        (SOURCE + "[wholly_unlike]\n" + NOTICE, "wholly_unlike", "known here"),
        (SOURCE.replace('"sqlite:///shop.db"', "3") + NOTICE, "source.url", "a text is expected"),
        ("source = 3\n" + NOTICE, "source", "a table is expected"),
        (SOURCE + "[retention]\ndays = 8\n" + NOTICE, "retention.days", "1 to 7"),
        (SOURCE + "[retention]\ndays = true\n" + NOTICE, "retention.days", "whole number"),
        (SOURCE + "[retention]\njobs_days = 0\n" + NOTICE, "retention.jobs_days", "1 to 36500"),
        (SOURCE + "[retention]\naudit_days = 40000\n" + NOTICE, "retention.audit_days", "1 to 36500"),
        (SOURCE + "[retention]\njob_days = 9\n" + NOTICE, "retention.job_days", "did you mean 'jobs_days'"),
        (SOURCE + '[audit]\npath = "a"\nurl = "b"\n' + NOTICE, "audit.path", "not both"),
        (SOURCE + "[datasets]\n" + NOTICE, "datasets", "at least one dataset"),
        (
            SOURCE + '[datasets.x]\nkey = ["id"]\nsubject = ["s"]\n' + NOTICE,
            "datasets.x.fields",
            "at least one field",
        ),
    ],
)
def test_mistakes(text: str, key: str, says: str) -> None:
    """A mistake names the key and what would be right."""
    error = problem(text)
    assert error.key == key
    assert says in error.problem


@pytest.mark.parametrize(
    ("before", "after", "key", "says"),
    [
        ('type = "decimal"', 'type = "money"', "datasets.payouts.fields.amount.type", "decimal"),
        ('type = "decimal"', "", "datasets.payouts.fields.amount.type", "one of text, integer"),
        ('rule = "keep"', 'rule = "kep"', "datasets.payouts.fields.amount.rule", "keep"),
        ('rule = "keep"', 'rule = "generalise"', "datasets.payouts.fields.amount.to", "give either to"),
        ('rule = "keep"', "", "datasets.payouts.fields.amount.reason", "belongs to a rule"),
        ('reason = "Theirs"', "", "datasets.payouts.fields.amount.reason", "needs a reason"),
        ('as = "email"', 'as = "mail"', "datasets.payouts.fields.mail.as", "email"),
        ('rule = "mask"', 'rule = "keep"', "datasets.payouts.fields.mail.as", "mask"),
        ('basis = "AML law"', "", "datasets.payouts.fields.flag.disclose", "basis"),
        ('origin = "observed"', 'origin = "seen"', "datasets.payouts.fields.amount.origin", "provided"),
        ('{const = "EUR"}', "7", "datasets.payouts.fields.amount.asset", "const"),
        ('{const = "EUR"}', '"nope"', "datasets.payouts", "asset"),
        ("scale = 2", "scale = 99", "datasets.payouts.fields.amount", "scale"),
        ('key = ["booked", "no"]', 'key = "no"', "datasets.payouts.key", "a list"),
        ('key = ["booked", "no"]', "key = []", "datasets.payouts.key", "list of one or more"),
        ("rules.portability", "rules.self", "datasets.payouts.fields.amount.rules.self", "in the field itself"),
        ('as = "email"', 'as = "email"\nmsak = 1', "datasets.payouts.fields.mail.msak", "no such key"),
        ('table = "settlement"', 'tabel = "settlement"', "datasets.payouts.tabel", "did you mean 'table'"),
        ("[datasets.payouts.fields.flag]", "[datasets.payouts.fields.9]", "datasets.payouts.fields.9", "letter"),
        (
            'type = "boolean"\nrule = "withhold"',
            'type = "boolean"\nrule = "mask"',
            "datasets.payouts.fields.flag.disclose",
            "withheld",
        ),
    ],
)
def test_mistakes_in_datasets(before: str, after: str, key: str, says: str) -> None:
    """A mistake in a dataset, field or rule names its full key."""
    assert before in DATASET
    error = problem(SOURCE + DATASET.replace(before, after) + NOTICE)
    assert error.key == key
    assert says in error.problem


def test_mask_of_a_number() -> None:
    """A rule that does not fit its field's type is refused."""
    text = DATASET.replace('rule = "keep"', 'rule = "mask"', 1)
    assert "a mask is for text" in problem(SOURCE + text + NOTICE).problem


@pytest.mark.parametrize("content", [None, b"[source", b"\xff"])
def test_unreadable_file(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, no TOML or no UTF-8 is named."""
    file = tmp_path / "shop.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidConfiguration) as caught:
        read_configuration(file)
    assert "shop.toml" in str(caught.value)


def test_example() -> None:
    """The example configuration is valid."""
    example = Path(__file__).parents[2] / "examples" / "shop.toml"
    assert read_configuration(example).catalog.names == ("payouts", "steps")


def test_absolute_urls_stay() -> None:
    """Absolute and other URLs are left as they are."""
    for url in ("sqlite:////data/x.db", "sqlite:///:memory:", "postgresql+psycopg://h/d"):
        assert configured(SOURCE.replace("sqlite:///shop.db", url) + NOTICE).source_url == url


def test_flag_of_a_wrong_kind() -> None:
    """A flag is true or false, not a number."""
    with pytest.raises(InvalidConfiguration, match="true or false"):
        TomlTable({"on": 1}).flag("on", default=False)


def test_telemetry() -> None:
    """Nobody is told unless the file says so."""
    assert configured(SOURCE + NOTICE).opentelemetry is False
    text = SOURCE + "[telemetry]\nopentelemetry = true\n" + NOTICE
    assert configured(text).opentelemetry is True
    assert problem(SOURCE + "[telemetry]\nopentelemtry = true\n" + NOTICE).key == "telemetry.opentelemtry"
