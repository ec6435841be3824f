"""Drafts that change, go or come while somebody is at them: what is answered is what is stored, and nothing stays behind."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from mailroom.config import Config
from mailroom.store import keys
from mailroom.store.port import Action, Set, StoreBusy
from tests.support.desk import Desk
from tests.support.drafts import on_desk

TEN_KB = base64.b64encode(b"x" * 10_000).decode()


class Meddled:
    """A store in which something happens around the next transaction."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.before: list[Callable[[], Any]] = []
        self.lost = False
        """Its answer does not arrive."""

    def transact(self, actions: Sequence[Action]) -> None:
        while self.before:
            self.before.pop()()
        self._store.transact(actions)
        if self.lost:
            self.lost = False
            raise StoreBusy("answer lost")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk(Config(max_mail_bytes=20_000)) as made:
        yield made


@pytest.fixture
def meddled(desk: Desk) -> Meddled:
    store = Meddled(desk.runtime.items)
    desk.runtime.items = store
    return store


def create(desk: Desk, inbox: str, **body: Any) -> dict[str, Any]:
    answer = on_desk(desk, "create_draft", "POST", inbox, body=body)
    assert answer.status == 200, answer.body
    return answer.body


def update(desk: Desk, inbox: str, draft: dict[str, Any], **body: Any) -> tuple[int, dict[str, Any]]:
    answer = on_desk(desk, "update_draft", "PATCH", inbox, f"/{draft['draft_id']}", body)
    return answer.status, answer.body


def test_a_file_that_is_replaced_counts_once(desk: Desk) -> None:
    inbox = desk.inbox()
    draft = create(desk, inbox, attachments=[{"content": TEN_KB}])
    present = draft["attachments"][0]["attachment_id"]

    too_many, _ = update(desk, inbox, draft, add_attachments=[{"content": TEN_KB}])
    replaced, after = update(desk, inbox, draft, add_attachments=[{"content": TEN_KB}], remove_attachments=[present])

    assert (too_many, replaced) == (400, 200)
    assert [each["size"] for each in after["attachments"]] == [10_000]


def test_files_given_to_a_draft_that_goes_meanwhile_do_not_stay(desk: Desk, meddled: Meddled) -> None:
    inbox = desk.inbox()
    draft = create(desk, inbox, text="x")
    meddled.before.append(lambda: on_desk(desk, "delete_draft", "DELETE", inbox, f"/{draft['draft_id']}"))

    status, _ = update(desk, inbox, draft, add_attachments=[{"content": TEN_KB}])

    assert status == 404
    assert desk.blobs.content == {}


def test_two_changes_at_once_both_hold(desk: Desk, meddled: Meddled) -> None:
    inbox = desk.inbox()
    draft = create(desk, inbox, text="x", attachments=[{"content": "eA=="}])
    meddled.before.append(lambda: update(desk, inbox, draft, subject="other", add_labels=["b"]))

    status, after = update(desk, inbox, draft, add_labels=["a"], add_attachments=[{"content": "eQ=="}])

    assert (status, after["subject"], after["labels"], len(after["attachments"])) == (200, "other", ["a", "b"], 2)
    assert on_desk(desk, "get_draft", "GET", inbox, f"/{draft['draft_id']}").body == after
    assert len(desk.blobs.content) == 2


def test_a_draft_that_is_stored_although_nobody_knows_keeps_its_files(desk: Desk, meddled: Meddled) -> None:
    inbox = desk.inbox()
    create(desk, inbox)
    meddled.lost = True

    answer = on_desk(desk, "create_draft", "POST", inbox, body={"client_id": "c", "attachments": [{"content": "eA=="}]})
    again = create(desk, inbox, client_id="c")

    assert (answer.status, len(again["attachments"])) == (503, 1)
    assert list(desk.blobs.content.values()) == [b"x"]


def test_of_two_with_one_client_id_one_is_made(desk: Desk, meddled: Meddled) -> None:
    inbox = desk.inbox()
    meddled.before.append(lambda: create(desk, inbox, client_id="c", text="first", attachments=[{"content": "eA=="}]))

    draft = create(desk, inbox, client_id="c", text="second", attachments=[{"content": "eQ=="}])

    assert draft["text"] == "first"
    assert list(desk.blobs.content.values()) == [b"x"]


def test_no_draft_is_made_in_an_inbox_that_goes_meanwhile(desk: Desk, meddled: Meddled) -> None:
    inbox = desk.inbox()
    row = keys.inbox(desk.o, inbox)
    meddled.before.append(lambda: desk.items.update(row, (Set("state", "deleting"),)))

    answer = on_desk(desk, "create_draft", "POST", inbox, body={"attachments": [{"content": "eA=="}]})

    assert answer.status == 404
    assert desk.blobs.content == {}


def test_a_client_id_is_not_free_while_its_inbox_is_being_deleted(desk: Desk) -> None:
    here, there = desk.inbox("here"), desk.inbox("there")
    create(desk, here, client_id="c")
    desk.items.update(keys.inbox(desk.o, here), (Set("state", "deleting"),))

    answer = on_desk(desk, "create_draft", "POST", there, body={"client_id": "c"})

    assert (answer.status, answer.body["code"]) == (409, "resource_deleting")
    assert answer.headers["Retry-After"] == "1"
