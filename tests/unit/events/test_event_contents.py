"""What events show, and how they are cut to a channel's size."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, cast

import pytest

from local.store.database import MEMORY, Database
from local.store.sqlite import SqliteItemStore
from mailroom.events import types
from mailroom.events.log import Entry
from mailroom.events.render import Contents, envelope
from mailroom.events.rows import message_event
from mailroom.events.sizes import MAX_FRAME_BYTES, MAX_WEBHOOK_BYTES, frame_text, webhook_bytes
from mailroom.events.snapshot import MAX_BYTES, freeze, thaw
from mailroom.messages.bodies import pack
from mailroom.messages.record import Bodies
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import ItemStore, Key, Put
from mailroom.threads import aggregate
from tests.support.contract import event_problems
from tests.support.events import INBOX, ORGANIZATION, POD, THREAD, filled, happen, log_of
from tests.support.fakes import ManualClock, MemoryBlobs
from tests.support.mails import message_record

BODIES = Bodies(text="text", html="<p>html</p>", extracted_text="extracted", headers={"Subject": "s"})


@pytest.fixture
def items() -> Iterator[ItemStore]:
    database = Database(MEMORY)
    yield SqliteItemStore(database)
    database.close()


def received(items: ItemStore, *, number: int = 1, place: str = "item", uid: str = "uid-1", **fields: Any) -> Entry:
    """An event with its message's bodies in an item, at position `number`."""
    record = message_record(f"<{number}@example.com>", uid=uid, body=place, pod_id=POD, thread_id=THREAD, **fields)
    thread = aggregate.start(record, now=1)
    put = message_event(ORGANIZATION, record, thread, types.RECEIVED, ts=record["ts"], shards=1)
    items.put(put.key, {**put.item, "pos": number})
    items.put(keys.body(keys.message(ORGANIZATION, INBOX, record["message_id"])), {"data": pack(BODIES)[1], "uid": "uid-1"})
    return Entry(number, put.item["event_id"], types.RECEIVED, put.key, record["ts"], POD, INBOX)


def contents(items: ItemStore, blobs: MemoryBlobs | None = None) -> Contents:
    return Contents(items=items, blobs=blobs or MemoryBlobs())


def test_a_received_event_is_message_and_thread_with_bodies_and_position(items: ItemStore) -> None:
    entry = received(items, subject="Hello", reply_to=["Bob <bob@example.com>"])

    event = contents(items).events([entry])[1]

    assert list(event_problems(event)) == []
    assert {name: event["message"][name] for name in BODIES} == BODIES
    assert (event["message"]["reply_to"], event["thread"]["subject"], event["position"]) == (["Bob <bob@example.com>"], "Hello", 1)


def test_bodies_in_a_blob_are_read_from_there(items: ItemStore) -> None:
    entry = received(items, place="blob")
    blobs = MemoryBlobs()
    blobs.put(keys.blob_body(ORGANIZATION, INBOX, "uid-1"), pack(BODIES)[1])

    assert contents(items, blobs).events([entry])[1]["message"]["text"] == "text"
    assert "text" not in contents(items).events([entry])[1]["message"]


def test_bodies_of_a_later_message_with_the_same_id_are_not_shown(items: ItemStore) -> None:
    entry = received(items, uid="uid-0")

    assert "text" not in contents(items).events([entry])[1]["message"]


def test_an_event_whose_row_is_gone_is_left_out(items: ItemStore) -> None:
    entry = received(items)
    gone = entry._replace(position=2, event_id="evt_2", key=Key("ev", "gone", "1"))

    assert list(contents(items).events([gone, entry])) == [1]


def test_rows_and_bodies_are_read_once(items: ItemStore) -> None:
    entries = [received(items, number=number) for number in (1, 2)]
    made = contents(items)
    made.events(entries)

    with metered() as meter:
        again = made.events(entries)

    assert (len(again), meter.trips) == (2, 0)


def test_what_was_sent_shows_ids_and_recipients(items: ItemStore) -> None:
    (row,) = filled(1, items=items, clock=ManualClock())

    (entry,) = log_of(ORGANIZATION, items=items, clock=ManualClock())
    event = contents(items).events([entry])[entry.position]

    assert event["send"] == {
        "inbox_id": INBOX,
        "thread_id": THREAD,
        "message_id": row["message_id"],
        "timestamp": "1970-01-01T00:00:00.001Z",
        "recipients": ["1@example.com"],
    }


def test_a_cancelled_draft_shows_its_id_the_answer_and_why(items: ItemStore) -> None:
    payload = {"draft_id": "0190a6c0-5a00-7000-8000-00000000000d", "reason": "reply"}
    row = happen(1, items=items, event_type=types.DRAFT_CANCELLED, payload=payload)

    event = envelope(row, Bodies())

    assert list(event_problems(event)) == []
    assert event["draft"] == {
        "inbox_id": INBOX,
        "thread_id": THREAD,
        "message_id": "<1@example.com>",
        "timestamp": "1970-01-01T00:00:00.001Z",
        **payload,
    }


def test_an_event_without_a_position_yet_names_none(items: ItemStore) -> None:
    row = happen(1, items=items)

    assert "position" not in envelope(row, Bodies())


# --- sizes --------------------------------------------------------------------------------------------------------------


def large(**sizes: int) -> dict[str, Any]:
    """An event whose message has texts of these sizes."""
    record = message_record(subject="s")
    shown: dict[str, Any] = {"type": "event", "event_type": types.RECEIVED, "event_id": "evt_1", "position": 64}
    shown |= thaw(freeze(record, aggregate.start(record, now=1)))
    shown["message"] |= {name: "é" * (size // 2) for name, size in sizes.items()}
    return shown


def test_an_event_that_fits_is_sent_whole() -> None:
    event = large(text=1000, html=1000)

    assert json.loads(webhook_bytes(event)) == event
    assert json.loads(frame_text(event)) == event


@pytest.mark.parametrize(
    ("sizes", "dropped"),
    [
        ({"text": 10, "html": 2**20, "extracted_text": 10}, {"text", "html"}),
        ({"text": 10, "extracted_text": 2**20, "extracted_html": 10}, {"text", "extracted_text"}),
        ({"html": 10, "extracted_text": 10, "extracted_html": 2**20, "headers": 9}, {"html", "extracted_text", "extracted_html"}),
    ],
)
def test_a_webhook_loses_bodies_first(sizes: dict[str, int], dropped: set[str]) -> None:
    event = large(**sizes)

    data = webhook_bytes(event)

    assert len(data) <= MAX_WEBHOOK_BYTES
    assert event["message"].keys() - json.loads(data)["message"].keys() == dropped
    assert set(sizes) <= event["message"].keys()


@pytest.mark.parametrize(
    ("sizes", "dropped"),
    [
        ({"text": 10, "html": 2**17}, {"html"}),
        ({"text": 2**17, "html": 10, "extracted_html": 10}, {"html", "extracted_html", "text"}),
        ({"extracted_text": 2**17, "text": 10, "headers": 10}, {"text", "extracted_text"}),
        ({"headers": 2**17, "text": 10}, {"text", "headers"}),
    ],
)
def test_a_frame_loses_html_first(sizes: dict[str, int], dropped: set[str]) -> None:
    event = large(**sizes)

    text = frame_text(event)

    assert len(text.encode()) <= MAX_FRAME_BYTES
    assert event["message"].keys() - json.loads(text)["message"].keys() == dropped


def test_long_lists_of_a_thread_are_shortened_and_nothing_required_is_dropped() -> None:
    event = large()
    event["thread"] |= {"senders": [f"{n}@example.com" for n in range(5000)], "recipients": [f"{n}@b.c" for n in range(5000)]}
    event["thread"]["attachments"] = [{"attachment_id": "a", "size": 1, "inline": False}]

    shown = json.loads(frame_text(event))

    assert 1 <= len(shown["thread"]["senders"]) < 5000
    assert event["thread"].keys() - shown["thread"].keys() == {"attachments"}
    assert shown["message"] == event["message"]


def test_a_frame_fits_whatever_a_mail_was_made_of() -> None:
    event = large(subject=2**18, text=2**18)
    event["message"] |= {"to": ["x" * 400] * 900, "references": ["y" * 900] * 900, "labels": ["z" * 250] * 100}
    event["thread"]["subject"] = "s" * 2**17

    assert len(frame_text(event).encode()) <= MAX_FRAME_BYTES


def test_what_is_kept_with_the_row_is_cut_where_it_is_enormous() -> None:
    wild = random.Random(1)
    senders = [f"{wild.randbytes(100).hex()}@example.com" for _ in range(2000)]
    record = message_record()
    thread = {**aggregate.start(record, now=1), "senders": senders, "recipients": senders}

    frozen = freeze(record, cast(Any, thread))

    assert len(frozen) <= MAX_BYTES
    assert 1 <= len(thaw(frozen)["thread"]["senders"]) < 2000


def test_a_row_of_an_event_fits_into_an_item(items: ItemStore) -> None:
    record = message_record(references=["r" * 900] * 300, to=["t" * 300] * 300)
    put = message_event(ORGANIZATION, record, aggregate.start(record, now=1), types.RECEIVED, ts=1, shards=1)

    items.transact([Put(put.key, put.item)])

    assert thaw((items.get(put.key) or {})["frozen"])["message"]["to"]
