"""Outgoing mail, read by our own parser and by the standard library's."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.mail.addresses import format_address
from mailroom.mail.compose import Composition, compose
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.parse import parse


def composition(**fields: Any) -> Composition:
    values: dict[str, Any] = {"from_": "Agent <agent@example.com>", "to": ["a@b.org"], "message_id": "<1@example.com>"}
    values.update(date_ms=0, seed="s")
    values.update(fields)
    return Composition(**values)


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def header_names(raw: bytes) -> list[str]:
    return read(raw).keys()


def test_a_plain_mail_is_plain() -> None:
    raw = compose(composition(subject="Hi", text="Hello\n"))

    assert raw == (
        b"From: Agent <agent@example.com>\r\nTo: a@b.org\r\nSubject: Hi\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
        b'Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n\r\nHello\r\n\r\n"
    )


def test_neither_text_nor_html_makes_an_empty_text() -> None:
    assert parse(compose(composition())).text == ""


def test_the_structure_holds_each_thing_at_its_place() -> None:
    picture = OutgoingAttachment(b"png", "i.png", "image/png", "inline", "i@x")
    file = OutgoingAttachment(b"pdf", "a.pdf", "application/pdf")

    message = read(compose(composition(text="t", html="<p>h</p>", attachments=[file, picture])))

    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"),
        "application/pdf",
    ]


def test_the_same_input_makes_the_same_bytes() -> None:
    fields = composition(text="t", html="h", attachments=[OutgoingAttachment(b"x")])

    assert compose(fields) == compose(fields)


def test_there_is_no_bcc_and_no_empty_recipient_field() -> None:
    raw = compose(composition(to=[]))

    assert read(raw)["To"] == "undisclosed-recipients:;"
    assert "Bcc" not in header_names(raw)


def test_long_references_fold_between_ids_and_stay_whole() -> None:
    ids = [f"<{'r' * 120}{number}@example.com>" for number in range(60)]

    raw = compose(composition(references=ids, in_reply_to=ids[-1]))

    assert (parse(raw).references, parse(raw).in_reply_to) == (ids, [ids[-1]])
    assert b"=?" not in raw


def test_a_long_url_in_a_custom_header_stays_whole() -> None:
    url = f"<https://example.com/{'u' * 400}>"

    assert parse(compose(composition(headers={"List-Unsubscribe": url}))).headers["List-Unsubscribe"] == url


INJECTION = "x\r\nBcc: evil@example.com\r\n\r\nbody\0\u2028"


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": INJECTION},
        {"headers": {"X-A": INJECTION}},
        {"in_reply_to": INJECTION},
        {"references": [INJECTION, "<a@b>\r\nBcc: evil@example.com"]},
        {"attachments": [OutgoingAttachment(b"x", INJECTION, INJECTION, "attachment", INJECTION)]},
        {"attachments": [OutgoingAttachment(b"x", "a", "text/plain\r\nBcc: evil@example.com", "inline", INJECTION)], "html": "h"},
        {"seed": INJECTION, "text": "a", "html": "b"},
    ],
)
def test_no_value_leaves_its_field(fields: dict[str, Any]) -> None:
    raw = compose(composition(**fields))

    assert "Bcc" not in header_names(raw)
    assert not any(part["Bcc"] for part in read(raw).walk())


@pytest.mark.parametrize(
    "fields",
    [
        {"from_": "a@b\r\nBcc: c@d"},
        {"from_": "Evil\nBcc: c@d <a@b>"},
        {"to": ["a@b, c@d"]},
        {"cc": ["a@b\n"]},
        {"reply_to": ["nobody"]},
        {"message_id": "<a@b>\r\nBcc: c@d"},
        {"headers": {"Bcc": "c@d"}},
        {"headers": {"X-A\r\nBcc": "c@d"}},
        {"headers": {"": "x"}},
    ],
)
def test_what_validation_refuses_cannot_be_composed(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        compose(composition(**fields))


@pytest.mark.parametrize(
    "content_type", ["nonsense", "multipart/mixed; boundary=x", "a/b/c", 'text/plain; charset="a\r\nb"', "", None]
)
def test_malformed_content_types_become_octet_streams(content_type: str | None) -> None:
    raw = compose(composition(attachments=[OutgoingAttachment(b"x", "f", content_type)]))

    assert parse(raw).attachments[0].content_type == "application/octet-stream"


def test_a_nameless_text_attachment_does_not_become_the_body() -> None:
    attachment = OutgoingAttachment(b"attached", None, "text/html", "inline")

    mail = parse(compose(composition(text="body", attachments=[attachment])))

    assert (mail.text, mail.html, [item.data for item in mail.attachments]) == ("body", None, [b"attached"])


def test_content_type_parameters_are_kept() -> None:
    raw = compose(composition(attachments=[OutgoingAttachment(b"x", None, "text/calendar; method=REQUEST; charset=utf-8")]))

    assert b"text/calendar; method=REQUEST; charset=utf-8" in raw


def test_an_embedded_mail_is_not_encoded() -> None:
    embedded = b"Subject: inner\r\n\r\n--=_x\r\nbody\r\n"

    raw = compose(composition(attachments=[OutgoingAttachment(embedded, "m.eml", "message/rfc822")]))

    (attachment,) = parse(raw).attachments
    assert (attachment.content_type, attachment.data) == ("message/rfc822", embedded)
    assert embedded in raw


def test_an_embedded_mail_that_is_not_seven_bit_is_sent_as_a_file() -> None:
    embedded = b"Subject: inner\r\n\r\n\xff\n"

    raw = compose(composition(attachments=[OutgoingAttachment(embedded, "m.eml", "message/rfc822")]))

    (attachment,) = parse(raw).attachments
    assert (attachment.content_type, attachment.data) == ("application/octet-stream", embedded)


def test_a_boundary_is_none_that_the_content_holds() -> None:
    first = compose(composition(attachments=[OutgoingAttachment(b"x")]))
    boundary = read(first).get_boundary()
    embedded = f"Subject: s\r\n\r\n--{boundary}--\r\n".encode()

    raw = compose(composition(attachments=[OutgoingAttachment(embedded, "m.eml", "message/rfc822")]))

    assert parse(raw).attachments[0].data == embedded


# Without NUL, lone surrogates and the bidirectional and line controls that file names and headers lose on purpose.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"])
LINES = st.one_of(
    st.text(CHARACTERS, max_size=200),
    st.sampled_from(
        ["From me", ".", "..", "", "--", "=", "=?utf-8?q?x?=", "a" * 2_000, "🎉" * 300, "שלום עולם", "tab\there ", "-- "]
    ),
)
BODIES = st.lists(LINES, max_size=8).flatmap(lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines)))
PHRASES = st.text(CHARACTERS, max_size=80).map(lambda text: " ".join(text.split()).strip("'"))
FILENAMES = st.one_of(st.none(), st.from_regex(r"[^\W\d_](?:[\w ()'%=?;,\"äß漢🎉-]{0,60}\w)?(?:\.[a-z]{1,4})?", fullmatch=True))
ATTACHMENTS = st.lists(st.builds(OutgoingAttachment, data=st.binary(max_size=300), filename=FILENAMES), max_size=3)


def normal(text: str | None) -> str | None:
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n")


@settings(max_examples=250, deadline=None)
@given(
    subject=st.text(CHARACTERS, min_size=1, max_size=300).map(str.strip).filter(bool),
    text=st.one_of(st.none(), BODIES),
    html=st.one_of(st.none(), BODIES),
    name=PHRASES,
    attachments=ATTACHMENTS,
)
def test_what_is_composed_is_what_is_read(
    subject: str, text: str | None, html: str | None, name: str, attachments: list[OutgoingAttachment]
) -> None:
    sender = format_address(name, "a@b.org")

    raw = compose(composition(from_=sender, to=[sender], subject=subject, text=text, html=html, attachments=attachments))

    mail = parse(raw)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert (mail.subject, mail.from_, mail.to) == (subject.strip(), sender, [sender])
    assert mail.text == (normal(text) if text is not None or html is not None else "")
    assert mail.html == normal(html)
    # Pictures stand beside the HTML that shows them, before the other files.
    assert Counter((item.data, item.filename) for item in mail.attachments) == Counter((a.data, a.filename) for a in attachments)
    assert mail.defects == []


@settings(max_examples=100, deadline=None)
@given(subject=st.text(max_size=100), name=st.text(max_size=50), filename=st.text(max_size=50), value=st.text(max_size=100))
def test_nothing_breaks_the_form_of_a_mail(subject: str, name: str, filename: str, value: str) -> None:
    attachment = OutgoingAttachment(b"x", filename, value, "inline", name)

    raw = compose(composition(subject=subject, headers={"X-V": value}, text=value, html=name, attachments=[attachment]))

    assert raw.isascii()
    assert header_names(raw)[:2] == ["From", "To"]
    assert len(parse(raw).attachments) == 1
