"""Webhooks as their endpoint tests make and look at them."""

from __future__ import annotations

from typing import Any

import httpx

from mailroom.store import keys
from mailroom.store.port import Item
from tests.support.identity import (
    organization_id,
)
from tests.support.stacks import Mailbox, Strict

URL = "https://example.com/hook"
MANAGE = {f"webhook_{what}": True for what in ("read", "create", "update", "delete")} | {"message_read": True}


def remove_all(stack: Mailbox) -> None:
    for webhook in stack.http.get("/webhooks", params={"limit": 100}).json()["webhooks"]:
        stack.http.delete(f"/webhooks/{webhook['webhook_id']}")


def organization(stack: Mailbox) -> Item:
    row = stack.runtime.items.get(keys.organization(organization_id(stack.http)))
    assert row is not None
    return row


def default_pod(stack: Mailbox) -> str:
    return str(organization(stack)["default_pod_id"])


def counted(stack: Mailbox) -> int:
    return int(organization(stack)["webhook_count"])


def made(http: Strict, prefix: str = "", **body: Any) -> dict[str, Any]:
    answer = http.post(f"{prefix}/webhooks", {"url": URL, "event_types": ["message.received"], **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids(http: Strict, prefix: str = "") -> list[str]:
    return [each["webhook_id"] for each in http.get(f"{prefix}/webhooks").json()["webhooks"]]


def refused(answer: httpx.Response, field: str | None = None) -> bool:
    return answer.status_code == 400 and (field is None or answer.json()["errors"][0]["path"][:1] == [field])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
