"""A mail that is followed up unless it is answered (examples/followup.py), as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from agentmail.core.api_error import ApiError

from mailroom.config import Config
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, SqliteStack

EXAMPLE = Path(__file__).parents[2] / "examples" / "followup.py"
ANN = "ann@example.com"
LATER = "3600"


@pytest.fixture
def stack() -> Iterator[Mailbox]:
    with SqliteStack(Config(rate_per_second=0)) as running, closing(Mailbox(running)) as mailbox:
        yield mailbox


@pytest.fixture
def inbox(stack: Mailbox) -> str:
    return str(stack.client.inboxes.create().inbox_id)


def follow_up(stack: Mailbox, inbox: str, seconds: str) -> str:
    """Runs the example; the id of its draft."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), stack.backend.http, inbox, ANN, "order-12", seconds],
        env=os.environ | {"AGENTMAIL_API_KEY": stack.backend.api_key},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()[0]


def sent(stack: Mailbox, count: int) -> list[Message]:
    """So many mails that left."""
    mails = eventually(lambda: found if len(found := stack.sent()) == count else [])
    return [message_from_bytes(raw) for raw in mails]


def answer(stack: Mailbox, inbox: str, **headers: str) -> None:
    """By the recipient, to the first mail."""
    (first,) = sent(stack, 1)
    fields = {"From": f"Ann <{ANN}>", "To": inbox, "Subject": "Re: Your order", "In-Reply-To": str(first["Message-ID"]), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    stack.deliver(f"{head}\r\nLarge\r\n".encode(), inbox)
    eventually(lambda: stack.client.inboxes.messages.list(inbox, labels=["received"]).messages)


def bring_forward(stack: Mailbox, inbox: str, draft_id: str) -> None:
    stack.client.inboxes.drafts.update(inbox, draft_id, send_at=datetime.now(UTC) + timedelta(seconds=1))


def test_a_mail_that_is_not_answered_is_followed_up_in_its_thread(stack: Mailbox, inbox: str) -> None:
    draft_id = follow_up(stack, inbox, "1")

    first, second = sent(stack, 2)

    assert (second["To"], second["Subject"]) == (ANN, "Re: Your order")
    assert second["In-Reply-To"] == first["Message-ID"]
    # The mail is out a moment before the draft becomes a message.
    eventually(lambda: stack.client.inboxes.drafts.list(inbox).count == 0)
    with pytest.raises(ApiError):
        stack.client.inboxes.drafts.get(inbox, draft_id)


def test_an_answer_cancels_the_follow_up(stack: Mailbox, inbox: str) -> None:
    draft_id = follow_up(stack, inbox, LATER)
    answer(stack, inbox)

    bring_forward(stack, inbox, draft_id)

    draft = eventually(lambda: found if (found := stack.client.inboxes.drafts.get(inbox, draft_id)).send_status is None else None)
    assert (draft.cancel_reason, draft.send_at, draft.labels) == ("reply", None, [])  # type: ignore[attr-defined]
    assert len(stack.sent()) == 1


def test_an_out_of_office_notice_does_not_cancel_it(stack: Mailbox, inbox: str) -> None:
    draft_id = follow_up(stack, inbox, LATER)
    answer(stack, inbox, **{"Auto-Submitted": "auto-replied"})

    bring_forward(stack, inbox, draft_id)

    assert len(sent(stack, 2)) == 2


def test_run_again_it_writes_and_schedules_nothing_twice(stack: Mailbox, inbox: str) -> None:
    first = follow_up(stack, inbox, LATER)

    assert follow_up(stack, inbox, LATER) == first
    assert len(sent(stack, 1)) == 1
