"""Where an inbox stands: on the most specific domain of its organization, unless a name in between is proven to be another's."""

from __future__ import annotations

import pytest

from mailroom.domains.claims import NOWHERE, OWN, Standing, claim_keys, standing
from mailroom.store import keys
from mailroom.store.port import Item, Key

DEFAULT = "mailroom.test"
PARENT, CHILD = "example.com", "sub.example.com"


def claim(o: str = "ours", *, state: str = "live", sends: bool = True, receives: bool = True) -> Item:
    return {"organization_id": o, "state": state, "sends": sends, "receives": receives, "receives_below": True}


def of(name: str, **claims: Item) -> Standing:
    rows: dict[Key, Item] = {keys.domain_claim({"parent": PARENT, "child": CHILD}[each]): row for each, row in claims.items()}
    return standing("ours", name, rows, default_domain=DEFAULT)


def test_the_default_domain_and_names_that_nobody_claimed_are_the_deployments_own() -> None:
    assert of(DEFAULT) == of("former.example.net") == OWN
    assert claim_keys(DEFAULT, default_domain=DEFAULT) == []


def test_the_most_specific_domain_counts() -> None:
    found = of(CHILD, parent=claim(receives=False), child=claim(sends=False))

    assert (found.domain, found.sends, found.receives) == (CHILD, False, True)


def test_a_subdomain_stands_on_its_parent() -> None:
    assert of(CHILD, parent=claim()).domain == PARENT


def test_mail_to_subdomains_does_not_hang_on_mail_to_the_name_itself() -> None:
    parent = claim(receives=False)

    assert [of(name, parent=parent).receives for name in (PARENT, CHILD)] == [False, True]


@pytest.mark.parametrize("child", [claim(state="released"), claim("theirs", sends=False)], ids=["given up", "only claimed"])
def test_a_name_in_between_that_nobody_has_proven_changes_nothing(child: Item) -> None:
    assert of(CHILD, parent=claim(), child=child).domain == PARENT


def test_a_name_in_between_that_another_organization_has_proven_is_theirs() -> None:
    assert of(CHILD, parent=claim(), child=claim("theirs")) == NOWHERE


@pytest.mark.parametrize(
    ("parent", "receives"),
    [(claim("theirs"), False), (claim("theirs", sends=False), True), (claim("theirs", state="released"), True), (claim(), True)],
    ids=["another's", "only claimed", "deleted", "ours"],
)
def test_an_unproven_name_takes_no_mail_from_whoever_has_proven_the_one_above(parent: Item, receives: bool) -> None:
    found = of(CHILD, parent=parent, child=claim(sends=False))

    assert (found.domain, found.sends, found.receives) == (CHILD, False, receives)


@pytest.mark.parametrize("parent", [claim(state="released"), claim("theirs")], ids=["deleted", "another's"])
def test_without_a_domain_of_its_own_an_inbox_stands_nowhere(parent: Item) -> None:
    assert of(PARENT, parent=parent) == NOWHERE
