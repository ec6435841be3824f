"""What custom domains mean for envelope addresses on one machine (design: flows.md, "Mail in")."""

from __future__ import annotations

import pytest

from local.addresses import Kind, bounce_address, bounced_to, classify, signing_domain
from local.store.database import Database
from mailroom.domains.claims import claim_keys, domain_of
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import ItemStore
from tests.support.domain_rows import inbox_at, released_domain, unverified_domain, verified_domain
from tests.support.fakes import memory_runtime

OWN = "mailroom.local"


@pytest.fixture
def runtime(database: Database) -> Runtime:
    runtime = memory_runtime(database)
    verified_domain(runtime, "o", "example.com", subdomains_enabled=True)
    verified_domain(runtime, "o", "out.example.net", inbound_enabled=False)
    unverified_domain(runtime, "o", "waiting.example.net")
    verified_domain(runtime, "p", "theirs.example.com")
    unverified_domain(runtime, "p", "claimed.example.com")
    verified_domain(runtime, "o", "gone.example.net")
    released_domain(runtime, "gone.example.net")
    for name in ("example.com", "x.example.com", "out.example.net", "gone.example.net", "former.example.org", OWN):
        inbox_at(runtime, "o", f"ann@{name}")
    for address in ("old@former.example.org", "old@gone.example.net"):
        runtime.items.put(keys.address(address), {"organization_id": "o", "inbox_id": address, "state": "released"})
    return runtime


@pytest.fixture
def items(runtime: Runtime) -> ItemStore:
    return runtime.items


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (f"ann@{OWN}", "inbox"),
        (f"nobody@{OWN}", "unknown"),
        ("Ann+tag@Example.COM", "inbox"),
        ("ann@x.example.com", "inbox"),
        ("nobody@example.com", "unknown"),
        ("nobody@x.example.com", "unknown"),
        ("nobody@deep.x.example.com", "unknown"),
        ("ann@out.example.net", "foreign"),
        ("nobody@out.example.net", "foreign"),
        ("nobody@below.out.example.net", "foreign"),
        ("ann@gone.example.net", "foreign"),
        ("old@gone.example.net", "foreign"),
        ("nobody@gone.example.net", "foreign"),
        ("ann@former.example.org", "inbox"),
        ("old@former.example.org", "unknown"),
        ("nobody@former.example.org", "foreign"),
        ("nobody@example.org", "foreign"),
        ("nobody@com", "foreign"),
    ],
)
def test_an_address_is_what_the_claim_of_its_domain_says(items: ItemStore, address: str, kind: Kind) -> None:
    assert classify(address, items=items, domain=OWN) == kind


def test_who_only_claims_a_domain_keeps_nobody_s_mail_from_it(items: ItemStore) -> None:
    assert classify("somebody@waiting.example.net", items=items, domain=OWN) == "foreign"
    assert classify("nobody@claimed.example.com", items=items, domain=OWN) == "unknown"


def test_a_name_below_a_domain_without_subdomains_is_not_ours(items: ItemStore) -> None:
    assert classify("nobody@below.theirs.example.com", items=items, domain=OWN) == "foreign"


@pytest.mark.parametrize("inbox", ["ann@example.com", "ann@x.example.com", "ann@out.example.net"])
def test_a_bounce_finds_the_inbox_by_its_return_path(items: ItemStore, inbox: str) -> None:
    registered = "out.example.net" if inbox.endswith("net") else "example.com"

    path = bounce_address(inbox, registered)

    assert path.rpartition("@")[2] == f"mail.{registered}"
    assert bounced_to(path.upper(), items=items, domain=OWN) == inbox


def test_a_return_path_keeps_the_name_and_tells_subdomains_apart() -> None:
    assert bounce_address("ann@example.com", "example.com") == "ann@mail.example.com"
    assert bounce_address("ann@a.b.example.com", "example.com") == "ann=a.b@mail.example.com"
    assert bounce_address(f"{'a' * 63}@b.example.com", "example.com") == f"{'a' * 63}@b.example.com"


@pytest.mark.parametrize(
    "address",
    [
        "nobody@mail.example.com",
        "ann@mail.gone.example.net",
        f"ann@mail.{OWN}",
        "ann@mail.example.org",
        "ann@mail.x.example.com",
        "ann@post.example.com",
        "ann@mail.com",
        "bea=@mail.example.com",
        "=x@mail.example.com",
    ],
)
def test_other_return_paths_are_nobody_s(items: ItemStore, address: str) -> None:
    found = bounced_to(address, items=items, domain=OWN)

    assert found is None or address == "bea=@mail.example.com"


def test_the_owner_of_the_name_itself_gets_its_bounces(runtime: Runtime) -> None:
    unverified_domain(runtime, "p", "mail.example.com")
    only_claimed = bounced_to("ann@mail.example.com", items=runtime.items, domain=OWN)
    verified_domain(runtime, "p", "mail.example.com")

    assert only_claimed == "ann@example.com"
    assert bounced_to("ann@mail.example.com", items=runtime.items, domain=OWN) is None


@pytest.mark.parametrize(
    ("o", "inbox", "signer"),
    [
        ("o", "ann@example.com", "example.com"),
        ("o", "ann@deep.x.example.com", "example.com"),
        ("o", "ann@out.example.net", "out.example.net"),
        ("o", f"ann@{OWN}", None),
        ("o", "ann@former.example.org", None),
        ("o", "ann@waiting.example.net", None),
        ("o", "ann@gone.example.net", None),
        ("q", "ann@example.com", None),
        ("o", "ann@theirs.example.com", None),
        ("o", "ann@claimed.example.com", "example.com"),
        ("p", "ann@theirs.example.com", "theirs.example.com"),
    ],
)
def test_a_mail_is_signed_only_by_the_domain_that_it_is_of(items: ItemStore, o: str, inbox: str, signer: str | None) -> None:
    rows = items.batch_get(claim_keys(domain_of(inbox), default_domain=OWN))

    assert signing_domain(o, inbox, rows, domain=OWN) == signer
