"""Positions: every event gets one and keeps it, whoever appends at the same time and whatever comes again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.store.database import MEMORY, Database
from local.store.sqlite import SqliteItemStore
from mailroom.events.log import KEPT_MS, PositionExpired, PositionUnknown, read_after, tail
from mailroom.events.positions import PER_PAGE, index_of, page_of, position
from mailroom.events.sequence import sequence
from mailroom.store import keys
from mailroom.store.port import Delete, ItemStore, Key, Query
from tests.support.events import ORGANIZATION, filled, happen, ids_of, log_of
from tests.support.fakes import ManualClock


@pytest.fixture
def items() -> Iterator[ItemStore]:
    database = Database(MEMORY)
    yield SqliteItemStore(database)
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_position_is_a_page_and_a_place_on_it() -> None:
    assert (page_of(position(7, 49)), index_of(position(7, 49))) == (7, 49)
    assert position(8, 0) > position(7, PER_PAGE - 1)


def test_events_are_appended_in_the_order_they_come(items: ItemStore, clock: ManualClock) -> None:
    rows = filled(120, items=items, clock=clock)

    log = log_of(ORGANIZATION, items=items, clock=clock)

    assert ids_of(log) == ids_of(rows)
    assert [entry.position for entry in log] == [position(1 + n // PER_PAGE, n % PER_PAGE) for n in range(120)]


def test_each_event_knows_its_position(items: ItemStore, clock: ManualClock) -> None:
    filled(3, items=items, clock=clock)

    for entry in log_of(ORGANIZATION, items=items, clock=clock):
        row = items.get(entry.key)
        assert row is not None
        assert row["pos"] == entry.position


def test_what_comes_again_keeps_its_position(items: ItemStore, clock: ManualClock) -> None:
    rows = filled(60, items=items, clock=clock)
    before = log_of(ORGANIZATION, items=items, clock=clock)

    sequence(rows, items=items, clock=clock, pause=lambda _: None)

    assert log_of(ORGANIZATION, items=items, clock=clock) == before


def test_of_a_batch_that_was_done_in_part_the_rest_is_appended(items: ItemStore, clock: ManualClock) -> None:
    rows = [happen(number, items=items) for number in range(1, 80)]
    sequence(rows[10:30], items=items, clock=clock)

    sequence(rows, items=items, clock=clock, pause=lambda _: None)

    assert ids_of(log_of(ORGANIZATION, items=items, clock=clock)) == ids_of([*rows[10:30], *rows[:10], *rows[30:]])


def test_an_event_that_comes_twice_in_a_batch_gets_one_position(items: ItemStore, clock: ManualClock) -> None:
    row = happen(1, items=items)

    sequence([row, row], items=items, clock=clock)

    assert len(log_of(ORGANIZATION, items=items, clock=clock)) == 1


def test_an_event_deleted_meanwhile_gets_none(items: ItemStore, clock: ManualClock) -> None:
    rows = [happen(number, items=items) for number in (1, 2)]
    items.write([Delete(Key("ev", rows[0]["pk"], rows[0]["sk"]))])

    sequence(rows, items=items, clock=clock, pause=lambda _: None)

    assert ids_of(log_of(ORGANIZATION, items=items, clock=clock)) == ids_of(rows[1:])
    assert items.get(Key("ev", rows[0]["pk"], rows[0]["sk"])) is None


def test_organizations_have_logs_of_their_own(items: ItemStore, clock: ManualClock) -> None:
    rows = [happen(number, items=items, o=f"org-{number % 2}") for number in range(6)]

    sequence(rows, items=items, clock=clock)

    assert ids_of(log_of("org-0", items=items, clock=clock)) == ids_of(rows[::2])
    assert ids_of(log_of("org-1", items=items, clock=clock)) == ids_of(rows[1::2])


# --- reading ------------------------------------------------------------------------------------------------------------


def test_an_empty_log_ends_at_its_beginning(items: ItemStore, clock: ManualClock) -> None:
    batch = read_after(ORGANIZATION, 0, items=items, limit=1, wanted=lambda entry: True, clock=clock)

    assert batch == ([], 0, True)


def test_reading_goes_on_behind_a_position(items: ItemStore, clock: ManualClock) -> None:
    rows = filled(130, items=items, clock=clock)

    log = log_of(ORGANIZATION, items=items, clock=clock, after=position(2, 9))

    assert ids_of(log) == ids_of(rows[60:])


def test_a_batch_holds_no_more_than_was_asked_for_and_says_where_to_go_on(items: ItemStore, clock: ManualClock) -> None:
    rows = filled(10, items=items, clock=clock)
    third = rows[2]["event_id"]

    batch = read_after(ORGANIZATION, 0, items=items, limit=1, wanted=lambda entry: entry.event_id >= third, clock=clock)

    assert ids_of(batch.entries) == [third]
    assert (batch.position, batch.done) == (position(1, 2), False)


def test_what_nobody_wants_is_passed_over(items: ItemStore, clock: ManualClock) -> None:
    filled(10, items=items, clock=clock)

    batch = read_after(ORGANIZATION, 0, items=items, limit=5, wanted=lambda entry: False, clock=clock)

    assert batch == ([], tail(ORGANIZATION, items=items), True)


def test_a_call_reads_a_bounded_number_of_pages(items: ItemStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailroom.events.log._PAGES", 2)
    monkeypatch.setattr("mailroom.events.log._READS", 1)
    filled(3 * PER_PAGE, items=items, clock=clock)

    batch = read_after(ORGANIZATION, 0, items=items, limit=5, wanted=lambda entry: False, clock=clock)

    assert batch == ([], position(2, PER_PAGE - 1), False)


@pytest.mark.parametrize("after", [-1, 1, 63, position(1, 3), position(1, 50), position(2, 0), 2**60])
def test_a_position_that_was_never_given_out_is_unknown(items: ItemStore, clock: ManualClock, after: int) -> None:
    filled(3, items=items, clock=clock)

    with pytest.raises(PositionUnknown):
        read_after(ORGANIZATION, after, items=items, limit=5, wanted=lambda entry: True, clock=clock)


def test_a_place_that_its_page_does_not_have_is_unknown(items: ItemStore, clock: ManualClock) -> None:
    filled(3, items=items, clock=clock)
    filled(3, items=items, clock=clock, start=10)

    with pytest.raises(PositionUnknown):
        read_after(ORGANIZATION, position(1, 3), items=items, limit=5, wanted=lambda entry: True, clock=clock)


def test_behind_what_is_too_old_nothing_is_skipped_in_silence(items: ItemStore, clock: ManualClock) -> None:
    filled(3, items=items, clock=clock)
    clock.now += KEPT_MS + 1
    filled(3, items=items, clock=clock, start=10)

    for after in (0, position(1, 0)):
        with pytest.raises(PositionExpired):
            read_after(ORGANIZATION, after, items=items, limit=5, wanted=lambda entry: True, clock=clock)


def test_who_missed_nothing_goes_on_however_long_ago_that_was(items: ItemStore, clock: ManualClock) -> None:
    filled(3, items=items, clock=clock)
    last = tail(ORGANIZATION, items=items)
    clock.now += KEPT_MS + 1
    items.write([Delete(Key("ev", row["pk"], row["sk"])) for row in items.query(Query("ev", keys.log_partition(ORGANIZATION), 10))])
    assert read_after(ORGANIZATION, last, items=items, limit=5, wanted=lambda entry: True, clock=clock) == ([], last, True)

    rows = filled(2, items=items, clock=clock, start=10)

    assert ids_of(log_of(ORGANIZATION, items=items, clock=clock, after=last)) == ids_of(rows)


def test_numbers_go_on_when_all_pages_have_expired(items: ItemStore, clock: ManualClock) -> None:
    filled(3, items=items, clock=clock)
    items.write([Delete(Key("ev", row["pk"], row["sk"])) for row in items.query(Query("ev", keys.log_partition(ORGANIZATION), 10))])

    filled(1, items=items, clock=clock, start=10)

    assert tail(ORGANIZATION, items=items) == position(2, 0)
    with pytest.raises(PositionExpired):
        log_of(ORGANIZATION, items=items, clock=clock)
