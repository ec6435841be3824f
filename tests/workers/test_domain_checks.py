"""Domains on their way to VERIFIED and back, with a clock that the test moves; and timers that come twice, early, late, never."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.domains.model import domain as shown
from mailroom.domains.record import DnsRecord
from mailroom.store import keys
from mailroom.store.port import Set
from mailroom.web.resolver import DnsResolver
from tests.support.domain_desk import DAY, DOMAIN, MINUTE, PENDING, WITHDRAWN, DomainDesk, assert_goes_on, record
from tests.support.nameserver import name_server

MISSING = ("PENDING", "dns_records_missing")
INVALID = ("INVALID", "dns_records_invalid")
CONFIRMING = ("VERIFYING", "ses_dkim_pending")
VERIFIED = ("VERIFIED", None)


@pytest.fixture
def desk() -> Iterator[DomainDesk]:
    with DomainDesk() as desk:
        yield desk


def test_a_domain_walks_all_the_way_and_falls_back(desk: DomainDesk) -> None:
    desk.register(tracking_enabled=True)
    desk.identities.states[DOMAIN] = PENDING
    desk.verify()
    walk = [desk.status()]

    desk.fire()
    walk.append(desk.status())
    desk.publish()
    desk.names.records["mail.example.com", "MX"].append("20 mx.example.org")
    desk.wait(MINUTE)
    walk.append(desk.status())
    desk.publish()
    desk.wait(MINUTE)
    walk.append(desk.status())
    del desk.identities.states[DOMAIN]
    desk.identities.register(DOMAIN, desk.o, feedback=True)
    desk.wait(MINUTE)
    walk.append(desk.status())
    desk.publish(without=["dkim"])
    for _ in range(3):
        desk.wait(DAY)
        walk.append(desk.status())

    assert walk == [MISSING, MISSING, INVALID, CONFIRMING, VERIFIED, VERIFIED, VERIFIED, MISSING]
    assert len(desk.announced()) == 1
    assert desk.claim()["sends"]
    assert_goes_on(desk)


def test_what_is_found_at_each_record_is_noted(desk: DomainDesk) -> None:
    desk.register(subdomains_enabled=True)
    desk.publish(without=["subdomains", "dmarc"])
    desk.names.records["example.com", "MX"] = ["1 mx.example.org"]

    desk.verify()
    desk.fire()

    found = {each["purpose"]: (each["status"], each.get("reason")) for each in desk.row()["records"]}
    assert found == {
        **dict.fromkeys(("dkim", "return_path", "spf"), ("VALID", None)),
        **dict.fromkeys(("subdomains", "dmarc"), ("MISSING", None)),
        "inbound": ("INVALID", "value_mismatch"),
    }
    assert ("*.example.com", "MX") in desk.names.asked


def test_what_a_real_name_server_says_is_understood(desk: DomainDesk) -> None:
    desk.register(subdomains_enabled=True, tracking_enabled=True, ownership="abc123")
    with name_server() as server:
        desk.runtime.resolver = DnsResolver(server.address)
        server.serve("\n".join(line(each) for each in desk.row()["records"]))
        desk.verify()
        desk.fire()
        found = desk.status()
        server.broken = True
        desk.wait(DAY)

    assert (found, desk.status()) == (VERIFIED, VERIFIED)
    assert {each["status"] for each in desk.row()["records"]} == {"VALID"}


def line(record: DnsRecord) -> str:
    """Of a zone, as its owner might write it: text in pieces, hosts in capitals."""
    value = record["value"]
    if record["type"] == "TXT":
        return f'{record["name"]}. TXT "{value[:5]}" "{value[5:]}"'
    return f"{record['name']}. {record['type']} {record.get('priority', '')} {value.upper()}."


def test_a_claim_says_who_may_send_once_the_domain_is_verified(desk: DomainDesk) -> None:
    desk.register()
    before = desk.claim()["sends"]
    desk.publish()

    desk.verify()
    desk.fire()

    assert (before, desk.claim()["sends"], desk.claim()["state"]) == (False, True, "live")


def test_mail_stops_when_the_provider_takes_it_back(desk: DomainDesk) -> None:
    desk.verified()
    desk.identities.states[DOMAIN] = WITHDRAWN

    desk.wait(DAY)

    assert (desk.status(), desk.claim()["sends"]) == (VERIFIED, False)


def test_a_domain_of_a_name_with_another_history_needs_its_token(desk: DomainDesk) -> None:
    desk.register(ownership="abc123")
    desk.publish(without=["ownership"])
    desk.verify()
    desk.fire()
    without = desk.status()

    desk.names.records["_mailroom.example.com", "TXT"] = ["of another owner", "abc123"]
    desk.wait(MINUTE)

    assert (without, desk.status()) == (MISSING, VERIFIED)


# --- events -----------------------------------------------------------------------------------------------------------


def test_each_change_into_verified_is_told_once_with_the_domain_as_it_is(desk: DomainDesk) -> None:
    desk.verified(pod_id="pod-1")
    desk.publish(without=["spf"])
    desk.clock.advance(MINUTE)
    desk.verify()
    desk.fire()
    fallen = desk.status()
    desk.publish()
    desk.wait(MINUTE)
    desk.wait(DAY)

    [event] = desk.announced()

    assert fallen == MISSING
    assert (event["pod_id"], event["payload"]["status"]) == ("pod-1", "VERIFIED")
    assert event["payload"] == shown(desk.row())


# --- the provider -----------------------------------------------------------------------------------------------------


def test_an_identity_that_is_gone_is_registered_again(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.identities.remove(DOMAIN, desk.o)

    desk.verify()
    desk.fire()

    assert (desk.status(), desk.identities.owners) == (VERIFIED, {DOMAIN: desk.o})
    assert [body for _, body in desk.queues.messages] == [{"organization_id": desk.o, "domain": DOMAIN, "remove": True}]


def test_records_that_a_new_identity_does_not_want_any_more_are_renewed(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.verify()
    desk.fire()
    old: Any = [{**each, "name": f"old-{each['name']}"} for each in desk.row()["records"] if each["purpose"] == "dkim"]
    others = [each for each in desk.row()["records"] if each["purpose"] != "dkim"]
    desk.items.update(keys.domain(desk.o, DOMAIN), [Set("records", [*old, *others])])
    desk.identities.remove(DOMAIN, desk.o)

    desk.wait(DAY)

    assert [each["name"] for each in desk.row()["records"]][:3] == [f"t{each}._domainkey.example.com" for each in (1, 2, 3)]
    assert desk.status() == VERIFIED


def test_an_identity_that_turns_out_to_be_somebody_elses_asks_for_a_proof(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.identities.remove(DOMAIN, desk.o)
    desk.identities.known.add(DOMAIN)

    desk.verify()
    desk.fire()

    first = desk.row()["records"][0]
    assert (first["purpose"], first["status"], first["value"]) == ("ownership", "MISSING", desk.row().get("ownership"))
    assert desk.status() == MISSING


def test_a_provider_that_will_not_have_the_domain_any_more_has_said_no(desk: DomainDesk) -> None:
    desk.verified()
    desk.identities.remove(DOMAIN, desk.o)
    desk.identities.refused.add(DOMAIN)
    desk.clock.advance(MINUTE)

    desk.verify()
    desk.fire()

    assert desk.status() == ("FAILED", "ses_dkim_failed")
    assert not desk.claim()["sends"]


def test_a_provider_that_gave_up_before_the_records_were_there_is_asked_once_more(desk: DomainDesk) -> None:
    """SES looks for three days only, and its owner took longer."""
    desk.register()
    desk.identities.states[DOMAIN] = WITHDRAWN
    desk.verify()
    desk.fire()
    registered = record_registrations(desk)
    desk.publish()

    for _ in range(3):
        desk.wait(MINUTE)
    failed = desk.status()
    desk.clock.advance(MINUTE)
    desk.verify()
    asked = desk.status()
    desk.fire()

    assert (failed, asked) == (("FAILED", "ses_dkim_failed"), CONFIRMING)
    assert registered == [True, True]


def record_registrations(desk: DomainDesk) -> list[bool]:
    """Whether each was made for a proven owner."""
    made: list[bool] = []
    register = desk.identities.register

    def recording(domain: str, o: str, *, feedback: bool, proven: bool = False) -> Any:
        made.append(proven)
        return register(domain, o, feedback=feedback, proven=proven)

    desk.identities.register = recording  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize(("state", "kept"), [("live", True), ("released", False)])
def test_an_identity_is_removed_unless_the_domain_is_somebodys_again(desk: DomainDesk, state: str, kept: bool) -> None:
    desk.register()
    desk.items.update(keys.domain_claim(DOMAIN), [Set("state", state)])

    failed = desk.fire([record({"organization_id": desk.o, "domain": DOMAIN, "remove": True})])

    assert (failed, DOMAIN in desk.identities.owners) == ([], kept)
