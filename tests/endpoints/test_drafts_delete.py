"""Deleting a draft, or the inbox that it is in, leaves nothing behind (spec: drafts.md, "Delete")."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.store.database import reading
from mailroom.aws.stream_records import record_of
from mailroom.callers import Caller
from mailroom.inboxes.create import create_inbox
from mailroom.inboxes.service import delete_inbox
from mailroom.ports import Timers
from mailroom.store import keys
from tests.support.desk import Desk
from tests.support.drafts import ahead, at, due_rows, entries, has_blob, listed, made, on_desk, refusal, sent, shown
from tests.support.fakes import QueueList, TimerList
from tests.support.identity import organization_id
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

LARGE = "".join(uuid.uuid4().hex for _ in range(3000))


def rich(stack: Mailbox, inbox: str) -> dict[str, Any]:
    """With all that a draft can have beside its row."""
    return made(
        stack,
        inbox,
        to="b@example.com",
        text=LARGE,
        labels=["a"],
        attachments=[{"content": "eA=="}],
        client_id=uuid.uuid4().hex,
        send_at=ahead(hours=1),
    )


def left(stack: Mailbox, inbox: str, draft: dict[str, Any]) -> list[Any]:
    o, draft_id = organization_id(stack.http), draft["draft_id"]
    row = keys.draft(o, inbox, draft_id)
    wanted = [row, keys.body(row), keys.draft_pointer(o, draft_id), keys.client_id(o, "draft", draft["client_id"])]
    files = [keys.blob_attachment(o, inbox, draft_id, each["attachment_id"]) for each in draft["attachments"]]
    return [
        *stack.runtime.items.batch_get(wanted),
        *(each for each in files if has_blob(stack, each)),
        *entries(stack, inbox, draft_id, draft["labels"]),
        *["due"] * due_rows(stack, draft_id),
    ]


def test_a_deleted_draft_is_gone(stack: Mailbox, inbox: str) -> None:
    draft = rich(stack, inbox)
    assert len(left(stack, inbox, draft)) == 3 + 1 + 3 + 1

    answer = stack.http.delete(at(inbox, draft))

    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(stack.http.delete(at(inbox, draft))) == (404, "not_found")
    assert refusal(stack.http.get(at(inbox, draft))) == (404, "not_found")
    assert refusal(stack.http.get(f"/drafts/{draft['draft_id']}")) == (404, "not_found")
    assert listed(stack.http, at(inbox)) == listed(stack.http, at(inbox), labels="scheduled") == []
    eventually(lambda: not left(stack, inbox, draft))


def test_a_sent_draft_leaves_nothing_but_the_message(stack: Mailbox, inbox: str) -> None:
    draft = rich(stack, inbox)

    sent(stack, inbox, draft)

    eventually(lambda: not left(stack, inbox, draft))
    assert refusal(stack.http.delete(at(inbox, draft))) == (404, "not_found")


def test_a_deleted_inbox_takes_its_drafts_along(stack: Mailbox, inbox: str) -> None:
    draft = rich(stack, inbox)

    stack.http.delete(f"/inboxes/{inbox}")

    assert refusal(stack.http.get(f"/drafts/{draft['draft_id']}")) == (404, "not_found")
    assert draft["draft_id"] not in listed(stack.http, "/drafts")
    eventually(lambda: not left(stack, inbox, draft))


def test_a_client_id_is_free_again_once_its_inbox_is_gone(stack: Mailbox, inbox: str) -> None:
    draft = rich(stack, inbox)
    stack.http.delete(f"/inboxes/{inbox}")
    eventually(lambda: not left(stack, inbox, draft))
    other = str(stack.http.post("/inboxes").json()["inbox_id"])

    again = made(stack, other, client_id=draft["client_id"])

    assert (again["inbox_id"], again["draft_id"] != draft["draft_id"]) == (other, True)
    assert shown(stack, other, again) == again


def test_what_is_not_there_cannot_be_deleted(stack: Mailbox, inbox: str) -> None:
    elsewhere, draft = str(stack.http.post("/inboxes").json()["inbox_id"]), made(stack, inbox)

    for path in (at(inbox, "unknown"), at(elsewhere, draft), at("nobody@mailroom.local", draft)):
        assert refusal(stack.http.delete(path)) == (404, "not_found")


# --- to the last row, blob and timer ------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as made_desk:
        yield made_desk


def rows(desk: Desk) -> set[tuple[str, str, str]]:
    with reading(desk.database) as connection:
        return {
            (table, pk, sk)
            for table in ("core", "idx", "ev", "eph")
            for pk, sk in connection.execute(f"SELECT pk, sk FROM {table}")
        }


def follow(desk: Desk) -> None:
    changes, _ = desk.items.feed.read(None, 10_000)  # type: ignore[attr-defined]
    records = [record_of(change) for change in changes if change.table == "core"]
    assert desk.work("index.follow_changes", {"Records": records}) == {"batchItemFailures": []}


def timers(desk: Desk) -> dict[Any, Any]:
    found: Timers = desk.runtime.timers
    assert isinstance(found, TimerList)
    return found.waiting


@pytest.mark.parametrize("how", ["delete", "purge"])
def test_nothing_at_all_remains(desk: Desk, how: str) -> None:
    caller, config = Caller(desk.o, "organization", desk.o), desk.runtime.config
    inbox = create_inbox(caller, {"username": "gone"}, items=desk.items, clock=desk.clock, config=config)["inbox_id"]
    on_desk(desk, "list_drafts", "GET", inbox)
    desk.note_key_use()
    before, blobs = rows(desk), dict(desk.blobs.content)
    body = {"to": "b@example.com", "text": LARGE, "attachments": [{"content": "eA=="}], "client_id": "c", "labels": ["a"]}
    when = "2025-06-16T10:00:00Z"
    draft = on_desk(desk, "create_draft", "POST", inbox, body={**body, "send_at": when}).body
    for change in ({"text": LARGE[1:]}, {"add_attachments": [{"content": "eQ=="}]}, {"add_labels": ["b"], "remove_labels": ["a"]}):
        on_desk(desk, "update_draft", "PATCH", inbox, f"/{draft['draft_id']}", change)
    on_desk(desk, "update_draft", "PATCH", inbox, f"/{draft['draft_id']}", {"send_at": "2025-06-17T10:00:00Z"})
    assert timers(desk)

    if how == "delete":
        on_desk(desk, "delete_draft", "DELETE", inbox, f"/{draft['draft_id']}")
    else:
        delete_inbox(caller, inbox, items=desk.items, queues=desk.runtime.queues)
        purge(desk)
    follow(desk)

    assert rows(desk) - before == set()
    assert desk.blobs.content == blobs
    assert timers(desk) == {}


def purge(desk: Desk) -> None:
    queues = desk.runtime.queues
    assert isinstance(queues, QueueList)
    while queues.messages:
        _, body = queues.messages.pop(0)
        desk.work("organizations.purge_deleted", {"Records": [{"messageId": "1", "body": json.dumps(dict(body))}]})
