"""Message ids in answers, also as mail programs really write them."""

from __future__ import annotations

from email.message import EmailMessage

from mailroom.mail.msgids import message_ids
from mailroom.mail.parse import parse

LONG = "<0100018f5a3b2c1d-12345678-1234-1234-1234-123456789012-000000@email.amazonses.com>"


def test_a_long_id_that_pythons_email_package_encoded_is_read() -> None:
    message = EmailMessage()
    message["In-Reply-To"], message["References"] = LONG, f"<a@example.com> {LONG}"
    raw = message.as_bytes()

    mail = parse(raw)

    assert b"=?utf-8?q?" in raw
    assert (mail.in_reply_to, mail.references) == ([LONG], ["<a@example.com>", LONG])


def test_an_id_that_looks_like_an_encoded_word_inside_stays_as_it_is() -> None:
    assert message_ids([b"<=?utf-8?q?x?=@example.com>"]) == ["<=?utf-8?q?x?=@example.com>"]
