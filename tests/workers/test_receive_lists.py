"""Lists at all scopes when mail arrives, what they cost, and mails that name no author or several (spec: lists.md, "Receiving")."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.store.meter import metered
from tests.support.desk import Desk, mail
from tests.support.dynamo import dynamo_items
from tests.support.lists import counts, listed

POD = "pod-1"


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with contextlib.ExitStack() as stack:
        items = stack.enter_context(dynamo_items()) if request.param == "dynamodb" else None
        yield stack.enter_context(Desk(items=items))


def scopes(inbox: str) -> list[dict[str, Any]]:
    return [{}, {"pod_id": POD}, {"inbox_id": inbox}]


def arrived(desk: Desk, inbox: str, raw: bytes, **verdicts: str) -> bool:
    """Whether the mail is stored as blocked."""
    before = {row["message_id"] for row in desk.messages(inbox)}
    assert desk.receive(desk.arrive(raw, inbox, verdicts=verdicts)) == []
    (new,) = (row for row in desk.messages(inbox) if row["message_id"] not in before)
    return "blocked" in new["labels"]


def numbered(number: int, author: str) -> bytes:
    return mail(message_id=f"<{number}@example.com>", sender=author)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("list_type", ["allow", "block"])
def test_every_scope_counts(desk: Desk, place: int, list_type: Any) -> None:
    inbox = desk.inbox()
    listed(desk, "receive", list_type, "example.com", **scopes(inbox)[place])

    found = [arrived(desk, inbox, numbered(at, f"x@{domain}")) for at, domain in enumerate(("example.com", "example.org"))]

    assert found == [list_type == "block", list_type == "allow"]


def test_the_narrower_scope_decides(desk: Desk) -> None:
    inbox = desk.inbox()
    listed(desk, "receive", "block", "example.com")
    listed(desk, "receive", "allow", "ann@example.com", pod_id=POD)
    listed(desk, "receive", "block", "ann@example.com", inbox_id=desk.inbox("other"))

    found = [arrived(desk, inbox, numbered(at, f"{name}@example.com")) for at, name in enumerate(("ann", "bob"))]

    assert found == [False, True]


def test_one_mail_is_blocked_where_it_is_and_let_in_elsewhere(desk: Desk) -> None:
    shut, open_ = desk.inbox("shut"), desk.inbox("open")
    listed(desk, "receive", "block", "ann@example.com", inbox_id=shut)

    desk.receive(desk.arrive(mail(), shut, open_))

    assert [desk.messages(each)[0]["labels"] for each in (shut, open_)] == [
        ["received", "blocked", "unread"],
        ["received", "unread"],
    ]
    assert [len(desk.events(each, "message.received.blocked")) for each in (shut, open_)] == [1, 0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("From: ann@example.com, eve@evil.org", True),
        ("From: eve@evil.org\r\nFrom: ann@example.com", True),
        ("Sender: eve@evil.org", True),
        ("From: <>", False),
        ("Subject: nobody", False),
    ],
)
def test_a_block_is_not_escaped_by_another_name_beside_it(desk: Desk, fields: str, expected: bool) -> None:
    inbox = desk.inbox()
    listed(desk, "receive", "block", "evil.org", inbox_id=inbox)

    assert arrived(desk, inbox, f"{fields}\r\n\r\nHello\r\n".encode()) is expected


@pytest.mark.parametrize(
    "fields",
    [
        "From: ann@example.com, ann@example.com",
        "From: ann@example.com\r\nFrom: eve@evil.org",
        "Sender: ann@example.com",
        "From: <>",
        "From: Ann",
        "Subject: nobody",
    ],
)
def test_an_allow_list_lets_in_only_what_has_exactly_one_author(desk: Desk, fields: str) -> None:
    inbox = desk.inbox()
    listed(desk, "receive", "allow", "example.com", inbox_id=inbox)

    assert arrived(desk, inbox, f"{fields}\r\n\r\nHello\r\n".encode())


@pytest.mark.parametrize("author", ["é" * 300 + "@example.com", "a@" + "x." * 200 + "example.com", '"a#b%c"@example.com'])
def test_odd_authors_are_looked_up_all_the_same(desk: Desk, author: str) -> None:
    inbox = desk.inbox()
    listed(desk, "receive", "block", "example.com", inbox_id=inbox)

    assert arrived(desk, inbox, f"From: {author}\r\n\r\nHello\r\n".encode())


def test_a_second_delivery_changes_nothing(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(), inbox)
    desk.receive(record)
    listed(desk, "receive", "block", "ann@example.com", inbox_id=inbox)

    desk.receive(record)

    assert [row["labels"] for row in desk.messages(inbox)] == [["received", "unread"]]


# --- what it costs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(3))
def test_lists_cost_an_arrival_one_trip(desk: Desk, place: int) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(numbered(1, "ann@example.com"), inbox))
    plain, other, listing = (desk.arrive(numbered(at, "ann@example.com"), inbox) for at in (2, 3, 4))

    costs = []
    for record in (plain, other, listing):
        if record is other:
            listed(desk, "reply", "allow", "example.org", **scopes(inbox)[place])
        if record is listing:
            listed(desk, "receive", "block", "example.org", **scopes(inbox)[place])
        with metered() as meter:
            desk.receive(record)
        costs.append(meter.trips)

    assert costs == [costs[0], costs[0], costs[0] + 1]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("how", ["send", "reply"])
def test_lists_cost_a_send_one_trip(desk: Desk, place: int, how: str) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(numbered(1, "ann@example.com"), inbox))
    desk.send(inbox, {})
    desk.note_key_use()

    def cost() -> int:
        with metered() as meter:
            if how == "send":
                answer = desk.send(inbox, {"to": ["ann@example.com", "Bob <Bob@example.com>"], "text": "x"})
            else:
                answer = desk.reply(inbox, "<1@example.com>", {"text": "x"})
        assert answer.status == 200
        return meter.trips

    plain = cost()
    listed(desk, "receive", "block", "example.org", **scopes(inbox)[place])
    elsewhere = cost()
    listed(desk, "send", "block", "example.org", **scopes(inbox)[place])

    assert (plain, elsewhere, cost()) == (plain, plain, plain + 1)
    assert plain == (3 if how == "send" else 4)


def test_pods_are_counted_for_whoever_does_not_know_them(desk: Desk) -> None:
    listed(desk, "send", "block", "example.org", pod_id=POD)
    listed(desk, "send", "allow", "example.org", pod_id="pod-2")

    assert counts(desk) == {"pods_send": 2}
    assert [counts(desk, pod_id=each) for each in (POD, "pod-2")] == [{"send_block": 1}, {"send_allow": 1}]
