"""Registering a domain: what is asked of the name, what comes back, and who may have it (spec: domains.md, "Create")."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.domains import create_domain, get_domain, list_domains
from mailroom.store import keys
from tests.support.domains import new_name, registered, unproven
from tests.support.drafts import paths, refusal
from tests.support.identity import organization_id, other_organization, trips, using_pod_key
from tests.support.stacks import Mailbox

GOOGLE = ["1 ASPMX.L.GOOGLE.COM", "5 alt1.aspmx.l.google.com"]


def test_a_new_domain_is_shown_with_the_records_to_publish(stack: Mailbox) -> None:
    name, client_id = new_name(), uuid.uuid4().hex

    made = registered(stack.http, domain=name.upper(), client_id=client_id)

    records = made.pop("records")
    assert made == {
        "domain_id": name,
        "domain": name,
        "status": "NOT_STARTED",
        "feedback_enabled": True,
        "inbound_enabled": True,
        "subdomains_enabled": False,
        "tracking_enabled": False,
        "client_id": client_id,
        "updated_at": made["created_at"],
        "created_at": made["created_at"],
    }
    signing = [each for each in records if "._domainkey." in each["name"]]
    assert [(each["type"], each["name"]) for each in records if each not in signing] == [
        ("MX", f"mail.{name}"),
        ("TXT", f"mail.{name}"),
        ("TXT", f"_dmarc.{name}"),
        ("MX", name),
    ]
    assert records[: len(signing)] == signing != []
    assert {each["status"] for each in records} == {"MISSING"}
    assert {each.get("priority") for each in records} == {10, None}


def test_flags_add_their_records(stack: Mailbox) -> None:
    name = new_name()

    made = registered(stack.http, domain=name, inbound_enabled=False, subdomains_enabled=True, tracking_enabled=True)

    assert [(each["type"], each["name"]) for each in made["records"]][-2:] == [("MX", f"*.{name}"), ("CNAME", f"link.{name}")]
    assert made["records"][-1]["value"] == f"link.{stack.runtime.config.domain}"
    assert name not in [each["name"] for each in made["records"]]


def test_a_name_beyond_ascii_is_kept_as_dns_has_it(stack: Mailbox) -> None:
    label = uuid.uuid4().hex[:12]

    made = registered(stack.http, domain=f"BÜCHER-{label}.example")

    assert made["domain_id"] == f"bücher-{label}.example".encode("idna").decode()
    assert stack.http.get(f"/domains/Bücher-{label}.example").json() == made


@pytest.mark.parametrize(
    "name",
    [
        "",
        "localhost",
        "192.0.2.1",
        "[192.0.2.1]",
        "2001:db8::1",
        "a..example.com",
        ".example.com",
        "example.com.",
        "-a.example.com",
        "a-.example.com",
        "a_b.example.com",
        "a b.example.com",
        "https://example.com",
        "a@example.com",
        "*.example.com",
        "example.com\n",
        f"{'a' * 64}.example.com",
        f"{'a.' * 124}example.com",
        "mailroom.local",
        "MAILROOM.local",
        "agents.mailroom.local",
        "ü" * 300 + ".example",
        7,
        None,
        ["example.com"],
    ],
)
def test_what_is_no_domain_to_register_is_refused(sqlite_stack: Mailbox, name: Any) -> None:
    assert paths(sqlite_stack.http.post("/domains", {"domain": name})) == [["domain"]]


def test_every_bad_field_is_named(sqlite_stack: Mailbox) -> None:
    answer = sqlite_stack.http.post("/domains", {"feedback_enabled": 1, "inbound_enabled": "true", "client_id": "a@b"})

    assert sorted(paths(answer)) == [["client_id"], ["domain"], ["feedback_enabled"], ["inbound_enabled"]]


def test_nulls_equal_absence(sqlite_stack: Mailbox) -> None:
    made = registered(sqlite_stack.http, domain=new_name(), inbound_enabled=None, tracking_enabled=None, client_id=None)

    assert (made["inbound_enabled"], made["tracking_enabled"], "client_id" in made) == (True, False, False)


def test_a_name_so_long_that_its_records_do_not_fit_is_refused_and_leaves_nothing(stack: Mailbox) -> None:
    name = f"{uuid.uuid4().hex}.{'a' * 63}.{'b' * 63}.{'c' * 63}.example"

    assert refusal(stack.http.post("/domains", {"domain": name})) == (422, "unprocessable")
    assert refusal(stack.http.get(f"/domains/{name}")) == (404, "not_found")


# --- whose it is --------------------------------------------------------------------------------------------------------


def test_a_domain_of_the_organization_is_not_registered_twice_in_whatever_pod(stack: Mailbox) -> None:
    name, pod = new_name(), stack.http.post("/pods").json()["pod_id"]
    registered(stack.http, domain=name)

    answers = [stack.http.post("/domains", {"domain": name}), stack.http.post(f"/pods/{pod}/domains", {"domain": name})]

    assert [refusal(each) for each in answers] == [(403, "already_exists")] * 2


def test_a_domain_of_another_organization_is_taken(stack: Mailbox) -> None:
    name = registered(stack.http, domain=new_name())["domain"]

    assert refusal(other_organization(stack).post("/domains", {"domain": name})) == (403, "resource_taken")


def test_a_used_client_id_gives_the_first_domain_untouched(stack: Mailbox) -> None:
    client_id = uuid.uuid4().hex
    first = registered(stack.http, domain=new_name(), client_id=client_id)

    assert registered(stack.http, domain=new_name(), client_id=client_id, inbound_enabled=False) == first
    assert registered(stack.http, domain=first["domain"], client_id=client_id) == first


def test_a_client_id_of_another_pod_leads_nowhere(stack: Mailbox) -> None:
    client_id, pod = uuid.uuid4().hex, stack.http.post("/pods").json()["pod_id"]
    registered(stack.http, domain=new_name(), client_id=client_id)

    answer = using_pod_key(stack, pod).post("/domains", {"domain": new_name(), "client_id": client_id})

    assert refusal(answer) == (404, "not_found")


def test_a_domain_made_below_a_pod_or_by_its_key_is_the_pods(stack: Mailbox) -> None:
    pod = stack.http.post("/pods").json()["pod_id"]

    below = registered(stack.http, f"/pods/{pod}", domain=new_name())
    by_key = registered(using_pod_key(stack, pod), domain=new_name())

    assert below["pod_id"] == by_key["pod_id"] == pod
    assert refusal(stack.http.delete(f"/pods/{pod}")) == (403, "cannot_delete")
    for each in (below, by_key):
        stack.http.delete(f"/domains/{each['domain']}")
    assert stack.http.delete(f"/pods/{pod}").status_code == 204


def test_a_pod_that_is_not_there_gets_no_domain(stack: Mailbox) -> None:
    gone = stack.http.post("/pods").json()["pod_id"]
    stack.http.delete(f"/pods/{gone}")
    name = new_name()

    for pod in (gone, str(uuid.uuid4())):
        assert refusal(stack.http.post(f"/pods/{pod}/domains", {"domain": name})) == (404, "not_found")
    assert refusal(stack.http.get(f"/domains/{name}")) == (404, "not_found")


def test_of_many_organizations_at_once_one_gets_the_name(stack: Mailbox) -> None:
    name, tenants = new_name(), [other_organization(stack) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda http: http.post("/domains", {"domain": name}), tenants))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"resource_taken"}
    assert sum(http.get("/organizations").json()["domain_count"] for http in tenants) == 1


def test_one_client_id_makes_one_domain_however_many_try_at_once(stack: Mailbox) -> None:
    tenant, client_id = other_organization(stack), uuid.uuid4().hex

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: registered(tenant, domain=new_name(), client_id=client_id), range(4)))

    assert len({each["domain_id"] for each in made}) == 1
    assert tenant.get("/organizations").json()["domain_count"] == 1


# --- what the name has to do with others ----------------------------------------------------------------------------------


def test_a_name_that_nobody_else_ever_had_needs_no_proof(stack: Mailbox) -> None:
    name = new_name()

    own = [registered(stack.http, domain=each) for each in (name, f"a.{name}", f"c.b.{name}", f"b.{name}")]
    stack.http.delete(f"/domains/{name}")
    again = registered(stack.http, domain=name)

    assert [unproven(each) for each in (*own, again)] == [False] * 5


def test_a_name_that_was_last_another_organizations_needs_a_proof_of_ownership(stack: Mailbox) -> None:
    name, former = new_name(), other_organization(stack)
    registered(former, domain=name)
    former.delete(f"/domains/{name}")

    made = registered(stack.http, domain=name)

    assert (made["records"][0]["type"], made["records"][0]["name"]) == ("TXT", f"_mailroom.{name}")
    assert len(made["records"][0]["value"]) >= 32
    stack.http.delete(f"/domains/{name}")
    assert registered(stack.http, domain=name)["records"][0]["name"] != f"_mailroom.{name}"


@pytest.mark.parametrize(("theirs", "ours"), [("", "a."), ("", "b.a."), ("a.", ""), ("b.a.", "")])
def test_a_name_above_or_below_another_organizations_needs_a_proof(stack: Mailbox, theirs: str, ours: str) -> None:
    name, other = new_name(), other_organization(stack)
    registered(other, domain=f"{theirs}{name}")

    assert unproven(registered(stack.http, domain=f"{ours}{name}"))


def test_a_name_beside_another_organizations_needs_none(stack: Mailbox) -> None:
    name, other = new_name(), other_organization(stack)
    for theirs in (f"a.{name}", f"x{name}", f"x-{name}"):
        registered(other, domain=theirs)

    assert not unproven(registered(stack.http, domain=f"b.{name}"))
    assert not unproven(registered(stack.http, domain=f"a-b.{name}"))


def test_a_deleted_name_below_is_nobodys_any_more(stack: Mailbox) -> None:
    name, other = new_name(), other_organization(stack)
    registered(other, domain=f"a.{name}")
    other.delete(f"/domains/a.{name}")

    assert not unproven(registered(stack.http, domain=name))


def test_mail_that_goes_to_google_is_not_taken_away_unasked(stack: Mailbox) -> None:
    name = new_name()
    stack.backend.names.records[name, "MX"] = [each.lower() for each in GOOGLE]

    refused = stack.http.post("/domains", {"domain": name})
    sending_only = registered(stack.http, domain=name, inbound_enabled=False)
    stack.http.delete(f"/domains/{name}")
    allowed = registered(stack.http, domain=name, allow_conflicting_provider=True)

    assert refusal(refused) == (422, "unprocessable")
    assert (sending_only["inbound_enabled"], allowed["inbound_enabled"]) == (False, True)


@pytest.mark.parametrize("hosts", [["10 mx.example.net"], ["0 "], ["10 google.com.example.net"], ["10 notgoogle.com"]])
def test_other_mail_servers_are_no_obstacle(sqlite_stack: Mailbox, hosts: list[str]) -> None:
    name = new_name()
    sqlite_stack.backend.names.records[name, "MX"] = hosts

    assert registered(sqlite_stack.http, domain=name)["status"] == "NOT_STARTED"


def test_a_lookup_that_fails_is_no_conflict(sqlite_stack: Mailbox) -> None:
    name = new_name()
    sqlite_stack.backend.names.failing.add(name)

    assert registered(sqlite_stack.http, domain=name)["inbound_enabled"] is True


# --- what is stored and what it costs ----------------------------------------------------------------------------------------


def test_what_is_stored_is_under_the_organization_but_for_the_claim(stack: Mailbox) -> None:
    o, name, pod = organization_id(stack.http), new_name(), stack.http.post("/pods").json()["pod_id"]

    made = registered(stack.http, f"/pods/{pod}", domain=name, subdomains_enabled=True, feedback_enabled=False)

    items = stack.runtime.items
    assert items.get(keys.domain(o, name)) is not None
    claim = items.get(keys.domain_claim(name))
    assert claim is not None
    assert {key: value for key, value in claim.items() if key not in ("pk", "sk")} == {
        "organization_id": o,
        "pod_id": made["pod_id"],
        "state": "live",
        "sends": False,
        "receives": True,
        "receives_below": True,
        "subdomains": True,
        "tracks": False,
        "feedback": False,
    }


def test_store_trips(stack: Mailbox) -> None:
    name, client_id = new_name(), uuid.uuid4().hex
    registered(stack.http, domain=name, client_id=client_id)

    assert trips(stack, get_domain, "/domains/{domain_id}", domain_id=name) == 1
    assert trips(stack, get_domain, "/domains/{domain_id}", domain_id=client_id) == 2
    assert trips(stack, list_domains, "/domains") == 2
    assert trips(stack, create_domain, "/domains", method="POST", body={"domain": new_name(), "client_id": client_id}) == 3


def test_the_limit_is_shown_and_comes_last(stack: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, name = other_organization(stack), new_name()
    shown = tenant.get("/organizations").json()
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(domain_limit=1))
    registered(tenant, domain=name)
    stack.backend.names.records[f"google.{name}", "MX"] = ["1 smtp.google.com"]

    refused = [tenant.post("/domains", {"domain": each}) for each in (name, f"google.{name}", new_name())]

    assert [refusal(each)[1] for each in refused] == ["already_exists", "unprocessable", "limit_exceeded"]
    limited = tenant.get("/organizations").json()
    assert (limited["domain_count"], limited["domain_limit"], "domain_limit" in shown) == (1, 1, False)
