"""Ports in memory, for tests of services without a server. Their durability is that of the object: a test that crashes keeps it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.config import Config
from mailroom.ports import (
    BlobMissing,
    FetchedFile,
    FetchFailed,
    Identity,
    IdentityRefused,
    IdentityState,
    LookupFailed,
    OutgoingMail,
    Posted,
    QueueMessage,
    SocketBusy,
    SocketGone,
)
from mailroom.runtime import Runtime

TIMER_NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")
"""What EventBridge Scheduler takes."""


class MemoryBlobs:
    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.types: dict[str, str] = {}

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        self.content[key], self.types[key] = data, content_type

    def get(self, key: str) -> bytes:
        try:
            return self.content[key]
        except KeyError:
            raise BlobMissing(key) from None

    def copy(self, source: str, target: str) -> None:
        self.content[target] = self.get(source)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.content.pop(key, None)

    def delete_prefix(self, prefix: str) -> int:
        found = [key for key in list(self.content) if key.startswith(prefix)]
        self.delete(found)
        return len(found)

    def url(self, key: str, *, filename: str | None, content_type: str | None, inline: bool, seconds: int) -> str:
        return f"https://blobs.test/{key}"


class OutboxMailer:
    """Takes mail like the outbox of one machine: durably, once per intent.

    What stands in `before` and `after` is raised instead of answering: before the mail is taken, or when it has been.
    """

    def __init__(self, domain: str = "provider.test") -> None:
        self.taken: dict[str, tuple[str, OutgoingMail]] = {}
        self.calls: list[OutgoingMail] = []
        self.before: list[BaseException] = []
        self.after: list[BaseException] = []
        self.forgetful = False
        """Like SES: a second call for an intent sends a second mail, and `accepted` knows nothing."""
        self.sent: list[OutgoingMail] = []
        self._domain = domain
        self._gate = threading.Lock()

    def send(self, mail: OutgoingMail) -> str:
        with self._gate:
            self.calls.append(mail)
            if self.before:
                raise self.before.pop(0)
            if self.forgetful or mail.intent_id not in self.taken:
                self.sent.append(mail)
                self.taken[mail.intent_id] = (f"<{len(self.sent)}-{mail.intent_id}@{self._domain}>", mail)
            if self.after:
                raise self.after.pop(0)
            return self.taken[mail.intent_id][0]

    def accepted(self, intent_id: str) -> str | None:
        found = self.taken.get(intent_id)
        return found[0] if found and not self.forgetful else None


class FileServer:
    """A fetcher that knows some files."""

    def __init__(self, files: Mapping[str, FetchedFile] | None = None) -> None:
        self.files = dict(files or {})

    def fetch(self, url: str, *, max_bytes: int) -> FetchedFile:
        found = self.files.get(url)
        if found is None or len(found.data) > max_bytes:
            raise FetchFailed("not to be had")
        return found


class Receiver:
    """A poster whose other side takes everything, unless something else waits in `answers`: a status, an answer, an exception."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.answers: list[int | Posted | BaseException] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Posted:
        self.posts.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Posted) else Posted(answer, b"")


class QueueList:
    def __init__(self) -> None:
        self.messages: list[tuple[str, Mapping[str, Any]]] = []
        self.delays: list[int] = []
        self.groups: list[str | None] = []

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0, group: str | None = None) -> None:
        self.messages.append((queue, body))
        self.delays.append(delay_s)
        self.groups.append(group)

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        for message in messages:
            self.send(queue, message.body, group=message.group)


class TimerList:
    """Timers that fire when a test says so. `failures` are raised by the next calls, instead of their doing anything."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str, int], Mapping[str, Any]] = {}
        """(queue, name, at_ms) -> body."""
        self.failures: list[BaseException] = []

    def set(self, queue: str, name: str, at_ms: int, body: Mapping[str, Any]) -> None:
        assert TIMER_NAME.fullmatch(name), name
        if self.failures:
            raise self.failures.pop(0)
        self.waiting[queue, name, at_ms] = json.loads(json.dumps(body))

    def cancel(self, queue: str, name: str, at_ms: int) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.waiting.pop((queue, name, at_ms), None)

    def fire(self, now_ms: int, *, early_ms: int = 0) -> list[tuple[str, Mapping[str, Any]]]:
        """(queue, body) of those that are due by then, or that much later; they are gone afterwards."""
        due = sorted((key for key in self.waiting if key[2] - early_ms <= now_ms), key=lambda key: key[2])
        return [(key[0], self.waiting.pop(key)) for key in due]


class SocketList:
    """Sockets that take everything, except for those in `gone` and `busy`. What was sent and closed is kept, in order."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, dict[str, Any]]] = []
        self.closed: dict[str, int] = {}
        self.gone: set[str] = set()
        self.busy: set[str] = set()

    def post(self, connection_id: str, text: str) -> None:
        if connection_id in self.gone or connection_id in self.closed:
            raise SocketGone
        if connection_id in self.busy:
            raise SocketBusy
        self.frames.append((connection_id, json.loads(text)))

    def post_all(self, frames: Mapping[str, Sequence[str]]) -> list[str]:
        lost = []
        for connection_id, texts in frames.items():
            try:
                for text in texts:
                    self.post(connection_id, text)
            except (SocketGone, SocketBusy):
                lost.append(connection_id)
        return lost

    def close(self, connection_id: str, code: int, reason: str) -> None:
        self.closed.setdefault(connection_id, code)

    def sent_to(self, connection_id: str) -> list[dict[str, Any]]:
        return [frame for to, frame in self.frames if to == connection_id]


class Names:
    """DNS as a test says it is: (name, type) -> values. Names in `failing` get no answer."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.failing: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def look_up(self, name: str, kind: str) -> tuple[str, ...]:
        self.asked.append((name, kind))
        if name in self.failing:
            raise LookupFailed(name)
        return tuple(self.records.get((name, kind), ()))

    def publish(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The records of a domain, as the API shows them."""
        for record in records:
            value = f"{record['priority']} {record['value']}" if record["type"] == "MX" else record["value"]
            self.records.setdefault((record["name"], record["type"]), []).append(value)


class IdentityList:
    """A provider that confirms what a test says; a domain in `refused` is not taken, one in `known` was there before."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.states: dict[str, IdentityState] = {}
        self.feedback: dict[str, bool] = {}
        self.refused: set[str] = set()
        self.known: set[str] = set()

    def register(self, domain: str, organization_id: str, *, feedback: bool, proven: bool = False) -> Identity:
        if domain in self.refused:
            raise IdentityRefused("The mail provider does not accept this domain")
        self.owners.setdefault(domain, organization_id)
        self.states.setdefault(domain, IdentityState("success", "success", sends=True))
        self.feedback[domain] = feedback
        return Identity(
            dkim=tuple(("CNAME", f"{token}._domainkey.{domain}", f"{token}.dkim.example.net") for token in ("t1", "t2", "t3")),
            return_path_host="bounces.example.net",
            spf="include:example.net",
            inbound_host="inbound.example.net",
            foreign=domain in self.known or self.owners[domain] != organization_id,
        )

    def state(self, domain: str) -> IdentityState | None:
        return self.states.get(domain)

    def set_feedback(self, domain: str, enabled: bool) -> None:
        self.feedback[domain] = enabled

    def remove(self, domain: str, organization_id: str) -> None:
        if self.owners.get(domain) == organization_id:
            del self.owners[domain], self.states[domain]


class NoLimit:
    def allow(self, organization_id: str, now_ms: int) -> bool:
        return True


@dataclass
class ManualClock:
    """Moves one millisecond with each look, so that nothing happens at the same time unless a test says so."""

    now: int = 1_750_000_000_000
    gate: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> int:
        with self.gate:
            self.now += 1
            return self.now

    def advance(self, ms: int) -> None:
        with self.gate:
            self.now += ms


def memory_runtime(database: Database, *, config: Config | None = None, clock: Callable[[], int] | None = None) -> Runtime:
    return Runtime(
        config=config or Config(),
        items=SqliteItemStore(database),
        blobs=MemoryBlobs(),
        queues=QueueList(),
        timers=TimerList(),
        mailer=OutboxMailer(),
        fetcher=FileServer(),
        poster=Receiver(),
        sockets=SocketList(),
        limiter=NoLimit(),
        identities=IdentityList(),
        resolver=Names(),
        clock=clock or ManualClock(),
    )
