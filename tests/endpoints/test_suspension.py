"""A suspended organization over HTTP: refused with whatever it has, and as before when it is resumed (docs/decisions/0019)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from functions.inboxes import list_inboxes
from local.invoke import LambdaContext
from mailroom.organizations.suspension import resume, suspend
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Query
from tests.support.identity import organization_id, other_organization
from tests.support.polling import eventually
from tests.support.socket import refusal, socket
from tests.support.stacks import Mailbox

REFUSED = (403, "forbidden", "The organization is suspended")


class Tenant:
    """An organization of its own with an inbox."""

    def __init__(self, stack: Mailbox) -> None:
        self._stack = stack
        self.http = other_organization(stack)
        self.o = organization_id(self.http)
        self.inbox = str(self.http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()["inbox_id"])

    def suspend(self) -> int:
        return suspend(self.o, items=self._stack.runtime.items, clock=self._stack.runtime.clock)

    def resume(self) -> int:
        return resume(self.o, items=self._stack.runtime.items)

    def key(self, prefix: str = "") -> str:
        return str(self.http.post(f"{prefix}/api-keys", {}).json()["api_key"])


@pytest.fixture
def tenant(stack: Mailbox) -> Tenant:
    return Tenant(stack)


def told(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


def test_every_key_of_every_scope_is_refused_until_the_organization_is_resumed(stack: Mailbox, tenant: Tenant) -> None:
    pod = tenant.http.get(f"/inboxes/{tenant.inbox}").json()["pod_id"]
    views = [tenant.http, *(stack.strict(tenant.key(each)) for each in ("", f"/pods/{pod}", f"/inboxes/{tenant.inbox}"))]

    assert tenant.suspend() == 4
    refused = [told(each.get("/inboxes")) for each in views]
    changed = tenant.resume()

    assert refused == [REFUSED] * 4
    assert changed == 4
    assert [each.get("/inboxes").status_code for each in views] == [200] * 4


def test_nobody_else_is_refused(stack: Mailbox, tenant: Tenant) -> None:
    tenant.suspend()

    assert stack.http.get("/inboxes").status_code == 200


def test_a_session_token_is_refused_and_works_again(stack: Mailbox, tenant: Tenant) -> None:
    session = stack.strict(tenant.http.post("/auth/token", {}).json()["token"])

    tenant.suspend()
    refused = told(session.get("/inboxes"))
    tenant.resume()

    assert refused == REFUSED
    assert session.get("/inboxes").status_code == 200


def test_open_sockets_are_closed_and_no_new_ones_opened(stack: Mailbox, tenant: Tenant) -> None:
    by_key, token = tenant.key(), tenant.http.post("/auth/token", {}).json()["token"]

    with socket(stack.backend.ws, by_key) as first, socket(stack.backend.ws, token) as second:
        first.subscribe()
        second.subscribe()
        tenant.suspend()

        assert (first.closed(), second.closed()) == (1008, 1008)
    for credential in (by_key, token):
        status, body = refusal(stack.backend.ws, credential)
        assert (status, body["message"]) == (403, "The organization is suspended")
    tenant.resume()
    with socket(stack.backend.ws, by_key) as again:
        assert again.subscribe() == {"type": "subscribed"}


def test_a_polling_token_reads_nothing_meanwhile(stack: Mailbox, tenant: Tenant) -> None:
    made = tenant.http.post("/webhooks/polling", {"client_id": "p", "event_types": ["message.received"]}).json()
    poller = stack.strict(made["token"])
    path = f"/webhooks/polling/{made['webhook_id']}/events"
    assert poller.get(path).status_code == 200

    tenant.suspend()
    refused = told(poller.get(path))
    tenant.resume()

    assert refused == REFUSED
    assert poller.get(path).status_code == 200


def test_mail_still_arrives_and_is_there_afterwards(stack: Mailbox, tenant: Tenant) -> None:
    mail = f"From: ann@example.com\r\nTo: {tenant.inbox}\r\nSubject: Meanwhile\r\n\r\nHello\r\n".encode()
    tenant.suspend()

    stack.deliver(mail, tenant.inbox)
    eventually(lambda: _stored(stack, tenant))
    tenant.resume()

    (message,) = tenant.http.get(f"/inboxes/{tenant.inbox}/messages").json()["messages"]
    assert message["subject"] == "Meanwhile"


def test_being_refused_costs_no_trip_more_than_being_served(stack: Mailbox, tenant: Tenant) -> None:
    key = tenant.key()
    event = {"httpMethod": "GET", "resource": "/inboxes", "path": "/inboxes", "headers": {"Authorization": f"Bearer {key}"}}
    with using(stack.runtime):
        list_inboxes.handler(event, LambdaContext("warm", "1"))
        tenant.suspend()
        with metered() as meter:
            answer = list_inboxes.handler(event, LambdaContext("refused", "2"))

    assert (answer["statusCode"], meter.trips) == (403, 1)


def _stored(stack: Mailbox, tenant: Tenant) -> bool:
    partition = keys.index_partition(tenant.o, tenant.inbox, "M", "*")
    return bool(stack.runtime.items.query(Query("idx", partition, 1)))
