"""Many drafts that are due in the same second: each is sent once."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from functions.drafts import create_draft
from mailroom.clock import now_ms, to_wire
from mailroom.config import Config
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.due import SHARDS
from mailroom.store.port import Item, Query
from tests.support.moto_stack import MotoStack
from tests.support.pages import everything
from tests.support.polling import eventually
from tests.support.stacks import Backend, SqliteStack

CONFIG = Config(rate_per_second=0)
INBOX = "agent@mailroom.local"
HOUR = 3_600_000


class Watch:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead


@contextlib.contextmanager
def with_drafts(stack: Backend, count: int) -> Iterator[httpx.Client]:
    """Each to a recipient of its own, due in an hour; a client that looks at what becomes of them."""
    headers, send_at = {"Authorization": f"Bearer {stack.api_key}"}, to_wire(now_ms() + HOUR)
    with httpx.Client(base_url=stack.http + "/v0", headers=headers, timeout=60, trust_env=False) as http:
        http.post("/inboxes", json={"username": "agent"}).raise_for_status()
        with using(stack.runtime):
            for number in range(count):
                assert create_draft.handler(event(headers, recipient(number), send_at))["statusCode"] == 200
        yield http


def event(headers: dict[str, str], to: str, send_at: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "resource": "/inboxes/{inbox_id}/drafts",
        "path": f"/inboxes/{INBOX}/drafts",
        "headers": headers,
        "body": json.dumps({"to": [to], "subject": "On time", "text": to, "send_at": send_at}),
    }


def recipient(number: int) -> str:
    return f"r{number}@example.com"


def assert_each_is_sent_once(stack: Backend, http: httpx.Client, count: int) -> None:
    eventually(lambda: len(stack.sent()) >= count, 60)
    eventually(lambda: not traces(stack, http), 60)
    left = Counter(line[4:].decode() for raw in stack.sent() for line in raw.split(b"\r\n") if line[:3] == b"To:")
    assert left == Counter(recipient(number) for number in range(count))
    assert Counter(each["to"][0] for each in everything(http, f"/inboxes/{INBOX}/messages", "messages")) == left


def traces(stack: Backend, http: httpx.Client) -> list[Item]:
    """Entries of drafts, among the due ones and in lists."""
    o = http.get("/organizations").json()["organization_id"]
    partitions = [keys.due_drafts(shard) for shard in range(SHARDS)]
    partitions += [keys.index_partition(o, INBOX, "D", label) for label in (keys.ALL, "scheduled")]
    return [row for each in partitions for row in stack.runtime.items.query(Query("idx", each, 10))]


def test_a_thousand_drafts_due_in_the_same_second_are_sent_once_each() -> None:
    watch = Watch()
    with SqliteStack(CONFIG, clock=watch) as stack, with_drafts(stack, 1000) as http:
        waiting = stack.queues.size("drafts")

        watch.ahead = HOUR
        eventually(lambda: stack.queues.size("drafts") == 0, 60)

        assert_each_is_sent_once(stack, http, 1000)
        assert (waiting, len(http.get("/drafts").json()["drafts"])) == (1000, 0)


def test_a_dozen_drafts_due_in_the_same_second_are_sent_once_each_on_aws() -> None:
    watch = Watch()
    with MotoStack(CONFIG) as stack, with_drafts(stack, 12) as http:
        stack.runtime.clock = watch

        watch.ahead = HOUR

        assert_each_is_sent_once(stack, http, 12)
