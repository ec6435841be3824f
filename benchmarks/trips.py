"""Sequential store trips and units per operation, in a warm process."""

from __future__ import annotations

import json
import smtplib
import time
import uuid
from typing import Any
from urllib.parse import quote

from benchmarks.mails import mail
from benchmarks.report import Row
from local import Stack, notice, proxy
from local.invoke import Invoker
from local.routing import Router
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.store.meter import Meter, metered

BARS = {
    "get message": 1,
    "list of 20": 2,
    "get thread": 2,
    "send": 3,
    "receive": 4,
    "label change": 3,
    "create draft": 2,
    "send draft": 4,
}


def run() -> list[Row]:
    with Stack(config=Config(rate_per_second=0)) as stack:
        caller = Caller(stack)
        inbox_id = caller.call("POST", "/inboxes", body={"username": "trips"})["inbox_id"]
        with smtplib.SMTP(*stack.smtp) as smtp:
            for number in range(25):
                smtp.sendmail("sender@example.com", [inbox_id], mail(inbox_id, number))
        prefix = f"/inboxes/{quote(inbox_id)}"
        while len(found := caller.call("GET", f"{prefix}/messages")["messages"]) < 25:
            time.sleep(0.02)
        message = f"{prefix}/messages/{quote(found[0]['message_id'], safe='')}"
        operations = {
            "get message": ("GET", message, None),
            "list of 20": ("GET", f"{prefix}/messages?limit=20", None),
            "get thread": ("GET", f"{prefix}/threads/{found[0]['thread_id']}", None),
            "send": ("POST", f"{prefix}/messages/send", {"to": "someone@example.org", "subject": "Hello", "text": "Hello"}),
            "label change": ("PATCH", message, {"add_labels": ["seen"]}),
            "create draft": ("POST", f"{prefix}/drafts", {"to": "someone@example.org", "subject": "Hello", "text": "Hello"}),
        }
        caller.call("PATCH", message, body={"remove_labels": ["unread"]})
        meters = {name: caller.metered(*operation, warm=name != "label change") for name, operation in operations.items()}
        draft = caller.call("GET", f"{prefix}/drafts")["drafts"][0]["draft_id"]
        meters["send draft"] = caller.metered("POST", f"{prefix}/drafts/{draft}/send", None, warm=False)
        meters["receive"] = receive(stack, inbox_id)
    return [row for name, bar in BARS.items() for row in rows(name, meters[name], bar)]


def rows(name: str, meter: Meter, bar: int) -> list[Row]:
    return [
        Row(f"{name}: trips", meter.trips, "", bar=bar),
        Row(f"{name}: read units", meter.read_units, ""),
        Row(f"{name}: write units", meter.write_units, ""),
    ]


class Caller:
    """Calls handlers in process, where the meter can see them."""

    def __init__(self, stack: Stack) -> None:
        self._authorization = (b"authorization", f"Bearer {stack.api_key}".encode())
        self._router = Router(stack.template.routes)
        self._call = Invoker(stack.runtime).call

    def metered(self, method: str, path: str, body: Any, *, warm: bool) -> Meter:
        """`warm`: of a second call, because what a process reads once in its life is not what an operation costs."""
        if warm:
            self.call(method, path, body=body)
        with metered() as meter:
            self.call(method, path, body=body)
        return meter

    def call(self, method: str, path: str, *, body: Any = None) -> Any:
        path, _, query = path.partition("?")
        match = self._router.match(path)
        function = match and match.function(method)
        assert match is not None
        assert function is not None
        data = b"" if body is None else json.dumps(body).encode()
        request = proxy.Request(method, path, query.encode(), [self._authorization], "127.0.0.1", data, "bench")
        answer = proxy.response(self._call(function, proxy.event(request, match), "bench"))
        assert answer.status < 300, answer
        return json.loads(answer.body)


def receive(stack: Stack, inbox_id: str) -> Meter:
    provider_id = uuid.uuid4().hex
    stack.blobs.put(notice.blob_key(provider_id), mail(inbox_id, 1000))
    body = notice.arrival(provider_id, sender="a@example.com", recipients=[inbox_id], verdicts=notice.PASS, now_ms=now_ms())
    record = {"messageId": provider_id, "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": "1"}}
    worker = next(worker for worker in stack.template.queue_workers if worker.queue == "inbound")
    with metered() as meter:
        Invoker(stack.runtime).call(worker.function, {"Records": [record]}, "bench")
    return meter
