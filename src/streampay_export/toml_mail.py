"""
The part of a configuration file that says how people are told.
"""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from ._core.notification import Recipient
from .errors import InvalidConfiguration, InvalidRequest
from .toml_table import TomlTable

SECURITY = ("tls", "starttls", "plain")
LARGEST_PORT = 65_535


@frozen(kw_only=True)
class MailSettings:
    """
    A mail server, who mails are from, where links in them lead, and the table that knows the addresses.
    """

    host: str
    port: int | None
    security: str | None
    sender: Recipient
    user: str | None
    password: str | None = field(repr=False)
    base_url: str | None
    table: str
    subject: tuple[str, ...]
    address: str
    language: str | None


def read_mail(top: TomlTable, folder: Path) -> MailSettings | None:
    """
    Read `[mail]`, or return `None` where it is absent. Paths are relative to *folder*.
    """
    if "mail" not in top:
        return None
    mail = top.table("mail")
    book = mail.table("recipients")
    settings = MailSettings(
        host=mail.text("host"),
        port=_port(mail),
        security=mail.one_of("security", SECURITY) if "security" in mail else None,
        sender=_sender(mail),
        user=mail.optional_text("user"),
        password=_password(mail, folder),
        base_url=mail.optional_text("base_url"),
        table=book.text("table"),
        subject=book.texts("subject"),
        address=book.text("address"),
        language=book.optional_text("language"),
    )
    book.finish()
    mail.finish()
    return settings


def _port(mail: TomlTable) -> int | None:
    port = mail.whole_number("port")
    if port is not None and not 1 <= port <= LARGEST_PORT:
        raise mail.wrong("port", f"a whole number from 1 to {LARGEST_PORT} is expected")
    return port


def _sender(mail: TomlTable) -> Recipient:
    address, name = mail.text("from"), mail.optional_text("from_name")
    try:
        return Recipient(address, name or "")
    except InvalidRequest as error:
        raise mail.wrong("from_name" if error.field == "name" else "from", error.problem) from None


def _password(mail: TomlTable, folder: Path) -> str | None:
    path = mail.optional_text("password_file")
    if path is None:
        return None
    try:
        return (folder / path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidConfiguration("mail.password_file", "no password can be read there") from None
