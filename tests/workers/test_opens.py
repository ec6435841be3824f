"""The first load of a pixel, on both stores: once, whoever loads at once, wherever it dies, and nothing for what is gone."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.events import types
from mailroom.messages import handover
from mailroom.messages.idempotency import LOCK_MS
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Delete, Item, Set
from mailroom.tracking.pixel import GIF
from mailroom.tracking.tokens import Mark, seal
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk, mail
from tests.support.domain_rows import inbox_at, verified_domain
from tests.support.dynamo import dynamo_items

DOMAIN = "mail.example.com"
INBOX = f"agent@{DOMAIN}"
BODY = {"to": ["bob@example.org"], "subject": "Order", "text": "One", "html": "<p>One</p>", "track_opens": True}


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with contextlib.ExitStack() as stack:
        items = stack.enter_context(dynamo_items()) if request.param == "dynamodb" else None
        desk = stack.enter_context(Desk(items=items))
        verified_domain(desk.runtime, desk.o, DOMAIN, tracking_enabled=True)
        inbox_at(desk.runtime, desk.o, INBOX)
        yield desk


def sent(desk: Desk, **body: Any) -> Item:
    answer = desk.send(INBOX, BODY | body)
    assert answer.status == 200, answer.body
    return stored(desk, answer.body["message_id"])


def stored(desk: Desk, message_id: str) -> Item:
    row = desk.items.get(keys.message(desk.o, INBOX, message_id))
    assert row is not None
    return row


def token_of(desk: Desk, message: Item) -> str:
    return seal(Mark(desk.o, INBOX, message["opening"]), signing_key(desk.runtime))


def load(desk: Desk, token: str) -> dict[str, Any]:
    event = {"httpMethod": "GET", "resource": "/opens/{token}", "path": f"/opens/{token}", "headers": {}}
    answer: dict[str, Any] = desk.work("tracking.note_open", event)
    assert answer["statusCode"] == 200
    return answer


def opened(desk: Desk) -> list[Item]:
    return desk.events(INBOX, types.OPENED)


def assert_opened_once(desk: Desk, message: Item) -> None:
    after = stored(desk, message["message_id"])
    [event] = opened(desk)
    [thread] = desk.threads(INBOX)
    assert after["labels"] == ["opened", "sent"]
    assert after["opened_at"] == event["ts"]
    assert (event["message_id"], event["thread_id"], event["payload"]) == (message["message_id"], message["thread_id"], {})
    assert thread["lc"] == {"opened": 1, "sent": 1}
    assert len(desk.listed(INBOX, "M", "opened")) == 1


def test_the_first_load_labels_the_message_and_tells_of_it(desk: Desk) -> None:
    message = sent(desk)

    load(desk, token_of(desk, message))

    assert_opened_once(desk, message)


def test_later_loads_change_nothing_and_read_one_row(desk: Desk) -> None:
    message = sent(desk)
    token = token_of(desk, message)
    load(desk, token)
    before = stored(desk, message["message_id"])
    desk.clock.advance(60_000)

    with metered() as meter:
        load(desk, token)

    assert meter.trips == 1
    assert stored(desk, message["message_id"]) == before
    assert_opened_once(desk, message)


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_many_loads_at_once_are_one_open(desk: Desk) -> None:
    message = sent(desk)
    token = token_of(desk, message)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: load(desk, token), range(12)))

    assert_opened_once(desk, message)


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 5))
@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_load_after_one_that_was_killed_at_any_call_makes_it_one_open(desk: Desk, call: int, side: int) -> None:
    message = sent(desk)
    token, alive = token_of(desk, message), desk.runtime
    desk.runtime = dataclasses.replace(alive, items=Executioner(call * side).watch(alive.items))
    with pytest.raises(Killed):
        load(desk, token)
    desk.runtime = alive

    load(desk, token)

    assert_opened_once(desk, message)


def test_a_label_that_is_changed_meanwhile_is_kept(desk: Desk) -> None:
    message = sent(desk, labels=["order"])

    load(desk, token_of(desk, message))

    assert stored(desk, message["message_id"])["labels"] == ["opened", "sent", "order"]


def test_a_token_that_is_none_reads_nothing_of_anybody(desk: Desk) -> None:
    message = sent(desk)
    token = token_of(desk, message)

    with metered() as meter:
        answers = [load(desk, each) for each in ("x", token[:-1], token[::-1], "a" * 5000, "%2F%00")]

    assert meter.trips == 0
    assert answers == [{**answer, "headers": {**answers[0]["headers"], "X-Request-Id": _id(answer)}} for answer in answers]
    assert opened(desk) == []


def _id(answer: dict[str, Any]) -> str:
    return str(answer["headers"]["X-Request-Id"])


def test_a_store_that_fails_still_shows_the_pixel(desk: Desk) -> None:
    message = sent(desk)
    token, alive = token_of(desk, message), desk.runtime
    desk.runtime = dataclasses.replace(alive, items=Broken())

    answer = load(desk, token)

    assert base64.b64decode(answer["body"]) == GIF
    desk.runtime = alive
    load(desk, token)
    assert_opened_once(desk, message)


class Broken:
    def __getattr__(self, name: str) -> Any:
        raise OSError("no store")


def test_a_mail_whose_rate_is_used_up_takes_nothing_from_another(desk: Desk) -> None:
    first, second = sent(desk), sent(desk)
    allowed: list[str] = []

    class OfTheFirst:
        def allow(self, organization_id: str, now_ms: int) -> bool:
            allowed.append(organization_id)
            return first["uid"] not in organization_id

    desk.runtime.limiter = OfTheFirst()
    for message in (first, second):
        load(desk, token_of(desk, message))

    assert [event["message_id"] for event in opened(desk)] == [second["message_id"]]
    assert desk.o not in allowed


# --- what is gone -------------------------------------------------------------------------------------------------------


def test_a_message_that_was_deleted_is_not_opened(desk: Desk) -> None:
    message = sent(desk)
    key = keys.message(desk.o, INBOX, message["message_id"])
    desk.items.write([Delete(key)])

    load(desk, token_of(desk, message))

    assert opened(desk) == []


def test_an_inbox_that_is_being_deleted_is_not_told_of(desk: Desk) -> None:
    message = sent(desk)
    desk.items.update(keys.inbox(desk.o, INBOX), (Set("state", "deleting"),))

    load(desk, token_of(desk, message))

    assert opened(desk) == []
    assert stored(desk, message["message_id"])["labels"] == ["sent"]


# --- where the pixel's row comes from -----------------------------------------------------------------------------------


def test_a_mail_that_is_not_tracked_has_no_row(desk: Desk) -> None:
    desk.send(INBOX, BODY | {"track_opens": False})
    desk.send(INBOX, {"to": ["bob@example.org"], "text": "One", "track_opens": True})

    assert desk.rows(INBOX, "O#") == []
    assert all("opening" not in message for message in desk.messages(INBOX))


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_send_that_is_killed_anywhere_leaves_a_row_with_its_message_only(desk: Desk, call: int, side: int) -> None:
    desk.send(INBOX, {})
    signing_key(desk.runtime)
    desk.note_key_use()
    alive, executioner = desk.runtime, Executioner(call * side)
    watched = {name: executioner.watch(getattr(alive, name)) for name in ("items", "blobs", "mailer")}
    desk.runtime = dataclasses.replace(alive, **watched)
    with pytest.raises(Killed):
        desk.send(INBOX, BODY, key="k1")
    desk.runtime = alive
    assert len(desk.rows(INBOX, "O#")) == len(desk.messages(INBOX))
    desk.clock.advance(LOCK_MS)

    answer = desk.send(INBOX, BODY, key="k1")

    message = stored(desk, answer.body["message_id"])
    assert len(desk.mailer.sent) == 1
    load(desk, token_of(desk, message))
    assert_opened_once(desk, message)


@pytest.mark.parametrize("first", ["received", "sent"])
def test_a_mail_to_oneself_is_opened_whichever_half_came_first(desk: Desk, first: str) -> None:
    """The received half keeps its own uid, the pixel that of the send."""
    desk.mailer.after = [OSError("lost")] if first == "received" else []
    desk.send(INBOX, BODY | {"to": [INBOX]}, key="k1")
    [(message_id, _)] = desk.mailer.taken.values()
    desk.receive(desk.arrive(mail(message_id=message_id, sender=INBOX, to=INBOX, subject="Order"), INBOX))
    desk.clock.advance(LOCK_MS + 1000)
    desk.work("messages.repair_sends", {})
    [message] = desk.messages(INBOX)

    load(desk, token_of(desk, message))

    assert (message["opening"] == message["uid"]) == (first == "sent")
    assert desk.messages(INBOX)[0]["labels"] == ["opened", "received", "sent", "unread"]
    assert len(opened(desk)) == 1
