"""Lookups against a name server of our own: what there is, what there is not, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.ports import LookupFailed
from mailroom.web import resolver
from mailroom.web.resolver import DnsResolver
from tests.support.nameserver import NameServer, name_server

ZONE = """
$ORIGIN example.com.
@           MX    10 Mail.Example.NET.
@           MX    20 second
@           TXT   "v=spf1 include:example.net ~all"
@           TXT   "two " "strings"
@           A     192.0.2.1
*           MX    10 inbound.example.net.
t1._domainkey  CNAME  T1.dkim.example.net.
deep.below  TXT   "here"
_long       TXT   "{long}" "{long}" "{long}"
$ORIGIN example.net.
t1.dkim     TXT   "v=DKIM1; p=abc"
loop        CNAME loop
"""


@pytest.fixture(scope="module")
def running() -> Iterator[NameServer]:
    with name_server() as server:
        yield server


@pytest.fixture
def server(running: NameServer) -> NameServer:
    running.serve(ZONE.replace("{long}", "x" * 250))
    running.broken = running.silent = False
    running.asked.clear()
    return running


@pytest.fixture
def look_up(server: NameServer) -> DnsResolver:
    return DnsResolver(server.address)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("example.com", "MX", {"10 mail.example.net", "20 second.example.com"}),
        ("example.com", "TXT", {"v=spf1 include:example.net ~all", "two strings"}),
        ("example.com", "A", {"192.0.2.1"}),
        ("example.com", "AAAA", set()),
        ("EXAMPLE.com", "A", {"192.0.2.1"}),
        ("*.example.com", "MX", {"10 inbound.example.net"}),
        ("anything.example.com", "MX", {"10 inbound.example.net"}),
        ("t1._domainkey.example.com", "CNAME", {"t1.dkim.example.net"}),
        ("t1._domainkey.example.com", "TXT", {"v=DKIM1; p=abc"}),
        ("below.example.com", "TXT", set()),
        ("nowhere.test", "TXT", set()),
        ("not..a.name", "TXT", set()),
        (f"{'x' * 64}.example.com", "TXT", set()),
    ],
)
def test_values_come_in_the_form_of_the_port(look_up: DnsResolver, name: str, kind: str, values: set[str]) -> None:
    found = look_up.look_up(name, kind)  # type: ignore[arg-type]

    assert set(found) == values


def test_an_answer_that_is_too_long_for_udp_comes_by_tcp(look_up: DnsResolver, server: NameServer) -> None:
    found = look_up.look_up("_long.example.com", "TXT")

    assert found == ("x" * 750,)
    assert [transport for _, _, transport in server.asked] == ["udp", "tcp"]


def test_what_was_changed_is_seen_at_once(look_up: DnsResolver, server: NameServer) -> None:
    before = look_up.look_up("new.example.org", "TXT")
    server.serve('new.example.org. TXT "now"')

    after = look_up.look_up("new.example.org", "TXT")

    assert (before, after) == ((), ("now",))


def test_a_server_that_fails_tells_nothing(look_up: DnsResolver, server: NameServer) -> None:
    server.broken = True

    with pytest.raises(LookupFailed):
        look_up.look_up("example.com", "MX")


def test_a_chain_of_aliases_that_does_not_end_tells_nothing(look_up: DnsResolver) -> None:
    with pytest.raises(LookupFailed):
        look_up.look_up("loop.example.net", "TXT")


def test_silence_ends_with_the_time_for_one_question(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "LIFETIME_S", 0.1)
    server.silent = True

    with pytest.raises(LookupFailed):
        DnsResolver(server.address).look_up("example.com", "MX")


def test_an_error_names_the_question_and_no_server(look_up: DnsResolver, server: NameServer) -> None:
    server.broken = True

    with pytest.raises(LookupFailed) as failed:
        look_up.look_up("example.com", "MX")

    assert str(failed.value) == "MX of example.com: NoNameservers"
