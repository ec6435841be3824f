"""Lists against a brute-force filter over the same items, whatever the filters, the order and the page size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.messages import list_messages
from functions.threads import list_threads
from local.invoke import LambdaContext
from mailroom.clock import to_wire
from mailroom.config import Config
from mailroom.messages import walker
from mailroom.messages.index import message_entries, message_sort, put_entry
from mailroom.messages.labels import RESTRICTED
from mailroom.messages.record import MessageRecord
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.meter import Meter, metered
from mailroom.store.port import Key, Query
from tests.support.desk import SECRET, Desk
from tests.support.seed import seed

BASE = 1_750_000_000_000
LABELS = ("received", "unread", "work", "later", "spam", "trash")
SUBJECTS = ("Invoice", "invoice overdue", "Lunch", "")


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk(Config(index_shards=3)) as running:
        yield running


def page(desk: Desk, function: Any, path: str, params: dict[str, Any]) -> tuple[dict[str, Any], Meter]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    resource = "/inboxes/{inbox_id}/" + path.rsplit("/", 1)[1] if path.startswith("/inboxes/") else path
    event = {
        "httpMethod": "GET",
        "resource": resource,
        "path": path,
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "multiValueQueryStringParameters": {name: [text] for name, text in texts.items()},
    }
    with using(desk.runtime), metered() as meter:
        answer = function.handler(event, LambdaContext("test", "1"))
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"]), meter


def everything(desk: Desk, function: Any, path: str, name: str, identity: str, params: dict[str, Any]) -> list[str]:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer, _ = page(desk, function, path, params | token)
        assert answer["count"] == len(answer[name]) <= answer["limit"]
        found += [item[identity] for item in answer[name]]
        if "next_page_token" not in answer:
            return found
        token = {"page_token": answer["next_page_token"]}


Crowd = tuple[Desk, str, list[MessageRecord]]


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    """An organization of 120 messages with all mixtures of labels, several of the same millisecond."""
    with Desk(Config(index_shards=3)) as desk:
        yield _crowd(desk)


def _crowd(desk: Desk) -> Crowd:
    inbox_id = desk.inbox("crowd")
    records = []
    for number in range(120):
        labels = tuple(label for bit, label in enumerate(LABELS) if (number * 7 + number // 11) >> bit & 1) or ("received",)
        records.append(seed(desk.runtime, desk.o, inbox_id, labels=labels, ts=BASE + number // 4, subject=SUBJECTS[number % 4]))
    return desk, inbox_id, records


QUERIES = st.fixed_dictionaries(
    {"limit": st.sampled_from([1, 2, 7, 100])},
    optional={
        "labels": st.lists(st.sampled_from([*LABELS, "never"]), max_size=3),
        "ascending": st.booleans(),
        "include_spam": st.booleans(),
        "include_trash": st.booleans(),
        "after": st.integers(BASE - 2, BASE + 32).map(to_wire),
        "before": st.integers(BASE - 2, BASE + 32).map(to_wire),
        "subject": st.lists(st.sampled_from(["inv", "OVER", "z"]), max_size=2),
    },
)


def matches(record: MessageRecord, asked: dict[str, Any]) -> bool:
    included = {label for label in RESTRICTED if asked.get(f"include_{label}")}
    return (
        set(asked.get("labels", ())) <= set(record["labels"])
        and RESTRICTED & set(record["labels"]) <= included
        and ("after" not in asked or to_wire(record["ts"]) > asked["after"])
        and ("before" not in asked or to_wire(record["ts"]) < asked["before"])
        and all(needle.lower() in record.get("subject", "").lower() for needle in asked.get("subject", ()))
    )


@given(asked=QUERIES)
@settings(max_examples=150, deadline=None)
def test_paging_through_any_list_gives_what_a_filter_gives(crowd: Crowd, asked: dict[str, Any]) -> None:
    desk, inbox_id, records = crowd
    chosen = sorted((record for record in records if matches(record, asked)), key=lambda each: keys.index_place(message_sort(each)))
    expected = [record["message_id"] for record in (chosen if asked.get("ascending") else reversed(chosen))]

    found = everything(desk, list_messages, f"/inboxes/{inbox_id}/messages", "messages", "message_id", asked)

    assert found == expected


@given(asked=QUERIES, narrow=st.booleans())
@settings(max_examples=60, deadline=None)
def test_threads_of_all_shards_page_like_those_of_one_inbox(crowd: Crowd, asked: dict[str, Any], narrow: bool) -> None:
    desk, inbox_id, records = crowd
    chosen = sorted((each for each in records if matches(each, asked)), key=lambda each: (each["ts"], each["thread_id"]))
    expected = [record["thread_id"] for record in (chosen if asked.get("ascending") else reversed(chosen))]

    path = f"/inboxes/{inbox_id}/threads" if narrow else "/threads"

    assert everything(desk, list_threads, path, "threads", "thread_id", asked) == expected


# --- cost ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"labels": ["work"]}, {"labels": ["work", "unread"]}])
def test_a_page_costs_the_same_in_a_small_and_in_a_large_inbox(desk: Desk, params: dict[str, Any]) -> None:
    costs = []
    for size in (60, 400):
        inbox_id = desk.inbox(f"cost{size:04}-{len(params.get('labels', ()))}")
        for number in range(size):
            labels = ("received", "unread", "work") if number % 2 else ("received", "spam")
            seed(desk.runtime, desk.o, inbox_id, labels=labels, ts=BASE + number)
        page(desk, list_messages, f"/inboxes/{inbox_id}/messages", {"limit": 1})
        answer, meter = page(desk, list_messages, f"/inboxes/{inbox_id}/messages", {"limit": 10, **params})
        assert answer["count"] == 10
        costs.append((meter.trips, meter.read_units))

    assert costs[0] == costs[1]
    assert costs[0][0] == 2


def test_a_busy_thread_does_not_make_its_list_dearer_before_the_feed_has_followed(desk: Desk) -> None:
    inbox_id = desk.inbox("busy")
    for number in range(30):
        seed(desk.runtime, desk.o, inbox_id, ts=BASE + number)
    newest = seed(desk.runtime, desk.o, inbox_id, ts=BASE + 100)
    for number in range(8):
        seed(desk.runtime, desk.o, inbox_id, ts=BASE + 200 + number, thread_id=newest["thread_id"])
    page(desk, list_threads, f"/inboxes/{inbox_id}/threads", {"limit": 1})

    answer, meter = page(desk, list_threads, f"/inboxes/{inbox_id}/threads", {"limit": 20})

    assert answer["threads"][0]["thread_id"] == newest["thread_id"]
    assert answer["count"] == 20
    assert meter.trips == 2


def test_a_search_for_a_rare_subject_stays_within_its_budget_and_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "MAX_EXAMINED", 100)
    inbox_id = desk.inbox("rare")
    needle = seed(desk.runtime, desk.o, inbox_id, subject="needle", ts=BASE)["message_id"]
    for number in range(350):
        seed(desk.runtime, desk.o, inbox_id, subject="hay", ts=BASE + 1 + number)
    asked = {"subject": ["needle"], "limit": 5}

    first, _ = page(desk, list_messages, f"/inboxes/{inbox_id}/messages", asked)

    assert first["count"] == 0
    assert "next_page_token" in first
    assert everything(desk, list_messages, f"/inboxes/{inbox_id}/messages", "messages", "message_id", asked) == [needle]


# --- entries that disagree ----------------------------------------------------------------------------------------------


def _entries(desk: Desk, inbox_id: str, label: str) -> set[Key]:
    rows = desk.items.query(Query("idx", keys.index_partition(desk.o, inbox_id, "M", label), 100))
    return {Key("idx", row["pk"], row["sk"]) for row in rows}


def test_readers_do_not_believe_the_index_and_clean_up_what_is_old(desk: Desk) -> None:
    inbox_id = desk.inbox("stale")
    record = seed(desk.runtime, desk.o, inbox_id, labels=("received",))
    pretended = {**record, "labels": ["received", "work"]}
    now = desk.clock()
    desk.items.write([put_entry(entry, record["ver"] + 1, now) for entry in message_entries(desk.o, pretended)])  # type: ignore[arg-type]
    path, asked = f"/inboxes/{inbox_id}/messages", {"labels": ["work"]}

    fresh, _ = page(desk, list_messages, path, asked)
    kept = _entries(desk, inbox_id, "work")
    desk.clock.advance(walker.STALE_AFTER_MS + 1000)
    old, _ = page(desk, list_messages, path, asked)

    assert fresh["messages"] == old["messages"] == []
    assert len(kept) == 1
    assert _entries(desk, inbox_id, "work") == set()
    assert page(desk, list_messages, path, {})[0]["count"] == 1
