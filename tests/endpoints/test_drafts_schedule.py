"""Drafts with a time: set, moved, taken back, kept (spec: drafts.md, "Scheduling")."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.drafts import ahead, at, changed, due_rows, listed, made, refusal, shown, taken
from tests.support.identity import key
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

SOON = {"seconds": 2}


def messages(stack: Mailbox, inbox: str) -> list[dict[str, Any]]:
    found = taken(stack.http.get(f"/inboxes/{inbox}/messages"))["messages"]
    return [taken(stack.http.get(f"/inboxes/{inbox}/messages/{quote(each['message_id'], safe='')}")) for each in found]


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@pytest.mark.parametrize("how", ["create", "update"])
def test_a_time_makes_a_draft_wait(stack: Mailbox, inbox: str, how: str) -> None:
    when = ahead(hours=1)

    first = made(stack, inbox, labels=["a"], **({"send_at": when} if how == "create" else {}))
    draft = first if how == "create" else changed(stack, inbox, first, send_at=when)

    assert (draft["send_status"], draft["labels"]) == ("scheduled", ["scheduled", "a"])
    assert abs(instant(draft["send_at"]) - instant(when)) < datetime.timedelta(milliseconds=1)
    assert shown(stack, inbox, draft) == draft
    assert listed(stack.http, at(inbox), labels="scheduled") == [draft["draft_id"]]
    assert due_rows(stack, draft["draft_id"]) == 1


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("{day}T12:00:00Z", "{day}T12:00:00.000Z"),
        ("{day}T12:00:00", "{day}T12:00:00.000Z"),
        ("{day}T12:00:00+02:00", "{day}T10:00:00.000Z"),
        ("{day}T12:00:00-05:30", "{day}T17:30:00.000Z"),
        ("{day}T12:00:00.5Z", "{day}T12:00:00.500Z"),
        ("{day}T12:00:00.123456+00:00", "{day}T12:00:00.123Z"),
        ("{day}T12:00:00.123456789Z", "{day}T12:00:00.123Z"),
    ],
)
def test_a_time_is_understood_with_any_offset_and_precision(sqlite_stack: Mailbox, given: str, meant: str) -> None:
    inbox = str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])
    day = ahead(days=2).partition("T")[0]

    assert made(sqlite_stack, inbox, send_at=given.format(day=day))["send_at"] == meant.format(day=day)


def test_null_takes_the_time_back(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", send_at=ahead(hours=1), labels=["a"])

    after = changed(stack, inbox, draft, send_at=None)

    assert not after.keys() & {"send_at", "send_status"}
    assert after["labels"] == ["a"]
    assert shown(stack, inbox, draft) == after
    assert due_rows(stack, draft["draft_id"]) == 0
    assert changed(stack, inbox, draft, send_at=None)["labels"] == ["a"]


def test_a_new_time_replaces_the_old_one(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, send_at=ahead(hours=1))

    after = changed(stack, inbox, draft, send_at=ahead(hours=2))

    assert instant(after["send_at"]) - instant(draft["send_at"]) > datetime.timedelta(minutes=59)
    assert (after["send_status"], after["labels"], due_rows(stack, draft["draft_id"])) == ("scheduled", ["scheduled"], 1)


def test_an_edit_keeps_the_time(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, send_at=ahead(hours=1), text="old")

    after = changed(stack, inbox, draft, text="new", add_labels=["a"], to="b@example.com")

    assert (after["send_at"], after["send_status"], after["labels"]) == (draft["send_at"], "scheduled", ["scheduled", "a"])
    assert due_rows(stack, draft["draft_id"]) == 1


# --- when the time comes ------------------------------------------------------------------------------------------------


def test_a_draft_is_sent_when_its_time_has_come(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", text="now", labels=["a"], send_at=ahead(**SOON))

    [message] = eventually(lambda: messages(stack, inbox))

    assert (message["text"], message["labels"], message["thread_id"]) == ("now", ["sent", "a"], draft["thread_id"])
    assert instant(message["timestamp"]) >= instant(draft["send_at"])
    assert refusal(stack.http.get(at(inbox, draft))) == (404, "not_found")
    assert (listed(stack.http, at(inbox)), due_rows(stack, draft["draft_id"])) == ([], 0)


@pytest.mark.waiting
def test_of_several_changes_the_last_one_counts(stack: Mailbox, inbox: str) -> None:
    """The last of these drafts is due after all the others were."""
    soon, later = ahead(seconds=6), ahead(seconds=6.5)
    edited, moved, unscheduled, deleted = (made(stack, inbox, to="b@example.com", text=f"{n}", send_at=soon) for n in range(4))
    changed(stack, inbox, edited, text="edited")
    changed(stack, inbox, moved, send_at=ahead(hours=1))
    changed(stack, inbox, unscheduled, send_at=None)
    stack.http.delete(at(inbox, deleted))
    made(stack, inbox, to="b@example.com", text="last", send_at=later)

    eventually(lambda: len(messages(stack, inbox)) == 2)

    assert sorted(message["text"] for message in messages(stack, inbox)) == ["edited", "last"]
    assert sorted(listed(stack.http, at(inbox))) == sorted([moved["draft_id"], unscheduled["draft_id"]])
    assert shown(stack, inbox, moved)["send_status"] == "scheduled"


def test_a_draft_outlives_the_key_that_made_it(stack: Mailbox, inbox: str) -> None:
    bearer = key(stack)
    draft = stack.strict(bearer["api_key"]).post(at(inbox), {"to": "b@example.com", "send_at": ahead(**SOON)})
    stack.http.delete(f"/api-keys/{bearer['api_key_id']}")

    assert draft.status_code == 200
    assert len(eventually(lambda: messages(stack, inbox))) == 1


def test_a_draft_that_cannot_be_sent_fails_says_why_and_stays(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, text="nobody", send_at=ahead(**SOON))

    eventually(lambda: shown(stack, inbox, draft)["send_status"] == "failed")

    failed = shown(stack, inbox, draft)
    assert (failed["send_at"], failed["labels"]) == (draft["send_at"], ["scheduled"])
    assert (failed["send_error"]["code"], bool(failed["send_error"]["fix"])) == ("unprocessable", True)
    [item] = taken(stack.http.get(at(inbox), params={"labels": "scheduled"}))["drafts"]
    assert item["send_status"] == "failed"
    assert messages(stack, inbox) == []


def test_a_failed_draft_can_be_taken_up_again(stack: Mailbox, inbox: str) -> None:
    sent, moved, taken_back, deleted = (made(stack, inbox, send_at=ahead(**SOON)) for _ in range(4))
    eventually(lambda: all(shown(stack, inbox, each)["send_status"] == "failed" for each in (sent, moved, taken_back, deleted)))

    assert changed(stack, inbox, sent, to="b@example.com")["send_status"] == "failed"
    assert stack.http.post(at(inbox, sent, "/send")).status_code == 200
    again = changed(stack, inbox, moved, send_at=ahead(hours=1))
    back = changed(stack, inbox, taken_back, send_at=None)

    assert (again["send_status"], again["labels"], "send_error" in again) == ("scheduled", ["scheduled"], False)
    assert (back["labels"], back.keys() & {"send_status", "send_at", "send_error"}) == ([], set())
    assert stack.http.delete(at(inbox, deleted)).status_code == 204
