"""From the log to the stream, whatever the order in which subscriber and publisher take their steps (docs/decisions/0011)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from local.store.database import Database
from mailroom.runtime import Runtime
from mailroom.sockets.subscribe import subscribe
from tests.support.fakes import SocketList, memory_runtime
from tests.support.lines import INBOX, Turns, add_connection, add_key, append, publish, stored

BEFORE, MEANWHILE = 2, 3
ORDERS = st.lists(st.integers(0, 1), max_size=80)


def fresh() -> tuple[Database, Runtime]:
    database = Database(":memory:")
    runtime = memory_runtime(database)
    add_key(runtime)
    return database, runtime


def sockets_of(runtime: Runtime) -> SocketList:
    assert isinstance(runtime.sockets, SocketList)
    return runtime.sockets


def events(runtime: Runtime, connection_id: str = "c1") -> list[int]:
    return [frame["position"] for frame in sockets_of(runtime).sent_to(connection_id) if frame["type"] == "event"]


def played(runtime: Runtime, turns: Turns) -> Runtime:
    """The same runtime, whose ports wait for their turn."""
    return Runtime(
        config=runtime.config,
        items=turns.watch(runtime.items),
        blobs=runtime.blobs,
        queues=runtime.queues,
        timers=runtime.timers,
        mailer=runtime.mailer,
        fetcher=runtime.fetcher,
        poster=runtime.poster,
        sockets=turns.watch(runtime.sockets),
        limiter=runtime.limiter,
        identities=runtime.identities,
        resolver=runtime.resolver,
        clock=runtime.clock,
    )


def publishing(runtime: Runtime, first: int) -> None:
    for page in range(first, first + MEANWHILE):
        publish(runtime, append(runtime, page))


@given(order=ORDERS)
@settings(max_examples=60, deadline=None)
def test_a_position_brings_each_event_behind_it_once_and_in_order(order: list[int]) -> None:
    database, runtime = fresh()
    for page in range(1, BEFORE + 1):
        publish(runtime, append(runtime, page))
    record = add_connection(runtime)
    turns = Turns(order)
    slow = played(runtime, turns)

    turns.run(
        lambda: subscribe(record, {"type": "subscribe", "after": 65}, slow),
        lambda: publishing(slow, BEFORE + 1),
    )

    expected = [page * 64 + index for page in range(2, BEFORE + MEANWHILE + 1) for index in range(2)]
    assert events(runtime) == expected
    assert stored(runtime)["state"] == "live"
    database.close()


@given(order=ORDERS)
@settings(max_examples=40, deadline=None)
def test_without_a_position_everything_comes_from_some_moment_on(order: list[int]) -> None:
    database, runtime = fresh()
    publish(runtime, append(runtime, 1))
    record = add_connection(runtime)
    turns = Turns(order)
    slow = played(runtime, turns)

    turns.run(lambda: subscribe(record, {"type": "subscribe"}, slow), lambda: publishing(slow, 2))

    everything = [page * 64 + index for page in range(2, MEANWHILE + 2) for index in range(2)]
    got = events(runtime)
    assert got == everything[len(everything) - len(got) :]
    assert sockets_of(runtime).frames[0][1] == {"type": "subscribed"}
    publish(runtime, append(runtime, MEANWHILE + 2))
    assert events(runtime)[len(got) :] == [(MEANWHILE + 2) * 64, (MEANWHILE + 2) * 64 + 1]
    database.close()


@given(order=ORDERS)
@settings(max_examples=40, deadline=None)
def test_no_event_falls_between_two_filters_and_none_counts_for_both(order: list[int]) -> None:
    database, runtime = fresh()
    add_connection(runtime)
    subscribe(stored(runtime), {"type": "subscribe"}, runtime)
    turns = Turns(order)
    slow = played(runtime, turns)

    turns.run(
        lambda: subscribe(stored(runtime), {"type": "subscribe", "inbox_ids": [INBOX]}, slow),
        lambda: publishing(slow, 1),
    )

    assert events(runtime) == [page * 64 + index for page in range(1, MEANWHILE + 1) for index in range(2)]
    database.close()
