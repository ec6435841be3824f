"""A page of 20 in an inbox of 100,000 messages, beside one of 1,000, with and without a label filter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from benchmarks.report import Row, percentile
from benchmarks.requests import timed
from benchmarks.servers import mailroom, messages_path
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.messages.index import message_entries, put_entry
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import Item, Put, Update

SMALL, LARGE, GROUP = 1_000, 100_000, 500
COUNTED = 150


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        with mailroom(folder) as server:
            identity = server.call("GET", "/auth/me")
            inboxes = {size: server.call("POST", "/inboxes", {"username": f"holds{size}"}) for size in (SMALL, LARGE)}
        database = Database(Path(folder) / "mailroom.sqlite")
        items = SqliteItemStore(database)
        for size, inbox in inboxes.items():
            fill(items, identity["organization_id"], inbox, size)
        items.feed.trim(str(2**62))
        database.close()
        with mailroom(folder) as server:
            link = server.connect()

            def page(size: int, query: str) -> Callable[[], object]:
                path = f"{messages_path(inboxes[size]['inbox_id'])}?limit=20{query}"
                return lambda: server.call("GET", path, connection=link)

            return [row for name, query in QUERIES.items() for row in compare(name, page(SMALL, query), page(LARGE, query))]


QUERIES = {
    "no filter": "",
    "label on every tenth": "&labels=" + quote('["tenth"]'),
    "two labels": "&labels=" + quote('["tenth","received"]'),
}


def compare(name: str, small: Callable[[], object], large: Callable[[], object]) -> list[Row]:
    """The median of several rounds' ratios, because the machine's speed drifts."""
    timed(small, 50), timed(large, 50)
    rounds = [(percentile(timed(large, COUNTED), 0.5), percentile(timed(small, COUNTED), 0.5)) for _ in range(7)]
    big, little = sorted(rounds, key=lambda pair: pair[0] / pair[1])[3]
    return [
        Row(f"{name}: 1,000 messages", little * 1000, "ms"),
        Row(f"{name}: 100,000 messages", big * 1000, "ms"),
        Row(f"{name}: ratio", big / little, "x", bar=1.2),
    ]


def fill(items: SqliteItemStore, o: str, inbox: dict[str, Any], count: int) -> None:
    """Message rows and their index entries, as a commit writes them."""
    actions: list[Put | Update] = []
    for number in range(count):
        record = _record(inbox, number)
        actions.append(Put(keys.message(o, inbox["inbox_id"], record["message_id"]), cast(Item, record)))
        actions += [put_entry(entry, record["ver"], record["ts"]) for entry in message_entries(o, record)]
        if len(actions) >= GROUP:
            items.write(actions)
            actions = []
    items.write(actions)


def _record(inbox: dict[str, Any], number: int) -> MessageRecord:
    ts = 1_700_000_000_000 + number * 1000
    labels = ["received", "unread", *(["tenth"] if number % 10 == 0 else [])]
    fields: dict[str, Any] = {
        "inbox_id": inbox["inbox_id"],
        "pod_id": inbox["pod_id"],
        "thread_id": f"thread-{number}",
        "message_id": f"<{number}.mail@example.com>",
        "labels": labels,
        "from": f"Sender {number} <sender{number}@example.com>",
        "to": [inbox["inbox_id"]],
        "subject": f"Report {number}",
        "preview": "An agent reads this first. " * 7,
        "size": 12_000,
        "ts": ts,
        "created_at": ts,
        "updated_at": ts,
        "ver": ts,
        "uid": f"uid-{number}",
        "same": f"same-{number}",
        "body": "none",
    }
    return cast(MessageRecord, fields)
