"""From where somebody signs up (spec: limits.md, "Request rate")."""

from __future__ import annotations

from typing import Any

import pytest

from mailroom.config import Config
from tests.support.desk import Answer, Desk


def sign_up(desk: Desk, number: int, source: str | None) -> int:
    identity: dict[str, Any] = {} if source is None else {"requestContext": {"identity": {"sourceIp": source}}}
    event = {
        "httpMethod": "POST",
        "resource": "/agent/sign-up",
        "path": "/agent/sign-up",
        "headers": {},
        "body": f'{{"username": "agent{number}"}}',
        **identity,
    }
    return Answer(desk.work("agents.sign_up_agent", event)).status


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("192.0.2.1", "192.0.2.1", 429),
        ("192.0.2.1", "192.0.2.2", 200),
        ("::ffff:192.0.2.1", "192.0.2.1", 429),
        ("2001:db8:0:1::1", "2001:0db8:0000:0001:ffff::2", 429),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", 200),
        ("fe80::1%eth0", "fe80::2", 429),
        ("testclient", "testclient", 429),
        (None, None, 429),
    ],
)
def test_an_address_is_counted_by_itself_and_of_ipv6_its_network(first: str | None, second: str | None, third: int) -> None:
    with Desk(Config(sign_up=True, sign_up_limit=2)) as desk:
        answers = [sign_up(desk, 1, first), sign_up(desk, 2, first), sign_up(desk, 3, second)]

    assert answers == [200, 200, third]


def test_what_was_refused_does_not_count_against_the_next_hour() -> None:
    with Desk(Config(sign_up=True, sign_up_limit=1)) as desk:
        first = [sign_up(desk, number, "192.0.2.1") for number in range(3)]
        desk.clock.advance(3_600_000)
        second = [sign_up(desk, number, "192.0.2.1") for number in range(3, 5)]

    assert (first, second) == ([200, 429, 429], [200, 429])
