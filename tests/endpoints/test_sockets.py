"""Sockets end to end: who may connect, what they may subscribe to, what they are sent (spec: websockets.md)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from local import socket_gateway
from mailroom.clock import now_ms
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.events import happen
from tests.support.identity import key, new_pod, organization_id, other_organization, using_pod_key
from tests.support.polling import eventually
from tests.support.socket import Socket, refusal, socket
from tests.support.stacks import Mailbox


def mail(stack: Mailbox, inbox: str, subject: str = "Hello", **headers: str) -> str:
    """Delivers a mail; its Message-ID."""
    message_id = f"<{uuid.uuid4()}@example.com>"
    fields = {"From": "Ann <ann@example.com>", "To": inbox, "Subject": subject, "Message-ID": message_id, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    stack.deliver(f"{head}\r\nHello\r\n".encode(), inbox)
    return message_id


def received(frame: dict[str, Any]) -> tuple[str, str]:
    return frame["event_type"], frame["message"]["message_id"]


def error(frame: dict[str, Any]) -> tuple[str, str]:
    return frame["name"], frame["code"]


# --- connecting ---------------------------------------------------------------------------------------------------------


def test_the_key_is_taken_from_the_header_or_the_query(stack: Mailbox) -> None:
    ws, api_key = stack.backend.ws, stack.backend.api_key

    for options in ({"key": api_key}, {"api_key": api_key}, {"auth_token": api_key}):
        with socket(ws, **options) as opened:
            assert opened.subscribe() == {"type": "subscribed"}


def test_the_header_counts_before_api_key_and_that_before_auth_token(stack: Mailbox) -> None:
    ws, api_key = stack.backend.ws, stack.backend.api_key

    with socket(ws, api_key, api_key="am_unknown"), socket(ws, api_key=api_key, auth_token="am_unknown"):
        pass
    assert refusal(ws, "am_unknown", api_key=api_key)[0] == 401
    assert refusal(ws, api_key="am_unknown", auth_token=api_key)[0] == 401


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "missing_authorization"),
        ({"api_key": ""}, "missing_authorization"),
        ({"header": "Basic am_x"}, "missing_authorization"),
        ({"header": "bearer am_x"}, "missing_authorization"),
        ({"header": "Bearer am_unknown"}, "unknown_api_key"),
        ({"api_key": "am_unknown"}, "unknown_api_key"),
        ({"auth_token": "a.b.c"}, "unauthorized"),
        ({"api_key": "\x00\udcff".encode("utf-8", "surrogateescape").decode("latin-1")}, "unknown_api_key"),
    ],
)
def test_a_credential_that_is_missing_or_bad_refuses_the_upgrade(stack: Mailbox, options: dict[str, str], code: str) -> None:
    status, body = refusal(stack.backend.ws, **options)

    assert (status, body["code"]) == (401, code)


def test_an_upgrade_elsewhere_is_not_found(stack: Mailbox) -> None:
    assert refusal(stack.backend.ws, stack.backend.api_key, path="/v0/inboxes")[0] == 404
    assert refusal(stack.backend.ws, stack.backend.api_key, path="/")[0] == 404


def test_a_key_without_any_permission_may_connect(stack: Mailbox, inbox: str) -> None:
    nothing = key(stack, {}, inbox_id=inbox)["api_key"]

    with socket(stack.backend.ws, nothing) as opened:
        assert error(opened.subscribe()) == ("ForbiddenError", "missing_permission")


# --- subscribing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(stack: Mailbox) -> Any:
    with socket(stack.backend.ws, stack.backend.api_key) as connection:
        yield connection


def test_nothing_is_sent_before_the_client_subscribes(stack: Mailbox, inbox: str, opened: Socket) -> None:
    mail(stack, inbox)

    assert opened.silent()


def test_a_mail_arrives_as_its_event(stack: Mailbox, inbox: str, opened: Socket) -> None:
    opened.subscribe(inbox_ids=[inbox])

    message_id = mail(stack, inbox, "Order 12")

    frame = opened.next()
    assert received(frame) == ("message.received", message_id)
    assert (frame["message"]["subject"], frame["message"]["text"].strip()) == ("Order 12", "Hello")
    assert frame["thread"]["message_count"] == 1


def test_a_send_arrives_as_its_event(stack: Mailbox, inbox: str, opened: Socket) -> None:
    opened.subscribe(inbox_ids=[inbox], event_types=["message.sent"])

    sent = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": ["ann@example.com"], "subject": "Hi", "text": "Hi"}).json()

    frame = opened.next()
    assert (frame["event_type"], frame["send"]["message_id"]) == ("message.sent", sent["message_id"])


def test_only_who_names_cancelled_drafts_hears_of_them(stack: Mailbox, inbox: str, opened: Socket) -> None:
    """SDKs do not know the type, and would take such an event for another."""
    opened.subscribe(inbox_ids=[inbox])
    with socket(stack.backend.ws, stack.backend.api_key) as naming:
        naming.subscribe(inbox_ids=[inbox], event_types=["draft.cancelled"])
        payload = {"draft_id": "0190a6c0-5a00-7000-8000-00000000000d", "reason": "reply"}
        happen(
            1,
            items=stack.runtime.items,
            o=organization_id(stack.http),
            event_type="draft.cancelled",
            inbox_id=inbox,
            ts=now_ms(),
            payload=payload,
        )

        frame = naming.next()

    assert frame["draft"].items() >= payload.items()
    message_id = mail(stack, inbox)
    assert received(opened.next()) == ("message.received", message_id)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_types": []},
        {"event_types": ["message.sent", "message.received"]},
        {"inbox_ids": [], "pod_ids": []},
        {"event_types": ["message.received.spam"], "inbox_ids": []},
    ],
)
def test_the_accepted_filter_comes_back_and_what_was_absent_stays_absent(opened: Socket, fields: dict[str, Any]) -> None:
    assert opened.subscribe(**fields) == {"type": "subscribed", **fields}


def test_nulls_equal_absence_and_unknown_fields_are_passed_over(opened: Socket) -> None:
    answer = opened.subscribe(event_types=None, inbox_ids=None, pod_ids=None, after=None, organization_id="x")

    assert answer == {"type": "subscribed"}


def test_a_further_subscribe_replaces_the_filter(stack: Mailbox, new_inbox: Any, opened: Socket) -> None:
    first, second = new_inbox(), new_inbox()
    opened.subscribe(inbox_ids=[first])
    opened.subscribe(inbox_ids=[second])

    mail(stack, first)
    wanted = mail(stack, second)

    assert received(opened.next()) == ("message.received", wanted)
    assert opened.silent()


def test_inboxes_and_pods_are_alternatives(stack: Mailbox, new_inbox: Any, opened: Socket) -> None:
    listed, other, elsewhere = new_inbox(), new_inbox(), new_pod(stack)
    opened.subscribe(inbox_ids=[listed.upper()], pod_ids=[elsewhere])

    mail(stack, other)
    wanted = mail(stack, listed)

    assert received(opened.next())[1] == wanted
    assert opened.silent()


def test_a_connection_hears_of_an_event_once_however_many_of_its_filters_match(stack: Mailbox, inbox: str, opened: Socket) -> None:
    pod = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    # The pod's other inboxes may still have deliveries to tell of.
    opened.subscribe(event_types=["message.received"], inbox_ids=[inbox, inbox.upper()], pod_ids=[pod])

    wanted = mail(stack, inbox)

    assert received(opened.next())[1] == wanted
    assert opened.silent()


def test_a_narrow_key_hears_of_its_scope_only(stack: Mailbox, new_inbox: Any) -> None:
    mine, other = new_inbox(), new_inbox()
    narrow = key(stack, inbox_id=mine)["api_key"]

    with socket(stack.backend.ws, narrow) as opened:
        opened.subscribe()
        mail(stack, other)
        wanted = mail(stack, mine)
        assert received(opened.next())[1] == wanted
        assert opened.silent()


def test_another_organization_hears_nothing(stack: Mailbox, inbox: str) -> None:
    stranger = other_organization(stack)
    with socket(stack.backend.ws, stranger_key(stranger)) as opened:
        opened.subscribe()
        mail(stack, inbox)
        assert opened.silent()


def stranger_key(http: Any) -> str:
    return str(http.post("/api-keys").json()["api_key"])


@pytest.mark.parametrize("name", ["inbox_ids", "pod_ids"])
def test_ids_that_are_unknown_or_anothers_cannot_be_told_apart(stack: Mailbox, inbox: str, opened: Socket, name: str) -> None:
    stranger = other_organization(stack)
    foreign = stranger.post("/inboxes").json()
    ids = [foreign["inbox_id"] if name == "inbox_ids" else foreign["pod_id"], "unknown@example.com", "#", "x" * 5000]

    answers = [opened.subscribe(**{name: [each]}) for each in ids]

    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert error(answers[0]) == ("NotFoundError", "not_found")


def test_a_narrow_key_cannot_name_what_lies_outside(stack: Mailbox, new_inbox: Any) -> None:
    mine, other = new_inbox(), new_inbox()
    pod = stack.http.get(f"/inboxes/{mine}").json()["pod_id"]
    narrow = key(stack, inbox_id=mine)["api_key"]

    with socket(stack.backend.ws, narrow) as opened:
        for fields in ({"inbox_ids": [other]}, {"pod_ids": [pod]}, {"inbox_ids": [mine, other]}):
            assert error(opened.subscribe(**fields)) == ("NotFoundError", "not_found")
        assert opened.subscribe(inbox_ids=[mine])["type"] == "subscribed"


def test_an_error_leaves_the_filter_as_it_was(stack: Mailbox, inbox: str, opened: Socket) -> None:
    opened.subscribe(inbox_ids=[inbox])
    assert opened.subscribe(inbox_ids=["unknown@example.com"])["type"] == "error"

    wanted = mail(stack, inbox)

    assert received(opened.next())[1] == wanted


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ("", "type"),
        ("{", "JSON"),
        ("[1]", "object"),
        ('"subscribe"', "object"),
        ("{}", "type"),
        ('{"type": "ping"}', "type"),
        ('{"type": "subscribe", "event_types": ["message.delayed"]}', "event_types"),
        ('{"type": "subscribe", "event_types": "message.sent"}', "event_types"),
        ('{"type": "subscribe", "inbox_ids": "a@b.c"}', "inbox_ids"),
        ('{"type": "subscribe", "inbox_ids": [1]}', "inbox_ids"),
        ('{"type": "subscribe", "after": -1}', "after"),
        ('{"type": "subscribe", "after": true}', "after"),
        ('{"type": "subscribe", "after": "0"}', "after"),
        ('{"type": "subscribe", "after": 1}', "after"),
        ('{"type": "subscribe", "after": 9007199254740991}', "after"),
        ('{"type": "subscribe", "after": 1e400}', "JSON"),
        ("[" * 60_000, "JSON"),
        ('{"type": "subscribe", "inbox_ids": ["\\ud800"]}', "JSON"),
        (json.dumps({"type": "subscribe", "inbox_ids": ["a@b.c"] * 6, "pod_ids": ["p"] * 5}), "At most 10"),
        (b"\x00\x01", "text"),
        (b"", "text"),
    ],
)
def test_a_frame_that_cannot_be_understood_is_answered_and_the_socket_stays(opened: Socket, frame: Any, message: str) -> None:
    opened.send(frame)

    answer = opened.next()
    assert error(answer) == ("ValidationError", "validation_error")
    assert message in answer["message"]
    assert opened.subscribe()["type"] == "subscribed"


def test_ten_errors_in_a_row_close_the_socket(opened: Socket) -> None:
    for _ in range(9):
        opened.send("{")
        opened.next()
    opened.subscribe()
    for _ in range(10):
        opened.send("{")

    assert opened.closed() == 1008


def test_a_message_of_more_than_128_kilobytes_closes_the_socket(opened: Socket) -> None:
    opened.send(" " * (128 * 1024 + 1))

    assert opened.closed() == 1009


@pytest.mark.parametrize(
    ("permissions", "event_types", "missing"),
    [
        ({"inbox_read": True}, None, "message_read"),
        ({"inbox_read": True}, ["message.received"], "message_read"),
        ({"message_read": True}, ["message.received.spam"], "label_spam_read"),
        ({"message_read": True}, ["message.received", "message.received.blocked"], "label_blocked_read"),
        ({"message_read": True}, ["message.received.unauthenticated"], "label_unauthenticated_read"),
        ({"message_read": True}, ["draft.cancelled"], "draft_read"),
    ],
)
def test_events_need_their_permission(stack: Mailbox, permissions: Any, event_types: Any, missing: str) -> None:
    restricted = key(stack, permissions)["api_key"]

    with socket(stack.backend.ws, restricted) as opened:
        answer = opened.subscribe(**({} if event_types is None else {"event_types": event_types}))

    assert error(answer) == ("ForbiddenError", "missing_permission")
    assert answer["message"] == f"{missing} is forbidden"


# --- resuming -----------------------------------------------------------------------------------------------------------


def test_a_position_brings_what_was_missed_then_what_comes(stack: Mailbox, inbox: str) -> None:
    with socket(stack.backend.ws, stack.backend.api_key) as first:
        first.subscribe(inbox_ids=[inbox])
        mail(stack, inbox)
        seen = first.next()["position"]
    missed = [mail(stack, inbox) for _ in range(3)]
    eventually(lambda: stack.http.get(f"/inboxes/{inbox}/messages").json()["count"] == 4)

    with socket(stack.backend.ws, stack.backend.api_key) as again:
        answer = again.subscribe(inbox_ids=[inbox], after=seen)
        replayed = [again.next() for _ in missed]
        live = mail(stack, inbox)
        frames = [*replayed, again.next()]

        assert answer == {"type": "subscribed", "inbox_ids": [inbox], "position": seen}
        assert sorted(received(frame)[1] for frame in replayed) == sorted(missed)
        assert received(frames[-1])[1] == live
        assert [frame["position"] for frame in frames] == sorted({frame["position"] for frame in frames})
        assert again.silent()


def test_a_position_at_the_end_brings_nothing(stack: Mailbox, inbox: str, opened: Socket) -> None:
    opened.subscribe(inbox_ids=[inbox])
    mail(stack, inbox)
    seen = opened.next()["position"]

    opened.subscribe(inbox_ids=[inbox], after=seen)

    assert opened.silent()


# --- the end ------------------------------------------------------------------------------------------------------------


def test_a_deleted_key_closes_its_sockets(stack: Mailbox, inbox: str) -> None:
    made = key(stack, inbox_id=inbox)

    with socket(stack.backend.ws, made["api_key"]) as subscribed, socket(stack.backend.ws, made["api_key"]) as silent:
        subscribed.subscribe()
        stack.http.delete(f"/api-keys/{made['api_key_id']}")

        assert (subscribed.closed(), silent.closed()) == (1008, 1008)


def test_a_key_that_may_do_other_things_closes_its_sockets(stack: Mailbox) -> None:
    made = key(stack, {"message_read": True})

    with socket(stack.backend.ws, made["api_key"]) as opened:
        opened.subscribe()
        stack.http.patch(f"/api-keys/{made['api_key_id']}", {"permissions": {"message_read": False}})

        assert opened.closed() == 1008


def test_a_new_name_closes_nothing(stack: Mailbox, inbox: str) -> None:
    made = key(stack, inbox_id=inbox)

    with socket(stack.backend.ws, made["api_key"]) as opened:
        opened.subscribe()
        stack.http.patch(f"/api-keys/{made['api_key_id']}", {"name": "renamed"})
        wanted = mail(stack, inbox)

        assert received(opened.next())[1] == wanted


def test_deleting_an_inbox_closes_the_sockets_of_its_keys(stack: Mailbox, inbox: str) -> None:
    with socket(stack.backend.ws, key(stack, inbox_id=inbox)["api_key"]) as opened:
        opened.subscribe()
        stack.http.delete(f"/inboxes/{inbox}")

        assert opened.closed() == 1008


def test_after_two_hours_a_connection_is_cut_leaves_no_rows_and_resumes(
    stack: Mailbox, inbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Query("eph", keys.subscriptions(organization_id(stack.http), inbox_id=inbox), 10)
    monkeypatch.setattr(socket_gateway, "LONGEST_CONNECTION_MS", 2000)
    with socket(stack.backend.ws, stack.backend.api_key) as old:
        monkeypatch.undo()
        seen = old.subscribe(inbox_ids=[inbox], after=0)["position"]

        assert old.closed() == 1001
    eventually(lambda: stack.runtime.items.query(place) == [])
    missed = mail(stack, inbox)

    with socket(stack.backend.ws, stack.backend.api_key) as again:
        again.subscribe(inbox_ids=[inbox], after=seen)
        assert received(again.next())[1] == missed
        assert again.silent()


def test_the_use_of_a_key_by_a_socket_is_noted(stack: Mailbox) -> None:
    made = key(stack)
    before = now_ms()

    with socket(stack.backend.ws, made["api_key"]):
        pass

    shown = stack.http.get(f"/api-keys/{made['api_key_id']}").json()
    assert shown["used_at"] >= made["created_at"]
    assert now_ms() >= before


def test_a_pod_key_hears_of_its_pod(stack: Mailbox, inbox: str) -> None:
    pod = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    own = stack_key(using_pod_key(stack, pod))
    other = stack_key(using_pod_key(stack, new_pod(stack)))

    with socket(stack.backend.ws, own) as hears, socket(stack.backend.ws, other) as does_not:
        hears.subscribe()
        does_not.subscribe()
        assert error(does_not.subscribe(pod_ids=[pod])) == ("NotFoundError", "not_found")
        wanted = mail(stack, inbox)

        assert received(hears.next())[1] == wanted
        assert does_not.silent()


def stack_key(http: Any) -> str:
    return str(http._client.headers["Authorization"].removeprefix("Bearer "))
