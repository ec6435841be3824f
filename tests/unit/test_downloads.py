from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.downloads import DEFAULT_TYPE, disposition, safe_type


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (None, "attachment"),
        ("", "attachment"),
        ("report.pdf", "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf"),
        ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("C:\\temp\\a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('say "hi".txt', "attachment; filename=\"say _hi_.txt\"; filename*=UTF-8''say%20%22hi%22.txt"),
        ("exe\u202efdp.scr", "attachment; filename=\"exefdp.scr\"; filename*=UTF-8''exefdp.scr"),
    ],
)
def test_a_file_name_is_made_safe(filename: str | None, expected: str) -> None:
    assert disposition(filename, inline=False) == expected


@given(st.text(max_size=300), st.booleans())
def test_no_file_name_leaves_the_header(filename: str, inline: bool) -> None:
    header = disposition(filename, inline=inline)

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') in (0, 2)


@pytest.mark.parametrize("given_type", [None, "", "text", "text/html\r\nX: y", "text/plain; charset=\x00", "a/b/c"])
def test_a_type_no_header_may_carry_is_neutral(given_type: str | None) -> None:
    assert safe_type(given_type) == DEFAULT_TYPE


@pytest.mark.parametrize("given_type", ["image/png", "text/plain; charset=utf-8", "application/vnd.ms-excel"])
def test_a_proper_type_stays(given_type: str) -> None:
    assert safe_type(given_type) == given_type
