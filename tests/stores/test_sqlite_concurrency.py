from __future__ import annotations

import threading
from collections.abc import Callable

from local.store.sqlite import SqliteItemStore
from mailroom.store.port import (
    Absent,
    Add,
    AtMost,
    ConditionFailed,
    Equals,
    Key,
    Put,
    Query,
    Set,
    TransactionCancelled,
    Update,
)

KEY = Key("core", "org", "A")
THREADS = 12


def race(work: Callable[[int], None]) -> None:
    barrier = threading.Barrier(THREADS)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_of_many_that_create_one_item_exactly_one_wins(sqlite: SqliteItemStore) -> None:
    winners: list[tuple[int, int]] = []

    def create(number: int) -> None:
        for n in range(20):
            try:
                sqlite.put(Key("core", "org", str(n)), {"by": number}, Absent())
                winners.append((n, number))
            except ConditionFailed as failure:
                assert failure.item is not None

    race(create)

    assert sorted(n for n, _ in winners) == list(range(20))
    assert all((sqlite.get(Key("core", "org", str(n))) or {})["by"] == number for n, number in winners)


def test_additions_are_never_lost(sqlite: SqliteItemStore) -> None:
    race(lambda _: [sqlite.update(KEY, [Add("count", 1)]) for _ in range(25)] and None)

    assert (sqlite.get(KEY) or {})["count"] == 25 * THREADS


def test_a_limit_is_never_passed(sqlite: SqliteItemStore) -> None:
    sqlite.put(KEY, {"count": 0})
    outcomes: list[bool] = []

    race(lambda _: outcomes.extend(sqlite.write([Update(KEY, (Add("count", 1),), AtMost("count", 49))])[0] for _ in range(10)))

    assert sum(outcomes) == 50
    assert (sqlite.get(KEY) or {})["count"] == 50


def test_optimistic_transactions_over_two_items_keep_them_in_step(sqlite: SqliteItemStore) -> None:
    other = Key("idx", "org", "A")
    sqlite.transact([Put(KEY, {"ver": 0}), Put(other, {"ver": 0})])

    def advance(_: int) -> None:
        done = 0
        while done < 5:
            version = (sqlite.get(KEY) or {})["ver"]
            try:
                sqlite.transact([Update(key, (Set("ver", version + 1),), Equals("ver", version)) for key in (KEY, other)])
                done += 1
            except TransactionCancelled as cancelled:
                assert set(cancelled.failures) == {0, 1}

    race(advance)

    assert [(sqlite.get(key) or {})["ver"] for key in (KEY, other)] == [5 * THREADS] * 2


def test_the_feed_tells_each_change_once_in_the_order_of_commits(sqlite: SqliteItemStore) -> None:
    race(lambda _: [sqlite.update(KEY, [Add("count", 1)]) for _ in range(10)] and None)

    changes, _ = sqlite.feed.read(None, 1000)

    assert [change.new and change.new["count"] for change in changes] == list(range(1, 10 * THREADS + 1))


def test_readers_see_a_transaction_whole_within_one_read(sqlite: SqliteItemStore) -> None:
    sqlite.transact([Put(Key("idx", "p", str(n)), {"ver": 0}) for n in range(10)])
    seen: list[int] = []

    def work(number: int) -> None:
        for version in range(1, 15):
            if number == 0:
                sqlite.transact([Put(Key("idx", "p", str(n)), {"ver": version}) for n in range(10)])
            else:
                seen.append(len({item["ver"] for item in sqlite.query(Query("idx", "p", 10))}))

    race(work)

    assert set(seen) == {1}
