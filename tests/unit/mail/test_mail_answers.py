"""Subjects and references of answers, bodies of forwards, previews."""

from __future__ import annotations

from typing import Any

import pytest

from mailroom.mail.forwarding import ForwardedMessage, forward_body
from mailroom.mail.preview import preview
from mailroom.mail.replying import forward_subject, reply_references, reply_subject


@pytest.mark.parametrize(
    ("parent", "subject"), [("Hi", "Re: Hi"), ("RE: Hi", "RE: Hi"), ("re:Hi", "re:Hi"), (None, "Re:"), ("Report", "Re: Report")]
)
def test_a_reply_is_marked_once(parent: str | None, subject: str) -> None:
    assert reply_subject(parent) == subject


@pytest.mark.parametrize(
    ("parent", "subject"),
    [("Hi", "Fwd: Hi"), ("FW: Hi", "FW: Hi"), ("fwd: Hi", "fwd: Hi"), ("Re: Hi", "Fwd: Re: Hi"), (None, "Fwd:")],
)
def test_a_forward_is_marked_once(parent: str | None, subject: str) -> None:
    assert forward_subject(parent) == subject


def test_references_grow_by_the_parent() -> None:
    assert reply_references(["<a@b>"], "<c@d>") == ["<a@b>", "<c@d>"]


def test_long_references_lose_their_middle() -> None:
    ids = [f"<{number}@x>" for number in range(100)]

    assert reply_references(ids, "<new@x>") == [*ids[:50], *ids[51:], "<new@x>"]


def source(**fields: Any) -> ForwardedMessage:
    defaults: dict[str, Any] = {"from_": "A <a@b>", "date_ms": 0, "to": ["c@d"], "subject": "s"}
    return ForwardedMessage(**defaults | fields)


def test_a_text_is_forwarded_as_text() -> None:
    text, html = forward_body(source(text="original", cc=["E <e@f>"]), "see below", None)

    assert html is None
    assert text == (
        "see below\n\n---------- Forwarded message ---------\nFrom: A <a@b>\nDate: Thu, 01 Jan 1970 00:00:00 +0000\n"
        "Subject: s\nTo: c@d\nCc: E <e@f>\n\noriginal"
    )


def test_html_is_forwarded_whole_below_the_callers() -> None:
    _, html = forward_body(source(html="<p>original</p>"), None, "<html><body><p>mine</p></body></html>")

    assert html is not None
    assert html.index("<p>mine</p>") < html.index("Forwarded message") < html.index("<p>original</p>") < html.index("</body>")


def test_text_beside_html_is_escaped() -> None:
    _, html = forward_body(source(text="<script>"), None, "<p>mine</p>")

    assert html is not None
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_markup_in_the_sources_fields_stays_text() -> None:
    _, html = forward_body(source(html="h", subject="<img src=x>", from_='"<b>" <a@b>', to=["<i> <c@d>"]), "<u>", None)

    assert html is not None
    assert not any(tag in html for tag in ("<img", "<b>", "<i>", "<u>"))


def test_line_breaks_in_the_sources_fields_add_no_line() -> None:
    text, _ = forward_body(source(text="t", subject="s\nFrom: evil"), None, None)

    assert text is not None
    assert "\nFrom: evil" not in text


def test_a_source_without_any_body_still_shows_its_fields() -> None:
    text, html = forward_body(source(), None, None)

    assert text is not None
    assert "From: A <a@b>" in text
    assert html is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", ""),
        (" \n ", ""),
        ("  one\n\n two\tthree ", "one two three"),
        ("x" * 500, "x" * 200),
        ("a " * 200, ("a " * 100).strip()),
        (" " * 100_000 + "end", "end"),
    ],
)
def test_a_preview_is_short_and_on_one_line(text: str | None, expected: str | None) -> None:
    assert preview(text) == expected
