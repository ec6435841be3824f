"""An organization with inboxes on a runtime in memory, driven through the handlers: what a test of workers and services needs."""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

from local.store.database import MEMORY, Database
from mailroom.clock import to_wire
from mailroom.config import Config
from mailroom.keys.credentials import secret_hash
from mailroom.organizations.service import bootstrap
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Put, Query, Set
from tests.support.fakes import FileServer, ManualClock, MemoryBlobs, OutboxMailer, memory_runtime

SECRET = "am_" + "k" * 48


class Answer:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers: dict[str, str] = raw["headers"]
        self.body: dict[str, Any] = json.loads(raw["body"]) if raw["body"] else {}


class Desk:
    """`with Desk() as desk:`. Blobs, mailer and clock are the test's to look into."""

    def __init__(self, config: Config | None = None, items: ItemStore | None = None) -> None:
        """`items`: another store than the one in memory."""
        self.database = Database(MEMORY)
        self.clock = ManualClock()
        self.runtime = memory_runtime(self.database, config=config, clock=self.clock)
        self.runtime.items = items or self.runtime.items
        assert isinstance(self.runtime.blobs, MemoryBlobs)
        assert isinstance(self.runtime.mailer, OutboxMailer)
        assert isinstance(self.runtime.fetcher, FileServer)
        self.blobs, self.mailer, self.fetcher = self.runtime.blobs, self.runtime.mailer, self.runtime.fetcher
        self.items = self.runtime.items
        bootstrap(SECRET, items=self.items, clock=self.clock)
        row = self.items.get(keys.api_key_secret(secret_hash(SECRET)))
        assert row is not None
        self.o: str = row["organization_id"]

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def inbox(self, name: str = "agent", **given: Any) -> str:
        inbox_id = f"{name}@mailroom.local"
        now = self.clock()
        record: Item = {"inbox_id": inbox_id, "pod_id": "pod-1", "created_at": now, "updated_at": now, "ver": now, **given}
        address: Item = {"organization_id": self.o, "inbox_id": inbox_id, "pod_id": "pod-1", "state": "live"}
        self.items.transact([Put(keys.inbox(self.o, inbox_id), record), Put(keys.address(inbox_id), address)])
        return inbox_id

    def note_key_use(self) -> None:
        """No request of this test will do it."""
        self.items.update(keys.api_key_secret(secret_hash(SECRET)), [Set("used_at", self.clock() + 10**9)])

    # --- mail in ------------------------------------------------------------------------------------------------------

    def arrive(
        self,
        raw: bytes,
        *recipients: str,
        verdicts: Mapping[str, str] | None = None,
        provider_id: str = "",
        sender: str = "sender@example.com",
    ) -> dict[str, Any]:
        """Puts the raw mail where the provider would and returns the queue's record."""
        provider_id = provider_id or uuid.uuid4().hex
        self.blobs.put(f"ses/{provider_id}", raw)
        checks = dict.fromkeys(("spam", "virus", "spf", "dkim", "dmarc"), "PASS") | dict(verdicts or {})
        policy = checks.pop("policy", None)
        timestamp = to_wire(self.clock())
        receipt: dict[str, Any] = {
            "timestamp": timestamp,
            "recipients": list(recipients),
            **{f"{name}Verdict": {"status": status} for name, status in checks.items()},
            "action": {"type": "S3", "bucketName": "b", "objectKeyPrefix": "ses/", "objectKey": f"ses/{provider_id}"},
        }
        if policy:
            receipt["dmarcPolicy"] = policy
        notice = {
            "notificationType": "Received",
            "mail": {"messageId": provider_id, "source": sender, "timestamp": timestamp},
            "receipt": receipt,
        }
        return {"messageId": provider_id, "body": json.dumps(notice), "attributes": {"ApproximateReceiveCount": "1"}}

    def receive(self, *records: Mapping[str, Any]) -> list[str]:
        """Runs the worker; the ids of the records that failed."""
        result = self.work("inbound.receive_mail", {"Records": list(records)})
        return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]

    def work(self, function: str, event: Mapping[str, Any]) -> Any:
        handler = importlib.import_module(f"functions.{function}").handler
        with using(self.runtime):
            return handler(event, None)

    # --- the API ------------------------------------------------------------------------------------------------------

    def call(
        self, function: str, resource: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **path: str
    ) -> Answer:
        target = resource
        for name, value in path.items():
            target = target.replace("{" + name + "}", quote(value, safe=""))
        event = {
            "httpMethod": "POST",
            "resource": resource,
            "path": target,
            "headers": {"Authorization": f"Bearer {SECRET}", **(headers or {})},
            "body": body if isinstance(body, str) else json.dumps(body) if body is not None else None,
        }
        return Answer(self.work(f"messages.{function}", event))

    def get(self, function: str, resource: str, query: Mapping[str, str], **path: str) -> Answer:
        event = {
            "httpMethod": "GET",
            "resource": resource,
            "path": resource.format(**path),
            "headers": {"Authorization": f"Bearer {SECRET}"},
            "multiValueQueryStringParameters": {name: [text] for name, text in query.items()},
            "body": None,
        }
        return Answer(self.work(f"messages.{function}", event))

    def send(self, inbox_id: str, body: Any, *, key: str | None = None) -> Answer:
        return self.call("send_message", "/inboxes/{inbox_id}/messages/send", body, headers=_key(key), inbox_id=inbox_id)

    def reply(
        self, inbox_id: str, message_id: str, body: Any, *, key: str | None = None, function: str = "reply_to_message"
    ) -> Answer:
        tail = {"reply_to_message": "reply", "reply_all_to_message": "reply-all", "forward_message": "forward"}[function]
        resource = "/inboxes/{inbox_id}/messages/{message_id}/" + tail
        return self.call(function, resource, body, headers=_key(key), inbox_id=inbox_id, message_id=message_id)

    # --- what is stored -----------------------------------------------------------------------------------------------

    def rows(self, inbox_id: str, prefix: str) -> list[Item]:
        partition = keys.inbox_partition(self.o, inbox_id)
        return self.items.query(Query("core", partition, 10_000, low=prefix, high=prefix + "\uffff"))

    def messages(self, inbox_id: str) -> list[Item]:
        return [row for row in self.rows(inbox_id, "M#") if not row["sk"].endswith("#B")]

    def threads(self, inbox_id: str) -> list[Item]:
        return self.rows(inbox_id, "T#")

    def events(self, inbox_id: str, event_type: str) -> list[Item]:
        return self.items.query(Query("ev", keys.events(self.o, inbox_id, event_type), 10_000))

    def listed(self, inbox_id: str, kind: str, label: str) -> list[Item]:
        return self.items.query(Query("idx", keys.index_partition(self.o, inbox_id, kind, label), 10_000))

    def open_intents(self) -> list[Item]:
        return [row for shard in range(16) for row in self.items.query(Query("idx", keys.open_intents(shard), 100))]


def mail(
    *,
    message_id: str | None = "<m1@example.com>",
    subject: str = "Hello",
    sender: str = "Ann <ann@example.com>",
    to: str = "agent@mailroom.local",
    text: str = "Hi there\n",
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    **fields: str,
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = "Mon, 16 Jun 2025 10:00:00 +0000"
    if message_id:
        message["Message-ID"] = message_id
    if in_reply_to:
        message["In-Reply-To"] = in_reply_to
    if references:
        message["References"] = " ".join(references)
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}
