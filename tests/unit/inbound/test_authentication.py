"""When a From is believed (docs/lists.md, "Forged senders")."""

from __future__ import annotations

from itertools import product

import pytest

from mailroom.inbound.authentication import authenticated
from mailroom.inbound.notice import Arrival, Verdicts
from mailroom.mail.parsed import ParsedMail

STATUSES = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED")
OWN, FOREIGN = "example.com", "evil.org"


def believed(
    *,
    spf: str = "GRAY",
    dkim: str = "GRAY",
    dmarc: str = "GRAY",
    sender: str = "",
    signers: tuple[str, ...] = (),
    authors: tuple[str, ...] = ("ann@example.com",),
) -> bool:
    verdicts = Verdicts(spam="PASS", virus="PASS", spf=spf, dkim=dkim, dmarc=dmarc, policy="")
    arrival = Arrival("id", 0, sender, ("agent@mailroom.local",), "key", verdicts)
    return authenticated(arrival, ParsedMail(authors=list(authors), signers=list(signers)))


@pytest.mark.parametrize(("spf", "dkim"), list(product(STATUSES, STATUSES)))
def test_a_dmarc_pass_is_believed_with_spf_or_dkim(spf: str, dkim: str) -> None:
    assert believed(spf=spf, dkim=dkim, dmarc="PASS") == ("PASS" in (spf, dkim))


def test_a_dmarc_failure_is_not_believed_whatever_else_passes() -> None:
    assert not believed(spf="PASS", dkim="PASS", dmarc="FAIL", sender=f"a@{OWN}", signers=(OWN,))


@pytest.mark.parametrize("dmarc", ["GRAY", "PROCESSING_FAILED", "DISABLED"])
@pytest.mark.parametrize(
    ("sender", "expected"),
    [("a@example.com", True), ("<bounces+1@mail.Example.com>", True), ("a@evil.org", False), ("", False), ("<>", False)],
)
def test_without_a_policy_spf_counts_for_its_own_domain(dmarc: str, sender: str, expected: bool) -> None:
    assert believed(spf="PASS", dmarc=dmarc, sender=sender) is expected
    assert not believed(spf="GRAY", dmarc=dmarc, sender=sender)


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        ((OWN,), True),
        (("mail." + OWN, OWN), True),
        ((FOREIGN,), False),
        ((OWN, FOREIGN), False),
        ((OWN, ""), False),
        ((), False),
    ],
)
def test_without_a_policy_dkim_counts_where_all_signers_are_the_authors(signers: tuple[str, ...], expected: bool) -> None:
    assert believed(dkim="PASS", signers=signers) is expected
    assert not believed(dkim="GRAY", signers=signers)


def test_one_aligned_mechanism_is_enough() -> None:
    assert believed(spf="PASS", dkim="PASS", sender=f"a@{FOREIGN}", signers=(OWN,))
    assert believed(spf="PASS", dkim="PASS", sender=f"a@{OWN}", signers=(FOREIGN,))


@pytest.mark.parametrize("authors", [(), ("ann@example.com", "eve@evil.org"), ("ann@example.com", "ann@example.com")])
def test_nobody_and_several_authors_are_not_believed(authors: tuple[str, ...]) -> None:
    assert not believed(spf="PASS", dkim="PASS", dmarc="PASS", sender=f"a@{OWN}", signers=(OWN,), authors=authors)
