"""Addresses as the API takes them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailroom.mail.addresses import bare, check_address, dedupe, format_address, parse_address, strip_plus


@pytest.mark.parametrize(
    ("value", "bare_address", "display"),
    [
        ("a@b", "a@b", None),
        (" A.b+c@Example.COM ", "A.b+c@example.com", None),
        ("Name <a@b>", "a@b", "Name"),
        ("<a@b>", "a@b", None),
        ("Name<a@b>", "a@b", "Name"),
        ('"Doe, \\"J\\" <x>" <a@b>', "a@b", 'Doe, "J" <x>'),
        ("Doe, John <a@b>", "a@b", "Doe, John"),
        ("a@b <a@b>", "a@b", "a@b"),
        ("Jörg 🎉 <a@b>", "a@b", "Jörg 🎉"),
        ("x@münchen.de", "x@xn--mnchen-3ya.de", None),
        ('"john doe"@b.org', '"john doe"@b.org', None),
        ("a@localhost", "a@localhost", None),
        ("o'hara!#$%&*/=?^_`{|}~@b.org", "o'hara!#$%&*/=?^_`{|}~@b.org", None),
    ],
)
def test_valid_addresses_are_taken(value: str, bare_address: str, display: str | None) -> None:
    address = check_address(value)

    assert (address.bare, address.display) == (bare_address, display)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b, c@d",
            "A <a@b>, B <c@d>",
            "x@y, B <c@d>",
            "a@b;c@d",
            "Name a@b",
        ),
        *("a..b@c", ".a@c", "a.@c", "a@-b", "a@b-", "a@b..c", "a@.b", "a@b.", "a@b_c.org", "a@[127.0.0.1]", "a@127.0.0.1"),
        *(
            "a@b\r\nBcc: c@d",
            "Name\n <a@b>",
            "a\0@b",
            "\ud800 <a@b>",
            "ü@b",
            "a@" + "b." * 200 + "c",
            "a" * 65 + "@b",
            "<a@b",
            "a@b>",
        ),
        *("Name <a@b> x", '"open <a@b>', "a@" + "b" * 64 + ".org", "<<a@b>>", "x" * 1_000 + " <a@b>", "a@\u3002b"),
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    assert parse_address(value) is None


def test_characters_beyond_ascii_in_the_local_part_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="beyond ASCII"):
        check_address("jörg@example.com")


@pytest.mark.parametrize("name", ["Name", "Doe, John", 'a "quoted" one', "back\\slash", "Jörg <x>", "John Q. Public", "a@b"])
def test_a_rendered_address_is_read_again(name: str) -> None:
    address = check_address(format_address(name, "a@b.org"))

    assert address.display == name
    assert check_address(address.render()) == address


def test_addresses_compare_bare_and_without_case() -> None:
    assert bare("Name <A@B.org>") == bare("a@b.ORG") == "a@b.org"


@pytest.mark.parametrize(
    ("address", "stripped"), [("a+tag@b", "a@b"), ("a+x+y@b", "a@b"), ("a@b+c", "a@b+c"), ("+a@b", "+a@b"), ('"a+b"@c', '"a+b"@c')]
)
def test_plus_tags_are_stripped_from_the_local_part(address: str, stripped: str) -> None:
    assert strip_plus(address) == stripped


def test_the_first_of_equal_addresses_stays() -> None:
    assert dedupe(["A <a@b>", "c@d", "a@B", "C <C@D>"]) == ["A <a@b>", "c@d"]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("addresses", ("email", "lxml", "mailroom.mail.parse")),
        ("headers", ("email", "lxml", "mailroom.mail.parse")),
        ("preview", ("email", "lxml", "mailroom.mail.parse")),
        ("parse", ("email", "lxml", "pydantic", "mailroom.mail.compose")),
        ("compose", ("email", "lxml", "pydantic", "mailroom.mail.parse")),
    ],
)
def test_imports_stay_light(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, mailroom.mail.{module}; print([name for name in {heavy!r} if name in sys.modules])"

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )

    assert found.stdout.strip() == "[]"
