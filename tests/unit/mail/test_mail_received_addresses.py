"""Address fields of received mail."""

from __future__ import annotations

import pytest

from mailroom.mail.parse import parse


def addresses(value: str | bytes) -> list[str]:
    return parse(b"To: " + (value.encode() if isinstance(value, str) else value) + b"\r\n\r\nx").to


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@b", ["a@b"]),
        ("<a@b>", ["a@b"]),
        ("Name <a@b>", ["Name <a@b>"]),
        ('"Name" <a@b>', ["Name <a@b>"]),
        ('"Doe, John" <a@b>', ['"Doe, John" <a@b>']),
        ("John Q. Public <a@b>", ["John Q. Public <a@b>"]),
        ("a@b, c@d", ["a@b", "c@d"]),
        ("a@b; c@d", ["a@b", "c@d"]),
        ("=?utf-8?q?Doe,_J=C3=B6rg?= <a@b>, c@d", ['"Doe, Jörg" <a@b>', "c@d"]),
        ('"=?utf-8?q?J=C3=B6rg?=" <a@b>', ["Jörg <a@b>"]),
        ("=?utf-8?q?J=C3=B6rg_=3Ca=40b=3E?=", ["Jörg <a@b>"]),
        ("a@b (Real Name)", ["Real Name <a@b>"]),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", ["Pete <pete@silly.test>"]),
        ("A Group:Ed Jones <joe@where.test>,john@one.test;", ["Ed Jones <joe@where.test>", "john@one.test"]),
        ("undisclosed-recipients:;", []),
        ("Mary <@machine.tld,@node.test:mary@example.net>", ["Mary <mary@example.net>"]),
        ("Mary Smith\r\n <mary@example.net>", ["Mary Smith <mary@example.net>"]),
        ("jdoe@test   . example", ["jdoe@test.example"]),
        ("a@b <a@b>", ['"a@b" <a@b>']),
        ("mailto:a@b", ["a@b"]),
        ("Name <mailto:a@b>", ["Name <a@b>"]),
        ("Name <a@b", ["Name <a@b>"]),
        ("<<a@b>>", ["a@b"]),
        ("'Name' <a@b>", ["Name <a@b>"]),
        ('"Unterminated <a@b>', ["Unterminated <a@b>"]),
        ('"john doe"@b', ['"john doe"@b']),
        ("no address here", []),
        ("Name a@b", ["Name <a@b>"]),
        ("a@b c@d", ["a@b", "c@d"]),
        ("a@b,\r\n\tc@d", ["a@b", "c@d"]),
        ("jdöe@mächine.example", ["jdöe@mächine.example"]),
        (b"J\xf6rg <a@b>", ["Jörg <a@b>"]),
        (",,a@b,,", ["a@b"]),
        ("", []),
    ],
)
def test_addresses_are_found(value: str | bytes, expected: list[str]) -> None:
    assert addresses(value) == expected


def test_all_fields_of_a_kind_count() -> None:
    assert parse(b"To: a@b\r\nTo: c@d\r\n\r\nx").to == ["a@b", "c@d"]


def test_the_first_author_counts() -> None:
    parsed = parse(b"From: A <A@B>, c@d\r\n\r\nx")

    assert (parsed.from_, parsed.from_address) == ("A <A@B>", "a@b")


def test_a_from_without_an_address_stays_readable() -> None:
    parsed = parse(b"From: Mail =?utf-8?q?D=C3=A4mon?=\r\n\r\nx")

    assert (parsed.from_, parsed.from_address) == ("Mail Dämon", None)


def test_a_list_holds_at_most_a_thousand_addresses() -> None:
    assert len(addresses(", ".join(f"{number}@b" for number in range(3_000)))) == 1_000


@pytest.mark.parametrize(
    "piece", ["(", '"', "<", "a<", "\\", ":", "a@b:", "=?", "=?a?q?", " ", "@", "a@b ", '"\\"', "((a)", "<a@b>"]
)
def test_no_address_list_costs_its_square(piece: str) -> None:
    assert isinstance(addresses("a@b, " + piece * (200_000 // len(piece))), list)
