"""The worker behind the change feed: what it drops, what it writes, what it reports."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.aws.stream_records import record_of
from mailroom.callers import Caller
from mailroom.keys.scopes import Route
from mailroom.messages.delete import delete_message
from mailroom.messages.index import message_entries, thread_entries
from mailroom.messages.record import MessageRecord
from mailroom.messages.update import Relabelling, relabel
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Query, Set, StoreBusy, without_key
from mailroom.threads.delete import delete_thread
from tests.support.desk import Desk
from tests.support.seed import seed


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as running:
        yield running


def feed(desk: Desk) -> list[ChangeRecord]:
    changes, _ = desk.items.feed.read(None, 10_000)  # type: ignore[attr-defined]
    return [change for change in changes if change.table == "core"]


def follow(desk: Desk, changes: list[ChangeRecord]) -> list[str]:
    answer = desk.work("index.follow_changes", {"Records": [record_of(change) for change in changes]})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def relabelled(desk: Desk, record: MessageRecord, change: Relabelling) -> None:
    def select() -> list[MessageRecord]:
        row: Any = desk.items.get(keys.message(desk.o, record["inbox_id"], record["message_id"]))
        return [row]

    relabel(desk.o, record["inbox_id"], select, change, items=desk.items, clock=desk.clock, shards=1)


def label_events(desk: Desk, inbox_id: str) -> list[tuple[str, str]]:
    rows = desk.items.query(Query("ev", keys.events(desk.o, inbox_id, keys.LABEL_EVENTS), 1000))
    return [(row["event_type"], row["label"]) for row in rows]


def indexed(desk: Desk, inbox_id: str) -> set[tuple[str, str]]:
    labels = (keys.ALL, "received", "unread", "a", "b", "trash")
    partitions = [keys.index_partition(desk.o, inbox_id, kind, label) for kind in "MT" for label in labels]
    return {(row["pk"], row["sk"]) for each in partitions for row in desk.items.query(Query("idx", each, 1000))}


def expected(desk: Desk, inbox_id: str, records: list[MessageRecord]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for record in records:
        message: Any = desk.items.get(keys.message(desk.o, inbox_id, record["message_id"]))
        thread: Any = desk.items.get(keys.thread(desk.o, inbox_id, record["thread_id"]))
        if message:
            found |= {(entry.key.pk, entry.key.sk) for entry in message_entries(desk.o, message) if "#C#" not in entry.key.pk}
        if thread:
            found |= {(entry.key.pk, entry.key.sk) for entry in thread_entries(desk.o, thread, 1)}
    return found


def busy(desk: Desk) -> tuple[str, list[MessageRecord]]:
    inbox_id = desk.inbox()
    records = [seed(desk.runtime, desk.o, inbox_id) for _ in range(4)]
    records.append(seed(desk.runtime, desk.o, inbox_id, thread_id=records[0]["thread_id"]))
    for record in records:
        relabelled(desk, record, Relabelling(("a", "b"), ("unread",)))
        relabelled(desk, record, Relabelling(("trash",), ("a",)))
        relabelled(desk, record, Relabelling(("a",), ("trash", "b")))
    return inbox_id, records


def test_at_rest_the_index_is_the_truth_and_each_change_one_event(desk: Desk) -> None:
    inbox_id, records = busy(desk)

    assert follow(desk, feed(desk)) == []

    assert indexed(desk, inbox_id) == expected(desk, inbox_id, records)
    # 2 at creation, then 3, 2 and 3 changes.
    assert len(label_events(desk, inbox_id)) == 5 * 10


def test_a_feed_replayed_twice_and_shuffled_across_items_changes_nothing_more(desk: Desk) -> None:
    inbox_id, records = busy(desk)
    changes = feed(desk)
    follow(desk, changes)
    before = (indexed(desk, inbox_id), label_events(desk, inbox_id))

    mixed = sorted(changes, key=lambda change: (random.Random(change.key.sk).random(), int(change.sequence)))
    follow(desk, mixed)
    follow(desk, mixed)

    assert (indexed(desk, inbox_id), label_events(desk, inbox_id)) == before
    assert before[0] == expected(desk, inbox_id, records)


@pytest.mark.parametrize("seed_of_order", range(3))
def test_a_feed_that_stood_still_while_much_was_changed_and_deleted_catches_up_in_any_order(desk: Desk, seed_of_order: int) -> None:
    inbox_id, records = busy(desk)
    caller, options = Caller(desk.o, "organization", desk.o), {"items": desk.items, "clock": desk.clock, "shards": 1}
    alone, shared = records[1], records[4]
    for gone in (alone, shared):
        delete_message(caller, inbox_id, gone["message_id"], **options)  # type: ignore[arg-type]
    delete_thread(caller, Route(inbox_id=inbox_id), records[2]["thread_id"], **options)  # type: ignore[arg-type]
    relabelled(desk, records[0], Relabelling(("b",), ("a",)))
    changes = feed(desk)

    for turn in range(2):
        order = random.Random(f"{seed_of_order}{turn}")
        places = {change.key: order.random() for change in changes}
        assert follow(desk, sorted(changes, key=lambda change: (places[change.key], int(change.sequence)))) == []

        assert indexed(desk, inbox_id) == expected(desk, inbox_id, records)
        # 2 at creation, then 3, 2 and 3 changes; of the first 2 more. Deleting is no change of a label.
        assert len(label_events(desk, inbox_id)) == 5 * 10 + 2
        left = {keys.blob_raw(desk.o, inbox_id, records[n]["uid"]) for n in (0, 3)}
        assert {key for key in desk.blobs.content if inbox_id in key} == left


def test_lists_are_right_while_the_feed_stands_still(desk: Desk) -> None:
    inbox_id, records = busy(desk)

    page = desk.get("list_messages", "/inboxes/{inbox_id}/messages", {"labels": "b"}, inbox_id=inbox_id).body

    assert page["messages"] == []
    page = desk.get("list_messages", "/inboxes/{inbox_id}/messages", {"labels": "a"}, inbox_id=inbox_id).body
    assert {each["message_id"] for each in page["messages"]} == {each["message_id"] for each in records}


@pytest.mark.parametrize("then", ["on its way out", "gone", "there again"])
def test_a_feed_that_comes_behind_the_end_of_an_inbox_tells_nothing_of_its_labels(desk: Desk, then: str) -> None:
    """Whatever the purge has emptied must stay empty."""
    inbox_id, _ = busy(desk)
    changes, inbox = feed(desk), keys.inbox(desk.o, inbox_id)
    if then == "gone":
        desk.items.delete(inbox)
    else:
        ended = Set("state", "deleting") if then == "on its way out" else Set("reused_after", desk.clock())
        desk.items.update(inbox, (ended,))

    assert follow(desk, changes) == []

    assert label_events(desk, inbox_id) == []


def test_blobs_of_a_deleted_message_go_and_those_of_its_neighbours_stay(desk: Desk) -> None:
    inbox_id = desk.inbox()
    gone, kept = seed(desk.runtime, desk.o, inbox_id), seed(desk.runtime, desk.o, inbox_id)
    desk.items.delete(keys.message(desk.o, inbox_id, gone["message_id"]))

    follow(desk, feed(desk))

    assert {key for key in desk.blobs.content if inbox_id in key} == {keys.blob_raw(desk.o, inbox_id, kept["uid"])}


def test_blobs_of_a_mail_that_was_delivered_again_stay(desk: Desk) -> None:
    inbox_id = desk.inbox()
    record = seed(desk.runtime, desk.o, inbox_id)
    key = keys.message(desk.o, inbox_id, record["message_id"])
    desk.items.delete(key)
    desk.items.put(key, without_key(record))

    follow(desk, feed(desk))

    assert keys.blob_raw(desk.o, inbox_id, record["uid"]) in desk.blobs.content


def test_the_failing_change_is_named_and_those_before_it_are_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox_id = desk.inbox()
    first, second = seed(desk.runtime, desk.o, inbox_id), seed(desk.runtime, desk.o, inbox_id)
    changes = [change for change in feed(desk) if keys.is_message(change.key)]
    write, bad = desk.items.write, second["message_id"]

    def failing(actions: Any) -> list[bool]:
        if any(getattr(action, "item", {}).get("message_id") == bad for action in actions):
            raise StoreBusy
        return write(actions)

    monkeypatch.setattr(desk.items, "write", failing)

    failed = follow(desk, changes)

    assert failed == [changes[1].sequence]
    rows = desk.items.query(Query("ev", keys.events(desk.o, inbox_id, keys.LABEL_EVENTS), 100))
    assert {row["message_id"] for row in rows} == {first["message_id"]}


def test_a_thread_whose_deletion_stopped_halfway_is_finished_by_a_repeat(desk: Desk) -> None:
    inbox_id = desk.inbox()
    record = seed(desk.runtime, desk.o, inbox_id)
    others = [seed(desk.runtime, desk.o, inbox_id, thread_id=record["thread_id"]) for _ in range(60)]
    key = keys.thread(desk.o, inbox_id, record["thread_id"])
    thread = desk.items.get(key)
    assert thread is not None
    desk.items.put(key, {**thread, "deleting": True, "ver": thread["ver"] + 1})
    for other in others[:30]:
        desk.items.delete(keys.message(desk.o, inbox_id, other["message_id"]))

    follow(desk, feed(desk))
    follow(desk, feed(desk))

    left = desk.items.batch_get([key, *(keys.message(desk.o, inbox_id, each["message_id"]) for each in [record, *others])])
    assert left == {}
    assert indexed(desk, inbox_id) == set()
