"""The caller's own header fields."""

from __future__ import annotations

import pytest

from mailroom.mail.headers import check_headers


@pytest.mark.parametrize(
    "name", ["List-Unsubscribe", "List-Unsubscribe-Post", "X-Custom", "x-custom!", "Precedence", "Auto-Submitted"]
)
def test_ordinary_names_pass(name: str) -> None:
    assert check_headers({name: "value, with: anything é"}) == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "From",
            "Sender",
            "To",
            "Cc",
            "Bcc",
            "Reply-To",
            "Subject",
            "Date",
            "Message-ID",
            "In-Reply-To",
            "References",
            "Return-Path",
        ),
        *(
            "Received",
            "MIME-Version",
            "Content-Type",
            "content-anything",
            "DKIM-Signature",
            "ARC-Seal",
            "x-ses-tag",
            "bcc",
            "MESSAGE-ID",
        ),
        *("", "two words", "colon:", "naïve", "line\nbreak", "tab\t", "x" * 201),
    ],
)
def test_reserved_and_malformed_names_are_refused(name: str) -> None:
    (error,) = check_headers({name: "value"})

    assert error.path == ("headers", name)


@pytest.mark.parametrize("value", ["a\r\nBcc: b", "a\nb", "a\rb", "\0", "\ud800"])
def test_values_stay_on_their_line(value: str) -> None:
    assert [error.path for error in check_headers({"X-A": value})] == [("headers", "X-A")]


def test_fifty_headers_pass_and_one_more_does_not() -> None:
    headers = {f"X-{number}": "v" for number in range(50)}

    assert check_headers(headers) == []
    assert [error.path for error in check_headers(headers | {"X-50": "v"})] == [("headers",)]
