"""What an entry may be, and which an address matches (spec: lists.md, "Matching")."""

from __future__ import annotations

import pytest

from mailroom.lists.entries import MAX_ENTRY, check_entry, matching


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("ann@example.com", ("ann@example.com", "example.com")),
        ("Ann@A.B.Example.co.uk", ("ann@a.b.example.co.uk", "a.b.example.co.uk", "b.example.co.uk", "example.co.uk", "co.uk")),
        ("ann+tag@example.com", ("ann+tag@example.com", "example.com")),
        ("ann@localhost", ("ann@localhost",)),
        ('"a@b"@example.com', ('"a@b"@example.com', "example.com")),
        ("ann@münchen.de", ("ann@xn--mnchen-3ya.de", "xn--mnchen-3ya.de")),
        ("ann@evil。example.com", ("ann@evil.example.com", "evil.example.com", "example.com")),
        ("ann@un_der.example.com", ("ann@un_der.example.com", "un_der.example.com", "example.com")),
        ("jörg@example.com", ("example.com",)),
        ("", ()),
        ("ann", ()),
        ("@example.com", ()),
    ],
)
def test_an_address_matches_itself_and_its_domains(address: str, names: tuple[str, ...]) -> None:
    assert matching(address) == names


def test_a_name_that_only_ends_alike_is_another() -> None:
    assert "ample.com" not in matching("ann@example.com")


@pytest.mark.parametrize("address", ["a" * 400 + "@example.com", "a@" + "x." * 300 + "example.com", "é" * 400 + "@" + "ü" * 100])
def test_whatever_is_written_as_from_a_key_can_hold_it(address: str) -> None:
    assert all(name.isascii() and len(name) <= MAX_ENTRY for name in matching(address))


@pytest.mark.parametrize("value", ["Ann@Example.com", "EXAMPLE.com", "münchen.de", "ann@münchen.de", '"a b"@example.com'])
def test_a_checked_entry_matches_what_it_names(value: str) -> None:
    entry = check_entry(value)

    assert check_entry(entry) == entry
    assert entry in matching(entry if "@" in entry else f"someone@sub.{entry}")
