"""Label events of an inbox (spec: inboxes.md, "Label change events")."""

from __future__ import annotations

from typing import Any

import pytest

from functions.inboxes import list_label_events
from mailroom import ids
from mailroom.store import keys
from mailroom.store.port import Put
from tests.support.identity import organization_id, other_organization, trips, using_key
from tests.support.mails import message_record
from tests.support.stacks import Mailbox, Strict


def record(stack: Mailbox, inbox: str, label: str, message_id: str = "<m@x>", *, ago_ms: int = 0, kind: str = "label.added") -> str:
    """Puts an event there as the change feed does; its id."""
    o, ts = organization_id(stack.http), stack.runtime.clock() - ago_ms
    event_id = ids.event_id(ts, o, inbox, message_id, label, kind)
    row = {
        "organization_id": o,
        "pod_id": stack.http.get(f"/inboxes/{inbox}").json()["pod_id"],
        "inbox_id": inbox,
        "event_id": event_id,
        "event_type": kind,
        "message_id": message_id,
        "label": label,
        "event_at": ts,
        "created_at": ts,
    }
    stack.runtime.items.write([Put(keys.event(o, inbox, keys.LABEL_EVENTS, ts, event_id), row)])
    return event_id


def events(http: Strict, inbox: str, **params: Any) -> list[dict[str, Any]]:
    return list(http.get(f"/inboxes/{inbox}/events", params=params).json()["events"])


def test_events_come_newest_first_in_pages(stack: Mailbox, inbox: str) -> None:
    made = [record(stack, inbox, f"l{n}") for n in range(5)]

    first = stack.http.get(f"/inboxes/{inbox}/events", params={"limit": 3}).json()
    second = stack.http.get(f"/inboxes/{inbox}/events", params={"limit": 3, "page_token": first["next_page_token"]}).json()

    seen = [each["event_id"] for each in first["events"] + second["events"]]
    assert sorted(seen) == sorted(made)
    assert seen == sorted(seen, reverse=True)
    assert (first["count"], first["limit"], second["count"]) == (3, 3, 2)
    assert [each["event_id"] for each in events(stack.http, inbox, ascending="true")] == seen[::-1]


def test_the_sdk_reads_events(stack: Mailbox, inbox: str) -> None:
    record(stack, inbox, "urgent", kind="label.removed")

    page = stack.client.inboxes.events.list(inbox)

    assert [(each.event_type, each.label) for each in page.events] == [("label.removed", "urgent")]


def test_events_of_an_earlier_inbox_of_the_address_are_not_shown(stack: Mailbox, inbox: str) -> None:
    record(stack, inbox, "old", ago_ms=3_600_000)

    assert events(stack.http, inbox) == []


def test_reading_events_costs_one_trip(stack: Mailbox, inbox: str) -> None:
    assert trips(stack, list_label_events, "/inboxes/{inbox_id}/events", inbox_id=inbox) == 1


def test_a_foreign_inbox_has_no_events(stack: Mailbox, inbox: str) -> None:
    assert other_organization(stack).get(f"/inboxes/{inbox}/events").status_code == 404


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
def test_events_of_messages_that_a_key_may_not_see_are_left_out(stack: Mailbox, inbox: str, label: str) -> None:
    hidden = message_record("<hidden@x>", inbox_id=inbox, labels=("received", label))
    stack.runtime.items.put(keys.message(organization_id(stack.http), inbox, "<hidden@x>"), dict(hidden))
    record(stack, inbox, label, "<hidden@x>")
    record(stack, inbox, "plain", "<deleted@x>")
    blind = using_key(stack, {"message_read": True}, inbox_id=inbox)
    seeing = using_key(stack, {"message_read": True, f"label_{label}_read": True}, inbox_id=inbox)

    unseen = [each for each in events(blind, inbox) if each["message_id"] == "<hidden@x>"]
    seen = [each for each in events(seeing, inbox) if each["message_id"] == "<hidden@x>"]

    assert unseen == []
    assert label in [each["label"] for each in seen]
    assert "plain" in [each["label"] for each in events(blind, inbox)]
