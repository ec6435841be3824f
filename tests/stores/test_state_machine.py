"""Each adapter against a plain dictionary, step by step."""

from __future__ import annotations

import copy
import itertools
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mailroom.store.port import (
    Absent,
    Action,
    Add,
    AllOf,
    AnyOf,
    AtLeast,
    AtMost,
    ChangeRecord,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Key,
    Lacks,
    Present,
    Put,
    Query,
    Remove,
    Set,
    TransactionCancelled,
    Update,
)
from tests.stores.conftest import ADAPTERS, opened

SKS = ("a", "b", "b#", "é", "\U0001f600")
KEYS = [Key(table, pk, sk) for table in ("core", "idx", "ev") for pk in ("p", "q") for sk in SKS]  # type: ignore[arg-type]

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
leaves = st.integers(-(10**20), 10**20) | texts | st.booleans() | st.binary(max_size=5)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner), max_leaves=5
)
small = st.integers(-3, 3)
keys = st.sampled_from(KEYS)
bodies = st.fixed_dictionaries(
    {},
    # "name" and "size" are reserved words of DynamoDB, "n" is always a number.
    optional={"n": small, "name": st.sampled_from("xy"), "size": values, "by_pod": st.sampled_from("PQ"), "by_org": st.just("O")},
)
plain_conditions = st.one_of(
    st.just(Absent()),
    st.just(Present()),
    st.builds(Lacks, st.sampled_from(["n", "name", "size"])),
    st.builds(Equals, st.just("name"), st.sampled_from("xy")),
    st.builds(Equals, st.just("n"), small),
    st.builds(AtMost, st.just("n"), small),
    st.builds(AtLeast, st.just("n"), small),
)
grouped = st.recursive(
    plain_conditions,
    lambda inner: st.builds(AllOf, st.tuples(inner, inner)) | st.builds(AnyOf, st.tuples(inner, inner)),
    max_leaves=4,
)
conditions = st.none() | grouped
changes = (
    st.lists(
        st.one_of(
            st.builds(Set, st.just("name"), st.sampled_from("xy")),
            st.builds(Set, st.just("size"), values),
            st.builds(Set, st.just("by_pod"), st.sampled_from("PQ")),
            st.builds(Set, st.just("n"), small),
            st.builds(Add, st.just("n"), small),
            st.builds(Remove, st.sampled_from(["n", "name", "size", "by_pod", "by_org"])),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda change: change.attribute,
    )
).map(tuple)
singles = st.one_of(
    st.builds(Put, keys, bodies, conditions), st.builds(Update, keys, changes, conditions), st.builds(Delete, keys, conditions)
)
actions = singles | st.builds(Check, keys, grouped)


def true_of(condition: Condition | None, item: Item | None) -> bool:
    attributes = item or {}
    match condition:
        case None:
            return True
        case Absent():
            return not attributes
        case Present():
            return bool(attributes)
        case Lacks(name):
            return name not in attributes
        case Equals(name, value):
            return name in attributes and bool(attributes[name] == value)
        case AtMost(name, bound):
            return name in attributes and bool(attributes[name] <= bound)
        case AtLeast(name, bound):
            return name in attributes and bool(attributes[name] >= bound)
        case AllOf(parts):
            return False not in [true_of(part, item) for part in parts]
        case AnyOf(parts):
            return True in [true_of(part, item) for part in parts]


class StoreMachine(RuleBasedStateMachine):
    adapter = "sqlite"

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        self.store = self.stack.enter_context(opened(self.adapter))
        self.model: dict[Key, Item] = {}
        self.history: dict[Key, list[Item | None]] = {}

    def apply(self, action: Action) -> None:
        key = action.key
        after: Item | None = copy.deepcopy(self.model.get(key))
        if isinstance(action, Put):
            after = {**action.item, "pk": key.pk, "sk": key.sk}
        elif isinstance(action, Delete):
            after = None
        elif isinstance(action, Update):
            after = after or {"pk": key.pk, "sk": key.sk}
            for change in action.changes:
                if isinstance(change, Remove):
                    after.pop(change.attribute, None)
                else:
                    after[change.attribute] = (
                        change.value if isinstance(change, Set) else after.get(change.attribute, 0) + change.amount
                    )
        if after != self.model.get(key):
            self.history.setdefault(key, []).append(after)
        if after is None:
            self.model.pop(key, None)
        else:
            self.model[key] = after

    @rule(action=singles)
    def one(self, action: Put | Update | Delete) -> None:
        before = self.model.get(action.key)
        answer: Any = None
        try:
            if isinstance(action, Put):
                self.store.items.put(action.key, action.item, action.condition)
            elif isinstance(action, Update):
                answer = self.store.items.update(action.key, action.changes, action.condition)
            else:
                answer = self.store.items.delete(action.key, action.condition)
        except ConditionFailed as failure:
            assert not true_of(action.condition, before)
            assert failure.item == before
            return
        assert true_of(action.condition, before)
        self.apply(action)
        if isinstance(action, Update):
            assert answer == self.model[action.key]
        elif isinstance(action, Delete):
            assert answer == before

    @rule(wanted=st.lists(actions, min_size=1, max_size=6, unique_by=lambda action: action.key))
    def transaction(self, wanted: list[Action]) -> None:
        failing = {n: self.model.get(a.key) for n, a in enumerate(wanted) if not true_of(a.condition, self.model.get(a.key))}
        try:
            self.store.items.transact(wanted)
        except TransactionCancelled as cancelled:
            assert cancelled.failures == failing
            assert failing
            return
        assert not failing
        for action in wanted:
            self.apply(action)

    @rule(wanted=st.lists(singles, max_size=6, unique_by=lambda action: action.key[1:]))
    def many(self, wanted: list[Put | Update | Delete]) -> None:
        expected = [true_of(action.condition, self.model.get(action.key)) for action in wanted]

        assert self.store.items.write(wanted) == expected

        for action in itertools.compress(wanted, expected):
            self.apply(action)

    @rule(
        table=st.sampled_from(["core", "idx", "ev"]),
        low=st.none() | st.sampled_from(SKS),
        high=st.none() | st.sampled_from(SKS),
        limit=st.integers(1, 6),
        descending=st.booleans(),
        start=st.none() | st.sampled_from(SKS),
    )
    def query(self, table: Any, low: str | None, high: str | None, limit: int, descending: bool, start: str | None) -> None:
        query = Query(table, "p", limit, low, high, descending, start=None if start is None else ("p", start))

        page = self.store.items.query(query)

        found = [item for key, item in self.model.items() if key[:2] == (table, "p") and self.within(key.sk, query)]
        assert page == sorted(found, key=lambda item: item["sk"], reverse=descending)[:limit]

    @rule(
        table=st.sampled_from(["idx", "ev"]),
        pod=st.sampled_from("PQ"),
        limit=st.integers(1, 6),
        descending=st.booleans(),
        data=st.data(),
    )
    def query_index(self, table: Any, pod: str, limit: int, descending: bool, data: st.DataObject) -> None:
        found = sorted(
            ((key.sk, key.pk) for key, item in self.model.items() if key.table == table and item.get("by_pod") == pod),
            reverse=descending,
        )
        start = data.draw(st.none() | st.sampled_from(found)) if found else None
        query = Query(table, pod, limit, descending=descending, index="by_pod", start=start and (start[1], start[0]))

        page = self.store.items.query(query)

        rest = found[found.index(start) + 1 :] if start else found
        assert page == [{"pk": pk, "sk": sk, "by_pod": pod} for sk, pk in rest[:limit]]

    @invariant()
    def every_item_is_the_models(self) -> None:
        if hasattr(self, "store"):
            assert self.store.items.batch_get(KEYS) == self.model

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self.feed_tells_the_history()
        finally:
            self.stack.close()

    def feed_tells_the_history(self) -> None:
        told: dict[Key, list[ChangeRecord]] = {}
        position = None
        while True:
            changes, position = self.store.feed.read(position, 7)
            if not changes:
                break
            for change in changes:
                told.setdefault(change.key, []).append(change)
        logged = {key: images for key, images in self.history.items() if key.table != "idx"}
        assert set(told) >= set(logged)
        for key, records in told.items():
            self.records_tell(records, logged.get(key, []), with_old=key.table == "core")

    def records_tell(self, records: list[ChangeRecord], images: list[Item | None], *, with_old: bool) -> None:
        assert [record.new for record in records] == images
        olds = [None, *images][:-1] if with_old else [None] * len(images)
        assert [record.old for record in records] == olds

    @staticmethod
    def within(sk: str, query: Query) -> bool:
        if query.start and not (sk < query.start[1] if query.descending else sk > query.start[1]):
            return False
        return (query.low is None or sk >= query.low) and (query.high is None or sk <= query.high)


class DynamoMachine(StoreMachine):
    adapter = "dynamodb"

    def records_tell(self, records: list[ChangeRecord], images: list[Item | None], *, with_old: bool) -> None:
        # moto records a creating update twice, first without its changes, and also writes that change nothing.
        told = iter([record.new for record in records])
        assert all(image in told for image in images)
        assert records[-1].new == (images[-1] if images else None)


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_history_of_calls_leaves_what_a_dictionary_would_hold(name: str) -> None:
    machine, examples, steps = (StoreMachine, 60, 25) if name == "sqlite" else (DynamoMachine, 12, 20)

    # Shrinking a failure takes minutes over moto.
    phases = tuple(Phase) if name == "sqlite" else (Phase.generate,)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=phases,
        ),
    )
