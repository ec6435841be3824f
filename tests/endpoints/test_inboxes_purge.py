"""Deleting an inbox: gone at once, emptied in steps, nothing left, whatever dies on the way (design: data.md, flows.md)."""

from __future__ import annotations

import json
import smtplib
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from functions.organizations import purge_deleted as worker
from local.store.database import reading
from mailroom.callers import Caller
from mailroom.errors import NotFound, ResourceDeleting, ResourceTaken
from mailroom.events import types
from mailroom.inboxes.create import create_inbox
from mailroom.inboxes.purge import LEASE_MS, purge_inbox, purge_request
from mailroom.inboxes.service import delete_inbox, get_inbox, update_inbox
from mailroom.keys.scopes import Route, Scope
from mailroom.keys.service import create_api_key
from mailroom.lists.counts import lowered
from mailroom.lists.record import ListName
from mailroom.organizations.service import create_organization
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.port import Key, Put, Query, Set, TransactionCancelled
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk
from tests.support.events import happen
from tests.support.fakes import QueueList
from tests.support.identity import using_key
from tests.support.lists import counts, listed
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

NAME = "gone"
INBOX = f"{NAME}@mailroom.local"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as made:
        yield made


def caller(desk: Desk) -> Caller:
    return Caller(desk.o, "organization", desk.o)


def create(desk: Desk, who: Caller | None = None, **body: Any) -> dict[str, Any]:
    wanted: Any = {"username": NAME, **body}
    return create_inbox(who or caller(desk), wanted, items=desk.items, clock=desk.clock, config=desk.runtime.config)


def fill(desk: Desk, mails: int = 6) -> None:
    """Mail with attachments, labels, threads, events, keys: whatever an inbox can own."""
    for number in range(mails):
        raw = (
            f"From: a{number}@example.com\r\nTo: {INBOX}\r\nSubject: Topic {number % 3}\r\nMessage-ID: <{number}@example.com>\r\n"
            f"References: <never-seen-{number}@example.com>\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n'
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=f\r\n\r\nx\r\n--b--\r\n"
        )
        assert desk.receive(desk.arrive(raw.encode(), INBOX)) == []
    now = desk.clock()
    event = {"event_id": "evt_1", "event_type": "label.added", "message_id": "<0@example.com>", "label": "x", "event_at": now}
    stale = Key("idx", keys.index_partition(desk.o, INBOX, "M", "unread"), keys.index_sort(0, now, "stale", "stale"))
    desk.items.write([Put(keys.event(desk.o, INBOX, keys.LABEL_EVENTS, now, "evt_1"), event), Put(stale, {"mv": 1, "w": now})])
    desk.items.write([Put(Key("eph", keys.subscriptions(desk.o, inbox_id=INBOX), "socket-1"), {"gen": 1})])
    for number, event_type in enumerate(types.ALL):
        happen(number, items=desk.items, o=desk.o, event_type=event_type, inbox_id=INBOX)
    create_api_key(caller(desk), Route(inbox_id=INBOX), {}, items=desk.items, clock=desk.clock)
    listed(desk, "receive", "block", *(f"{number}.example.com" for number in range(mails)), inbox_id=INBOX)


def rows(desk: Desk) -> set[tuple[str, str, str]]:
    with reading(desk.database) as connection:
        return {
            (table, pk, sk)
            for table in ("core", "idx", "ev", "eph")
            for pk, sk in connection.execute(f"SELECT pk, sk FROM {table}")
        }


def delete(desk: Desk) -> None:
    delete_inbox(caller(desk), INBOX, items=desk.items, queues=desk.runtime.queues)


def work_off(desk: Desk) -> int:
    """Delivers what is queued until nothing is; how many messages that took."""
    queues = desk.runtime.queues
    assert isinstance(queues, QueueList)
    delivered = 0
    while queues.messages:
        queue, body = queues.messages.pop(0)
        with using(desk.runtime):
            assert queue == "purge"
            worker.handler({"Records": [{"messageId": "1", "body": json.dumps(dict(body))}]})
        delivered += 1
        assert delivered < 500
    return delivered


def test_nothing_remains_but_the_released_address(desk: Desk) -> None:
    before, blobs_before = rows(desk), dict(desk.blobs.content)
    create(desk, client_id="c-1")
    fill(desk)
    delete(desk)

    work_off(desk)

    assert rows(desk) - before == {("core", keys.address(INBOX).pk, "-")}
    assert before <= rows(desk)
    left = {key for key in desk.blobs.content if key.startswith("org/")}
    assert left == {key for key in blobs_before if key.startswith("org/")}


def test_counters_return_to_where_they_were(desk: Desk) -> None:
    organization = desk.items.get(keys.organization(desk.o))
    assert organization is not None
    pod = keys.pod(desk.o, organization["default_pod_id"])
    create(desk)
    delete(desk)

    counted = [desk.items.get(key) or {} for key in (keys.organization(desk.o), pod)]

    assert [row["inbox_count"] for row in counted] == [0, 0]


def test_wider_lists_stay_as_they_are(desk: Desk) -> None:
    pod_id = create(desk)["pod_id"]
    listed(desk, "receive", "block", "example.com")
    listed(desk, "receive", "block", "example.com", pod_id=pod_id)
    listed(desk, "receive", "block", "example.com", inbox_id=INBOX)
    before = counts(desk), counts(desk, pod_id=pod_id)
    delete(desk)

    work_off(desk)

    assert (counts(desk), counts(desk, pod_id=pod_id)) == before == ({"receive_block": 1, "pods_receive": 1}, {"receive_block": 1})
    assert desk.items.query(Query("core", keys.lists(desk.o, inbox_id=INBOX), 10)) == []


def test_an_entry_deleted_behind_the_purge_leaves_no_count(desk: Desk) -> None:
    create(desk)
    listed(desk, "receive", "block", "example.com", inbox_id=INBOX)
    stale = lowered(desk.o, Scope("inbox", INBOX, "pod", INBOX), ListName("receive", "block"))
    delete(desk)
    work_off(desk)

    with pytest.raises(TransactionCancelled):
        desk.items.transact(stale)


def test_another_inbox_with_a_longer_name_is_left_alone(desk: Desk) -> None:
    create(desk)
    create(desk, username=NAME + ".too")
    neighbour = rows(desk)
    fill(desk, 2)
    delete(desk)
    work_off(desk)

    assert get_inbox(caller(desk), f"{NAME}.too@mailroom.local", items=desk.items)["inbox_id"] == f"{NAME}.too@mailroom.local"
    assert {row for row in neighbour if f"{NAME}.too" in row[1] + row[2]} <= rows(desk)


def test_a_deleted_inbox_is_gone_before_it_is_purged(desk: Desk) -> None:
    create(desk)
    delete(desk)

    with pytest.raises(NotFound):
        get_inbox(caller(desk), INBOX, items=desk.items)
    with pytest.raises(NotFound):
        delete(desk)
    with pytest.raises(ResourceDeleting):
        update_inbox(caller(desk), INBOX, {"status": "paused"}, items=desk.items, clock=desk.clock)
    with pytest.raises(ResourceDeleting):
        create(desk)


def test_mail_for_an_inbox_being_deleted_is_dropped(desk: Desk) -> None:
    create(desk)
    delete(desk)
    before = rows(desk)

    fill_failed = desk.receive(desk.arrive(b"From: a@b.c\r\nMessage-ID: <late@b.c>\r\n\r\nLate\r\n", INBOX))

    assert fill_failed == []
    assert rows(desk) == before
    assert not [key for key in desk.blobs.content if key.startswith("org/")]


def test_a_purged_address_can_be_used_again_and_is_empty(desk: Desk) -> None:
    create(desk, display_name="Old", metadata={"a": 1})
    fill(desk)
    delete(desk)
    work_off(desk)

    again = create(desk)

    assert "display_name" not in again
    assert "metadata" not in again
    row = desk.items.get(keys.inbox(desk.o, INBOX))
    assert row is not None
    assert row["reused_after"] <= row["created_at"]
    inbox_rows = [row for row in rows(desk) if row[1].startswith(keys.inbox_partition(desk.o, INBOX))]
    assert inbox_rows == [("core", keys.inbox_partition(desk.o, INBOX), "A")]


def test_a_late_purge_message_does_not_touch_the_inbox_created_again(desk: Desk) -> None:
    create(desk)
    delete(desk)
    work_off(desk)
    create(desk)
    fill(desk)
    before = rows(desk)

    desk.runtime.queues.send("purge", purge_request(desk.o, INBOX))
    work_off(desk)

    assert rows(desk) == before


def test_the_purge_goes_on_in_small_steps(desk: Desk) -> None:
    before = rows(desk)
    create(desk)
    fill(desk, 12)
    delete(desk)

    turns = 1
    while purge_inbox(desk.o, INBOX, items=desk.items, blobs=desk.blobs, clock=desk.clock, steps=25) is not None:
        turns += 1

    assert turns > 1
    assert rows(desk) - before == {("core", keys.address(INBOX).pk, "-")}


def test_two_purgers_take_turns(desk: Desk) -> None:
    create(desk)
    delete(desk)
    desk.items.update(keys.inbox(desk.o, INBOX), (Set("purging_until", desk.clock.now + LEASE_MS),))

    wait = purge_inbox(desk.o, INBOX, items=desk.items, blobs=desk.blobs, clock=desk.clock)
    desk.clock.advance(LEASE_MS)
    after = purge_inbox(desk.o, INBOX, items=desk.items, blobs=desk.blobs, clock=desk.clock)

    assert wait is not None
    assert wait <= LEASE_MS // 1000 + 1
    assert after is None
    assert desk.items.get(keys.inbox(desk.o, INBOX)) is None


def test_a_freed_address_stays_with_its_organization_for_thirty_days(desk: Desk) -> None:
    other = create_organization(items=desk.items, clock=desk.clock)["organization_id"]
    stranger = Caller(other, "organization", other)
    create(desk)
    delete(desk)
    with pytest.raises(ResourceTaken):
        create(desk, stranger)
    work_off(desk)

    with pytest.raises(ResourceTaken):
        create(desk, stranger)
    desk.clock.advance(30 * 24 * 3600 * 1000 + 1000)

    assert create(desk, stranger)["inbox_id"] == INBOX


def test_the_client_id_is_free_again_at_once(desk: Desk) -> None:
    create(desk, client_id="c-1")
    delete(desk)

    assert create(desk, username="another", client_id="c-1")["inbox_id"] == "another@mailroom.local"


@pytest.mark.parametrize("before_or_after", [-1, 1])
def test_a_process_killed_anywhere_while_deleting_leaves_nothing(before_or_after: int) -> None:
    """Each port call of delete and purge is a place to die; queued messages are delivered again, as a queue does."""
    for kill_at in range(1, 400):
        with Desk() as desk:
            untouched = rows(desk)
            create(desk, client_id="c-1")
            fill(desk, 2)
            died = _delete_and_purge(desk, Executioner(kill_at * before_or_after))
            desk.clock.advance(LEASE_MS)
            work_off(desk)  # what was queued before the end
            if _still_live(desk):
                delete(desk)
            work_off(desk)

            assert rows(desk) - untouched == {("core", keys.address(INBOX).pk, "-")}
            assert not [key for key in desk.blobs.content if key.startswith("org/")]
        if not died:
            return
    pytest.fail("never ran to its end")


def _still_live(desk: Desk) -> bool:
    """The deletion had not begun; the caller would repeat it."""
    row = desk.items.get(keys.inbox(desk.o, INBOX))
    return row is not None and "state" not in row


def _delete_and_purge(desk: Desk, executioner: Executioner) -> bool:
    """Whether it was killed."""
    watched = replace(
        desk.runtime,
        items=executioner.watch(desk.items),
        blobs=executioner.watch(desk.blobs),
        queues=executioner.watch(desk.runtime.queues),
    )
    try:
        delete_inbox(caller(desk), INBOX, items=watched.items, queues=watched.queues)
        purge_inbox(desk.o, INBOX, items=watched.items, blobs=watched.blobs, clock=desk.clock)
    except Killed:
        return True
    return False


# --- over HTTP ----------------------------------------------------------------------------------------------------------


def test_deletion_over_http_frees_the_address_soon(stack: Mailbox) -> None:
    name = f"u{uuid.uuid4().hex[:12]}"
    inbox = stack.http.post("/inboxes", {"username": name}).json()["inbox_id"]
    bound = using_key(stack, inbox_id=inbox)

    assert stack.http.delete(f"/inboxes/{inbox}").status_code == 204

    assert bound.get("/auth/me").json()["code"] == "unknown_api_key"
    assert stack.http.get(f"/inboxes/{inbox}").status_code == 404
    assert stack.http.delete(f"/inboxes/{inbox}").status_code == 404
    assert inbox not in [each["inbox_id"] for each in stack.http.get("/inboxes", params={"limit": 100}).json()["inboxes"]]
    eventually(lambda: stack.http.post("/inboxes", {"username": name}).status_code == 200)


def test_nothing_remains_of_an_inbox_deleted_under_load(sqlite_stack: Mailbox) -> None:
    """With the change feed running, while mail arrives and labels change."""
    http, name = sqlite_stack.http, f"u{uuid.uuid4().hex[:12]}"
    inbox = http.post("/inboxes", {"username": name}).json()["inbox_id"]
    address = keys.address(inbox)
    deleted = threading.Event()

    def deliver(worker: int) -> None:
        for number in range(1000):
            raw = f"From: a@b.c\r\nSubject: {number % 4}\r\nMessage-ID: <{worker}-{number}@b.c>\r\n\r\nHi\r\n"
            try:
                sqlite_stack.deliver(raw.encode(), inbox)
            except smtplib.SMTPRecipientsRefused:
                return

    def label() -> None:
        while not deleted.is_set():
            for each in http.get(f"/inboxes/{inbox}/messages").json().get("messages", [])[:5]:
                path = f"/inboxes/{inbox}/messages/{quote(each['message_id'], safe='')}"
                http.patch(path, {"add_labels": [f"x{len(each['labels'])}"], "remove_labels": ["unread"]})

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(deliver, 1), pool.submit(deliver, 2), pool.submit(label)]
        eventually(lambda: http.get(f"/inboxes/{inbox}/messages").json()["count"] >= 10)
        assert http.delete(f"/inboxes/{inbox}").status_code == 204
        deleted.set()
        for each in running:
            each.result()

    eventually(lambda: (sqlite_stack.runtime.items.get(address) or {}).get("state") == "released")
    eventually(lambda: traces(sqlite_stack, inbox) == {(address.pk, "-")})


def traces(stack: Mailbox, inbox: str) -> set[tuple[str, str]]:
    """Rows of core, idx and ev that name the inbox."""
    with reading(stack.runtime.items._database) as connection:  # type: ignore[attr-defined]
        found = [connection.execute(f"SELECT pk, sk FROM {table}").fetchall() for table in ("core", "idx", "ev")]
    return {(pk, sk) for page in found for pk, sk in page if inbox in pk + sk}
