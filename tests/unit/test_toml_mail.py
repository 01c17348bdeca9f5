"""
How people are told, in TOML: what is read, and what is said of mistakes.
"""

from __future__ import annotations

import tomllib

import pytest

from streampay_export._core.notification import Recipient
from streampay_export.errors import InvalidConfiguration
from streampay_export.toml_mail import read_mail
from streampay_export.toml_table import TomlTable

LEAST = """
[mail]
host = "smtp.shop.example"
from = "privacy@shop.example"
[mail.recipients]
table = "account"
subject = ["wallet"]
address = "email"
"""


def settings(text: str, folder=None):
    """
    Read the section, and refuse what is left over.
    """
    top = TomlTable(tomllib.loads(text))
    read = read_mail(top, folder)
    top.finish()
    return read


def test_no_section_is_no_mail() -> None:
    """
    By default nobody is told.
    """
    assert settings("") is None


def test_what_is_not_said_has_its_default() -> None:
    """
    Security and port are the notifier's to choose; there is no login and no link.
    """
    mail = settings(LEAST)

    assert ("smtp.shop.example", Recipient("privacy@shop.example")) == (mail.host, mail.sender)
    assert [None] * 6 == [mail.port, mail.security, mail.user, mail.password, mail.base_url, mail.language]
    assert ("account", ("wallet",), "email") == (mail.table, mail.subject, mail.address)


def test_everything_said_is_read(tmp_path) -> None:
    """
    The password from a file of its own, without its line end; it does not show.
    """
    (tmp_path / "password").write_text("s3cret\n")
    more = """
port = 2525
security = "tls"
from_name = "Shop"
user = "shop"
password_file = "password"
base_url = "https://shop.example"
[mail.recipients]
language = "locale"
"""
    mail = settings(LEAST.replace("[mail.recipients]\n", more), tmp_path)

    assert (2525, "tls", "shop", "s3cret") == (mail.port, mail.security, mail.user, mail.password)
    assert (Recipient("privacy@shop.example", "Shop"), "https://shop.example") == (mail.sender, mail.base_url)
    assert ("locale", False) == (mail.language, "s3cret" in repr(mail))


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ('host = "smtp.shop.example"', "", "mail.host"),
        ('"privacy@shop.example"', '"privacy"', "mail.from"),
        ("[mail.recipients]", 'from_name = "Shop\\nBcc: eve@example.org"\n[mail.recipients]', "mail.from_name"),
        ("[mail.recipients]", 'security = "ssl"\n[mail.recipients]', "mail.security"),
        ("[mail.recipients]", "port = 65536\n[mail.recipients]", "mail.port"),
        ("[mail.recipients]", 'password_file = "nowhere"\n[mail.recipients]', "mail.password_file"),
        ("[mail.recipients]", 'password = "s3cret"\n[mail.recipients]', "mail.password"),
        ('address = "email"', "", "mail.recipients.address"),
        ('address = "email"', 'address = "email"\nadress = "x"', "mail.recipients.adress"),
    ],
)
def test_a_mistake_names_its_key(was: str, becomes: str, key: str, tmp_path) -> None:
    """
    What is missing, wrong or unknown is said, and where.
    """
    with pytest.raises(InvalidConfiguration) as wrong:
        settings(LEAST.replace(was, becomes, 1), tmp_path)

    assert key == wrong.value.key
