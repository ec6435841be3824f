"""Webhooks on a desk: events without mail behind them, a receiver that answers as told, a queue that keeps time."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mailroom.events.log import Page
from mailroom.events.positions import page_of
from mailroom.ports import QueueMessage
from mailroom.store import keys
from mailroom.store.port import Item
from mailroom.webhooks.attempt import deliver
from mailroom.webhooks.fanout import enqueue
from mailroom.webhooks.record import WebhookRecord
from tests.support.desk import Desk
from tests.support.events import filled, log_of
from tests.support.fakes import ManualClock, Receiver

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()

Message = Mapping[str, Any]


class TimedQueues:
    """A queue that hands out what is due by the test's clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.waiting: list[tuple[int, Message]] = []
        self.delays: list[int] = []
        self._clock = clock

    def send(self, queue: str, body: Message, *, delay_s: int = 0, group: str | None = None) -> None:
        assert group == body["webhook_id"]
        self.waiting.append((self._clock.now + delay_s * 1000, body))
        self.delays.append(delay_s)

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        for message in messages:
            self.send(queue, message.body, group=message.group)

    def take(self) -> list[Message]:
        """What is due, gone from the queue."""
        due = [body for at, body in self.waiting if at <= self._clock.now]
        self.waiting = [(at, body) for at, body in self.waiting if at > self._clock.now]
        return due

    def next_due(self) -> int:
        return min(at for at, _ in self.waiting)


class Hooks:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.o, self.items, self.clock = desk, desk.o, desk.items, desk.clock
        self.queues = desk.runtime.queues = TimedQueues(desk.clock)
        self.receiver = cast(Receiver, desk.runtime.poster)
        self._numbers = itertools.count(1)

    def webhook(self, **fields: Any) -> WebhookRecord:
        """Stores one, which hears everything by default."""
        now = self.clock()
        record: Any = {
            "webhook_id": f"ep_{next(self._numbers)}",
            "organization_id": self.o,
            "url": "https://hook.example/in",
            "secrets": [{"secret": SECRET}],
            "headers": {},
            "enabled": True,
            "created_at": now,
            "updated_at": now,
            "ver": now,
            **fields,
        }
        self.items.put(keys.webhook(self.o, record["webhook_id"]), record)
        return cast(WebhookRecord, record)

    def stored(self, webhook: WebhookRecord) -> Item:
        row = self.items.get(keys.webhook(self.o, webhook["webhook_id"]))
        assert row is not None
        return row

    def change(self, webhook: WebhookRecord, **fields: Any) -> None:
        self.items.put(keys.webhook(self.o, webhook["webhook_id"]), {**webhook, **fields})

    def page(self, events: int = 1) -> Page:
        """So many new events, on a page of the log."""
        rows = filled(events, items=self.items, clock=self.clock, o=self.o, start=next(self._numbers) * 1000)
        (last,) = [entry for entry in log_of(self.o, items=self.items, clock=self.clock) if entry.event_id == rows[-1]["event_id"]]
        row = self.items.get(keys.log_page(self.o, page_of(last.position)))
        assert row is not None
        return Page.of(row)

    def publish(self, page: Page) -> None:
        enqueue(page, items=self.desk.runtime.items, queues=self.desk.runtime.queues, clock=self.clock)

    def happen(self) -> str:
        """One event, on its way to all who hear of it; its id."""
        page = self.page()
        self.publish(page)
        return page.entries[0].event_id

    def work(self, message: Message) -> list[str]:
        """Runs the function on a queue message; the ids of what failed."""
        records = {"Records": [{"messageId": "m", "body": json.dumps(message)}]}
        failures = self.desk.work("webhooks.deliver_webhook", records)["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def run(self) -> None:
        """Everything that is due now."""
        while due := self.queues.take():
            for message in due:
                deliver(message, runtime=self.desk.runtime)

    def run_to_the_end(self) -> None:
        """Lets time pass until nothing waits."""
        self.run()
        while self.queues.waiting:
            self.clock.now = max(self.clock.now, self.queues.next_due())
            self.run()

    def delivery(self, webhook: WebhookRecord, event_id: str) -> Item:
        row = self.items.get(keys.delivery(self.o, webhook["webhook_id"], event_id))
        assert row is not None
        return row
