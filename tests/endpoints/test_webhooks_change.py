"""Webhooks: how they change (spec: webhooks.md, "Update", "Custom headers"; docs/webhooks.md, rotation)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.webhooks.access import webhooks_of
from tests.support.identity import (
    new_pod,
    organization_id,
    using_key,
)
from tests.support.stacks import Mailbox, Strict
from tests.support.webhooks import MANAGE, URL, code, default_pod, made, refused, remove_all


@pytest.fixture(autouse=True)
def none_left(stack: Mailbox) -> Iterator[None]:
    """An organization has few webhooks, and these tests share one."""
    yield
    remove_all(stack)


# --- update -------------------------------------------------------------------------------------------------------------


def changed(http: Strict, webhook: dict[str, Any], prefix: str = "", **body: Any) -> dict[str, Any]:
    answer = http.patch(f"{prefix}/webhooks/{webhook['webhook_id']}", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_event_types_are_replaced_and_an_empty_list_leaves_them(stack: Mailbox) -> None:
    webhook = made(stack.http, event_types=["message.sent", "message.bounced"])

    replaced = changed(stack.http, webhook, event_types=["message.opened", "message.opened"])
    left = changed(stack.http, webhook, event_types=[])

    assert replaced["event_types"] == left["event_types"] == ["message.opened"]
    assert replaced["updated_at"] > webhook["updated_at"]
    assert left == replaced


def test_what_cannot_change_here_is_ignored(stack: Mailbox) -> None:
    webhook = made(stack.http, client_id=uuid.uuid4().hex)

    after = changed(stack.http, webhook, url="https://example.com/x", client_id="y", headers={"X": "y"}, secret="z", enabled=False)

    assert after == {**webhook, "enabled": False, "updated_at": after["updated_at"]}


@pytest.mark.parametrize(
    "body",
    [{}, {"url": URL}, {"enabled": None}, {"enabled": "true"}, {"event_types": None}, {"event_types": ["x"]}, {"add_pod_ids": "x"}],
)
def test_an_update_needs_at_least_one_well_formed_field(stack: Mailbox, body: dict[str, Any]) -> None:
    webhook = made(stack.http)

    assert refused(stack.http.patch(f"/webhooks/{webhook['webhook_id']}", body))


def test_channels_are_added_and_removed(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    one, two, three = (new_inbox() for _ in range(3))
    webhook, pod_id = made(stack.http, inbox_ids=[one]), default_pod(stack)

    after = changed(stack.http, webhook, add_inbox_ids=[two, three.upper(), two], remove_inbox_ids=[one.upper(), "gone@x.com"])
    moved = changed(stack.http, webhook, add_pod_ids=[pod_id], remove_inbox_ids=[two, three])

    assert after["inbox_ids"] == [two, three]
    assert (moved["pod_ids"], "inbox_ids" in moved) == ([pod_id], False)


def test_the_last_channel_stays(stack: Mailbox, inbox: str) -> None:
    pod_id = default_pod(stack)

    for prefix, body, remove in (
        ("", {"inbox_ids": [inbox]}, {"remove_inbox_ids": [inbox]}),
        ("", {"pod_ids": [pod_id]}, {"remove_pod_ids": [pod_id]}),
        (f"/pods/{pod_id}", {}, {"remove_pod_ids": [pod_id]}),
        (f"/inboxes/{inbox}", {}, {"remove_inbox_ids": [inbox]}),
    ):
        webhook = made(stack.http, prefix, **body)
        assert refused(stack.http.patch(f"/webhooks/{webhook['webhook_id']}", remove), next(iter(remove)))
        assert stack.http.get(f"/webhooks/{webhook['webhook_id']}").json() == webhook


def test_adding_to_a_webhook_that_hears_everything_changes_nothing(stack: Mailbox, inbox: str) -> None:
    pod_id = default_pod(stack)

    for prefix in ("", f"/pods/{pod_id}"):
        webhook = made(stack.http, prefix)
        assert changed(stack.http, webhook, prefix, add_inbox_ids=[inbox]) == webhook


def test_more_than_ten_channels_are_refused_and_an_exchange_is_not(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    inboxes, more = [new_inbox() for _ in range(10)], new_inbox()
    webhook = made(stack.http, inbox_ids=inboxes)

    assert refused(stack.http.patch(f"/webhooks/{webhook['webhook_id']}", {"add_inbox_ids": [more]}), "add_inbox_ids")
    assert changed(stack.http, webhook, add_inbox_ids=[more], remove_inbox_ids=inboxes[:1])["inbox_ids"] == [*inboxes[1:], more]


def test_a_webhook_gets_no_channels_outside_of_what_it_belongs_to(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    second = new_pod(stack)
    of_second, of_inbox = made(stack.http, f"/pods/{second}"), made(stack.http, f"/inboxes/{inbox}")

    for webhook, body in (
        (of_second, {"add_inbox_ids": [inbox]}),
        (of_second, {"add_pod_ids": [default_pod(stack)]}),
        (of_inbox, {"add_inbox_ids": [new_inbox()]}),
        (of_inbox, {"add_pod_ids": [default_pod(stack)]}),
        (made(stack.http), {"add_inbox_ids": ["nobody@mailroom.local"]}),
    ):
        assert code(stack.http.patch(f"/webhooks/{webhook['webhook_id']}", body)) == (404, "not_found")


def test_a_narrower_route_updates_no_wider_channels(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, f"/inboxes/{inbox}")

    for field in ("add_inbox_ids", "remove_inbox_ids", "add_pod_ids", "remove_pod_ids"):
        assert refused(stack.http.patch(f"/inboxes/{inbox}/webhooks/{webhook['webhook_id']}", {field: [inbox]}), field)


def test_enabling_asks_again_what_the_key_may_read(stack: Mailbox) -> None:
    webhook = made(stack.http, event_types=["message.received.spam"])
    limited = using_key(stack, MANAGE)
    path = f"/webhooks/{webhook['webhook_id']}"

    assert limited.patch(path, {"enabled": False}).json()["enabled"] is False
    assert code(limited.patch(path, {"enabled": True})) == (403, "missing_permission")
    assert code(limited.patch(path, {"event_types": ["message.received.blocked"]})) == (403, "missing_permission")
    assert limited.patch(path, {"enabled": True, "event_types": ["message.sent"]}).json()["enabled"] is True


def test_concurrent_changes_all_happen(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    inboxes = [new_inbox() for _ in range(5)]
    webhook = made(stack.http, inbox_ids=inboxes[:1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda inbox_id: changed(stack.http, webhook, add_inbox_ids=[inbox_id]), inboxes[1:]))

    assert set(stack.http.get(f"/webhooks/{webhook['webhook_id']}").json()["inbox_ids"]) == set(inboxes)


# --- headers ------------------------------------------------------------------------------------------------------------


def names(http: Strict, webhook: dict[str, Any]) -> list[str]:
    return list(http.get(f"/webhooks/{webhook['webhook_id']}/headers").json()["header_names"])


def test_headers_are_set_replaced_and_removed_in_any_case(stack: Mailbox) -> None:
    webhook = made(stack.http, headers={"X-One": "1", "X-Two": "2"})
    path = f"/webhooks/{webhook['webhook_id']}/headers"

    answer = stack.http.patch(
        path, {"headers": {"x-one": "new", "Authorization": "Bearer s3cret"}, "remove_headers": ["X-TWO", "gone"]}
    )

    (record,) = webhooks_of(organization_id(stack.http), items=stack.runtime.items)
    assert (answer.status_code, answer.content) == (204, b"")
    assert names(stack.http, webhook) == ["Authorization", "x-one"]
    assert record["headers"] == {"Authorization": "Bearer s3cret", "x-one": "new"}
    assert "s3cret" not in stack.http.get(f"/webhooks/{webhook['webhook_id']}").text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"headers": {}},
        {"remove_headers": []},
        {"headers": None},
        {"headers": {"X-A": "1"}, "remove_headers": ["x-a"]},
        {"headers": {"Host": "x"}},
        {"headers": {"X-A": "a\nb"}},
        {"headers": {f"X-{number}": "x" for number in range(20)}},
        {"remove_headers": "X-A"},
    ],
)
def test_a_contradictory_change_of_headers_changes_nothing(stack: Mailbox, body: dict[str, Any]) -> None:
    webhook = made(stack.http, headers={"X-Old": "1"})

    assert refused(stack.http.patch(f"/webhooks/{webhook['webhook_id']}/headers", body))
    assert names(stack.http, webhook) == ["X-Old"]


def test_concurrent_changes_of_headers_all_happen(stack: Mailbox) -> None:
    webhook = made(stack.http)
    path = f"/webhooks/{webhook['webhook_id']}/headers"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: stack.http.patch(path, {"headers": {f"X-{number}": "x"}}), range(4)))

    assert names(stack.http, webhook) == ["X-0", "X-1", "X-2", "X-3"]


# --- secrets ------------------------------------------------------------------------------------------------------------


def test_rotation_shows_the_new_secret_and_keeps_the_old_one_for_a_day(stack: Mailbox) -> None:
    webhook = made(stack.http)

    rotated = stack.http.post(f"/webhooks/{webhook['webhook_id']}/rotate-secret").json()

    (record,) = webhooks_of(organization_id(stack.http), items=stack.runtime.items)
    assert rotated == {**webhook, "secret": rotated["secret"], "updated_at": rotated["updated_at"]}
    assert [each["secret"] for each in record["secrets"]] == [rotated["secret"], webhook["secret"]]
    assert rotated["secret"] != webhook["secret"]
    assert 0 <= record["secrets"][1]["until"] - record["updated_at"] - 24 * 3600 * 1000 < 1000


def test_a_scoped_route_rotates_what_belongs_to_it(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, f"/inboxes/{inbox}")

    for prefix in (f"/inboxes/{inbox}", f"/pods/{default_pod(stack)}"):
        answer = stack.http.post(f"{prefix}/webhooks/{webhook['webhook_id']}/rotate-secret")
        assert answer.json()["webhook_id"] == webhook["webhook_id"]
