"""
Mail by SMTP, against servers that behave and servers that do not.
"""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.mail_server import MailServer, drips, misbehaving, resets, says_nothing

from streampay_export._core.notification import Letter, Recipient
from streampay_export.errors import InvalidConfiguration, InvalidRequest, NotifierUnavailable, RecipientRefused
from streampay_export.notify.logging import LoggingNotifier
from streampay_export.notify.smtp import SmtpNotifier
from streampay_export.testing.contracts.notify import make_notification

SHOP = Recipient("privacy@shop.example", "Shop, Abteilung Datenschutz")


def notifier(port: int, **options) -> SmtpNotifier:
    """
    Return a notifier that sends to a port of this machine.
    """
    return SmtpNotifier("127.0.0.1", port, sender=SHOP, **options)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """
    A server's TLS with a certificate for localhost, and a client's that trusts it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(plain + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cadata=made.public_bytes(pem).decode())
    return server, client


def test_a_mail_has_both_parts_and_says_whose_it_is() -> None:
    """
    Plain text and HTML arrive as they were written, under a title, names and a mark, in seven bits.
    """
    sent = make_notification()
    with MailServer() as server:
        notifier(server.port).send(sent)
    (mail,) = server.mails
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))

    assert sent.letter.title == mail["Subject"]
    assert f'"{SHOP.name}" <{SHOP.address}>' == mail["From"]
    assert (sent.recipient.address, sent.recipient.name) == (
        mail["To"].addresses[0].addr_spec,
        mail["To"].addresses[0].display_name,
    )
    assert ("auto-generated", sent.at) == (mail["Auto-Submitted"], mail["Date"].datetime)
    assert mail["Message-ID"].endswith("@shop.example>")
    assert (sent.letter.text, sent.letter.html) == (
        text.get_content().replace("\r\n", "\n"),
        html.get_content().strip(),
    )


def test_a_mail_is_in_seven_bits() -> None:
    """
    Also where nothing else asks for an encoding: a server may know no other.
    """
    short = Letter(title="Grüße", text="schöne Grüße\n", html="<p>schöne Grüße</p>")
    with MailServer() as server:
        notifier(server.port).send(evolve(make_notification(), letter=short))

    assert server.raw.isascii()
    assert short.text == server.mails[0].get_body(("plain",)).get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("451 later", NotifierUnavailable),
        ("421 going down", NotifierUnavailable),
        ("550 nobody here", RecipientRefused),
        ("552 full", RecipientRefused),
    ],
)
def test_answers_are_for_now_or_for_good(answer: str, expected: type[Exception]) -> None:
    """
    4xx may pass and 5xx will not, of the recipient and of the mail alike; the code is said and nothing else.
    """
    refusals = []
    for options in ({"answers": [answer]}, {"answers": [], "data": answer}):
        with MailServer(*options.pop("answers"), **options) as server, pytest.raises(expected) as refused:
            notifier(server.port).send(make_notification())
        refusals.append(str(refused.value))
        assert not server.mails

    assert all(f"({answer[:3]})" in refusal and answer[4:] not in refusal for refusal in refusals)


def test_451_and_then_250_is_one_mail() -> None:
    """
    What was put off is taken the next time.
    """
    with MailServer("451 later") as server:
        with pytest.raises(NotifierUnavailable):
            notifier(server.port).send(make_notification())
        notifier(server.port).send(make_notification())

    assert 1 == len(server.mails)


@pytest.mark.parametrize("answer", [says_nothing, resets, drips], ids=["black hole", "reset", "drip"])
def test_a_server_that_misbehaves_is_waited_for_no_longer_than_said(answer) -> None:
    """
    No answer, a reset, and an answer that never ends are outages, within the time that was given.
    """
    began = time.monotonic()
    with (
        misbehaving(answer) as port,
        pytest.raises(NotifierUnavailable, match="did not answer in time, or hung up"),
    ):
        notifier(port, timeout=0.4, longest=0.8).send(make_notification())

    assert time.monotonic() - began < 5


def test_starttls_is_used_and_insisted_on(certificate) -> None:
    """
    With STARTTLS a mail and a password pass; a server without it, or of unknown certificate, gets nothing.
    """
    theirs, ours = certificate
    user = {"user": "shop", "password": "s3cret"}
    with MailServer(tls_context=theirs, require_starttls=True, user=("shop", "s3cret")) as server:
        tls = {"sender": SHOP, "security": "starttls"}
        SmtpNotifier("localhost", server.port, **tls, tls=ours, **user).send(make_notification())
        with pytest.raises(NotifierUnavailable, match="certificate"):
            SmtpNotifier("localhost", server.port, **tls, **user).send(make_notification())
        with pytest.raises(NotifierUnavailable, match="user and password"):
            SmtpNotifier("localhost", server.port, **tls, tls=ours, user="shop", password="wrong").send(
                make_notification()
            )
    with MailServer() as plain, pytest.raises(NotifierUnavailable, match="STARTTLS"):
        notifier(plain.port, security="starttls").send(make_notification())

    assert (1, 0) == (len(server.mails), len(plain.mails))


def test_tls_from_the_start(certificate) -> None:
    """
    As on port 465.
    """
    theirs, ours = certificate
    with MailServer(ssl_context=theirs, server_hostname="localhost") as server:
        SmtpNotifier("localhost", server.port, sender=SHOP, security="tls", tls=ours).send(make_notification())

    assert 1 == len(server.mails)


def test_a_sender_that_is_refused_is_for_operators_to_mend() -> None:
    """
    It is tried again: nothing is wrong with the recipient.
    """
    with MailServer() as server:

        async def refused(*_):
            return "550 not you"

        server.handle_MAIL = refused
        with pytest.raises(NotifierUnavailable, match="sender"):
            notifier(server.port).send(make_notification())


@pytest.mark.parametrize(
    "options",
    [
        {"security": "ssl"},
        {"user": "shop"},
        {"password": "s3cret"},
        {"security": "plain", "user": "shop", "password": "s3cret"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options) -> None:
    """
    Unknown security, half a login, and a password in the clear.
    """
    with pytest.raises(InvalidConfiguration):
        SmtpNotifier("smtp.example.org", sender=SHOP, **options)


def test_plain_is_for_loopback_unless_told() -> None:
    """
    What is not said is STARTTLS at its port, and plain on loopback alone.
    """
    made = [SmtpNotifier(host, sender=SHOP) for host in ("smtp.example.org", "127.0.0.1", "::1", "localhost")]
    told = SmtpNotifier("smtp.example.org", sender=SHOP, security="plain")

    assert [("starttls", 587), *[("plain", 25)] * 4] == [(each._security, each._port) for each in [*made, told]]


@pytest.mark.parametrize(
    "make",
    [
        lambda text: Recipient(f"ann{text}@example.org"),
        lambda text: Recipient(f"ann@example.org{text}"),
        lambda text: Recipient("ann@example.org", f"Ann{text}"),
        lambda text: Recipient("ann@example.org", "Ann", f"en{text}"),
        lambda text: Letter(title=f"Ready{text}", text="", html=""),
    ],
    ids=["local part", "domain", "name", "language", "title"],
)
@pytest.mark.parametrize("text", ["\r\nBcc: eve@example.org", "\n", "\r", "\0", "\u2028", "\x85"])
def test_no_header_can_be_added(make, text: str) -> None:
    """
    Line breaks of every kind are refused when the value is made, wherever they stand.
    """
    with pytest.raises(InvalidRequest):
        make(text)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "@example.org", "ann@", "ann@@example.org", "a b@example.org", "ann@exa mple.org",
     "<ann@example.org>", "ann@example.org,eve@example.org", "ann@example.org;eve", '"ann eve"@example.org',
     ".ann@example.org", "ann@-example.org", "änn@example.org", f"{'a' * 250}@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    """
    One address in ASCII, and nothing that a server or a header could read as two.
    """
    with pytest.raises(InvalidRequest):
        Recipient(address)


def test_the_log_says_that_somebody_would_be_told(caplog) -> None:
    """
    Job and occasion, and nobody's name.
    """
    with caplog.at_level("INFO", "streampay_export"):
        LoggingNotifier().send(make_notification())

    assert ["export job-1: somebody would be told: ready"] == caplog.messages
