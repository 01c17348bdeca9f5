"""
From a request to a mail, from the mail to the page, from the page to the file.
"""

import re
import sqlite3

import pytest
import sqlalchemy
from tests.http_hosts import DirectHost, Site
from tests.mail_server import MailServer
from tests.toml_texts import NOTICE

from streampay_export import Notify, Recipient, Subject
from streampay_export.cli import main
from streampay_export.errors import InvalidRequest, NotifierUnavailable
from streampay_export.links.app import AppLinks
from streampay_export.notify.smtp import SmtpNotifier
from streampay_export.notify.sql import SqlRecipients
from streampay_export.notify.wording import TemplateWording
from streampay_export.verify import verify_bundle

SHOP = Recipient("privacy@shop.example", "Shop")
BROWSER = {"Accept": "text/html"}


def test_a_mail_leads_to_the_file_whatever_scans_it_first(tmp_path):
    """
    451 and then 250: one mail. A scanner's HEAD and GETs spend nothing; the person's button leads to a bundle
    that verifies, and nobody else's does.
    """
    with MailServer("451 later") as server:
        notify = Notify(
            notifier=SmtpNotifier("127.0.0.1", server.port, sender=SHOP),
            recipients=lambda _, subject: Recipient(f"{subject.id}@example.org"),
            wording=TemplateWording(),
        )
        site = Site(DirectHost(), notify=notify, links=AppLinks("https://shop.example"))
        job_id = site.ready()
        house = site.deployment
        first = house.sweeper.sweep()
        house.clock.advance(house.wiring.lease * 2)
        second = house.sweeper.sweep()
    (mail,) = server.mails
    (link,) = set(re.findall(r"https://shop\.example(/\S+)", mail.get_body(("plain",)).get_content()))
    scanned = [site.ask(method, link, **BROWSER).status for method in ("HEAD", "GET", "GET")]
    page = site.ask("GET", link, **BROWSER).body.decode()
    (token,) = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)
    form = {"body": f"form_token={token}".encode(), "Content_Type": "application/x-www-form-urlencoded"}
    strangers = site.ask("POST", link, "bob", json_body={}).status
    begun = site.ask("POST", link, **form, **BROWSER)
    path = begun.headers["location"].removeprefix("https://shop.example")
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(site.ask("GET", path).body)

    assert [(0, 1), (1, 0)] == [(swept.told, swept.failures) for swept in (first, second)]
    assert ("ann@example.org", True) == (mail["To"], job_id in link)
    assert [200, 200, 200] == scanned
    assert (404, 303) == (strangers, begun.status)
    assert 25 == verify_bundle(bundle, house.wiring.manifests.public_keys()).rows


@pytest.fixture
def accounts(tmp_path):
    """
    A table of accounts, and its database's URL.
    """
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE account (wallet TEXT, former TEXT, email TEXT, locale TEXT)")
        rows = [
            ("GANN", "GOLD", "ann@example.org", "pt_BR"),
            ("GBOB", "", "", None),
            ("GTWO", "", "one@example.org", None),
            ("GTWO", "", "two@example.org", None),
            ("GBAD", "", "bad@example.org\r\nBcc: eve@example.org", None),
        ]
        db.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", rows)
        db.execute("CREATE TABLE payout (id INTEGER PRIMARY KEY, payer TEXT)")
        db.execute("INSERT INTO payout VALUES (1, 'GANN')")
    db.close()
    return f"sqlite:///{path}"


def test_addresses_come_from_a_table(accounts):
    """
    By any identifier in any of the columns; none, none known and two different ones are nobody.
    """
    engine = sqlalchemy.create_engine(accounts, poolclass=sqlalchemy.pool.NullPool)
    table = {"table": "account", "subject": ["wallet", "former"], "address": "email"}
    book = SqlRecipients(engine, **table, language="locale")
    found = [
        book("default", Subject(*who)) for who in (("ann", ["GANN"]), ("GOLD",), ("GBOB",), ("GTWO",), ("GNO",))
    ]

    ann = Recipient("ann@example.org", language="pt-BR")
    assert [ann, ann, None, None, None] == found
    assert Recipient("ann@example.org") == SqlRecipients(engine, **table)("default", Subject("GANN"))
    with pytest.raises(InvalidRequest):
        book("default", Subject("GBAD"))
    with pytest.raises(NotifierUnavailable):
        SqlRecipients(engine, **table | {"table": "nowhere"})("default", Subject("GANN"))


def test_a_configuration_file_is_enough_to_send_mails(accounts, tmp_path, monkeypatch, capsys):
    """
    `export` by staff, and a sweep: the person is told that somebody asked, and that the copy is ready.
    """
    with MailServer() as server:
        config = tmp_path / "shop.toml"
        config.write_text(f"""
[source]
url = "{accounts}"
[datasets.payouts]
table = "payout"
key = ["id"]
subject = ["payer"]
[datasets.payouts.fields.id]
type = "integer"
rule = "keep"
reason = "Theirs"
[mail]
host = "127.0.0.1"
port = {server.port}
from = "privacy@shop.example"
base_url = "https://shop.example"
[mail.recipients]
table = "account"
subject = ["wallet"]
address = "email"
{NOTICE}""")
        monkeypatch.chdir(tmp_path)
        statuses = [
            main([*arguments, "--config", str(config)])
            for arguments in (["export", "--subject", "GANN"], ["sweep"])
        ]
    ready = server.mails[1].get_body(("plain",)).get_content()

    assert [0, 0] == statuses
    assert ["Somebody else asked for a copy of your data", "The copy of your data is ready"] == [
        mail["Subject"] for mail in server.mails
    ]
    assert "https://shop.example/exports/" in ready
    assert "told 2" in capsys.readouterr().out
