"""The clock goes back an hour between writes: versions still grow, nothing is lost, lists and threads stay whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.aws.stream_records import record_of
from tests.support.desk import Desk, mail

HOUR_MS = 3600 * 1000
LIST = "/inboxes/{inbox_id}/messages"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def relabel(desk: Desk, inbox: str, ids: list[str], **labels: str) -> None:
    resource = "/inboxes/{inbox_id}/messages/batch-update"
    assert desk.call("batch_update_messages", resource, {"message_ids": ids, **labels}, inbox_id=inbox).status == 200


def versions(desk: Desk, inbox: str) -> dict[str, int]:
    return {row["sk"]: row["ver"] for row in [*desk.messages(inbox), *desk.threads(inbox)]}


def follow(desk: Desk) -> None:
    changes, _ = desk.items.feed.read(None, 10_000)  # type: ignore[attr-defined]
    records = [record_of(change) for change in changes if change.table == "core"]
    assert desk.work("index.follow_changes", {"Records": records}) == {"batchItemFailures": []}


def listed(desk: Desk, inbox: str, **query: str) -> list[dict[str, Any]]:
    """Page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = desk.get("list_messages", LIST, {"limit": "2", **query}, inbox_id=inbox).body
        found += page["messages"]
        if "next_page_token" not in page:
            return found
        query["page_token"] = page["next_page_token"]


@pytest.mark.parametrize("feed_between", [False, True])
def test_an_hour_back_between_writes_loses_nothing(desk: Desk, feed_between: bool) -> None:
    inbox = desk.inbox()
    desk.clock.advance(2 * HOUR_MS)
    ids = [f"<m{n}@example.com>" for n in range(4)]
    seen: dict[str, int] = {}

    for number, message_id in enumerate(ids):
        parent = ids[number - 1] if number else None
        assert desk.receive(desk.arrive(mail(message_id=message_id, in_reply_to=parent), inbox)) == []
        relabel(desk, inbox, ids[: number + 1], add_labels=f"l{number}", remove_labels="unread")
        relabel(desk, inbox, ids[: number + 1], add_labels="unread", remove_labels=f"l{number - 1}")
        now = versions(desk, inbox)
        assert all(now[key] > ver for key, ver in seen.items())
        seen = now
        if feed_between:
            follow(desk)
        desk.clock.advance(-HOUR_MS // 4)
    sent = desk.reply(inbox, ids[0], {"text": "Late"})
    follow(desk)
    follow(desk)

    assert sent.status == 200
    [thread] = desk.threads(inbox)
    assert (thread["total"], thread["lc"]) == (5, {"received": 4, "unread": 4, "l3": 4, "sent": 1})
    everything = listed(desk, inbox)
    assert [each["message_id"] for each in everything] == [*ids, sent.body["message_id"]]
    assert [each["message_id"] for each in listed(desk, inbox, labels="l3")] == ids
    assert [desk.listed(inbox, "M", label) for label in ("l0", "l1", "l2")] == [[], [], []]
    assert len(desk.listed(inbox, "C", thread["thread_id"])) == 5
    # Creation 2 each; `unread` off and on, `l` on and off again.
    told = [(row["message_id"], row["event_type"], row["label"], row["event_at"]) for row in desk.events(inbox, "label")]
    assert len(told) == len(set(told)) == 4 * 2 + 1 + 2 * 10 + 10 + 6
