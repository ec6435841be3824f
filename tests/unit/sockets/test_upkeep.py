"""Connections over time: kept alive, revoked, swept up, limited in number."""

from __future__ import annotations

from typing import Any

import pytest

from mailroom.ids import new_api_key
from mailroom.keys.credentials import secret_hash
from mailroom.keys.standing import Session
from mailroom.runtime import Runtime
from mailroom.sockets.connect import MAX_PER_KEY, answer_connect, disconnect
from mailroom.sockets.receive import receive
from mailroom.sockets.record import MINUTE_MS, SLOTS, load, new_connection, registration
from mailroom.sockets.subscribe import subscribe
from mailroom.sockets.upkeep import close_revoked, forget_all, keep_alive
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Put, Set, StoreBusy
from tests.support.fakes import ManualClock, SocketList
from tests.support.lines import CALLER, INBOX, KEY_ID, ORG, add_connection, append


def look_after(runtime: Runtime) -> int:
    """Eight minutes' worth."""
    assert isinstance(runtime.clock, ManualClock)
    kept = 0
    for _ in range(SLOTS):
        kept += keep_alive(items=runtime.items, sockets=runtime.sockets, clock=runtime.clock)
        runtime.clock.advance(MINUTE_MS)
    return kept


def test_each_subscribed_connection_gets_its_last_answer_once_in_eight_minutes(runtime: Runtime, sockets: SocketList) -> None:
    subscribe(add_connection(runtime, "c1"), {"type": "subscribe", "inbox_ids": [INBOX], "after": 0}, runtime)
    add_connection(runtime, "silent")
    sockets.frames.clear()

    assert look_after(runtime) == 1
    assert sockets.frames == [("c1", {"type": "subscribed", "inbox_ids": [INBOX]})]


def test_connections_that_are_gone_are_found_and_forgotten(runtime: Runtime, sockets: SocketList) -> None:
    subscribe(add_connection(runtime, "c1"), {"type": "subscribe"}, runtime)
    sockets.gone.add("c1")

    look_after(runtime)

    assert load("c1", items=runtime.items) is None


def test_a_session_that_has_ended_ends_its_connection(runtime: Runtime, sockets: SocketList) -> None:
    ended = Session(ORG, KEY_ID, "organization", ORG, None, runtime.clock() + 1000)
    runtime.items.write(registration(new_connection(CALLER, "c1", KEY_ID, ended, runtime.clock())))
    assert isinstance(runtime.clock, ManualClock)
    runtime.clock.advance(2000)

    look_after(runtime)

    assert sockets.closed == {"c1": 1008}


@pytest.mark.parametrize(
    ("new", "closes"),
    [
        (None, True),
        ({"permissions": ["message_read"]}, True),
        ({"expires_at": 5}, True),
        ({"used_at": 5}, False),
    ],
)
def test_a_change_of_a_credential_closes_its_connections_if_it_matters(
    runtime: Runtime, sockets: SocketList, new: dict[str, Any] | None, closes: bool
) -> None:
    for number in range(3):
        add_connection(runtime, f"c{number}")
    old = {"api_key_id": KEY_ID, "organization_id": ORG, "scope_type": "organization", "scope_id": ORG}
    change = ChangeRecord("1", "core", keys.api_key_secret("hash"), old, None if new is None else {**old, **new})

    for _ in range(2):
        close_revoked([change], items=runtime.items, sockets=sockets)

    assert sockets.closed == ({f"c{number}": 1008 for number in range(3)} if closes else {})


def test_a_restart_forgets_all_connections(runtime: Runtime) -> None:
    subscribe(add_connection(runtime, "c1"), {"type": "subscribe"}, runtime)

    forget_all(items=runtime.items)

    assert load("c1", items=runtime.items) is None


def test_a_disconnect_forgets_the_connection_and_may_come_twice(runtime: Runtime) -> None:
    subscribe(add_connection(runtime, "c1"), {"type": "subscribe"}, runtime)

    for _ in range(2):
        disconnect("c1", items=runtime.items)

    assert load("c1", items=runtime.items) is None


# --- connecting ---------------------------------------------------------------------------------------------------------


def connect_event(key: str, connection_id: str = "new") -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}, "requestContext": {"connectionId": connection_id, "requestId": "r"}}


@pytest.fixture
def api_key(runtime: Runtime) -> str:
    value = new_api_key()
    row = {"api_key_id": KEY_ID, "organization_id": ORG, "scope_type": "organization", "scope_id": ORG}
    runtime.items.put(keys.api_key_secret(secret_hash(value)), row)
    return value


def occupy(runtime: Runtime, count: int, ttl: int) -> None:
    partition = keys.connections_of_key(ORG, KEY_ID)
    rows = [Put(keys.Key("eph", partition, f"c{number:04}"), {"ttl": ttl}) for number in range(count)]
    runtime.items.write(rows)


def test_a_key_has_room_for_a_thousand_connections(runtime: Runtime, api_key: str) -> None:
    occupy(runtime, MAX_PER_KEY - 1, runtime.clock() // 1000 + 60)

    assert answer_connect(connect_event(api_key, "c-last"), runtime)["statusCode"] == 200
    refused = answer_connect(connect_event(api_key), runtime)

    assert (refused["statusCode"], "Retry-After" in refused["headers"]) == (429, True)
    assert load("new", items=runtime.items) is None


def test_rows_that_outlived_their_connections_take_no_room(runtime: Runtime, api_key: str) -> None:
    occupy(runtime, MAX_PER_KEY, runtime.clock() // 1000 - 60)

    assert answer_connect(connect_event(api_key), runtime)["statusCode"] == 200


def test_a_key_that_goes_while_a_connection_opens_leaves_none(
    runtime: Runtime, api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = runtime.items.write

    def revoked_meanwhile(actions: Any) -> list[bool]:
        done = write(actions)
        runtime.items.delete(keys.api_key_secret(secret_hash(api_key)))
        return done

    monkeypatch.setattr(runtime.items, "write", revoked_meanwhile)

    assert answer_connect(connect_event(api_key), runtime)["statusCode"] == 401
    assert load("new", items=runtime.items) is None


def test_a_busy_store_is_told_as_such(runtime: Runtime, api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: Any) -> Any:
        raise StoreBusy

    monkeypatch.setattr(runtime.items, "get", busy)

    assert answer_connect(connect_event(api_key), runtime)["statusCode"] == 503


# --- frames -------------------------------------------------------------------------------------------------------------


def test_a_frame_of_an_unknown_connection_ends_it(runtime: Runtime, sockets: SocketList) -> None:
    receive("nobody", "{}", runtime)

    assert sockets.closed == {"nobody": 1011}


def test_a_frame_under_a_key_that_is_gone_ends_the_connection(runtime: Runtime, sockets: SocketList) -> None:
    add_connection(runtime, "c1")
    runtime.items.delete(keys.api_key_record(ORG, KEY_ID))

    receive("c1", '{"type": "subscribe"}', runtime)

    assert (sockets.closed, sockets.frames) == ({"c1": 1008}, [])


def test_a_failure_inside_ends_the_connection_and_is_not_raised(
    runtime: Runtime, sockets: SocketList, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_connection(runtime, "c1")

    def busy(_: Any) -> Any:
        raise StoreBusy

    monkeypatch.setattr(runtime.items, "batch_get", busy)

    receive("c1", '{"type": "subscribe"}', runtime)

    assert sockets.closed == {"c1": 1011}


def test_what_does_not_fit_into_one_replay_is_left_to_the_next(
    runtime: Runtime, sockets: SocketList, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(runtime, 1)
    add_connection(runtime, "c1")
    monkeypatch.setattr("mailroom.sockets.replay.LONGEST_S", 0.2)
    sockets.busy.add("c1")

    receive("c1", '{"type": "subscribe", "after": 0}', runtime)

    assert sockets.closed == {"c1": 1001}
    assert load("c1", items=runtime.items) is None


def test_a_position_that_is_too_old_is_told(runtime: Runtime, sockets: SocketList) -> None:
    append(runtime, 1)
    add_connection(runtime, "c1")
    runtime.items.update(keys.log_page(ORG, 1), (Set("ts", 1),))

    receive("c1", '{"type": "subscribe", "after": 0}', runtime)

    (_, frame), *more = sockets.frames
    assert (frame["type"], frame["name"], frame["code"], more) == ("error", "PositionExpiredError", "position_expired", [])
