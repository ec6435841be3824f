"""A domain becomes VERIFIED over HTTP, and its event is heard where it should be (spec: domains.md, "Verify"; webhooks.md,
"Channels")."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mailroom.domains.record import DomainRecord, record_of
from mailroom.domains.verify import AGAIN_AFTER_MS
from mailroom.store import keys
from mailroom.store.port import Put, Set
from tests.support.domain_rows import publish, registered
from tests.support.identity import organization_id, other_organization, using_key, using_pod_key
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

Register = Callable[..., DomainRecord]


@pytest.fixture
def o(stack: Mailbox) -> str:
    return organization_id(stack.http)


@pytest.fixture
def register(stack: Mailbox, o: str) -> Register:
    return lambda **given: registered(stack.runtime, o, f"{uuid.uuid4().hex[:12]}.example.com", **given)


@pytest.fixture
def pod_id(stack: Mailbox) -> str:
    return str(stack.http.post("/pods", {}).json()["pod_id"])


def row(stack: Mailbox, o: str, record: DomainRecord) -> DomainRecord:
    found = stack.runtime.items.get(keys.domain(o, record["domain"]))
    assert found is not None
    return record_of(found)


def verify(http: Strict, record: DomainRecord, base: str = "") -> tuple[int, str]:
    answer = http.post(f"{base}/domains/{record['domain']}/verify")
    return answer.status_code, answer.json()["code"] if answer.content else ""


def verified_in(http: Strict, base: str = "") -> list[dict[str, Any]]:
    page = http.get(f"{base}/events", params={"event_types": '["domain.verified"]', "limit": 100}).json()
    return [event["domain"] for event in page["events"]]


def test_a_domain_whose_records_are_there_is_verified(stack: Mailbox, o: str, register: Register) -> None:
    record = register()
    publish(stack.backend.names, record)

    answer = stack.http.post(f"/domains/{record['domain']}/verify")

    assert (answer.status_code, answer.content) == (204, b"")
    eventually(lambda: row(stack, o, record)["status"] == "VERIFIED")
    [told] = eventually(lambda: [each for each in verified_in(stack.http) if each["domain"] == record["domain"]])
    assert (told["status"], "reason" in told, {each["status"] for each in told["records"]}) == ("VERIFIED", False, {"VALID"})


def test_one_without_records_waits_for_them(stack: Mailbox, o: str, register: Register) -> None:
    record = register()

    stack.client.domains.verify(record["domain"])

    eventually(lambda: "checked_at" in row(stack, o, record))
    checked = row(stack, o, record)
    assert (checked["status"], checked.get("reason")) == ("PENDING", "dns_records_missing")


def test_the_name_is_taken_in_any_case_and_by_client_id(stack: Mailbox, o: str, register: Register) -> None:
    named, by_client_id = register(), register(client_id=f"c-{uuid.uuid4().hex}")
    client_id = by_client_id["client_id"]
    stack.runtime.items.transact([Put(keys.client_id(o, "domain", client_id), {"id": by_client_id["domain"]})])

    answers = [stack.http.post(f"/domains/{each}/verify").status_code for each in (named["domain"].upper(), client_id)]

    assert answers == [204, 204]


def test_a_call_right_after_another_waits(stack: Mailbox, o: str, register: Register) -> None:
    record = register()
    first = verify(stack.http, record)
    # As if it had just been, however slow this machine is.
    stack.runtime.items.update(keys.domain(o, record["domain"]), [Set("asked_at", stack.runtime.clock())])

    answer = stack.http.post(f"/domains/{record['domain']}/verify")

    assert (first, answer.status_code, answer.json()["code"]) == ((204, ""), 409, "conflict")
    assert 1 <= int(answer.headers["retry-after"]) <= AGAIN_AFTER_MS // 1000


def test_only_who_may_change_the_domain_may_have_it_checked(stack: Mailbox, inbox: str, register: Register, pod_id: str) -> None:
    record, of_pod, mine = register(), using_pod_key(stack, pod_id), register(pod_id=pod_id)
    base = f"/pods/{pod_id}"

    assert verify(using_key(stack, {"domain_read": True}), record) == (403, "missing_permission")
    assert verify(using_key(stack, {}, inbox_id=inbox), record) == (403, "missing_permission")
    assert verify(other_organization(stack), record) == (404, "not_found")
    assert verify(of_pod, record) == (404, "not_found")
    assert verify(stack.http, record, base) == (404, "not_found")
    assert stack.http.post("/domains/unknown.example.com/verify").status_code == 404
    assert verify(of_pod, mine) == (204, "")


def test_a_pods_domain_is_verified_below_its_pod_and_told_there(stack: Mailbox, register: Register, pod_id: str) -> None:
    mine, organizations, base = register(pod_id=pod_id), register(), f"/pods/{pod_id}"
    for each in (mine, organizations):
        publish(stack.backend.names, each)

    answers = [verify(stack.http, organizations), verify(stack.http, mine, base)]

    assert answers == [(204, ""), (204, "")]
    both = {mine["domain"], organizations["domain"]}
    eventually(lambda: both <= {each["domain"] for each in verified_in(stack.http)})
    assert [each["domain"] for each in verified_in(stack.http, base)] == [mine["domain"]]
