"""Credentials for tests: narrow keys, restricted keys, pods and other organizations."""

from __future__ import annotations

import json
from typing import Any

import httpx

from local.invoke import LambdaContext
from mailroom.callers import Caller
from mailroom.ids import uuid7
from mailroom.keys.scopes import Route
from mailroom.keys.service import create_api_key
from mailroom.organizations.service import create_organization
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.meter import metered
from tests.support.stacks import Mailbox, Strict


def other_organization(stack: Mailbox) -> Strict:
    made = create_organization(items=stack.runtime.items, clock=stack.runtime.clock)
    return stack.strict(made["api_key"])


def key(stack: Mailbox, permissions: dict[str, bool] | None = None, *, inbox_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A new key of organization or inbox scope, as `CreateApiKeyResponse`."""
    path = "/api-keys" if inbox_id is None else f"/inboxes/{inbox_id}/api-keys"
    body = more if permissions is None else {"permissions": permissions, **more}
    made = stack.http.post(path, body)
    assert made.status_code == 200
    return dict(made.json())


def using_key(stack: Mailbox, permissions: dict[str, bool] | None = None, *, inbox_id: str | None = None, **more: Any) -> Strict:
    return stack.strict(key(stack, permissions, inbox_id=inbox_id, **more)["api_key"])


def new_pod(stack: Mailbox) -> str:
    """A second pod, put there directly: the pods' own endpoints are tested elsewhere."""
    now = stack.runtime.clock()
    pod = {"pod_id": uuid7(now), "name": "Second", "inbox_count": 0, "created_at": now, "updated_at": now}
    stack.runtime.items.put(keys.pod(organization_id(stack.http), str(pod["pod_id"])), pod)
    return str(pod["pod_id"])


def using_pod_key(stack: Mailbox, pod_id: str, permissions: dict[str, bool] | None = None) -> Strict:
    o = organization_id(stack.http)
    body: Any = {} if permissions is None else {"permissions": permissions}
    made = create_api_key(
        Caller(o, "organization", o), Route(pod_id=pod_id), body, items=stack.runtime.items, clock=stack.runtime.clock
    )
    return stack.strict(made["api_key"])


def organization_id(http: Strict) -> str:
    return str(http.get("/auth/me").json()["organization_id"])


def without_request_id(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Everything of an answer that may not tell a foreign resource from a missing one."""
    varying = ("x-request-id", "date")
    headers = sorted((name, value) for name, value in answer.headers.items() if name.lower() not in varying)
    return answer.status_code, answer.content, headers


def trips(stack: Mailbox, module: Any, resource: str, *, method: str = "GET", body: Any = None, **path: str) -> int:
    """Sequential store trips of a second, warm call of a handler, besides noting the key's use."""
    filled = resource.format(**path)
    event = {
        "httpMethod": method,
        "resource": resource,
        "path": filled,
        "headers": {"Authorization": f"Bearer {stack.backend.api_key}"},
        "body": None if body is None else json.dumps(body),
    }
    with using(stack.runtime):
        module.handler(event, LambdaContext("warm", "1"))
        with metered() as meter:
            answer = module.handler(event, LambdaContext("measured", "2"))
    assert answer["statusCode"] < 300, answer
    return meter.trips
