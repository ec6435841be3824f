"""Whether domains are one organization's, and who has signed a mail (RFC 7489, 3.1; RFC 6376, 3.5)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailroom.mail.alignment import aligned
from mailroom.mail.parse import parse
from mailroom.mail.signatures import MAX_SIGNATURES, signing_domains


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("mail.example.com", "example.com"),
        ("a.example.co.uk", "b.c.example.co.uk"),
        ("münchen.de", "mail.xn--mnchen-3ya.de"),
        ("x.unheard-of", "a.x.unheard-of"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
    ],
)
def test_one_organization(one: str, other: str) -> None:
    assert aligned(one, other)
    assert aligned(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("example.com", "example.org"),
        ("example.com", "badexample.com"),
        ("example.com", "example.com.evil.org"),
        ("one.co.uk", "two.co.uk"),
        ("co.uk", "example.co.uk"),
        ("co.uk", "github.io"),
        ("ann.github.io", "eve.github.io"),
        ("", ""),
        ("example.com", ""),
        ("localhost", "otherhost"),
    ],
)
def test_not_one_organization(one: str, other: str) -> None:
    assert not aligned(one, other)
    assert not aligned(other, one)


def test_the_public_suffix_list_is_read_only_where_domains_differ() -> None:
    ask = "from mailroom.mail.alignment import aligned; aligned('a.com', 'A.com')"
    code = f"import sys; {ask}; sys.exit('publicsuffixlist' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("field", "domain"),
    [
        (b" v=1; a=rsa-sha256; d=example.com; s=x; bh=d=; b=abc", "example.com"),
        (b" v=1;\r\n\td = Exam\r\n\tple.COM ;s=x", "example.com"),
        (b"v=1; s=d; b=d=evil.org", ""),
        (b"d=example.com; d=evil.org", ""),
        (b"D=example.com", ""),
        (b"d=", ""),
        (b"", ""),
        (b"\xff\xfe; d=example.com", "example.com"),
        ("d=münchen.de".encode(), "xn--mnchen-3ya.de"),
    ],
)
def test_a_signature_names_its_domain(field: bytes, domain: str) -> None:
    assert signing_domains([field]) == [domain]


def test_signatures_beyond_the_limit_are_nobodys() -> None:
    found = signing_domains([b"d=example.com"] * (MAX_SIGNATURES + 1))

    assert (len(found), found[-1]) == (MAX_SIGNATURES + 1, "")


@pytest.mark.parametrize(
    ("fields", "authors"),
    [
        ("From: Ann <Ann@Example.com>", ["ann@example.com"]),
        ("From: ann@example.com, Eve <eve@other.org>", ["ann@example.com", "eve@other.org"]),
        ("From: ann@example.com\r\nFrom: eve@other.org", ["ann@example.com", "eve@other.org"]),
        ("From: <ann@example.com> <eve@other.org>", ["ann@example.com", "eve@other.org"]),
        ('From: "ann@example.com" <eve@other.org>', ["eve@other.org"]),
        ("Sender: ann@example.com", []),
        ("From: <>", []),
        ("From: Nobody", []),
    ],
)
def test_the_authors_of_a_mail_are_all_whom_its_from_names(fields: str, authors: list[str]) -> None:
    assert parse(f"{fields}\r\n\r\nHello\r\n".encode()).authors == authors


def test_the_signers_of_a_mail_are_read_from_every_signature() -> None:
    raw = b"DKIM-Signature: v=1; d=a.com;\r\n\ts=x\r\ndkim-signature : v=1; d=b.com\r\nFrom: ann@a.com\r\n\r\nHello\r\n"

    assert parse(raw).signers == ["a.com", "b.com"]
