from __future__ import annotations

import pytest

from mailroom.store.port import (
    MAX_ITEM_BYTES,
    Absent,
    Add,
    AllOf,
    AnyOf,
    AtLeast,
    AtMost,
    ChangeFeed,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    ItemStore,
    ItemTooLarge,
    Key,
    Lacks,
    Present,
    Put,
    Query,
    Reads,
    Remove,
    Set,
    TransactionCancelled,
    Update,
    all_of,
    any_of,
)

KEY = Key("core", "org", "A")
OTHER = Key("idx", "org#list", "1")
NESTED = {
    "s": "é\U0001f600\0",
    "empty": "",
    "n": -(10**30),
    "zero": 0,
    "b": bytes(range(256)),
    "t": True,
    "l": [1, [b"", {}]],
    "m": {},
}


def row(sk: str, pk: str = "p", table: str = "idx") -> Key:
    return Key(table, pk, sk)  # type: ignore[arg-type]


def sks(page: list[dict[str, object]]) -> list[object]:
    return [item["sk"] for item in page]


def test_an_item_comes_back_as_it_was_put_with_its_key(items: ItemStore) -> None:
    items.put(KEY, NESTED)

    assert items.get(KEY) == {**NESTED, "pk": "org", "sk": "A"}


def test_a_boolean_and_a_number_stay_apart(items: ItemStore) -> None:
    items.put(KEY, {"yes": True, "one": 1})

    assert {name: type(value) for name, value in (items.get(KEY) or {}).items() if name in ("yes", "one")} == {
        "yes": bool,
        "one": int,
    }


def test_a_missing_item_is_none(items: ItemStore) -> None:
    assert items.get(KEY) is None


def test_tables_do_not_mix(items: ItemStore) -> None:
    items.put(Key("core", "p", "s"), {"in": "core"})

    assert items.get(Key("eph", "p", "s")) is None


def test_a_put_replaces_the_whole_item(items: ItemStore) -> None:
    items.put(KEY, {"old": 1})

    items.put(KEY, {"new": 1})

    assert items.get(KEY) == {"new": 1, "pk": "org", "sk": "A"}


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        (Absent(), False),
        (Present(), True),
        (Lacks("name"), False),
        (Lacks("size"), True),
        (Equals("name", "x"), True),
        (Equals("name", "y"), False),
        (Equals("size", "x"), False),
        (Equals("flag", True), True),
        (Equals("count", 5), True),
        (AtMost("count", 5), True),
        (AtMost("count", 4), False),
        (AtMost("size", 4), False),
        (AtLeast("count", 5), True),
        (AtLeast("count", 6), False),
        (AtLeast("size", 0), False),
        (all_of(Present(), Equals("count", 5)), True),
        (all_of(Present(), Equals("count", 6)), False),
        (any_of(Absent(), Equals("count", 5)), True),
        (any_of(Absent(), Equals("count", 6)), False),
        (any_of(all_of(Equals("name", "x"), AtMost("count", 1)), all_of(Present(), Lacks("size"))), True),
        (all_of(any_of(Absent(), Present()), any_of(Absent(), Lacks("name"))), False),
    ],
)
def test_a_condition_decides_over_an_item_that_exists(items: ItemStore, condition: Condition, held: bool) -> None:
    items.put(KEY, {"name": "x", "count": 5, "flag": True, "one": 1})

    assert items.write([Update(KEY, (Set("seen", 1),), condition)]) == [held]


@pytest.mark.parametrize("condition", [Equals("flag", 1), Equals("one", True), AtMost("name", 4), AtLeast("flag", 0)])
def test_values_of_different_types_are_never_equal_nor_in_order(sqlite: ItemStore, condition: Condition) -> None:
    # As DynamoDB documents it; moto compares Python's values.
    sqlite.put(KEY, {"name": "x", "flag": True, "one": 1})

    assert sqlite.write([Update(KEY, (Set("seen", 1),), condition)]) == [False]


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        (Absent(), True),
        (Present(), False),
        (Lacks("name"), True),
        (Equals("name", "x"), False),
        (AtMost("count", 9), False),
        (AtLeast("count", 0), False),
        (any_of(Absent(), AtMost("count", 1)), True),
    ],
)
def test_a_condition_decides_over_a_missing_item(items: ItemStore, condition: Condition, held: bool) -> None:
    assert items.write([Update(KEY, (Set("seen", 1),), condition)]) == [held]


def test_a_failed_condition_hands_back_what_stood_there(items: ItemStore) -> None:
    items.put(KEY, {"ver": 1})

    with pytest.raises(ConditionFailed) as failure:
        items.put(KEY, {"ver": 2}, Absent())

    assert failure.value.item == {"ver": 1, "pk": "org", "sk": "A"}
    assert items.get(KEY) == {"ver": 1, "pk": "org", "sk": "A"}


def test_a_failed_condition_on_nothing_hands_back_nothing(items: ItemStore) -> None:
    with pytest.raises(ConditionFailed) as failure:
        items.update(KEY, [Set("a", 1)], Present())

    assert failure.value.item is None
    assert items.get(KEY) is None


def test_an_update_sets_adds_and_removes_and_returns_the_item_afterwards(items: ItemStore) -> None:
    items.put(KEY, {"name": "x", "count": 1, "old": True})

    after = items.update(KEY, [Set("name", ["y"]), Add("count", -3), Add("fresh", 2), Remove("old"), Remove("never")])

    assert after == {"name": ["y"], "count": -2, "fresh": 2, "pk": "org", "sk": "A"}
    assert items.get(KEY) == after


def test_an_update_creates_what_is_missing(items: ItemStore) -> None:
    items.update(KEY, [Add("count", 1)])

    assert items.get(KEY) == {"count": 1, "pk": "org", "sk": "A"}


def test_adding_to_text_is_refused(items: ItemStore) -> None:
    items.put(KEY, {"name": "x"})

    with pytest.raises(ValueError):
        items.update(KEY, [Add("name", 1)])


def test_a_delete_returns_what_it_removed_and_succeeds_on_nothing(items: ItemStore) -> None:
    items.put(KEY, {"a": 1})

    assert items.delete(KEY) == {"a": 1, "pk": "org", "sk": "A"}
    assert items.delete(KEY) is None
    assert items.get(KEY) is None


def test_a_delete_may_be_conditional(items: ItemStore) -> None:
    items.put(KEY, {"mv": 5})

    with pytest.raises(ConditionFailed):
        items.delete(KEY, AtMost("mv", 4))

    assert items.delete(KEY, AtMost("mv", 5)) is not None


def test_batch_get_takes_any_number_of_keys_of_any_table(items: ItemStore) -> None:
    keys = [row(f"{n:03}", pk=table, table=table) for n in range(130) for table in ("core", "ev")]
    items.write([Put(key, {"n": 1}) for key in keys])

    found = items.batch_get([*keys, *keys, row("missing")])

    assert set(found) == set(keys)
    assert found[keys[7]] == {"n": 1, "pk": "ev", "sk": keys[7].sk}


def test_a_query_reads_its_partition_in_order_within_its_bounds(items: ItemStore) -> None:
    items.write([Put(row(sk), {}) for sk in ("a", "b", "c", "d", "é")])
    items.put(row("c", pk="q"), {})

    assert sks(items.query(Query("idx", "p", 10))) == ["a", "b", "c", "d", "é"]
    assert sks(items.query(Query("idx", "p", 10, low="b"))) == ["b", "c", "d", "é"]
    assert sks(items.query(Query("idx", "p", 10, high="b"))) == ["a", "b"]
    assert sks(items.query(Query("idx", "p", 10, low="b", high="d", descending=True))) == ["d", "c", "b"]
    assert sks(items.query(Query("idx", "p", 2, low="b"))) == ["b", "c"]
    assert items.query(Query("idx", "p", 10, low="d", high="b")) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("index", [None, "by_org"])
def test_pages_join_without_gap_or_overlap(items: ItemStore, descending: bool, index: str | None) -> None:
    items.write([Put(row(f"{n:02}"), {"by_org": "p"}) for n in range(25)])
    seen: list[object] = []
    start = None

    while page := items.query(Query("idx", "p", 4, low="03", high="20", descending=descending, index=index, start=start)):  # type: ignore[arg-type]
        seen += sks(page)
        start = (str(page[-1]["pk"]), str(page[-1]["sk"]))

    assert seen == sorted([f"{n:02}" for n in range(3, 21)], reverse=descending)


@pytest.mark.parametrize(("descending", "start", "expected"), [
    (False, "a", ["c", "d"]), (False, "z", []), (True, "z", ["d", "c"]), (True, "a", []), (False, "c", ["d"]), (False, "cc", ["d"]),
])  # fmt: skip
def test_a_start_outside_of_the_bounds_is_no_error(items: ItemStore, descending: bool, start: str, expected: list[str]) -> None:
    items.write([Put(row(sk), {}) for sk in "abcde"])

    page = items.query(Query("idx", "p", 9, low="c", high="d", descending=descending, start=("p", start)))

    assert sks(page) == expected


def test_a_query_follows_pages_of_a_megabyte_up_to_its_limit(items: ItemStore) -> None:
    items.write([Put(row(f"{n}", table="core"), {"b": bytes(300_000)}) for n in range(9)])

    assert len(items.query(Query("core", "p", 8))) == 8


def test_an_index_finds_items_by_its_attribute_and_returns_keys_only(items: ItemStore) -> None:
    items.put(row("2", pk="b"), {"by_pod": "pod", "other": 1})
    items.put(row("1", pk="c"), {"by_pod": "pod"})
    items.put(row("3", pk="a"), {"by_pod": "elsewhere"})
    items.put(row("4", pk="a"), {})

    page = items.query(Query("idx", "pod", 10, index="by_pod"))

    assert page == [{"pk": "c", "sk": "1", "by_pod": "pod"}, {"pk": "b", "sk": "2", "by_pod": "pod"}]


def test_an_index_follows_changes_of_its_attribute(items: ItemStore) -> None:
    items.put(row("1"), {"by_pod": "x"})

    items.update(row("1"), [Set("by_pod", "y")])
    moved = [items.query(Query("idx", name, 9, index="by_pod")) for name in "xy"]
    items.update(row("1"), [Remove("by_pod")])

    assert [len(page) for page in moved] == [0, 1]
    assert items.query(Query("idx", "y", 9, index="by_pod")) == []


def test_fetch_answers_gets_and_queries_together(items: ItemStore) -> None:
    items.put(KEY, {"a": 1})
    items.put(row("1"), {"by_org": "o"})
    queries = (Query("idx", "p", 5), Query("idx", "o", 5, index="by_org"), Query("idx", "none", 5))

    fetched = items.fetch(Reads((KEY, row("missing")), queries))

    assert list(fetched.items) == [KEY]
    assert [len(fetched.pages[query]) for query in queries] == [1, 1, 0]


def test_write_tells_which_condition_failed_and_does_the_rest(items: ItemStore) -> None:
    items.put(KEY, {"ver": 1})
    actions = [Put(row(f"{n:02}"), {"n": n}) for n in range(30)]

    held = items.write([*actions, Update(KEY, (Set("ver", 3),), Equals("ver", 2)), Delete(row("absent"))])

    assert held == [True] * 30 + [False, True]
    assert len(items.query(Query("idx", "p", 50))) == 30
    assert (items.get(KEY) or {})["ver"] == 1


def test_write_may_name_an_item_twice(items: ItemStore) -> None:
    assert items.write([Put(KEY, {"a": 1}), Put(KEY, {"a": 1})]) == [True, True]

    assert items.get(KEY) is not None


def test_a_transaction_does_all(items: ItemStore) -> None:
    items.put(row("gone"), {})

    items.transact([Put(KEY, {"n": 1}, Absent()), Update(OTHER, (Add("n", 1),)), Delete(row("gone")), Check(row("x"), Absent())])

    assert (items.get(KEY), items.get(row("gone"))) == ({"n": 1, "pk": "org", "sk": "A"}, None)
    assert (items.get(OTHER) or {})["n"] == 1


def test_a_transaction_does_nothing_and_names_every_failure(items: ItemStore) -> None:
    items.put(KEY, {"ver": 1})

    with pytest.raises(TransactionCancelled) as cancelled:
        items.transact(
            [
                Put(OTHER, {}),
                Update(KEY, (Set("ver", 9),), Equals("ver", 2)),
                Check(row("x"), Present()),
                Delete(row("y"), Lacks("z")),
            ]
        )

    assert cancelled.value.failures == {1: {"ver": 1, "pk": "org", "sk": "A"}, 2: None}
    assert items.get(OTHER) is None
    assert (items.get(KEY) or {})["ver"] == 1


def test_a_transaction_takes_a_hundred_items_and_no_more(items: ItemStore) -> None:
    items.transact([Put(row(f"{n:03}"), {}) for n in range(100)])

    with pytest.raises(ValueError, match="101"):
        items.transact([Put(row(f"{n:03}"), {}) for n in range(101)])

    assert len(items.query(Query("idx", "p", 200))) == 100


def test_a_transaction_names_each_item_once(items: ItemStore) -> None:
    with pytest.raises(ValueError):
        items.transact([Put(KEY, {}), Check(KEY, Absent())])


REST = MAX_ITEM_BYTES - len("pk" + "org" + "sk" + "A" + "b")


def test_an_item_of_400_kilobytes_fits(sqlite: ItemStore) -> None:
    # moto counts more than DynamoDB documents.
    sqlite.put(KEY, {"b": "x" * REST})

    assert len((sqlite.get(KEY) or {})["b"]) == REST


def test_a_larger_item_is_refused(items: ItemStore) -> None:
    with pytest.raises(ItemTooLarge):
        items.put(KEY, {"b": "x" * (REST + 1)})
    with pytest.raises(ItemTooLarge):
        items.transact([Put(OTHER, {}), Put(KEY, {"b": "x" * (REST + 1)})])

    assert items.get(OTHER) is None


def test_an_update_that_grows_an_item_too_large_is_refused(items: ItemStore) -> None:
    items.put(KEY, {"a": "x" * 300_000})

    with pytest.raises(ItemTooLarge):
        items.update(KEY, [Set("b", "x" * 200_000)])

    assert "b" not in (items.get(KEY) or {"b": 1})


@pytest.mark.parametrize("value", [None, 1.5, {"a": None}, [0.1], {1: "x"}, object(), {"set"}])
def test_values_outside_of_the_subset_are_refused(items: ItemStore, value: object) -> None:
    with pytest.raises(TypeError):
        items.put(KEY, {"v": value})


@pytest.mark.parametrize("value", ["\ud800", 10**38, {"\udfff": 1}])
def test_values_dynamodb_cannot_hold_are_refused(items: ItemStore, value: object) -> None:
    with pytest.raises(ValueError):
        items.update(KEY, [Set("v", value)])


def test_nesting_ends_at_32_levels(items: ItemStore) -> None:
    value: list[object] = []
    for _ in range(40):
        value = [value]

    with pytest.raises(ValueError):
        items.put(KEY, {"v": value})


@pytest.mark.parametrize("changes", [(), (Set("a", 1), Remove("a")), (Set("pk", "x"),), (Add("sk", 1),), (Set("", 1),)])
def test_an_update_changes_each_attribute_once_and_never_the_key(items: ItemStore, changes: tuple[Set, ...]) -> None:
    with pytest.raises(ValueError):
        items.update(KEY, changes)


@pytest.mark.parametrize("value", ["", 5, "x" * 2049])
def test_an_index_attribute_is_a_text_that_can_be_a_key(items: ItemStore, value: object) -> None:
    with pytest.raises(ValueError):
        items.put(row("1"), {"by_pod": value})


@pytest.mark.parametrize("condition", [AllOf(()), AnyOf(()), all_of(Present(), any_of())])
def test_a_group_of_no_conditions_is_refused(items: ItemStore, condition: Condition) -> None:
    with pytest.raises(ValueError):
        items.put(KEY, {}, condition)


IMPOSSIBLE = [
    Key("core", "", "A"),
    Key("core", "p", ""),
    Key("core", "p" * 2049, "A"),
    Key("core", "p", "é" * 513),
    Key("core", "\ud800", "A"),
]


@pytest.mark.parametrize("key", IMPOSSIBLE)
def test_a_key_that_cannot_exist_reads_as_missing_and_cannot_be_written(items: ItemStore, key: Key) -> None:
    found = (items.get(key), items.batch_get([key]), items.query(Query("core", key.pk, 1, low=key.sk)))

    with pytest.raises(ValueError):
        items.put(key, {})
    assert found == (None, {}, [])


@pytest.mark.parametrize("query", [Query("idx", "p", 0), Query("core", "p", 1, index="by_pod")])
def test_a_query_without_sense_is_refused(items: ItemStore, query: Query) -> None:
    with pytest.raises(ValueError):
        items.query(query)


def test_the_feed_tells_old_and_new_of_core_and_new_of_ev(items: ItemStore, feed: ChangeFeed) -> None:
    event = Key("ev", "e", "1")
    items.put(KEY, {"b": b"\1"})
    items.transact([Update(KEY, (Set("n", 1),)), Put(event, {"n": 2}), Put(OTHER, {}), Put(Key("eph", "x", "y"), {})])
    items.delete(KEY)

    changes, _ = feed.read(None, 100)

    first, second = {"b": b"\1", "pk": "org", "sk": "A"}, {"b": b"\1", "n": 1, "pk": "org", "sk": "A"}
    told = [(change.old, change.new) for change in changes if change.key == KEY]
    assert told == [(None, first), (first, second), (second, None)]
    told = [(change.old, change.new) for change in changes if change.key != KEY]
    assert told == [(None, {"n": 2, "pk": "e", "sk": "1"})]


def test_the_feed_goes_on_from_a_position(items: ItemStore, feed: ChangeFeed) -> None:
    assert feed.read(None, 5) == ([], None)
    for n in range(5):
        items.put(KEY, {"n": n})

    first, position = feed.read(None, 2)
    second, end = feed.read(position, 100)

    assert [change.new and change.new["n"] for change in first + second] == [0, 1, 2, 3, 4]
    assert feed.read(end, 100) == ([], end)


def test_a_cancelled_transaction_leaves_no_change(items: ItemStore, feed: ChangeFeed) -> None:
    with pytest.raises(TransactionCancelled):
        items.transact([Put(KEY, {}), Check(OTHER, Present())])

    assert feed.read(None, 10) == ([], None)
