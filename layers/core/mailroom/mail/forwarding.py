"""The body of a forward: the caller's words, then the source in a block of its own (spec: messages.md, "Forward")."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailroom.mail.compose import rfc5322_date
from mailroom.mail.words import printable

_MARK = "---------- Forwarded message ---------"


class ForwardedMessage(NamedTuple):
    from_: str
    date_ms: int
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    subject: str | None = None
    text: str | None = None
    html: str | None = None


def forward_body(source: ForwardedMessage, text: str | None, html: str | None) -> tuple[str | None, str | None]:
    """Text and HTML to send. HTML only if the caller or the source has some; then what the other gave as text is shown in it,
    escaped. Text whenever the caller or the source has some, or nobody has HTML."""
    with_html = html is not None or source.html is not None
    with_text = text is not None or source.text is not None or not with_html
    return _text(source, text) if with_text else None, _html(source, text, html) if with_html else None


def _text(source: ForwardedMessage, text: str | None) -> str:
    block = "\n".join([_MARK, *(f"{name}: {value}" for name, value in _lines(source)), "", source.text or ""])
    return f"{text.rstrip()}\n\n{block}" if text else block


def _html(source: ForwardedMessage, text: str | None, given: str | None) -> str:
    lines = "<br>\n".join([_MARK, *(f"{name}: {html.escape(value)}" for name, value in _lines(source))])
    original = source.html if source.html is not None else _as_html(source.text or "")
    block = f'<div class="gmail_quote">\n<div dir="ltr" class="gmail_attr">{lines}</div>\n<br>\n{original}\n</div>'
    before = given if given is not None else _as_html(text or "")
    end = before.lower().rfind("</body")
    if end < 0 or len(before.lower()) != len(before):
        return f"{before}\n<br>\n{block}" if before else block
    return f"{before[:end]}\n<br>\n{block}\n{before[end:]}"


def _lines(source: ForwardedMessage) -> Iterator[tuple[str, str]]:
    yield "From", printable(source.from_)
    yield "Date", rfc5322_date(source.date_ms)
    if source.subject:
        yield "Subject", printable(source.subject)
    if source.to:
        yield "To", printable(", ".join(source.to))
    if source.cc:
        yield "Cc", printable(", ".join(source.cc))


def _as_html(text: str) -> str:
    return f'<div style="white-space: pre-wrap">{html.escape(text)}</div>' if text else ""
