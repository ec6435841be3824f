"""Inbox search against a reference that reads all inboxes (spec: inboxes.md, "Search")."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.callers import Caller
from mailroom.http.tokens import Paging
from mailroom.inboxes import search
from mailroom.inboxes.create import create_inbox
from mailroom.inboxes.search import InboxSearch, search_inboxes
from mailroom.inboxes.service import delete_inbox, update_inbox
from mailroom.inboxes.words import MAX_WORDS, folded, indexed, words
from mailroom.ports import QueueMessage
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.desk import Desk

ALPHABET = "abB-. éß😀#%"
locals_ = st.text("ab.-", min_size=1, max_size=6).map(lambda text: f"a{text}b".replace("..", "b"))
similar = st.lists(st.sampled_from(["ab", "aba", "abb", "aé", "b-a", "ab😀"]), min_size=1, max_size=4).map(" ".join)
names = st.none() | st.text(ALPHABET, min_size=1, max_size=12) | similar
steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "create", "rename", "delete"]), st.integers(0, 9), locals_, names, st.booleans()
    ),
    max_size=20,
)
queries = (
    similar
    | st.text(ALPHABET, min_size=1, max_size=4).filter(lambda text: bool(text.split()))
    | locals_.map("{}@mailroom.local".format)
)


@dataclass
class Model:
    """What a client that remembers all its inboxes would answer."""

    inboxes: dict[str, dict[str, Any]]

    def answer(self, terms: tuple[str, ...], pod_id: str | None) -> list[str]:
        lead = max(terms, key=len)
        ranked = []
        for inbox_id, inbox in self.inboxes.items():
            if pod_id not in (None, inbox["pod_id"]):
                continue
            of_ranks = words(inbox)  # type: ignore[arg-type]
            all_words = [word for of_rank in of_ranks for word in of_rank]
            if terms == (inbox_id,):
                ranked.append((-1, 0, inbox_id))
            elif all(any(word.startswith(term) for word in all_words) for term in terms):
                rank = next(rank for rank, its in enumerate(of_ranks) if any(word.startswith(lead) for word in its))
                ranked.append((rank, -inbox["created_at"], inbox_id))
        return [inbox_id for _, _, inbox_id in sorted(ranked)]


@contextlib.contextmanager
def small(window: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("WINDOW", window), ("BATCH", 2), ("BATCHES", 1)):
            patch.setattr(search, name, value)
        yield


def played(desk: Desk, played_steps: list[Any]) -> tuple[Caller, Model, str]:
    """An organization after these steps, and what it should hold."""
    caller, model, clock = Caller(desk.o, "organization", desk.o), Model({}), desk.clock
    organization = desk.items.get(keys.organization(desk.o))
    assert organization is not None
    pod, first_pod = "pod-2", organization["default_pod_id"]
    desk.items.put(keys.pod(desk.o, pod), {"pod_id": pod, "name": "Second", "inbox_count": 0})
    for what, which, local, name, second in played_steps:
        inbox_id = f"{local}@mailroom.local"
        chosen = sorted(model.inboxes)[which % len(model.inboxes)] if model.inboxes else None
        if what == "create" and inbox_id not in model.inboxes and desk.items.get(keys.address(inbox_id)) is None:
            where = pod if second else first_pod
            body: Any = {"username": local} if name is None else {"username": local, "display_name": name}
            create_inbox(caller, body, items=desk.items, clock=clock, config=desk.runtime.config, pod_id=where)
            row = desk.items.get(keys.inbox(desk.o, inbox_id))
            assert row is not None
            model.inboxes[inbox_id] = row
        elif what == "rename" and chosen:
            update_inbox(caller, chosen, {"display_name": name}, items=desk.items, clock=clock)
            row = desk.items.get(keys.inbox(desk.o, chosen))
            assert row is not None
            model.inboxes[chosen] = row
        elif what == "delete" and chosen:
            delete_inbox(caller, chosen, items=desk.items, queues=desk.runtime.queues)
            del model.inboxes[chosen]
    return caller, model, pod


def answered(desk: Desk, caller: Caller, terms: tuple[str, ...], pod_id: str | None, limit: int) -> list[str]:
    found, position = [], None
    while True:
        tokens: list[Any] = []
        paging = Paging(limit, False, position, lambda value, tokens=tokens: tokens.append(value) or "token")  # type: ignore[misc]
        page = search_inboxes(caller, InboxSearch(terms, paging), items=desk.items, pod_id=pod_id)
        found += [inbox["inbox_id"] for inbox in page["inboxes"]]
        assert len(page["inboxes"]) <= limit
        if not tokens:
            return found
        position = tokens[0][1:]


@given(played_steps=steps, asked=st.lists(queries, min_size=1, max_size=3), in_pod=st.booleans(), limit=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_answer_is_that_of_a_look_at_every_inbox(played_steps: list[Any], asked: list[str], in_pod: bool, limit: int) -> None:
    with Desk() as desk:
        caller, model, pod = played(desk, played_steps)
        for q in asked:
            terms, pod_id = tuple(folded(q).split()), pod if in_pod else None

            found = answered(desk, caller, terms, pod_id, limit)

            assert found == model.answer(terms, pod_id)


@given(played_steps=steps, q=queries, window=st.integers(1, 4), limit=st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_small_windows_and_batches_lose_and_repeat_nothing(played_steps: list[Any], q: str, window: int, limit: int) -> None:
    with Desk() as desk, small(window):
        caller, model, _ = played(desk, played_steps)
        terms = tuple(folded(q).split())

        found = answered(desk, caller, terms, None, limit)

        assert sorted(found) == sorted(model.answer(terms, None))


@given(played_steps=steps)
@settings(max_examples=100, deadline=None)
def test_the_entries_are_those_of_the_inboxes_that_are_there(played_steps: list[Any]) -> None:
    with Desk() as desk:
        _, model, _ = played(desk, played_steps)

        rows = desk.items.query(Query("idx", keys.inbox_words(desk.o), 10_000))

        assert len(rows) == sum(len(indexed(inbox)) for inbox in model.inboxes.values())  # type: ignore[arg-type]
        assert {keys.index_identity(row["sk"]) for row in rows} == model.inboxes.keys()


class RenamingQueues:
    """Somebody renames the inbox while its deletion is under way, the first time it is heard of."""

    def __init__(self, desk: Desk, caller: Caller, inbox_id: str) -> None:
        self._desk, self._caller, self._inbox_id = desk, caller, inbox_id
        self.sent = 0

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0, group: str | None = None) -> None:
        self.sent += 1
        if self.sent == 1:
            update_inbox(self._caller, self._inbox_id, {"display_name": "new"}, items=self._desk.items, clock=self._desk.clock)

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        raise AssertionError("a deletion asks for its purge by one message at a time")


def test_a_deletion_that_meets_a_rename_leaves_no_entries() -> None:
    with Desk() as desk:
        caller, model, _ = played(desk, [("create", 0, "agent", "old", False)])
        (inbox_id,) = model.inboxes
        queues = RenamingQueues(desk, caller, inbox_id)

        delete_inbox(caller, inbox_id, items=desk.items, queues=queues)

        assert desk.items.query(Query("idx", keys.inbox_words(desk.o), 100)) == []
        assert queues.sent == 2


@given(name=st.text(min_size=1, max_size=256), local=st.text("ab.", max_size=62))
def test_an_inbox_has_few_and_short_entries_that_find_every_word(name: str, local: str) -> None:
    record: Any = {"inbox_id": f"a{local}b@mailroom.local", "display_name": name, "created_at": 1, "pod_id": "p"}

    entries = indexed(record)

    assert 1 <= len(entries) <= sum(MAX_WORDS)
    assert all(1 <= len(entry.text) <= 64 for entry in entries)
    for rank, texts in enumerate(words(record)):
        for text in list(dict.fromkeys(texts))[: MAX_WORDS[rank]]:
            assert any(entry.rank <= rank and entry.text.startswith(text[:64]) for entry in entries)
