"""Inboxes on custom domains: which are in reach, in which pod, and what stands in the way (spec: inboxes.md, "Create")."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from functions.inboxes import create_inbox
from mailroom.domains.claims import standing_of
from mailroom.store.prefetch import PrefetchedStore
from tests.support.domains import new_name, registered, verify
from tests.support.drafts import refusal
from tests.support.identity import organization_id, other_organization, trips, using_pod_key
from tests.support.stacks import Mailbox, Strict


def verified(stack: Mailbox, name: str | None = None, base: str = "", http: Strict | None = None, **flags: Any) -> str:
    http = http or stack.http
    made = registered(http, base, domain=name or new_name(), **flags)["domain"]
    verify(organization_id(http), made, items=stack.runtime.items)
    return str(made)


def at(http: Strict, domain: str, base: str = "") -> Any:
    return http.post(f"{base}/inboxes", {"username": f"u{uuid.uuid4().hex[:8]}", "domain": domain})


def new_pod(stack: Mailbox) -> str:
    return str(stack.http.post("/pods").json()["pod_id"])


def test_an_inbox_stands_on_a_verified_domain(stack: Mailbox) -> None:
    domain = verified(stack)

    by_name = stack.http.post("/inboxes", {"username": "Support", "domain": domain.upper()}).json()
    by_address = stack.http.post("/inboxes", {"inbox_id": f"sales@{domain}"}).json()
    nameless = stack.http.post("/inboxes", {"domain": domain}).json()

    assert (by_name["inbox_id"], by_address["inbox_id"]) == (f"support@{domain}", f"sales@{domain}")
    assert nameless["email"].endswith(f"@{domain}")
    assert refusal(stack.http.post("/inboxes", {"inbox_id": f"sales@{domain}"})) == (403, "resource_taken")


def test_a_domain_beyond_ascii_is_found_as_it_was_registered(stack: Mailbox) -> None:
    name = f"bücher-{uuid.uuid4().hex[:8]}.example"
    made = verified(stack, name)

    assert stack.http.post("/inboxes", {"username": "a", "domain": name}).json()["inbox_id"] == f"a@{made}"


def test_a_domain_that_is_not_verified_takes_no_inbox(stack: Mailbox) -> None:
    domain = registered(stack.http, domain=new_name())["domain"]

    answer = at(stack.http, domain)

    assert refusal(answer) == (403, "domain_not_verified")
    assert answer.json()["fix"]


def test_a_domain_that_fell_back_takes_inboxes_until_the_provider_gives_it_up(stack: Mailbox) -> None:
    domain, o = verified(stack), organization_id(stack.http)

    verify(o, domain, items=stack.runtime.items, status="INVALID")
    fallen = at(stack.http, domain)
    verify(o, domain, items=stack.runtime.items, status="INVALID", withdrawn=True)

    assert fallen.status_code == 200
    assert refusal(at(stack.http, domain)) == (403, "domain_not_verified")


def test_a_domain_that_only_sends_takes_inboxes(stack: Mailbox) -> None:
    assert at(stack.http, verified(stack, inbound_enabled=False)).status_code == 200


def test_a_subdomain_takes_inboxes_where_its_domain_says_so(stack: Mailbox) -> None:
    closed, opened = verified(stack), verified(stack, subdomains_enabled=True)

    refused, taken, deep = at(stack.http, f"a.{closed}"), at(stack.http, f"a.{opened}"), at(stack.http, f"c.b.{opened}")

    assert refusal(refused) == (422, "unprocessable")
    assert taken.json()["inbox_id"].endswith(f"@a.{opened}")
    assert deep.status_code == 200
    stack.http.patch(f"/domains/{opened}", {"subdomains_enabled": False})
    assert refusal(at(stack.http, f"a.{opened}")) == (422, "unprocessable")
    assert stack.http.get(f"/inboxes/{taken.json()['inbox_id']}").status_code == 200


def test_the_most_specific_domain_decides(stack: Mailbox) -> None:
    domain = verified(stack, subdomains_enabled=True)
    registered(stack.http, domain=f"a.{domain}", subdomains_enabled=False)

    assert refusal(at(stack.http, f"a.{domain}")) == (403, "domain_not_verified")
    assert refusal(at(stack.http, f"b.a.{domain}")) == (422, "unprocessable")
    stack.http.delete(f"/domains/a.{domain}")
    assert at(stack.http, f"b.a.{domain}").status_code == 200


def test_what_nobody_registered_or_somebody_else_is_not_found(stack: Mailbox) -> None:
    foreign = verified(stack, http=other_organization(stack), subdomains_enabled=True)
    deleted = verified(stack)
    stack.http.delete(f"/domains/{deleted}")
    default = stack.runtime.config.domain
    odd = ("a..b", "x", "#.example", "[192.0.2.1]", "a" * 253, f"{'a.' * 125}aa")

    for domain in (new_name(), foreign, f"a.{foreign}", deleted, f"sub.{default}", *odd):
        assert refusal(at(stack.http, domain)) == (404, "not_found"), domain
    assert refusal(stack.http.post("/inboxes", {"inbox_id": f"a@{'a.' * 5000}com"})) == (404, "not_found")


def test_a_subdomain_that_another_has_proven_is_out_of_reach_of_the_domain_above(stack: Mailbox) -> None:
    domain, other = verified(stack, subdomains_enabled=True), other_organization(stack)
    registered(other, domain=f"a.{domain}")

    unproven = at(stack.http, f"a.{domain}")
    verify(organization_id(other), f"a.{domain}", items=stack.runtime.items)

    assert unproven.status_code == 200
    assert refusal(at(stack.http, f"a.{domain}")) == (404, "not_found")


def test_who_comes_back_to_a_name_that_was_anothers_receives_nothing_before_the_proof(stack: Mailbox) -> None:
    """Inboxes from the earlier time are still there, and the records of whoever came between."""
    domain, between = verified(stack), other_organization(stack)
    inbox = at(stack.http, domain).json()["inbox_id"]
    stack.http.delete(f"/domains/{domain}")
    verified(stack, domain, http=between)
    between.delete(f"/domains/{domain}")
    registered(stack.http, domain=domain)

    before = stands(stack, inbox)
    verify(organization_id(stack.http), domain, items=stack.runtime.items)

    assert (before, stands(stack, inbox)) == ((False, False), (True, True))


def stands(stack: Mailbox, inbox: str) -> tuple[bool, bool]:
    """Whether it sends, and receives."""
    items, default = PrefetchedStore(stack.runtime.items), stack.runtime.config.domain
    found = standing_of(organization_id(stack.http), inbox, items=items, default_domain=default)
    return found.sends, found.receives


@pytest.mark.parametrize(("subdomains", "receives"), [(True, True), (False, False)])
def test_inboxes_on_subdomains_receive_also_where_the_domains_own_mail_goes_elsewhere(
    stack: Mailbox, subdomains: bool, receives: bool
) -> None:
    domain = verified(stack, inbound_enabled=False, subdomains_enabled=True)
    own, below = (at(stack.http, name).json()["inbox_id"] for name in (domain, f"a.{domain}"))

    stack.http.patch(f"/domains/{domain}", {"subdomains_enabled": subdomains})

    assert (stands(stack, own), stands(stack, below)) == ((True, False), (True, receives))


def test_every_pod_uses_the_organizations_domains(stack: Mailbox) -> None:
    domain, pod = verified(stack), new_pod(stack)

    made = [at(stack.http, domain, f"/pods/{pod}"), at(using_pod_key(stack, pod), domain)]

    assert [each.json()["pod_id"] for each in made] == [pod, pod]


def test_a_pods_domain_takes_its_inboxes_into_the_pod(stack: Mailbox) -> None:
    pod, other = new_pod(stack), new_pod(stack)
    domain = verified(stack, base=f"/pods/{pod}", subdomains_enabled=True)

    for http, base in ((stack.http, ""), (stack.http, f"/pods/{pod}"), (using_pod_key(stack, pod), "")):
        assert at(http, f"a.{domain}", base).json()["pod_id"] == pod
    for http, base in ((stack.http, f"/pods/{other}"), (using_pod_key(stack, other), "")):
        assert refusal(at(http, domain, base)) == (404, "not_found")


def test_a_pods_more_specific_domain_is_not_passed_over_for_the_organizations(stack: Mailbox) -> None:
    domain, pod = verified(stack, subdomains_enabled=True), new_pod(stack)
    verified(stack, f"a.{domain}", base=f"/pods/{pod}")

    assert at(stack.http, f"a.{domain}").json()["pod_id"] == pod
    assert refusal(at(using_pod_key(stack, new_pod(stack)), f"a.{domain}")) == (404, "not_found")


@pytest.mark.parametrize("subdomain", ["", "a."])
def test_a_replay_needs_no_domain_any_more(stack: Mailbox, subdomain: str) -> None:
    domain, client_id = verified(stack, subdomains_enabled=True), uuid.uuid4().hex
    body = {"username": "a", "domain": f"{subdomain}{domain}", "client_id": client_id}
    first = stack.http.post("/inboxes", body).json()
    stack.http.delete(f"/domains/{domain}")

    assert stack.http.post("/inboxes", body).json() == first
    assert stack.http.get(f"/inboxes/{first['inbox_id']}").json() == first


def test_a_custom_domain_costs_no_further_trip(stack: Mailbox) -> None:
    domain, pod = verified(stack, subdomains_enabled=True), new_pod(stack)

    assert trips(stack, create_inbox, "/inboxes", method="POST", body={}) == 3
    assert trips(stack, create_inbox, "/inboxes", method="POST", body={"domain": f"b.a.{domain}"}) == 3
    assert trips(stack, create_inbox, "/pods/{pod_id}/inboxes", method="POST", body={"domain": domain}, pod_id=pod) == 3


def test_the_limit_comes_after_the_domain_and_before_the_address(stack: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = verified(stack)
    taken = at(stack.http, domain).json()["inbox_id"]
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(inbox_limit=0))

    unknown, reached = at(stack.http, new_name()), stack.http.post("/inboxes", {"inbox_id": taken})

    assert (refusal(unknown), refusal(reached)) == ((404, "not_found"), (403, "limit_exceeded"))
