"""Drafts as tests make, read and look for them."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx

from mailroom.messages.record import MessageRecord
from mailroom.ports import BlobMissing
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.desk import SECRET, Answer, Desk
from tests.support.identity import organization_id
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict


def at(inbox: str, draft: Any = None, tail: str = "") -> str:
    """The path of an inbox's drafts, or of one, given by its id or as it was answered."""
    named = draft["draft_id"] if isinstance(draft, dict) else draft
    return f"/inboxes/{inbox}/drafts" + (f"/{named}{tail}" if named else "")


def made(stack: Mailbox, inbox: str, **body: Any) -> dict[str, Any]:
    return taken(stack.http.post(at(inbox), body))


def changed(stack: Mailbox, inbox: str, draft: dict[str, Any], **body: Any) -> dict[str, Any]:
    return taken(stack.http.patch(at(inbox, draft), body))


def shown(stack: Mailbox, inbox: str, draft: dict[str, Any]) -> dict[str, Any]:
    return taken(stack.http.get(at(inbox, draft)))


def sent(stack: Mailbox, inbox: str, draft: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The message that the draft has become."""
    message_id = taken(stack.http.post(at(inbox, draft, "/send"), body))["message_id"]
    return taken(stack.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}"))


def taken(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def paths(answer: httpx.Response) -> list[list[str | int]]:
    """The failing fields that a 400 names."""
    assert answer.status_code == 400, answer.text
    return [error["path"] for error in answer.json()["errors"]]


def listed(http: Strict, path: str, **params: Any) -> list[str]:
    return [each["draft_id"] for each in taken(http.get(path, params=params))["drafts"]]


def received(stack: Mailbox, inbox: str, **fields: Any) -> MessageRecord:
    """A message as if Ann had sent it to the inbox and to Bob, with Carl in copy."""
    given: dict[str, Any] = {
        "from": "Ann <ann@example.com>",
        "to": [inbox, "Bob <bob@example.com>"],
        "cc": ["carl@example.com", inbox.replace("@", "+cc@")],
        "subject": "Plan",
        "references": ["<root@example.com>"],
        "bodies": {"text": "See below."},
        "thread_id": str(uuid.uuid4()),
    }
    return seed(stack.runtime, organization_id(stack.http), inbox, **{**given, **fields})


def ahead(**units: float) -> str:
    """That much from now, as clients write it."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**units)).isoformat()


def on_desk(desk: Desk, function: str, method: str, inbox: str, tail: str = "", body: Any = None) -> Answer:
    """A request without a server. `tail`: what follows the path of the inbox's drafts."""
    resource = "/inboxes/{inbox_id}/drafts" + ("/{draft_id}" if tail else "") + ("/send" if tail.endswith("/send") else "")
    event = {
        "httpMethod": method,
        "resource": resource,
        "path": at(inbox) + tail,
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "body": None if body is None else json.dumps(body),
    }
    return Answer(desk.work(f"drafts.{function}", event))


# --- what is stored -----------------------------------------------------------------------------------------------------


def entries(stack: Mailbox, inbox: str, draft_id: str, labels: Iterable[str] = ()) -> list[str]:
    """Partitions of the index that lead to the draft: of all drafts of the inbox, or of those with one of the labels."""
    o = organization_id(stack.http)
    partitions = [keys.index_partition(o, inbox, "D", label) for label in (keys.ALL, *labels)]
    found = [(each, stack.runtime.items.query(Query("idx", each, 1000))) for each in partitions]
    return [each for each, rows in found if any(keys.index_identity(row["sk"]) == draft_id for row in rows)]


def due_rows(stack: Mailbox, draft_id: str) -> int:
    rows = [row for shard in range(16) for row in stack.runtime.items.query(Query("idx", keys.due_drafts(shard), 1000))]
    return sum(row["draft_id"] == draft_id for row in rows)


def has_blob(stack: Mailbox, key: str) -> bool:
    try:
        stack.runtime.blobs.get(key)
    except BlobMissing:
        return False
    return True
