from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from tests.certificates import self_signed
from tests.smtp import Post, post_office
from tornadogw.accounts.letters import Letter
from tornadogw.errors import UsageError
from tornadogw.mail import Mail, message
from tornadogw.settings.tables import Mail as Table

ANN = "ann@example.com"
LETTER = Letter(ANN, "Hello, 你好", "A link:\n\nhttp://gw.example/reset?token=" + "x" * 60 + "\n.\n")


def mail(post: Post, *, pauses: Sequence[float] = (0.0, 0.0), timeout: float = 10.0, waiting: int = 10) -> Mail:
    table = Table(host="127.0.0.1", port=post.port, tls="none", sender="gateway@gw.example", timeout=timeout)
    return Mail(table, pauses=pauses, waiting=waiting)


async def test_a_letter_arrives_as_it_was_written() -> None:
    async with post_office() as post:
        sender = mail(post)
        sender.start()
        sender.send(LETTER)
        came = await post.letter()
        await sender.close()
    assert (came["To"], came["From"], came["Subject"]) == (ANN, "gateway@gw.example", LETTER.subject)
    assert came.get_content().replace("\r\n", "\n") == LETTER.text
    assert (came["Auto-Submitted"], post.recipients) == ("auto-generated", [ANN])
    assert "x" * 60 not in repr(LETTER)


async def test_what_is_refused_for_now_is_tried_again_and_for_good_is_not(claim_log) -> None:
    async with post_office() as post:
        post.answers = ["451 later", "451 later", "250 fine", "550 no such mailbox: ann@example.com"]
        sender = mail(post)
        sender.start()
        sender.send(LETTER)
        await post.letter()
        claim_log("tornadogw.mail", r"a letter is lost: SMTPRecipientsRefused *$")
        sender.send(LETTER)
        await sender.close()
        assert (len(post), post.connections) == (1, 4)


async def test_a_server_that_says_nothing_holds_up_nobody(claim_log) -> None:
    claim_log("tornadogw.mail", r"a letter is lost: 1 wait for the mail server already")
    claim_log("tornadogw.mail", r"a letter is lost: (TimeoutError|SMTP\w+)")
    async with post_office() as post:
        post.silent = True
        sender = mail(post, timeout=0.05, pauses=(), waiting=1)
        sender.send(LETTER)
        sender.send(LETTER)
        sender.start()
        await sender.close()
    claim_log("tornadogw.mail", r"a letter is lost: SMTPConnectError")
    sender = mail(post)
    sender.start()
    sender.send(LETTER)
    await sender.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, ssl.SSLContext]:
    return self_signed(tmp_path_factory.mktemp("mail"))


async def sent(post: Post, tls: Literal["tls", "starttls"]) -> None:
    """One letter, tried once, by who has a password."""
    table = Table(
        host="127.0.0.1", port=post.port, tls=tls, sender="gateway@gw.example", user="gateway", password="secret"
    )
    sender = Mail(table, pauses=())
    sender.start()
    sender.send(LETTER)
    await sender.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_all_but_the_greeting_is_encrypted(tls, certificate, monkeypatch) -> None:
    chain, server = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    async with post_office(**{tls: server}) as post:
        await sent(post, tls)
        assert (await post.letter())["To"] == ANN
    assert [word for secure, word in post.said if not secure] == (["EHLO", "STARTTLS"] if tls == "starttls" else [])
    assert (True, "AUTH") in post.said


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(tls, certificate, claim_log) -> None:
    claim_log("tornadogw.mail", r"a letter is lost: SMTPConnectError|a letter is lost: \w*SSL\w*")
    async with post_office(**{tls: certificate[1]}) as post:
        await sent(post, tls)
    assert len(post) == 0
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & {word for _, word in post.said}


async def test_a_server_that_does_not_offer_encryption_gets_nothing(claim_log) -> None:
    claim_log("tornadogw.mail", r"a letter is lost: SMTPException")
    async with post_office() as post:
        await sent(post, "starttls")
    assert len(post) == 0
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & {word for _, word in post.said}, "neither password nor address"


@pytest.mark.parametrize(
    "to",
    [
        "ann@example.com\r\nBcc: bob@example.com",
        "=?utf-8?q?x=0D=0ABcc:_b=40example.com?=@example.com",
        "ann@example.com, bob@example.com",
        '"a b"@example.com',
        "",
    ],
)
def test_no_address_makes_another_header(to: str) -> None:
    with pytest.raises(UsageError):
        message(Letter(to, "s", "t"), "gateway@gw.example")


def test_no_subject_makes_another_header() -> None:
    with pytest.raises(ValueError, match="line"):
        message(Letter(ANN, "s\r\nBcc: bob@example.com", "t"), "gateway@gw.example")
