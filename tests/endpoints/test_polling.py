"""Polling webhooks: managed like webhooks, read with a token of their own (spec: webhooks.md, "Polling webhooks")."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from mailroom.store import keys
from mailroom.store.port import Key, Query
from mailroom.webhooks.purge import remove_webhooks
from tests.support.identity import (
    new_pod,
    organization_id,
    other_organization,
    using_key,
    using_pod_key,
    without_request_id,
)
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict


@pytest.fixture(autouse=True)
def none_left(stack: Mailbox) -> Iterator[None]:
    yield
    for prefix in ("", f"/pods/{default_pod(stack)}"):
        for webhook in stack.http.get(f"{prefix}/webhooks/polling").json()["polling_webhooks"]:
            stack.http.delete(f"{prefix}/webhooks/polling/{webhook['webhook_id']}")


def default_pod(stack: Mailbox) -> str:
    row = stack.runtime.items.get(keys.organization(organization_id(stack.http)))
    assert row is not None
    return str(row["default_pod_id"])


def made(http: Strict, prefix: str = "", **body: Any) -> dict[str, Any]:
    answer = http.post(f"{prefix}/webhooks/polling", {"client_id": uuid.uuid4().hex, "event_types": ["message.received"], **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(answer: httpx.Response, field: str) -> bool:
    return answer.status_code == 400 and answer.json()["errors"][0]["path"][:1] == [field]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class Poller:
    """Reads one subscription with its token."""

    def __init__(self, stack: Mailbox, webhook: dict[str, Any]) -> None:
        self.path = f"/webhooks/polling/{webhook['webhook_id']}/events"
        self.http = stack.strict(webhook["token"])

    def read(self, iterator: str | None = None, **params: Any) -> dict[str, Any]:
        given = params if iterator is None else {"iterator": iterator, **params}
        answer = self.http.get(self.path, params=given)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait(self, count: int, iterator: str | None = None) -> list[dict[str, Any]]:
        """As soon as there are so many behind an iterator."""
        return eventually(lambda: found if len(found := self.read(iterator)["data"]) >= count else [])


def mails(stack: Mailbox, inbox: str, count: int = 1, **fields: Any) -> list[str]:
    """Message ids of so many mails, stored one after the other."""
    o = organization_id(stack.http)
    return [seed(stack.runtime, o, inbox, **fields)["message_id"] for _ in range(count)]


def shown(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"]["message_id"] for event in events]


def settled(stack: Mailbox) -> bool:
    """Whether each mail received so far has its place in the log."""
    o, items = organization_id(stack.http), stack.runtime.items
    listed = items.query(Query("ev", keys.by_org(o, "E", "message.received", 0), 1000, index="by_org"))
    rows = items.batch_get([Key("ev", row["pk"], row["sk"]) for row in listed])
    return bool(rows) and all("pos" in row for row in rows.values())


# --- managing -----------------------------------------------------------------------------------------------------------


def test_the_token_is_shown_once_and_stored_nowhere(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, f"/inboxes/{inbox}")

    row = stack.runtime.items.get(keys.polling_webhook(organization_id(stack.http), webhook["client_id"], inbox_id=inbox))
    assert webhook["token"] not in str(row)
    for answer in (
        stack.http.get(f"/inboxes/{inbox}/webhooks/polling"),
        stack.http.get(f"/inboxes/{inbox}/webhooks/polling/{webhook['webhook_id']}"),
    ):
        assert "token" not in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("client_id", value) for value in (None, "", "a@b", 1)),
        *(("event_types", value) for value in (None, [], ["nope"], "message.sent")),
        *(("inbox_ids", value) for value in ("x", [""])),
        ("pod_ids", [f"p{number}" for number in range(11)]),
    ],
)
def test_a_malformed_field_is_named(stack: Mailbox, field: str, value: Any) -> None:
    body = {"client_id": "c", "event_types": ["message.sent"], field: value}

    assert refused(stack.http.post("/webhooks/polling", {name: each for name, each in body.items() if each is not None}), field)


def test_each_route_has_subscriptions_of_its_own(stack: Mailbox, inbox: str) -> None:
    pod, name = f"/pods/{default_pod(stack)}", uuid.uuid4().hex
    places = ("", pod, f"/inboxes/{inbox}")

    webhooks = {prefix: made(stack.http, prefix, client_id=name) for prefix in places}

    for prefix in places:
        page = stack.http.get(f"{prefix}/webhooks/polling").json()
        assert [each["webhook_id"] for each in page["polling_webhooks"]] == [webhooks[prefix]["webhook_id"]]
        for other in places:
            answer = stack.http.get(f"{prefix}/webhooks/polling/{webhooks[other]['webhook_id']}")
            assert answer.status_code == (200 if other == prefix else 404)
    assert webhooks[pod]["pod_ids"] == [default_pod(stack)]
    assert webhooks[f"/inboxes/{inbox}"]["inbox_ids"] == [inbox]


def test_a_narrow_key_has_the_subscriptions_of_its_scope(stack: Mailbox, inbox: str) -> None:
    second = new_pod(stack)
    by_inbox, by_pod = using_key(stack, inbox_id=inbox), using_pod_key(stack, second)

    of_inbox, of_pod = made(by_inbox), made(by_pod)

    assert (of_inbox["inbox_id"], of_pod["pod_id"]) == (inbox, second)
    assert by_inbox.get(f"/inboxes/{inbox}/webhooks/polling/{of_inbox['client_id']}").status_code == 200
    assert stack.http.get("/webhooks/polling").json()["polling_webhooks"] == []
    assert code(by_inbox.get(f"/webhooks/polling/{of_pod['webhook_id']}")) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_foreign_one_is_answered_like_an_unknown_one(stack: Mailbox, inbox: str, method: str) -> None:
    webhook = made(stack.http)

    for http in (other_organization(stack), using_key(stack, inbox_id=inbox)):
        missing = without_request_id(http.request(method, "/webhooks/polling/gone"))
        for name in (webhook["webhook_id"], webhook["client_id"], "x" * 3000, "%00"):
            assert without_request_id(http.request(method, f"/webhooks/polling/{name}")) == missing
    assert stack.http.get(f"/webhooks/polling/{webhook['webhook_id']}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/webhooks/polling", "webhook_read"),
        ("POST", "/webhooks/polling", "webhook_create"),
        ("GET", "/webhooks/polling/x", "webhook_read"),
        ("DELETE", "/webhooks/polling/x", "webhook_delete"),
    ],
)
def test_each_endpoint_needs_its_permission(stack: Mailbox, method: str, path: str, permission: str) -> None:
    granted = {f"webhook_{what}": True for what in ("read", "create", "update", "delete")}

    assert code(using_key(stack, {**granted, permission: False}).request(method, path)) == (403, "missing_permission")


def test_what_a_key_may_not_read_it_cannot_subscribe_to(stack: Mailbox) -> None:
    limited = using_key(stack, {"webhook_create": True, "message_read": True})

    answer = limited.post("/webhooks/polling", {"client_id": "spam", "event_types": ["message.received.spam"]})

    assert (code(answer), answer.json()["message"]) == ((403, "missing_permission"), "label_spam_read is forbidden")


def test_channels_of_another_organization_are_not_there(stack: Mailbox, inbox: str) -> None:
    foreign = other_organization(stack).post("/inboxes").json()
    body = {"client_id": "foreign", "event_types": ["message.sent"]}

    for channels in (
        {"inbox_ids": [foreign["inbox_id"]]},
        {"inbox_ids": [inbox, "gone@x.example"]},
        {"pod_ids": [foreign["pod_id"]]},
    ):
        assert code(stack.http.post("/webhooks/polling", {**body, **channels})) == (404, "not_found")


def test_the_limit_counts_each_route_for_itself_and_holds_under_concurrency(stack: Mailbox, inbox: str) -> None:
    path, body = f"/inboxes/{inbox}/webhooks/polling", {"event_types": ["message.sent"]}

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: stack.http.post(path, {**body, "client_id": f"c{number}"}), range(13)))

    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [403] * 3
    assert {code(answer)[1] for answer in answers if answer.status_code == 403} == {"limit_exceeded"}
    there = next(answer.json()["client_id"] for answer in answers if answer.status_code == 200)
    assert stack.http.post(path, {**body, "client_id": there}).status_code == 200
    assert stack.http.delete(f"{path}/{there}").status_code == 204
    assert stack.http.post(path, {**body, "client_id": "another"}).status_code == 200
    assert made(stack.http)["webhook_id"]


def test_creating_one_at_once_makes_one_with_one_living_token(stack: Mailbox) -> None:
    body = {"client_id": uuid.uuid4().hex, "event_types": ["message.sent"]}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stack.http.post("/webhooks/polling", body), range(4)))

    created = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({webhook["webhook_id"] for webhook in created}) == 1
    statuses = [
        stack.strict(webhook["token"]).get(f"/webhooks/polling/{webhook['webhook_id']}/events").status_code for webhook in created
    ]
    assert statuses.count(200) == 1


# --- reading ------------------------------------------------------------------------------------------------------------


def test_events_since_the_creation_are_read_in_order(stack: Mailbox, inbox: str) -> None:
    mails(stack, inbox)
    eventually(lambda: settled(stack))
    poller = Poller(stack, made(stack.http, inbox_ids=[inbox]))

    sent = mails(stack, inbox, 3, subject="Hello", bodies={"text": "body"})

    events = poller.wait(3)
    assert shown(events) == sent
    assert {(event["type"], event["event_type"], event["message"]["text"]) for event in events} == {
        ("event", "message.received", "body")
    }
    assert all(event["thread"]["thread_id"] for event in events)


def test_an_iterator_goes_on_where_it_stands_and_can_be_read_again(stack: Mailbox, inbox: str) -> None:
    poller = Poller(stack, made(stack.http, f"/inboxes/{inbox}"))
    sent = mails(stack, inbox, 5)
    poller.wait(5)

    first = poller.read(limit=2)
    second = poller.read(first["iterator"], limit=2)
    third = poller.read(second["iterator"], limit=2)
    rest = poller.read(third["iterator"])

    assert [shown(page["data"]) for page in (first, second, third, rest)] == [sent[:2], sent[2:4], sent[4:], []]
    assert [page["done"] for page in (first, second, rest)] == [False, False, True]
    assert poller.read(first["iterator"], limit=2) == second
    more = mails(stack, inbox)
    assert shown(poller.wait(1, rest["iterator"])) == more


def test_only_what_it_subscribed_to_is_read(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    other = new_inbox()
    of_inbox, of_all = Poller(stack, made(stack.http, inbox_ids=[inbox])), Poller(stack, made(stack.http))
    of_second_pod = Poller(stack, made(stack.http, f"/pods/{new_pod(stack)}"))
    of_opens = Poller(stack, made(stack.http, event_types=["message.opened"]))

    sent = [*mails(stack, inbox), *mails(stack, other), *mails(stack, inbox)]

    assert shown(of_all.wait(3)) == sent
    assert shown(of_inbox.read()["data"]) == [sent[0], sent[2]]
    assert of_second_pod.read()["data"] == of_opens.read()["data"] == []
    assert of_opens.read()["done"] is True


def test_another_organization_reads_nothing_of_it(stack: Mailbox, inbox: str) -> None:
    theirs, ours = Poller(stack, made(other_organization(stack))), Poller(stack, made(stack.http))
    mails(stack, inbox)
    ours.wait(1)

    page = theirs.read()

    assert (page["data"], page["done"]) == ([], True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "missing_authorization"),
        ("Basic x", "missing_authorization"),
        ("Bearer", "missing_authorization"),
        ("Bearer poll_unknown", "unauthorized"),
        ("Bearer a.b.c", "unauthorized"),
        ("Bearer " + "x" * 5000, "unauthorized"),
    ],
)
def test_a_bad_token_is_refused(stack: Mailbox, header: str | None, expected: str) -> None:
    webhook = made(stack.http)

    answer = stack.strict(None).get(
        f"/webhooks/polling/{webhook['webhook_id']}/events", headers={} if header is None else {"Authorization": header}
    )

    assert code(answer) == (401, expected)


def test_neither_an_api_key_nor_another_webhooks_token_reads(stack: Mailbox) -> None:
    one, two = made(stack.http), made(stack.http)

    for http in (stack.http, stack.strict(two["token"])):
        assert code(http.get(f"/webhooks/polling/{one['webhook_id']}/events")) == (401, "unauthorized")
    assert stack.strict(one["token"]).get(f"/webhooks/polling/{one['client_id']}/events").status_code == 200


def test_a_token_is_no_api_key(stack: Mailbox) -> None:
    webhook = made(stack.http)

    for path in ("/auth/me", f"/webhooks/polling/{webhook['webhook_id']}", "/inboxes"):
        assert code(stack.strict(webhook["token"]).get(path)) == (401, "unknown_api_key")


def test_a_fresh_token_kills_the_old_one_and_keeps_the_place(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, inbox_ids=[inbox])
    sent = mails(stack, inbox)
    Poller(stack, webhook).wait(1)

    fresh = made(stack.http, client_id=webhook["client_id"], event_types=["message.sent"])

    assert {**fresh, "token": ""} == {**webhook, "token": ""}
    assert shown(Poller(stack, fresh).read()["data"]) == sent
    assert stack.strict(webhook["token"]).get(Poller(stack, webhook).path).status_code == 401


def test_deleting_kills_the_token(stack: Mailbox) -> None:
    webhook = made(stack.http)

    assert stack.http.delete(f"/webhooks/polling/{webhook['client_id']}").status_code == 204

    assert stack.strict(webhook["token"]).get(Poller(stack, webhook).path).status_code == 401
    assert stack.http.delete(f"/webhooks/polling/{webhook['client_id']}").status_code == 404


def test_an_inbox_takes_its_subscriptions_along(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, f"/inboxes/{inbox}")

    for _ in range(2):
        remove_webhooks(organization_id(stack.http), items=stack.runtime.items, inbox_id=inbox)

    assert stack.strict(webhook["token"]).get(Poller(stack, webhook).path).status_code == 401
    assert stack.http.get(f"/inboxes/{inbox}/webhooks/polling").json()["polling_webhooks"] == []


def test_only_an_iterator_of_this_webhook_is_taken(stack: Mailbox) -> None:
    one, two = Poller(stack, made(stack.http)), Poller(stack, made(stack.http))
    foreign = two.read()["iterator"]

    for iterator in (foreign, one.read()["iterator"] + "A", "x", "0", "-1", "x" * 9000, "ä"):
        assert refused(one.http.get(one.path, params={"iterator": iterator}), "iterator")


@pytest.mark.parametrize("limit", ["0", "251", "x", "-1", "1.5"])
def test_a_limit_out_of_range_is_refused(stack: Mailbox, limit: str) -> None:
    poller = Poller(stack, made(stack.http))

    assert refused(poller.http.get(poller.path, params={"limit": limit}), "limit")
