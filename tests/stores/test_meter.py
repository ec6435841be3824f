from __future__ import annotations

import pytest

from mailroom.store.meter import metered, unmetered, wants_units
from mailroom.store.port import (
    Absent,
    Check,
    ConditionFailed,
    Delete,
    ItemStore,
    Key,
    Present,
    Put,
    Query,
    Reads,
    TransactionCancelled,
)
from mailroom.store.sizes import item_size

KEY = Key("core", "org", "A")


def entry(sk: str) -> Key:
    return Key("idx", "p", sk)


def padded(size: int) -> dict[str, object]:
    """An item of KEY that has this size."""
    return {"b": "x" * (size - len("pk" + "org" + "sk" + "A" + "b"))}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"ab": "é"}, 4),
        ({"a": b"xyz"}, 4),
        ({"a": True}, 2),
        ({"a": 0}, 3),
        ({"a": 7}, 3),
        ({"a": -7}, 4),
        ({"a": 1700}, 3),
        ({"a": 1234567890123}, 9),
        ({"a": []}, 4),
        ({"a": ["x", "yz"]}, 1 + 3 + 2 + 1 + 2),
        ({"a": {"k": "v"}}, 1 + 3 + 1 + 1 + 1),
    ],
)
def test_an_item_has_the_size_dynamodb_counts(item: dict[str, object], size: int) -> None:
    assert item_size(item) == size


@pytest.mark.parametrize(("size", "units"), [(100, 1), (4096, 1), (4097, 2), (9000, 3)])
def test_a_get_costs_a_unit_for_each_four_kilobytes(items: ItemStore, size: int, units: int) -> None:
    items.put(KEY, padded(size))

    with metered() as meter:
        items.get(KEY)

    assert (meter.trips, meter.read_units, meter.write_units) == (1, units, 0)


@pytest.mark.parametrize(("size", "units"), [(100, 1), (1024, 1), (1025, 2), (5000, 5)])
def test_a_put_costs_a_unit_for_each_kilobyte_and_twice_that_in_a_transaction(items: ItemStore, size: int, units: int) -> None:
    with metered() as alone:
        items.put(KEY, padded(size))
    with metered() as together:
        items.transact([Put(KEY, padded(size))])

    assert (alone.trips, alone.write_units) == (1, units)
    assert (together.trips, together.write_units) == (1, 2 * units)


def test_a_missing_item_costs_like_the_smallest(items: ItemStore) -> None:
    with metered() as meter:
        items.get(KEY)
        items.query(Query("core", "none", 5))
        items.delete(KEY)

    assert [(call.operation, call.read_units, call.write_units) for call in meter.calls] == [
        ("get", 1, 0),
        ("query", 1, 0),
        ("delete", 0, 1),
    ]


def test_a_batch_rounds_each_item_and_a_query_the_page(items: ItemStore) -> None:
    items.write([Put(entry(str(n)), {"b": "x" * 500}) for n in range(10)])

    with metered() as meter:
        items.batch_get([entry(str(n)) for n in range(10)])
        items.query(Query("idx", "p", 10))

    assert [(call.trips, call.read_units) for call in meter.calls] == [(1, 10), (1, 2)]


def test_an_index_costs_half_to_read_and_a_unit_per_entry_to_write(items: ItemStore) -> None:
    with metered() as meter:
        items.put(entry("1"), {"by_pod": "x", "by_org": "y"})
        items.query(Query("idx", "x", 10, index="by_pod"))
        items.transact([Put(entry("2"), {"by_org": "y"})])

    assert [(call.read_units, call.write_units) for call in meter.calls] == [(0, 3), (0.5, 0), (0, 3)]


def test_a_check_costs_like_a_write_and_a_cancelled_transaction_like_one_that_passes(items: ItemStore) -> None:
    with metered() as passing:
        items.transact([Put(KEY, {}), Check(entry("1"), Absent())])
    with metered() as failing, pytest.raises(TransactionCancelled):
        items.transact([Put(KEY, {}), Check(entry("1"), Present())])

    assert (passing.write_units, failing.write_units) == (4, 4)


def test_a_failed_condition_is_paid_for(items: ItemStore) -> None:
    with metered() as meter, pytest.raises(ConditionFailed):
        items.put(KEY, {}, Present())

    assert (meter.trips, meter.write_units) == (1, 1)


def test_fetch_is_one_trip_whatever_it_reads(items: ItemStore) -> None:
    queries = tuple(Query("idx", str(n), 5) for n in range(4))

    with metered() as meter:
        items.fetch(Reads((KEY, entry("1")), queries))

    assert (meter.trips, meter.read_units) == (1, 6)


def test_batches_over_a_hundred_take_more_trips(items: ItemStore) -> None:
    with metered() as meter:
        items.batch_get([entry(str(n)) for n in range(101)])
        items.write([Delete(entry(str(n))) for n in range(100)])

    assert [(call.operation, call.trips) for call in meter.calls] == [("batch_get", 2), ("write", 1)]


def test_an_inner_meter_counts_for_the_outer_one_too(items: ItemStore) -> None:
    with metered() as outer:
        items.get(KEY)
        with metered() as inner:
            items.get(KEY)

    assert (inner.trips, outer.trips) == (1, 2)
    assert not wants_units()


def test_units_are_counted_only_where_somebody_wants_them(items: ItemStore) -> None:
    with metered(units=False) as trips_only:
        items.put(Key("core", "p", "s"), {"a": 1})
        items.get(Key("core", "p", "s"))
    with metered() as outer, metered(units=False):
        items.get(Key("core", "p", "s"))

    assert (trips_only.trips, trips_only.read_units, trips_only.write_units) == (2, 0, 0)
    assert (outer.trips, outer.read_units) == (1, 1)


def test_what_stands_in_for_a_provider_is_not_counted(items: ItemStore) -> None:
    with metered() as meter, unmetered():
        items.get(Key("core", "p", "s"))

    assert meter.calls == []
