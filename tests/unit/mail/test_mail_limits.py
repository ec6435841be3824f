"""Hostile mail: every limit ends in a readable result."""

from __future__ import annotations

from itertools import count

import pytest

from mailroom.mail.limits import Limits
from mailroom.mail.parse import parse


def nested(depth: int) -> bytes:
    opened = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(depth))
    return f"Subject: s\r\n{opened}\r\ninnermost\r\n".encode()


def many_parts(number: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: image/gif\r\n\r\ng\r\n" * number + b"--b--"


def test_more_than_a_thousand_parts_are_cut() -> None:
    parsed = parse(many_parts(5_000))

    assert len(parsed.attachments) == 999
    assert "too many parts" in parsed.defects


def test_a_thousand_parts_are_all_read() -> None:
    parsed = parse(many_parts(999))

    assert (len(parsed.attachments), parsed.defects) == (999, [])


def test_fifty_levels_are_read() -> None:
    parsed = parse(nested(50))

    assert (parsed.text or "").strip() == "innermost"


def test_what_is_nested_deeper_is_kept_unread() -> None:
    parsed = parse(nested(3_000))

    assert "nested too deeply" in parsed.defects
    assert [item.content_type for item in parsed.attachments] == ["multipart/mixed"]


def test_header_lines_beyond_the_limit_are_left_out() -> None:
    parsed = parse(b"Subject: s\r\n" + b"X-A: 1\r\n" * 50_000 + b"\r\nbody")

    assert (parsed.subject, parsed.text) == ("s", "body")
    assert "too many header lines" in parsed.defects


def test_header_lines_of_all_parts_are_counted_together() -> None:
    part = b"--b\r\n" + b"X-A: 1\r\n" * 100 + b"\r\ntext\r\n"

    parsed = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 200)

    assert "too many header lines" in parsed.defects


def test_mail_over_the_size_limit_is_read_up_to_it() -> None:
    parsed = parse(b"Subject: s\r\n\r\n" + b"x" * 1_000, limits=Limits(raw_bytes=100))

    assert (parsed.subject, parsed.text) == ("s", "x" * 86)
    assert parsed.defects == ["too large"]


def test_decoded_content_is_limited() -> None:
    parsed = parse(many_parts(10), limits=Limits(decoded_bytes=5))

    assert len(parsed.attachments) == 5
    assert parsed.defects == ["too much decoded content"]


def test_time_is_limited() -> None:
    seconds = count()

    parsed = parse(b"Subject: s\r\n" + many_parts(900), limits=Limits(seconds=10), clock=lambda: float(next(seconds)))

    assert parsed.subject == "s"
    assert "time limit" in parsed.defects


def test_a_forty_megabyte_attachment_is_read() -> None:
    raw = b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 19 * 500_000

    assert len(parse(raw).attachments[0].data) == 3 * 19 * 500_000


@pytest.mark.parametrize(
    "body",
    [
        b"\n--b" * 1_000_000,
        b"\n--bb" * 1_000_000,
        b"--b" * 1_000_000,
        b"\n--b--" * 500_000,
        b"\r--b" * 500_000 + b"\n",
        b"\n--b" + b" " * 1_000_000,
        b"\n--b\nContent-Type: multipart/mixed; boundary=b\n" * 10_000,
    ],
    ids=["delimiters", "alike", "one line", "closings", "bare CR", "blanks", "same boundary inside"],
)
def test_boundary_bombs_are_survived(body: bytes) -> None:
    assert isinstance(parse(b"Content-Type: multipart/mixed; boundary=b\n\n" + body).defects, list)


@pytest.mark.parametrize(
    "value",
    [
        b" " * 500_000,
        b";" * 500_000,
        b"a=" * 250_000,
        b'a="' * 150_000,
        b'"\\' * 250_000,
        b"a " * 250_000,
        b"a*0*=" * 100_000,
        b"=?a?q?" * 80_000,
        b"=?" * 250_000,
        b"<" * 500_000,
        b"<a@b> " * 80_000,
        b"\r" * 500_000,
        b"(" * 500_000,
        b"'" * 500_000,
        b"%" * 500_000,
    ],
)
@pytest.mark.parametrize(
    "name", [b"Content-Type: text/plain;", b"Content-Disposition:", b"Subject:", b"References:", b"From:", b"X:"]
)
def test_no_field_costs_its_square(name: bytes, value: bytes) -> None:
    assert parse(name + value + b"\r\n\r\ntext").text is not None or name.startswith(b"Content-Disposition")


@pytest.mark.parametrize("body", [b"=" * 3_000_000, b"= " * 1_500_000, b"=\r" * 1_000_000, b" \t" * 1_500_000, b"QQ==" * 500_000])
@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"x-uuencode"])
def test_no_body_costs_its_square(encoding: bytes, body: bytes) -> None:
    assert parse(b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body).text is not None


def test_a_meta_tag_search_ends() -> None:
    assert parse(b"Content-Type: text/html\r\n\r\n" + b"<meta " * 300_000).html is not None
