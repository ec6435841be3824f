"""Switching a domain's flags: records, status, claim and the provider follow (spec: domains.md, "Update")."""

from __future__ import annotations

from typing import Any

import pytest

from mailroom.domains.schedule import DAY_MS
from mailroom.domains.status import HOUR_MS
from mailroom.store import keys
from mailroom.store.due import shard_of
from mailroom.store.port import Item, Query, Set
from tests.support.domains import new_name, registered, verify
from tests.support.drafts import paths, refusal
from tests.support.identity import organization_id
from tests.support.stacks import Mailbox


class Sent:
    """Queues that only note."""

    def __init__(self) -> None:
        self.domains: list[dict[str, Any]] = []

    def send(self, queue: str, body: Any, *, delay_s: int = 0, group: str | None = None) -> None:
        assert queue == "domains"
        self.domains.append(dict(body))


@pytest.fixture
def sent(stack: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Sent:
    noted = Sent()
    monkeypatch.setattr(stack.runtime, "queues", noted)
    return noted


def changed(stack: Mailbox, name: str, **flags: Any) -> dict[str, Any]:
    answer = stack.http.patch(f"/domains/{name}", flags)
    assert answer.status_code == 200, answer.text
    assert stack.http.get(f"/domains/{name}").json() == answer.json()
    return dict(answer.json())


def claim(stack: Mailbox, name: str) -> Item:
    return stack.runtime.items.get(keys.domain_claim(name)) or {}


def of_purpose(domain: dict[str, Any], name: str) -> list[tuple[str, str, str]]:
    return [(each["type"], each["value"], each["status"]) for each in domain["records"] if each["name"] == name]


def set_records(stack: Mailbox, name: str, status: str) -> None:
    """As if each record had been found so."""
    key = keys.domain(organization_id(stack.http), name)
    row = stack.runtime.items.get(key) or {}
    stack.runtime.items.update(key, [Set("records", [{**each, "status": status} for each in row["records"]])])


def test_flags_bring_and_take_their_records_and_reach_the_claim(stack: Mailbox, sent: Sent) -> None:
    made = registered(stack.http, domain=new_name(), inbound_enabled=False)
    name = made["domain"]

    on = changed(stack, name, inbound_enabled=True, subdomains_enabled=True, tracking_enabled=True, feedback_enabled=False)

    assert on["updated_at"] > made["updated_at"]
    assert [each["name"] for each in on["records"]][-3:] == [name, f"*.{name}", f"link.{name}"]
    assert on["records"][: len(made["records"])] == made["records"]
    (inbound,), (wildcard,) = of_purpose(on, name), of_purpose(on, f"*.{name}")
    assert inbound == wildcard
    row = claim(stack, name)
    assert [row[each] for each in ("receives", "subdomains", "tracks", "feedback", "sends")] == [True, True, True, False, False]
    off = changed(stack, name, inbound_enabled=False, subdomains_enabled=False, tracking_enabled=False, feedback_enabled=True)
    assert off["records"] == made["records"]
    assert [claim(stack, name)[each] for each in ("receives", "subdomains", "tracks", "feedback")] == [False, False, False, True]
    assert (on["status"], off["status"], sent.domains) == ("NOT_STARTED", "NOT_STARTED", [])


@pytest.mark.parametrize("flag", ["inbound_enabled", "subdomains_enabled"])
def test_a_verified_domain_that_needs_another_record_is_pending_and_goes_on_sending(stack: Mailbox, sent: Sent, flag: str) -> None:
    o, made = organization_id(stack.http), registered(stack.http, domain=new_name(), inbound_enabled=False)
    name = made["domain"]
    set_records(stack, name, "VALID")
    verify(o, name, items=stack.runtime.items)

    waiting = changed(stack, name, **{flag: True})

    assert (waiting["status"], waiting["reason"]) == ("PENDING", "dns_records_missing")
    assert [each["status"] for each in waiting["records"]] == [*["VALID"] * len(made["records"]), "MISSING"]
    assert claim(stack, name)["sends"] is True
    assert sent.domains == [{"organization_id": o, "domain": name}]
    back = changed(stack, name, **{flag: False})
    assert back["status"] == "PENDING"
    assert sent.domains == [{"organization_id": o, "domain": name}] * 2


@pytest.mark.parametrize("status", ["INVALID", "VERIFYING", "FAILED"])
def test_whatever_a_domain_waits_for_a_missing_record_comes_first(stack: Mailbox, sent: Sent, status: str) -> None:
    name = registered(stack.http, domain=new_name(), inbound_enabled=False)["domain"]
    o = organization_id(stack.http)
    stack.runtime.items.update(keys.domain(o, name), [Set("status", status), Set("reason", "dns_records_invalid")])

    waiting = changed(stack, name, inbound_enabled=True)

    assert (waiting["status"], waiting["reason"]) == ("PENDING", "dns_records_missing")
    assert sent.domains == [{"organization_id": o, "domain": name}]


def test_a_check_that_was_never_asked_for_is_due_within_the_hour(stack: Mailbox, sent: Sent) -> None:
    name, now = registered(stack.http, domain=new_name(), inbound_enabled=False)["domain"], stack.runtime.clock()
    verify(organization_id(stack.http), name, items=stack.runtime.items, next_check_at=now + DAY_MS)

    changed(stack, name, inbound_enabled=True)

    due = stack.runtime.items.query(Query("idx", keys.due_checks(shard_of(name)), 1000))
    [entry] = [row for row in due if row["domain"] == name]
    row = stack.runtime.items.get(keys.domain(organization_id(stack.http), name)) or {}
    assert entry["timer"] == row["next_check_at"]
    assert now < entry["timer"] <= stack.runtime.clock() + HOUR_MS
    assert now <= row["watched_since"]


@pytest.mark.parametrize(
    "flags", [{"tracking_enabled": True}, {"feedback_enabled": False}, {"inbound_enabled": False}, {"subdomains_enabled": False}]
)
def test_what_needs_no_further_record_leaves_a_verified_domain_verified(stack: Mailbox, sent: Sent, flags: dict[str, Any]) -> None:
    name = registered(stack.http, domain=new_name(), subdomains_enabled=True)["domain"]
    verify(organization_id(stack.http), name, items=stack.runtime.items)

    assert changed(stack, name, **flags)["status"] == "VERIFIED"
    assert sent.domains == []


def test_what_is_so_already_changes_nothing(stack: Mailbox, sent: Sent) -> None:
    made = registered(stack.http, domain=new_name())
    verify(organization_id(stack.http), made["domain"], items=stack.runtime.items)
    before = stack.http.get(f"/domains/{made['domain']}").json()

    assert changed(stack, made["domain"], inbound_enabled=True, tracking_enabled=False) == before


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, []),
        ({"domain": "example.org"}, []),
        ({"inbound_enabled": None}, ["inbound_enabled"]),
        ({"feedback_enabled": "yes"}, ["feedback_enabled"]),
        ({"subdomains_enabled": 1}, ["subdomains_enabled"]),
        ({"tracking_enabled": []}, ["tracking_enabled"]),
    ],
)
def test_a_bad_update_is_refused(sqlite_stack: Mailbox, body: Any, path: list[str]) -> None:
    name = registered(sqlite_stack.http, domain=new_name())["domain"]

    assert paths(sqlite_stack.http.patch(f"/domains/{name}", body)) == [path]


# --- delete ------------------------------------------------------------------------------------------------------------------


def test_a_deleted_domain_is_gone_and_its_name_and_client_id_are_free(stack: Mailbox) -> None:
    made = registered(stack.http, domain=new_name(), client_id=new_name())
    name, o = made["domain"], organization_id(stack.http)
    before = stack.http.get("/organizations").json()["domain_count"]

    assert stack.http.delete(f"/domains/{made['client_id']}").status_code == 204

    for path in (f"/domains/{name}", f"/domains/{made['client_id']}", f"/domains/{name}/zone-file"):
        assert refusal(stack.http.get(path)) == (404, "not_found")
    assert refusal(stack.http.delete(f"/domains/{name}")) == (404, "not_found")
    assert name not in [each["domain"] for each in stack.http.get("/domains", params={"limit": 100}).json()["domains"]]
    assert stack.http.get("/organizations").json()["domain_count"] == before - 1
    row = claim(stack, name)
    assert (row["state"], row["organization_id"], row["sends"], row["receives"]) == ("released", o, False, False)
    again = registered(stack.http, domain=name, client_id=made["client_id"])
    assert again["created_at"] > made["created_at"]
    assert "released_at" not in claim(stack, name)


def test_the_identity_goes_with_the_domain(stack: Mailbox) -> None:
    name = registered(stack.http, domain=new_name())["domain"]
    there = stack.runtime.identities.state(name)

    stack.http.delete(f"/domains/{name}")

    assert there is not None
    assert stack.runtime.identities.state(name) is None


def test_nothing_of_a_deleted_domain_is_left_but_its_claim(stack: Mailbox) -> None:
    name, o, items = new_name(), organization_id(stack.http), stack.runtime.items
    registered(stack.http, domain=name, client_id=name)

    stack.http.delete(f"/domains/{name}")

    left = [keys.domain(o, name), keys.client_id(o, "domain", name), keys.family_domain(name)]
    assert items.batch_get(left) == {}
    entries = items.query(Query("idx", keys.domain_list(o), 1000))
    assert [row for row in entries if row["sk"].endswith(f"#{name}")] == []
