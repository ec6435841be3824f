"""How a mail is known to be made without a human, from its header (RFC 3834, RFC 3464, RFC 2919)."""

from __future__ import annotations

import pytest

from mailroom.mail.automatic import is_automatic
from mailroom.mail.fields import Field, Header


def automatic(*lines: str, content_type: str = "text/plain") -> bool:
    fields = [Field(name, value.encode()) for name, _, value in (line.partition(":") for line in lines)]
    return is_automatic(Header(fields), content_type)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated",
        'Auto-Submitted: auto-notified; owner-email="a@example.com"',
        "AUTO-SUBMITTED: Auto-Replied (vacation)",
        "Auto-Submitted: (vacation) auto-replied",
        "Auto-Submitted:\r\n auto-replied",
        "Auto-Submitted: yes",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Autorespond: Out of the office",
        "X-Auto-Reply-From: a@example.com",
    ],
)
def test_a_program_that_says_so_is_one(line: str) -> None:
    assert automatic("From: a@example.com", line)


def test_a_report_of_a_mail_system_is_known_by_its_form_or_its_return_path() -> None:
    assert automatic("From: a@example.com", content_type="multipart/report")
    assert automatic("Return-Path: <>")


@pytest.mark.parametrize("line", ["Precedence: bulk", "Precedence: Junk"])
def test_what_went_to_many_is_automatic(line: str) -> None:
    assert automatic(line)


@pytest.mark.parametrize("line", ["Precedence: List", "List-Id: Talk <talk.example.com>"])
def test_the_mail_of_a_list_may_be_a_human_s(line: str) -> None:
    assert not automatic(line)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No (typed by hand)",
        "Auto-Submitted: (by hand) no",
        "Auto-Submitted: no; reason=x",
        "Auto-Submitted:",
        "Precedence: first-class",
        "Return-Path: <a@example.com>",
        "Subject: Auto-Submitted: auto-replied",
    ],
)
def test_a_human_is_none(line: str) -> None:
    assert not automatic("From: a@example.com", line)
