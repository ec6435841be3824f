"""What a polling webhook reads of the log: bounded answers, nothing older than a week, the same for the same iterator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from local.store.database import MEMORY, Database
from local.store.sqlite import SqliteItemStore
from mailroom.errors import ValidationError
from mailroom.events import answers, types
from mailroom.events.horizon import position_at
from mailroom.events.log import KEPT_MS, tail
from mailroom.events.sequence import sequence
from mailroom.store import keys
from mailroom.store.port import Delete, ItemStore, Key
from mailroom.webhooks.polling_events import PollQuery, read_polled_events
from mailroom.webhooks.polling_record import PollingRecord
from tests.support.events import ORGANIZATION, happen
from tests.support.fakes import ManualClock, MemoryBlobs

KEY = b"k" * 32
DAY_MS = 24 * 3600 * 1000


class Log:
    def __init__(self, items: ItemStore) -> None:
        self.items, self.clock, self.count = items, ManualClock(), 0

    def happen(self, count: int = 1, **more: Any) -> list[str]:
        """So many events more, each on a page of its own."""
        happened = []
        for _ in range(count):
            self.count += 1
            row = happen(self.count, items=self.items, **{"ts": self.clock(), **more})
            sequence([row], items=self.items, clock=self.clock)
            happened.append(row["event_id"])
        return happened

    def webhook(self, **more: Any) -> PollingRecord:
        record: Any = {"webhook_id": "ep_1", "organization_id": ORGANIZATION, "client_id": "c", "event_types": [types.SENT]}
        return cast(PollingRecord, {**record, "start": tail(ORGANIZATION, items=self.items), **more})

    def read(self, record: PollingRecord, iterator: str | None = None, limit: int = 50) -> dict[str, Any]:
        query = PollQuery(limit, iterator)
        return read_polled_events(record, query, items=self.items, blobs=MemoryBlobs(), clock=self.clock, key=KEY)


def ids_in(page: dict[str, Any]) -> list[str]:
    return [event["event_id"] for event in page["data"]]


@pytest.fixture
def log() -> Iterator[Log]:
    database = Database(MEMORY)
    yield Log(SqliteItemStore(database))
    database.close()


def test_it_starts_at_the_creation(log: Log) -> None:
    log.happen(3)
    record = log.webhook()

    later = log.happen(2)

    assert ids_in(log.read(record)) == later


def test_a_caught_up_iterator_goes_on_with_what_comes(log: Log) -> None:
    record = log.webhook()
    first = log.happen(2)
    page = log.read(record)

    more = log.happen(1)

    assert (ids_in(page), page["done"]) == (first, True)
    assert ids_in(log.read(record, page["iterator"])) == more


def test_other_scopes_and_types_are_passed_over(log: Log) -> None:
    record = log.webhook(inbox_ids=["mine@mailroom.local"], pod_ids=["pod-9"])

    log.happen()
    mine = log.happen(inbox_id="mine@mailroom.local")
    log.happen(inbox_id="mine@mailroom.local", event_type=types.OPENED)
    covered = log.happen(inbox_id="other@mailroom.local", pod_id="pod-9")
    log.happen(inbox_id=None, pod_id=None, event_type=types.DOMAIN_VERIFIED)

    assert ids_in(log.read(record)) == mine + covered


def test_events_are_kept_for_seven_days(log: Log) -> None:
    record = log.webhook()
    log.happen(5)
    first = log.read(record, limit=2)
    log.clock.advance(6 * DAY_MS)
    recent = log.happen(3)
    assert len(log.read(record)["data"]) == 8

    log.clock.advance(DAY_MS + 60_000)

    assert ids_in(log.read(record)) == recent
    assert ids_in(log.read(record, first["iterator"])) == recent


def test_a_mail_that_waited_long_before_it_was_stored_is_read(log: Log) -> None:
    record = log.webhook()

    late = log.happen(ts=log.clock() - 9 * DAY_MS)

    assert ids_in(log.read(record)) == late


def test_a_subscription_older_than_the_log_starts_at_what_is_kept(log: Log) -> None:
    record = log.webhook(start=0)
    log.happen(4)
    stale = log.read(record, limit=1)["iterator"]
    log.clock.advance(KEPT_MS + DAY_MS)
    log.items.write([Delete(keys.log_page(ORGANIZATION, 1)), Delete(keys.log_page(ORGANIZATION, 3))])
    recent = log.happen(2)

    assert ids_in(log.read(record)) == recent
    with pytest.raises(ValidationError) as raised:
        log.read(record, stale)
    assert raised.value.errors[0].path == ("iterator",)


def test_an_answer_has_at_most_four_megabytes_and_says_where_to_go_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    record = log.webhook()
    happened = log.happen(25)
    monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 3000)

    seen: list[str] = []
    page: dict[str, Any] = {"iterator": None, "done": False}
    while not page["done"]:
        page = log.read(record, page["iterator"])
        assert 0 < len(page["data"]) < 25
        seen += ids_in(page)

    assert seen == happened


def test_an_event_larger_than_an_answer_comes_alone(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    record = log.webhook()
    happened = log.happen(3)
    monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 1)

    assert ids_in(log.read(record)) == happened[:1]


def test_an_event_whose_inbox_is_gone_is_left_out(log: Log) -> None:
    record = log.webhook()
    happened = log.happen(3)
    page = log.items.get(keys.log_page(ORGANIZATION, 2))
    assert page is not None
    gone = page["events"][0]
    log.items.write([Delete(Key("ev", gone["pk"], gone["sk"]))])

    assert ids_in(log.read(record)) == [happened[0], happened[2]]


def test_an_iterator_of_another_deployment_is_refused(log: Log) -> None:
    record = log.webhook()
    page = read_polled_events(record, PollQuery(5, None), items=log.items, blobs=MemoryBlobs(), clock=log.clock, key=b"other" * 8)

    with pytest.raises(ValidationError):
        log.read(record, page["iterator"])


def test_the_position_of_a_time_is_found_among_pages_of_which_some_are_gone(log: Log) -> None:
    times = []
    for _ in range(9):
        times.append(log.clock.now)
        log.happen()
        log.clock.advance(1000)
    log.items.write([Delete(keys.log_page(ORGANIZATION, page)) for page in (1, 2, 4)])

    found = [position_at(ORGANIZATION, since, items=log.items) for since in times]

    pages = {page: log.items.get(keys.log_page(ORGANIZATION, page)) for page in range(5, 10)}
    assert found[4:] == [row["before"] for row in pages.values() if row]
    assert position_at(ORGANIZATION, log.clock.now + 1, items=log.items) == tail(ORGANIZATION, items=log.items)
    assert position_at("nobody", 0, items=log.items) == 0
