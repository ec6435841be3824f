"""What only the embedded store has: trimming, listeners, the sweep, bytes in its rows."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from local.store.codec import decode, encode
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.store.port import Key, Put, Query

KEY = Key("core", "org", "A")

leaves = (
    st.integers(-(10**37), 10**37) | st.text(st.characters(exclude_categories=("Cs",))) | st.booleans() | st.binary(max_size=40)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab\0$é", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), values))
def test_every_item_survives_its_encoding(item: dict[str, object]) -> None:
    assert decode(encode(item)) == item


def test_trimming_forgets_what_is_passed_and_goes_on_counting(sqlite: SqliteItemStore) -> None:
    for n in range(3):
        sqlite.put(KEY, {"n": n})
    _, position = sqlite.feed.read(None, 2)

    sqlite.feed.trim(str(position))
    kept = [change.new and change.new["n"] for change in sqlite.feed.read(None, 10)[0]]
    _, end = sqlite.feed.read(None, 10)
    sqlite.feed.trim(str(end))
    sqlite.put(KEY, {"n": 3})

    assert kept == [2]
    assert [change.new and change.new["n"] for change in sqlite.feed.read(end, 10)[0]] == [3]


def test_a_put_of_the_same_item_is_no_change(sqlite: SqliteItemStore) -> None:
    sqlite.put(KEY, {"n": 1})
    sqlite.put(KEY, {"n": 1})

    assert len(sqlite.feed.read(None, 10)[0]) == 1


def test_listeners_wake_for_the_tables_with_a_feed_until_they_leave(sqlite: SqliteItemStore) -> None:
    bell = threading.Event()
    leave = sqlite.feed.subscribe(bell.set)
    sqlite.put(Key("idx", "p", "s"), {})
    silent = bell.is_set()
    sqlite.put(KEY, {})
    rung = bell.is_set()
    bell.clear()

    leave()
    sqlite.put(KEY, {"n": 1})

    assert (silent, rung, bell.is_set()) == (False, True, False)


def test_the_sweep_removes_what_has_expired_and_tells_of_core_only(sqlite: SqliteItemStore) -> None:
    sqlite.write([Put(Key("eph", "p", f"{n:03}"), {"ttl": 100}) for n in range(450)])
    sqlite.write([Put(KEY, {"ttl": 100}), Put(Key("ev", "p", "1"), {"ttl": 99, "by_org": "o"})])
    sqlite.write(
        [Put(Key("eph", "p", "later"), {"ttl": 101}), Put(Key("eph", "p", "text"), {"ttl": "1"}), Put(Key("eph", "p", "x"), {})]
    )
    _, position = sqlite.feed.read(None, 10)

    swept = sqlite.sweep_expired(100_999)

    changes, _ = sqlite.feed.read(position, 10)
    assert swept == 452
    assert [(change.key, change.new) for change in changes] == [(KEY, None)]
    assert [item["sk"] for item in sqlite.query(Query("eph", "p", 10))] == ["later", "text", "x"]


def test_a_store_opened_again_holds_everything(tmp_path: Path) -> None:
    for n in range(2):
        database = Database(tmp_path / "file.sqlite")
        SqliteItemStore(database).put(Key("core", "p", str(n)), {"b": b"\0"})
        database.close()

    database = Database(tmp_path / "file.sqlite")
    store = SqliteItemStore(database)
    found = store.query(Query("core", "p", 10)), len(store.feed.read(None, 10)[0])
    database.close()

    assert found == ([{"b": b"\0", "pk": "p", "sk": "0"}, {"b": b"\0", "pk": "p", "sk": "1"}], 2)
