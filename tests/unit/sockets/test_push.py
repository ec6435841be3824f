"""Pushing pages to sockets that are not all well."""

from __future__ import annotations

from typing import Any

from mailroom.runtime import Runtime
from mailroom.sockets.record import STALLED_MS, load
from mailroom.sockets.subscribe import subscribe
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Key, Query, Set
from tests.support.fakes import SocketList
from tests.support.lines import INBOX, KEY_ID, ORG, POD, add_connection, append, publish


def listen(runtime: Runtime, *connections: str, **fields: Any) -> None:
    for connection in connections:
        subscribe(add_connection(runtime, connection), {"type": "subscribe", **fields}, runtime)  # type: ignore[typeddict-item]


def positions(sockets: SocketList, connection: str) -> list[int]:
    return [frame["position"] for frame in sockets.sent_to(connection) if frame["type"] == "event"]


def traces(runtime: Runtime) -> list[tuple[str, str]]:
    places = (keys.subscriptions(ORG), keys.subscriptions(ORG, inbox_id=INBOX), keys.connections_of_key(ORG, KEY_ID))
    slots = tuple(keys.keep_alive(slot) for slot in range(8))
    return [(row["pk"], row["sk"]) for place in (*places, *slots) for row in runtime.items.query(Query("eph", place, 100))]


def test_a_socket_that_is_gone_is_forgotten_and_the_others_are_served(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1", "c2")
    sockets.gone.add("c1")

    publish(runtime, append(runtime, 1))

    assert positions(sockets, "c2") == [64, 65]
    assert load("c1", items=runtime.items) is None
    assert {connection for _, connection in traces(runtime)} == {"c2"}


def test_a_socket_that_takes_no_frame_is_closed_so_that_it_resumes(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1")
    sockets.busy.add("c1")

    publish(runtime, append(runtime, 1))

    assert sockets.closed == {"c1": 1011}
    assert traces(runtime) == []


def test_nothing_is_pushed_for_a_key_that_is_gone(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1")
    runtime.items.delete(keys.api_key_record(ORG, KEY_ID))

    publish(runtime, append(runtime, 1))

    assert (positions(sockets, "c1"), sockets.closed) == ([], {"c1": 1008})


def test_a_key_is_judged_as_it_is_now(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1")
    runtime.items.update(keys.api_key_record(ORG, KEY_ID), (Set("scope_type", "inbox"), Set("inbox_id", "other@mailroom.local")))

    publish(runtime, append(runtime, 1))

    assert positions(sockets, "c1") == []


def test_a_page_that_comes_twice_to_a_connection_that_replayed_it_is_not_sent_again(runtime: Runtime, sockets: SocketList) -> None:
    page = append(runtime, 1)
    listen(runtime, "c1", after=0)

    publish(runtime, page)

    assert positions(sockets, "c1") == [64, 65]


def test_a_connection_whose_replay_died_is_closed(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1")
    since = runtime.clock() - STALLED_MS - 1000
    runtime.items.update(keys.connection("c1"), (Set("state", "replaying"), Set("since", since)))

    publish(runtime, append(runtime, 1))

    assert (positions(sockets, "c1"), sockets.closed) == ([], {"c1": 1011})


def test_events_whose_rows_are_gone_are_left_out(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, "c1")
    page = append(runtime, 1)
    runtime.items.delete(page.entries[0].key)

    publish(runtime, page)

    assert positions(sockets, "c1") == [65]


def test_finding_listeners_costs_what_the_page_touches_not_who_is_connected(runtime: Runtime, sockets: SocketList) -> None:
    listen(runtime, *(f"c{number}" for number in range(50)), pod_ids=[])
    other = Key("core", keys.inbox(ORG, "other@mailroom.local").pk, "A")
    runtime.items.put(other, {"inbox_id": "other@mailroom.local", "pod_id": POD})
    listen(runtime, *(f"d{number}" for number in range(50)), inbox_ids=["other@mailroom.local"])
    page = append(runtime, 1)

    with metered() as meter:
        publish(runtime, page)

    assert meter.trips == 3
    assert all(positions(sockets, f"c{number}") == [64, 65] for number in range(50))
    assert all(positions(sockets, f"d{number}") == [] for number in range(50))
