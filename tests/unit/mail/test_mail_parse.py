"""Mail as it really comes: one oddity a test."""

from __future__ import annotations

import base64

import pytest

from mailroom.mail.parse import parse


def mail(*lines: str | bytes) -> bytes:
    return b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\r\n"


def subject_of(raw: str | bytes) -> str | None:
    return parse(mail(b"Subject: " + (raw.encode() if isinstance(raw, str) else raw), "", "x")).subject


def test_the_line_end_that_closes_the_mail_is_not_text() -> None:
    assert parse(mail("Subject: s", "", "hello")).text == "hello"


def test_a_mail_without_a_body_has_an_empty_text() -> None:
    assert parse(b"Subject: s\r\n\r\n").text == ""


def test_empty_bytes_are_an_empty_mail() -> None:
    parsed = parse(b"")

    assert (parsed.from_, parsed.subject, parsed.text) == ("", None, "")


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_any_line_end_will_do(line_end: bytes) -> None:
    raw = mail("Subject: s", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "two", "--b--")

    parsed = parse(raw.replace(b"\r\n", line_end))

    assert (parsed.subject, parsed.text) == ("s", "one\ntwo")


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        ("=?utf-8?q?f=C3=BCr?= dich", "für dich"),
        ("=?iso-8859-1?q?f=FCr?=\r\n\t=?utf-8?b?IGRpY2g=?=", "für dich"),
        ("=?utf-8?b?8J+Y?= =?utf-8?b?gA==?=", "😀"),
        ("=?utf-8?q?=F0=9F?=\r\n =?utf-8?q?=98=80?=", "😀"),
        ("=?utf-8?b?8J+?= =?utf-8?b?YgA==?=", "😀"),
        ("=?utf-8*en?q?hi?=", "hi"),
        ("=?utf-8?q?hello world?=", "hello world"),
        ("=?utf-8?q?a?=b", "ab"),
        ("=?x-unknown?q?f=C3=BCr?=", "für"),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ("für", "für"),
        ("für".encode("cp1252"), "für"),
        ("one\r\n two", "one two"),
        ("=?utf-8?q?a=0D=0AX-Evil:_1?=", "a X-Evil: 1"),
        ("nul\0byte", "nul byte"),
        (b"\x1b$B$^$_$`\x1b(B", "まみむ"),
        ("=?iso-2022-jp?b?GyRCJF4bKEI=?= =?iso-2022-jp?b?GyRCJF8bKEI=?=", "まみ"),
    ],
)
def test_subjects_are_decoded(raw: str | bytes, decoded: str) -> None:
    assert subject_of(raw) == decoded


def test_the_first_subject_counts() -> None:
    assert parse(mail("Subject: one", "Subject: two", "", "x")).subject == "one"


def test_of_alternatives_text_and_html_are_taken() -> None:
    raw = mail(
        *("Content-Type: multipart/alternative; boundary=b", "", "--b", "Content-Type: text/plain", "", "plain"),
        *("--b", "Content-Type: text/html", "", "<p>html</p>", "--b--"),
    )

    parsed = parse(raw)

    assert (parsed.text, parsed.html, parsed.attachments) == ("plain", "<p>html</p>", [])


def test_inline_texts_of_a_mixed_mail_are_joined() -> None:
    raw = mail(
        *("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "above", "--b", "Content-Type: image/png", "", "png"),
        *("--b", "", "below", "--b--"),
    )

    parsed = parse(raw)

    assert parsed.text == "above\nbelow"
    assert [item.content_type for item in parsed.attachments] == ["image/png"]


@pytest.mark.parametrize("header", ["Content-Disposition: attachment", "Content-Type: text/plain; name=a.txt"])
def test_a_text_that_is_named_or_says_so_is_an_attachment(header: str) -> None:
    raw = mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "body", "--b", header, "", "attached", "--b--")

    parsed = parse(raw)

    assert parsed.text == "body"
    assert [item.data for item in parsed.attachments] == [b"attached"]


def test_a_calendar_alternative_is_an_attachment() -> None:
    raw = mail(
        *("Content-Type: multipart/alternative; boundary=b", "", "--b", "", "plain"),
        *("--b", "Content-Type: text/calendar; method=REQUEST", "", "BEGIN:VCALENDAR", "--b--"),
    )

    assert [item.content_type for item in parse(raw).attachments] == ["text/calendar"]


def test_a_picture_beside_its_html_is_inline() -> None:
    raw = mail(
        *("Content-Type: multipart/related; boundary=b", "", "--b", "Content-Type: text/html", "", "<img src=cid:i@x>"),
        *("--b", "Content-Type: image/png", "Content-ID: <i@x>", "Content-Transfer-Encoding: base64", "", "cG5n", "--b--"),
    )

    (picture,) = parse(raw).attachments

    assert (picture.data, picture.content_id, picture.content_disposition) == (b"png", "i@x", "inline")


def test_an_embedded_mail_is_an_attachment_with_its_bytes() -> None:
    embedded = mail("Subject: =?utf-8?q?F=C3=BCr/dich?=", "Content-Type: text/plain", "", "inner")
    raw = mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: message/rfc822", "") + embedded + b"\r\n--b--"

    (attachment,) = parse(raw).attachments

    assert (attachment.filename, attachment.data) == ("Für_dich.eml", embedded)


def test_delivery_reports_are_attachments_and_automatic() -> None:
    raw = mail(
        *("Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "", "It bounced."),
        *("--b", "Content-Type: message/delivery-status", "", "Status: 5.1.1", "--b"),
        *("Content-Type: text/rfc822-headers", "", "Subject: x", "--b--"),
    )

    parsed = parse(raw)

    assert (parsed.text, parsed.automatic) == ("It bounced.", True)
    assert [item.content_type for item in parsed.attachments] == ["message/delivery-status", "text/rfc822-headers"]


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "Return-Path: <>", "X-Autoreply: yes"],
)
def test_mail_made_by_machines_is_automatic(header: str) -> None:
    assert parse(mail(header, "", "x")).automatic


def test_the_mail_of_a_list_may_be_a_human_s() -> None:
    assert not parse(mail("From: a@b", "List-Id: <l.example.com>", "Precedence: list", "", "x")).automatic


def test_a_human_mail_is_not_automatic() -> None:
    assert not parse(mail("From: a@b", "Auto-Submitted: no", "Return-Path: <a@b>", "", "x")).automatic


def test_a_missing_final_boundary_loses_nothing() -> None:
    parsed = parse(mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "text"))

    assert parsed.text == "text\n"
    assert parsed.defects == ["closing boundary missing"]


def test_a_boundary_that_begins_like_another_is_not_mistaken() -> None:
    raw = mail(
        *('Content-Type: multipart/mixed; boundary="b"', "", "--b", 'Content-Type: multipart/mixed; boundary="b2"', ""),
        *("--b2", "", "inner", "--b2--", "--b", "Content-Type: image/gif", "", "gif", "--b--"),
    )

    parsed = parse(raw)

    assert parsed.text == "inner"
    assert [item.data for item in parsed.attachments] == [b"gif"]


def test_an_undeclared_boundary_is_found() -> None:
    raw = mail("Content-Type: multipart/mixed", "", "--xyz", "", "text", "--xyz--")

    assert parse(raw).text == "text"


def test_a_multipart_without_any_boundary_is_text() -> None:
    assert parse(mail("Content-Type: multipart/mixed; boundary=b", "", "just text")).text == "just text"


def test_a_body_may_follow_the_header_without_a_blank_line() -> None:
    parsed = parse(mail("Subject: s", "This is text: no header.", "More"))

    assert (parsed.subject, parsed.text) == ("s", "This is text: no header.\nMore")


def test_junk_between_fields_is_passed_over() -> None:
    parsed = parse(mail("Subject: s", "broken continuation", "From: a@b", "", "x"))

    assert (parsed.from_, parsed.text) == ("a@b", "x")


def test_a_byte_order_mark_before_the_header_is_no_field() -> None:
    assert parse(b"\xef\xbb\xbf" + mail("Subject: s", "", "x")).subject == "s"


def test_a_mailbox_line_before_the_header_is_no_field() -> None:
    assert parse(mail("From a@b Mon Mar  3 10:00:00 2025", "Subject: s", "", "x")).subject == "s"


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("aGVsbG8gd29ybGQ", b"hello world"),
        ("aGVs bG8g\r\n d29ybGQ=", b"hello world"),
        ("aGVsb*G8gd29ybGQ=\r\n", b"hello world"),
        ("aGVsbG8gd29ybGQ=\r\n\r\n-- \r\na mailing list footer", b"hello world"),
        ("aGVsbG8=IHdvcmxk", b"hello world"),
        ("a", b""),
        ("", b""),
    ],
)
def test_broken_base64_is_decoded_as_far_as_it_goes(encoded: str, decoded: bytes) -> None:
    raw = mail("Content-Type: application/x", "Content-Transfer-Encoding: base64", "", encoded)

    assert parse(raw).attachments[0].data == decoded


def test_plain_text_labelled_base64_stays_readable() -> None:
    raw = mail("Content-Transfer-Encoding: base64", "", "Hello there, this is not base64 at all.")

    assert (parse(raw).text or "").strip() == "Hello there, this is not base64 at all."


@pytest.mark.parametrize("label", ["quoted-printable", "Quoted - Printable", "quoted-printable;", "QUOTED_PRINTABLE (x)"])
def test_quoted_printable_is_known_by_many_names(label: str) -> None:
    raw = mail(f"Content-Transfer-Encoding: {label}", "", "f=C3=BCr=\r\n dich =3D= \r\n!=ZZ")

    assert parse(raw).text == "für dich =!=ZZ"


def test_uuencoded_content_is_decoded() -> None:
    raw = mail("Content-Type: application/x", "Content-Transfer-Encoding: x-uuencode", "", "begin 644 f", "%:&5L;&\\", "`", "end")

    assert parse(raw).attachments[0].data == b"hello"


def test_an_unknown_encoding_is_taken_as_none() -> None:
    assert parse(mail("Content-Transfer-Encoding: x-foo", "", "as=20is")).text == "as=20is"


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a b.pdf", "a b.pdf"),
        ('attachment; filename="=?utf-8?q?f=C3=BCr.pdf?="', "für.pdf"),
        ("attachment; filename*=utf-8''f%C3%BCr.pdf", "für.pdf"),
        ("attachment; filename=plain.pdf; filename*=utf-8''f%C3%BCr.pdf", "für.pdf"),
        ("attachment; filename*0*=iso-8859-1''f%FC; filename*1=\"r .pdf\"", "für .pdf"),
        ("attachment; filename*1=c.pdf; filename*0=ab", "abc.pdf"),
        ('attachment; filename="für.pdf"', "für.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\temp\\a.pdf"', "a.pdf"),
        ('attachment; filename="a\\"b.pdf"', 'a"b.pdf'),
        ('attachment; filename="unterminated.pdf', "unterminated.pdf"),
        ("attachment; filename*=utf-8''exe%E2%80%AEfdp.exe", "exefdp.exe"),
        ("attachment; filename*=utf-8''a%0D%0Ab.pdf", "a b.pdf"),
        ('attachment; filename=".."', None),
        ("attachment; filename=a.pdf size=3", "a.pdf"),
        (f'attachment; filename="{"x" * 400}.pdf"', "x" * 251 + ".pdf"),
    ],
)
def test_file_names_are_decoded_and_harmless(disposition: str, filename: str | None) -> None:
    raw = mail("Content-Type: application/x", f"Content-Disposition: {disposition}", "", "x")

    assert parse(raw).attachments[0].filename == filename


def test_message_ids_are_taken_between_angle_brackets() -> None:
    raw = mail(
        "Message-ID: (comment) <a@b>", "In-Reply-To: Your message <c@d> of today", "References: <e@f>\r\n\t<g@h> <e@f>", "", "x"
    )

    parsed = parse(raw)

    assert (parsed.message_id, parsed.in_reply_to, parsed.references) == ("<a@b>", ["<c@d>"], ["<e@f>", "<g@h>"])


@pytest.mark.parametrize("value", ["<a b@c>", "<>", "nothing", "<a\x01@b>", f"<{'a' * 500}@b>"])
def test_what_cannot_be_a_message_id_is_none(value: str) -> None:
    assert parse(mail(f"Message-ID: {value}", "", "x")).message_id is None


def test_a_message_id_without_brackets_gets_them() -> None:
    assert parse(mail("Message-ID: a@b", "", "x")).message_id == "<a@b>"


def test_the_first_and_last_fifty_references_are_kept() -> None:
    ids = [f"<{number}@x>" for number in range(150)]

    assert parse(mail("References: " + "\r\n ".join(ids), "", "x")).references == ids[:50] + ids[-50:]


def test_headers_are_joined_decoded_and_without_transport() -> None:
    raw = mail(
        *("Received: a", "DKIM-Signature: b", "ARC-Seal: c", "X-SES-Receipt: d", "X-One: =?utf-8?q?=C3=BC?="),
        *("X-Two: first", "x-two: second\r\n folded", "", "x"),
    )

    assert parse(raw).headers == {"X-One": "ü", "X-Two": "first, second folded"}


def test_the_largest_headers_are_dropped_first() -> None:
    raw = mail("X-Big: " + "b" * 30_000, "X-Bigger: " + "c" * 31_000, "X-Small: s", "", "x")

    assert list(parse(raw).headers) == ["X-Big", "X-Small"]


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("utf-8", "für".encode(), "für"),
        ("", "für".encode(), "für"),
        ("us-ascii", "für".encode("cp1252"), "für"),
        ("iso-8859-1", b"\x93quoted\x94", "“quoted”"),
        ("x-unknown", "für".encode(), "für"),
        ("utf8mb4", "für".encode(), "für"),
        ('"windows-1252http-equivcontent-type"', "für".encode("cp1252"), "für"),
        ("ks_c_5601-1987", "한국".encode("cp949"), "한국"),
        ("gb2312", "镕".encode("gbk"), "镕"),
        ("gb2312", "你好！我公司可代开".encode(), "你好！我公司可代开"),
        ("unicode-1-1-utf-7", b"Hi +AOk-", "Hi é"),
        ("iso-2022-jp", "かき".encode("iso2022_jp"), "かき"),
        ("utf-16", "für".encode("utf-16"), "für"),
        ("utf-8", b"\xef\xbb\xbfbom", "bom"),
        ("utf-8", "gut \xfc und ü".encode() + b" \xff", "gut ü und ü \ufffd"),
        ("zlib", b"plain", "plain"),
        ("unicode_escape", rb"\ud800", r"\ud800"),
        ("utf-7", b"+2AA-", "\ufffd"),
    ],
)
def test_charsets_are_believed_as_far_as_they_fit(charset: str, data: bytes, text: str) -> None:
    raw = mail(f"Content-Type: text/plain; charset={charset}", "", base64.b64encode(data)).replace(
        b"Content-Type", b"Content-Transfer-Encoding: base64\r\nContent-Type"
    )

    assert parse(raw).text == text


@pytest.mark.parametrize("shift", range(4))
def test_long_texts_are_decoded_in_pieces_without_a_seam(shift: int) -> None:
    text = "x" * shift + "😀ü" * 400_000

    assert parse(b"Subject: s\r\n\r\n" + text.encode()).text == text


def test_html_without_a_charset_names_its_own() -> None:
    raw = mail("Content-Type: text/html", "", '<meta charset="iso-8859-2"><p>', "ł".encode("iso-8859-2"))

    assert "ł" in (parse(raw).html or "")


def test_a_second_arrival_has_the_same_identity() -> None:
    raw = mail("From: A <a@b>", "Date: Mon, 3 Mar 2025 10:00:00 +0000", "Subject: s", "Message-ID: <1@b>", "", "body", "text")

    again = b"Received: by relay\r\nDKIM-Signature: x\r\n" + raw.replace(b"\r\n", b"\n") + b"\n"

    assert parse(again).identity == parse(raw).identity


@pytest.mark.parametrize("changed", [(b"Subject: s", b"Subject: t"), (b"body", b"bodies"), (b"a@b>", b"c@b>")])
def test_another_mail_has_another_identity(changed: tuple[bytes, bytes]) -> None:
    raw = mail("From: A <a@b>", "Subject: s", "Message-ID: <1@b>", "", "body")

    assert parse(raw.replace(*changed)).identity != parse(raw).identity
