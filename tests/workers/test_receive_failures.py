"""Failure rows of mail in: killed at any point, delivered several times, one bad record, an inbox that goes away."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.aws.stream_records import record_of
from mailroom.callers import Caller
from mailroom.messages.delete import delete_message
from mailroom.store import keys
from mailroom.store.port import Delete, Set, StoreBusy
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk, mail


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def receive_and_die(desk: Desk, record: dict[str, Any], kill_at: int) -> bool:
    """Whether it got as far as that."""
    executioner = Executioner(kill_at)
    alive = desk.runtime
    desk.runtime = dataclasses.replace(alive, items=executioner.watch(alive.items), blobs=executioner.watch(alive.blobs))
    try:
        desk.receive(record)
    except Killed:
        return True
    finally:
        desk.runtime = alive
    return False


def with_attachment() -> bytes:
    lines = [
        "From: ann@example.com",
        "To: agent@mailroom.local",
        "Message-ID: <m1@example.com>",
        "Subject: file",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "hi",
        "--b",
        "Content-Type: application/pdf",
        'Content-Disposition: attachment; filename="a.pdf"',
        "",
        "PDF",
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 9))
def test_a_delivery_killed_at_any_call_is_made_good_by_the_next(desk: Desk, call: int, side: int) -> None:
    inbox = desk.inbox()
    record = desk.arrive(with_attachment(), inbox)

    receive_and_die(desk, record, call * side)
    failed = desk.receive(record)

    assert failed == []
    [message] = desk.messages(inbox)
    assert len(desk.events(inbox, "message.received")) == 1
    assert [thread["message_count"] for thread in desk.threads(inbox)] == [1]
    assert desk.blobs.content[keys.blob_raw(desk.o, inbox, message["uid"])] == with_attachment()
    [file] = message["attachments"]
    assert desk.blobs.content[keys.blob_attachment(desk.o, inbox, message["uid"], file["attachment_id"])] == b"PDF"


def test_a_delivery_has_no_more_calls_than_are_tested(desk: Desk) -> None:
    inbox = desk.inbox()
    executioner = Executioner()
    record = desk.arrive(with_attachment(), inbox)
    desk.runtime = dataclasses.replace(desk.runtime, items=executioner.watch(desk.items), blobs=executioner.watch(desk.blobs))

    desk.receive(record)

    assert 5 <= len(executioner.calls) <= 8


def test_the_same_notice_three_times_at_once_stores_one_message(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)

    with ThreadPoolExecutor(3) as pool:
        failed = [each for result in pool.map(desk.receive, [record] * 3) for each in result]

    assert failed == []
    assert len(desk.messages(inbox)) == 1
    assert len(desk.events(inbox, "message.received")) == 1
    [thread] = desk.threads(inbox)
    assert (thread["total"], thread["lc"]) == (1, {"received": 1, "unread": 1})


def test_one_of_ten_records_fails_and_nine_are_done(desk: Desk) -> None:
    inbox = desk.inbox()
    records = [desk.arrive(mail(message_id=f"<m{n}@example.com>"), inbox) for n in range(10)]
    del desk.blobs.content[f"ses/{records[4]['messageId']}"]

    failed = desk.receive(*records)

    assert failed == [records[4]["messageId"]]
    assert len(desk.messages(inbox)) == 9


def test_a_malformed_notice_comes_back_until_it_is_a_dead_letter(desk: Desk) -> None:
    failed = desk.receive({"messageId": "bad", "body": "{", "attributes": {}})

    assert failed == ["bad"]


def test_one_inbox_of_a_mail_fails_and_the_others_have_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = desk.inbox("good"), desk.inbox("bad")
    record = desk.arrive(mail(), good, bad)
    transact = desk.items.transact

    def failing(actions: Any) -> None:
        if any(action.key == keys.inbox(desk.o, bad) for action in actions):
            raise StoreBusy("injected")
        transact(actions)

    monkeypatch.setattr(desk.items, "transact", failing)

    first = desk.receive(record)
    monkeypatch.undo()
    again = desk.receive(record)

    assert (first, again) == ([record["messageId"]], [])
    assert [len(desk.messages(inbox)) for inbox in (good, bad)] == [1, 1]


def test_an_inbox_deleted_before_the_transaction_keeps_neither_message_nor_blob(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    copy = desk.blobs.copy

    def deleted_meanwhile(source: str, target: str) -> None:
        copy(source, target)
        desk.items.update(keys.inbox(desk.o, inbox), [Set("state", "deleting")])

    monkeypatch.setattr(desk.blobs, "copy", deleted_meanwhile)

    failed = desk.receive(record)

    assert failed == []
    assert desk.messages(inbox) == []
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []


def test_an_inbox_created_again_meanwhile_stays_clean(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    copy = desk.blobs.copy

    def created_again(source: str, target: str) -> None:
        copy(source, target)
        desk.items.write([Delete(keys.inbox(desk.o, inbox))])
        desk.inbox()

    monkeypatch.setattr(desk.blobs, "copy", created_again)

    failed = desk.receive(record)

    assert failed == []
    assert desk.messages(inbox) == []
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []


def test_mail_for_an_earlier_inbox_of_the_same_address_is_dropped(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    desk.items.write([Delete(keys.inbox(desk.o, inbox))])
    desk.clock.advance(60_000)
    desk.inbox(reused_after=desk.clock())

    failed = desk.receive(record)

    assert failed == []
    assert desk.messages(inbox) == []


def test_a_clock_that_jumps_back_loses_no_mail(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.clock.advance(-3_600_000)

    desk.receive(desk.arrive(mail(), inbox))

    assert len(desk.messages(inbox)) == 1


def follow_changes(desk: Desk) -> None:
    changes, _ = desk.items.feed.read(None, 10_000)  # type: ignore[attr-defined]
    records = [record_of(change) for change in changes if change.table == "core"]
    assert desk.work("index.follow_changes", {"Records": records}) == {"batchItemFailures": []}


@pytest.mark.parametrize("message_id", ["<m1@example.com>", None])
def test_a_deleted_message_stays_deleted_when_its_notice_comes_again(desk: Desk, message_id: str | None) -> None:
    inbox, caller = desk.inbox(), Caller(desk.o, "organization", desk.o)
    record = desk.arrive(mail(message_id=message_id), inbox)
    desk.receive(record)
    [message] = desk.messages(inbox)
    delete_message(caller, inbox, message["message_id"], items=desk.items, clock=desk.clock, shards=1)
    follow_changes(desk)

    failed = desk.receive(record)

    assert failed == []
    assert (desk.messages(inbox), desk.threads(inbox)) == ([], [])
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []
    assert len(desk.events(inbox, "message.received")) == 1


def test_a_deleted_mail_that_is_sent_once_more_is_a_new_one(desk: Desk) -> None:
    inbox, caller = desk.inbox(), Caller(desk.o, "organization", desk.o)
    desk.receive(desk.arrive(mail(), inbox))
    delete_message(caller, inbox, "<m1@example.com>", items=desk.items, clock=desk.clock, shards=1)
    follow_changes(desk)

    desk.receive(desk.arrive(mail(), inbox))

    assert len(desk.messages(inbox)) == 1


def test_blobs_of_a_delivery_that_died_before_its_inbox_was_created_again_are_swept_up(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    receive_and_die(desk, record, 4)
    desk.items.write([Delete(keys.inbox(desk.o, inbox))])
    desk.clock.advance(60_000)
    desk.inbox(reused_after=desk.clock())

    failed = desk.receive(record)

    assert failed == []
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []


def test_blobs_of_a_delivery_that_died_with_its_inbox_are_swept_up(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    receive_and_die(desk, record, 4)
    desk.items.update(keys.address(inbox), [Set("state", "released")])
    record["attributes"]["ApproximateReceiveCount"] = "2"

    failed = desk.receive(record)

    assert failed == []
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []
