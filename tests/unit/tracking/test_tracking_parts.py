"""Tokens of pixels, and where a pixel goes (docs/tracking.md)."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.config import Config
from mailroom.domains.dns import hosts_of
from mailroom.tracking.pixel import GIF, pixel_url, with_pixel
from mailroom.tracking.tokens import Mark, read, seal

KEY = b"k" * 32
MARK = Mark("0190a6c0-5a00-7000-8000-000000000001", "agent@mail.example.com", "0190a6c0-5a00-7000-8000-000000000002")
IMAGE = '<img src="u" width="1" height="1" alt="" style="border:0">'


def no_key() -> bytes:
    raise AssertionError("the key was asked for")


@settings(max_examples=30)
@given(st.tuples(st.text(max_size=40), st.text(max_size=60), st.text(min_size=1, max_size=40)))
def test_a_token_says_what_was_sealed(parts: tuple[str, str, str]) -> None:
    token = seal(Mark(*parts), KEY)

    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert read(token, lambda: KEY) == Mark(*parts)


def test_a_mail_has_one_token_and_the_key_decides_it() -> None:
    assert seal(MARK, KEY) == seal(MARK, KEY)
    assert read(seal(MARK, KEY), lambda: b"other" * 8) is None


def test_nothing_can_be_read_from_a_token() -> None:
    token = seal(MARK, KEY)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))

    assert not any(part.encode() in raw or part in token for part in (*MARK, "agent", "example"))


def test_a_token_that_was_changed_anywhere_is_none() -> None:
    token = seal(MARK, KEY)

    for at, was in enumerate(token):
        changed = token[:at] + ("A" if was != "A" else "B") + token[at + 1 :]
        assert read(changed, lambda: KEY) is None
    for other in (token[:-1], token + "A", token[1:], token + "=", token + "\n"):
        assert read(other, lambda: KEY) is None


@pytest.mark.parametrize("token", ["", "x", "a" * 29, "a" * 1001, "a b" * 20, "\u00e9" * 60, "%00" * 20, "../" * 20])
def test_what_cannot_be_a_token_does_not_ask_for_the_key(token: str) -> None:
    assert read(token, no_key) is None


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Hi</p>", "<p>Hi</p>{}"),
        ("<html><body><p>Hi</p></body></html>", "<html><body><p>Hi</p>{}</body></html>"),
        ("<BODY>Hi</BODY >", "<BODY>Hi{}</BODY >"),
        ("<pre>&lt;/body&gt; </body></pre>more</Body>", "<pre>&lt;/body&gt; </body></pre>more{}</Body>"),
        ("\u0130\u0130</body>", "\u0130\u0130{}</body>"),
        ("a</body", "a</body{}"),
        ("<body>Hi</body><!-- not </body> -->", "<body>Hi{}</body><!-- not </body> -->"),
        ("<body>Hi<!--[if mso]></body><![endif]--></body>", "<body>Hi<!--[if mso]></body><![endif]-->{}</body>"),
        ("<body>Hi<!-- </body>", "<body>Hi<!-- </body>{}"),
        ("<body>Hi<STYLE>/* </body> */</style></body>", "<body>Hi<STYLE>/* </body> */</style>{}</body>"),
        ("<p>Hi<script>'</body>'</script>", "<p>Hi<script>'</body>'</script>{}"),
        ("<body><styled></body>", "<body><styled>{}</body>"),
    ],
)
def test_the_pixel_stands_before_the_last_end_of_the_body_or_at_the_end(html: str, expected: str) -> None:
    assert with_pixel(html, "u") == expected.format(IMAGE)


def test_the_address_is_that_of_the_link_name_of_the_registered_domain() -> None:
    url = pixel_url(MARK, "example.com", scheme="https", key=KEY)

    assert url == f"https://link.example.com/v0/opens/{seal(MARK, KEY)}"


def test_the_image_is_one_transparent_pixel() -> None:
    width, height = int.from_bytes(GIF[6:8], "little"), int.from_bytes(GIF[8:10], "little")

    assert (GIF[:6], width, height, GIF[-1:]) == (b"GIF89a", 1, 1, b";")
    assert b"\x21\xf9\x04\x01" in GIF


def test_hosts_are_configured_or_on_the_default_domain() -> None:
    own = Config(domain="mail.example.com")
    named = own._replace(tracking_host="track.example.net", dmarc_reports="dmarc@example.net")

    assert hosts_of(own) == ("link.mail.example.com", "postmaster@mail.example.com")
    assert hosts_of(named) == ("track.example.net", "dmarc@example.net")
