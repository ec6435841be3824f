"""An agent prepares mail: one goes by itself, one is approved, one is answered before its time, one is thought better of."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from agentmail import AgentMail
from agentmail.core.api_error import ApiError

from rehearse.mails import plain
from rehearse.stage import Stage, download, step, until

QUESTION, ANSWER = "<asked@example.com>", "<answered@example.com>"
SOON = timedelta(seconds=8)
BEYOND_A_DELAY = timedelta(minutes=20)
"""Further ahead than a queue can delay a message."""


def tell(stage: Stage) -> None:
    account = stage.account()
    client = account.client
    inbox_id = client.inboxes.create().inbox_id
    stage.arrive(plain(QUESTION, inbox_id, "A question"), inbox_id)
    until(lambda: _message(client, inbox_id, QUESTION), "the question is there")
    before = len(stage.sent())
    far_ahead(stage, client, inbox_id)
    deleted(client, inbox_id)
    sent_by_itself(client, inbox_id)
    approved(client, inbox_id)
    answered(stage, client, inbox_id)
    # The deleted one would have gone with the first; both were due before the one that was answered.
    sent = Counter(mail["Subject"] for mail in stage.sent()[before:])
    assert sent == {"By itself": 1, "Re: A question": 1}, sent
    until(lambda: None if client.inboxes.drafts.list(inbox_id, labels=["scheduled"]).drafts else True, "no draft is scheduled")
    step("what was to be sent was sent once, the rest was not")


def far_ahead(stage: Stage, client: AgentMail, inbox_id: str) -> None:
    draft = _scheduled(client, inbox_id, BEYOND_A_DELAY, to=["ann@example.com"], subject="Far ahead", text="Later")
    (schedule,) = _schedules(stage, draft.draft_id)
    assert schedule["State"] == "ENABLED"
    client.inboxes.drafts.delete(inbox_id, draft.draft_id)
    until(lambda: None if _schedules(stage, draft.draft_id) else True, "the schedule of a deleted draft is gone")
    step("a draft for later has a schedule, which goes with it")


def deleted(client: AgentMail, inbox_id: str) -> None:
    draft = _scheduled(client, inbox_id, SOON, to=["ann@example.com"], subject="Never", text="No")
    client.inboxes.drafts.delete(inbox_id, draft.draft_id)
    assert _draft(client, inbox_id, draft.draft_id) is None


def sent_by_itself(client: AgentMail, inbox_id: str) -> None:
    draft = _scheduled(client, inbox_id, SOON, to=["ann@example.com"], subject="By itself", text="Just in time")
    (listed,) = client.inboxes.drafts.list(inbox_id, labels=["scheduled"]).drafts
    assert (listed.draft_id, listed.send_status) == (draft.draft_id, "scheduled")
    until(lambda: True if _draft(client, inbox_id, draft.draft_id) is None else None, "the draft is sent")
    (item,) = client.inboxes.messages.list(inbox_id, labels=["sent"]).messages
    message = client.inboxes.messages.get(inbox_id, item.message_id)
    assert (message.subject, message.to, "scheduled" in message.labels) == ("By itself", ["ann@example.com"], False)
    assert b"Just in time" in download(client.inboxes.messages.get_raw(inbox_id, item.message_id).download_url)
    step("a scheduled draft is listed, then sent by itself, and is a message")


def approved(client: AgentMail, inbox_id: str) -> None:
    drafts = client.inboxes.drafts
    draft = drafts.create(inbox_id, in_reply_to=QUESTION, text="On its way.")
    sent = drafts.send(inbox_id, draft.draft_id, idempotency_key="approved", add_labels=["approved"])
    assert drafts.send(inbox_id, draft.draft_id, idempotency_key="approved", add_labels=["approved"]) == sent
    assert set(client.inboxes.messages.get(inbox_id, sent.message_id).labels) == {"sent", "approved"}
    step("an approved reply is sent once, however often it is asked for")


def answered(stage: Stage, client: AgentMail, inbox_id: str) -> None:
    """Due only when the answer is there: how long mail takes is no part of the story."""
    draft = _scheduled(client, inbox_id, timedelta(minutes=10), in_reply_to=QUESTION, text="Any news?", cancel_on="reply")
    stage.arrive(plain(ANSWER, inbox_id, "Re: A question", in_reply_to=QUESTION), inbox_id)
    until(lambda: _message(client, inbox_id, ANSWER), "the answer is there")
    client.inboxes.drafts.update(inbox_id, draft.draft_id, send_at=datetime.now(UTC) + SOON)
    found = until(lambda: _cancelled(client, inbox_id, draft.draft_id), "the draft is cancelled")
    assert (found.send_status, found.send_at, found.labels) == (None, None, [])
    step("a draft that was answered before its time is not sent, and says why")


def _scheduled(client: AgentMail, inbox_id: str, ahead: timedelta, *, cancel_on: str | None = None, **fields: Any) -> Any:
    more = {"cancel_on": cancel_on} if cancel_on else {}
    send_at = datetime.now(UTC) + ahead
    options: Any = {"additional_body_parameters": more}
    draft = client.inboxes.drafts.create(inbox_id, send_at=send_at, request_options=options, **fields)
    assert (draft.send_status, draft.labels) == ("scheduled", ["scheduled"])
    return draft


def _schedules(stage: Stage, draft_id: str) -> list[Any]:
    group = stage.deployment.resources["Timers"]
    page = stage.emulator.client("scheduler").list_schedules(GroupName=group, NamePrefix=f"d-{draft_id}-")
    return list(page["Schedules"])


def _cancelled(client: AgentMail, inbox_id: str, draft_id: str) -> Any:
    draft: Any = client.inboxes.drafts.get(inbox_id, draft_id)
    return draft if getattr(draft, "cancel_reason", None) == "reply" else None


def _draft(client: AgentMail, inbox_id: str, draft_id: str) -> Any:
    return _unless_missing(lambda: client.inboxes.drafts.get(inbox_id, draft_id))


def _message(client: AgentMail, inbox_id: str, message_id: str) -> Any:
    return _unless_missing(lambda: client.inboxes.messages.get(inbox_id, message_id))


def _unless_missing(read: Any) -> Any:
    try:
        return read()
    except ApiError as error:
        assert error.status_code == 404, error
        return None
