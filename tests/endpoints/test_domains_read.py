"""Reading domains: one, a list, the zone file and the setup link; and who may (spec: domains.md)."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.domains.zone import zone_file
from tests.support.domains import new_name, registered
from tests.support.drafts import refusal
from tests.support.identity import other_organization, using_key, using_pod_key
from tests.support.stacks import Mailbox, Strict


def names(http: Strict, path: str = "/domains", **params: Any) -> list[str]:
    return [each["domain_id"] for each in http.get(path, params=params).json()["domains"]]


def test_a_domain_is_found_by_its_name_in_any_case_and_by_its_client_id(stack: Mailbox) -> None:
    client_id = f"{uuid.uuid4().hex}.example.org"
    made = registered(stack.http, domain=new_name(), client_id=client_id)

    for named in (made["domain"], made["domain"].upper(), client_id):
        assert stack.http.get(f"/domains/{named}").json() == made


def test_a_name_goes_before_a_client_id_that_looks_the_same(stack: Mailbox) -> None:
    first = registered(stack.http, domain=new_name())
    registered(stack.http, domain=new_name(), client_id=first["domain"])

    assert stack.http.get(f"/domains/{first['domain']}").json() == first


@pytest.mark.parametrize("odd", ["%00", "%23", "%ff.example", "%F0%9F%92%8C", "x" * 3000, "..", "@", "%2e", "a%2Fb"])
def test_odd_ids_are_not_found(stack: Mailbox, odd: str) -> None:
    assert stack.http.get(f"/domains/{odd}").status_code == 404
    assert stack.http.delete(f"/domains/{odd}").status_code == 404


def test_domains_are_listed_newest_first_in_pages_without_their_records(stack: Mailbox) -> None:
    tenant = other_organization(stack)
    made = [registered(tenant, domain=new_name()) for _ in range(3)][::-1]

    first = tenant.get("/domains", params={"limit": 2}).json()
    rest = tenant.get("/domains", params={"limit": 2, "page_token": first["next_page_token"]}).json()

    shown = [{name: value for name, value in each.items() if name not in ("status", "records")} for each in made]
    assert (first["domains"], rest["domains"]) == (shown[:2], shown[2:])
    assert (first["count"], first["limit"], rest["count"], "next_page_token" in rest) == (2, 2, 1, False)
    assert names(tenant, ascending="true") == [each["domain"] for each in made[::-1]]


def test_the_organization_lists_all_a_pod_its_own(stack: Mailbox) -> None:
    tenant = other_organization(stack)
    pods = [tenant.post("/pods").json()["pod_id"] for _ in range(2)]
    common = registered(tenant, domain=new_name())["domain"]
    own = [registered(tenant, f"/pods/{pod}", domain=new_name())["domain"] for pod in pods]

    assert names(tenant) == [own[1], own[0], common]
    assert [names(tenant, f"/pods/{pod}/domains") for pod in pods] == [[own[0]], [own[1]]]
    assert refusal(tenant.get(f"/pods/{uuid.uuid4()}/domains")) == (404, "not_found")


def test_a_pod_knows_its_own_domains_only(stack: Mailbox) -> None:
    pod, other = (stack.http.post("/pods").json()["pod_id"] for _ in range(2))
    common = registered(stack.http, domain=new_name())["domain"]
    own, foreign = (registered(stack.http, f"/pods/{each}", domain=new_name())["domain"] for each in (pod, other))
    narrow = using_pod_key(stack, pod)

    assert names(narrow) == names(narrow, f"/pods/{pod}/domains") == [own]
    assert narrow.get(f"/domains/{own}").status_code == narrow.get(f"/pods/{pod}/domains/{own}").status_code == 200
    for hidden in (common, foreign):
        for http, base in ((narrow, ""), (narrow, f"/pods/{pod}"), (stack.http, f"/pods/{pod}")):
            assert refusal(http.get(f"{base}/domains/{hidden}")) == (404, "not_found")
            assert refusal(http.patch(f"{base}/domains/{hidden}", {"tracking_enabled": True})) == (404, "not_found")
            assert refusal(http.delete(f"{base}/domains/{hidden}")) == (404, "not_found")
            assert refusal(http.get(f"{base}/domains/{hidden}/zone-file")) == (404, "not_found")
    assert refusal(narrow.get(f"/domains/{common}/setup-link")) == (404, "not_found")


def test_a_key_of_an_inbox_has_no_domains(stack: Mailbox, inbox: str) -> None:
    made = registered(stack.http, domain=new_name())["domain"]
    narrow = using_key(stack, inbox_id=inbox)

    for path in ("/domains", f"/domains/{made}", f"/domains/{made}/zone-file", f"/domains/{made}/setup-link"):
        assert refusal(narrow.get(path)) == (403, "missing_permission")


# --- zone file -------------------------------------------------------------------------------------------------------------


def parsed(text: str, origin: str) -> set[tuple[str, str, str]]:
    """(type, name, value) as another reader of zone files understands them."""
    zone = dns.zone.from_text(text, origin=origin, check_origin=False, relativize=False)
    return {(dns.rdatatype.to_text(data.rdtype), str(name).rstrip("."), _value(data)) for name, _, data in zone.iterate_rdatas()}


def _value(data: Any) -> str:
    if data.rdtype == dns.rdatatype.TXT:
        return b"".join(data.strings).decode()
    return f"{data.preference} {str(data.exchange).rstrip('.')}" if data.rdtype == dns.rdatatype.MX else str(data).rstrip(".")


def wanted(records: list[Any]) -> set[tuple[str, str, str]]:
    return {
        (each["type"], each["name"], f"{each['priority']} {each['value']}" if each["type"] == "MX" else each["value"])
        for each in records
    }


def test_the_zone_file_holds_every_record_as_a_name_server_reads_it(stack: Mailbox, tmp_path: Path) -> None:
    pod = stack.http.post("/pods").json()["pod_id"]
    made = registered(stack.http, f"/pods/{pod}", domain=new_name(), subdomains_enabled=True, tracking_enabled=True)
    name = made["domain"]

    answer = stack.http.get(f"/pods/{pod}/domains/{name}/zone-file")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.zone"'
    lines = answer.text.splitlines()
    assert (lines[0], lines[1], len(lines)) == (f"$ORIGIN {name}.", "$TTL 300", len(made["records"]) + 2)
    assert parsed(answer.text, name) == wanted(made["records"])
    assert answer.text == stack.http.get(f"/domains/{name}/zone-file").text
    if checker := shutil.which("named-checkzone"):
        path = tmp_path / "zone"
        path.write_text(f"{answer.text}@ IN SOA ns1.{name}. root.{name}. 1 1 1 1 1\n@ IN NS ns1.{name}.\nns1 IN A 192.0.2.1\n")
        done = subprocess.run([checker, "-i", "local", name, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=700))
@settings(max_examples=30, deadline=None)
def test_any_text_comes_back_from_strings_of_at_most_255_bytes(value: str) -> None:
    record: Any = {"type": "TXT", "name": "x.example.com", "value": value}
    domain: Any = {"domain": "example.com", "records": [record]}

    text = zone_file(domain)

    zone = dns.zone.from_text(text, origin="example.com", check_origin=False, relativize=False)
    found: Any = [data for _, _, data in zone.iterate_rdatas()]
    assert max(map(len, found[0].strings)) <= 255
    assert [b"".join(data.strings).decode() for data in found] == [value]


# --- setup link --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "provider"),
    [
        (["1 smtp.google.com"], "Google Workspace"),
        (["0 example-com.mail.protection.outlook.com"], "Microsoft 365"),
        (["10 mx.example.net"], "mx.example.net"),
        (["0 "], None),
        ([], None),
    ],
)
def test_the_setup_link_names_who_takes_the_mail_now(sqlite_stack: Mailbox, hosts: list[str], provider: str | None) -> None:
    made = registered(sqlite_stack.http, domain=new_name(), inbound_enabled=False)
    own = f"10 {sqlite_stack.runtime.config.domain}"
    sqlite_stack.backend.names.records[made["domain"], "MX"] = [own, *hosts]

    link = sqlite_stack.http.get(f"/domains/{made['domain']}/setup-link").json()

    assert link == {"supported": False, **({"conflicting_provider": provider} if provider else {})}


def test_the_setup_link_says_nothing_where_the_lookup_fails(sqlite_stack: Mailbox) -> None:
    made = registered(sqlite_stack.http, domain=new_name())
    sqlite_stack.backend.names.failing.add(made["domain"])

    assert sqlite_stack.http.get(f"/domains/{made['domain']}/setup-link").json() == {"supported": False}
