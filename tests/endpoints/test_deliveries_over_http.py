"""Mail in, event out: over HTTP, with a real receiver, strictly by the contract of our extensions."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.config import Config
from tests.support.desk import mail
from tests.support.identity import other_organization, using_key
from tests.support.moto_stack import MotoStack
from tests.support.polling import eventually
from tests.support.receiver import LocalReceiver, receiving
from tests.support.stacks import Mailbox, SqliteStack

CONFIG = Config(rate_per_second=0, webhook_allow_private=True, webhook_schedule=(1, 1))


@pytest.fixture(scope="module", params=["sqlite", "moto"])
def stack(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    backend = SqliteStack(CONFIG) if request.param == "sqlite" else MotoStack(CONFIG)
    with backend as running, contextlib.closing(Mailbox(running)) as mailbox:
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[LocalReceiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def webhook(stack: Mailbox, inbox: str, receiver: LocalReceiver) -> Iterator[str]:
    body = {"url": receiver.url, "inbox_ids": [inbox], "event_types": ["message.received"], "headers": {"X-Tenant": "7"}}
    made = stack.http.post("/webhooks", body).json()
    receiver.secret = made["secret"]
    yield made["webhook_id"]
    stack.http.delete(f"/webhooks/{made['webhook_id']}")


def arrive(stack: Mailbox, inbox: str, subject: str = "Hello") -> None:
    stack.deliver(mail(message_id=f"<{uuid.uuid4().hex}@example.com>", subject=subject, to=inbox), inbox)


def deliveries(stack: Mailbox, webhook: str, **query: Any) -> list[dict[str, Any]]:
    return list(stack.http.get(f"/webhooks/{webhook}/deliveries", params=query).json()["deliveries"])


def settled(stack: Mailbox, webhook: str, status: str, count: int = 1) -> list[dict[str, Any]]:
    return eventually(
        lambda: found if len(found := deliveries(stack, webhook, status=status)) == count else None  # type: ignore[return-value]
    )


def test_a_mail_reaches_the_receiver_signed(stack: Mailbox, inbox: str, webhook: str, receiver: LocalReceiver) -> None:
    arrive(stack, inbox, "Order 7")

    (got,) = eventually(lambda: receiver.received)
    assert receiver.refused == []
    assert got.event["message"]["subject"] == "Order 7"
    assert got.event["message"]["text"] == "Hi there"
    assert got.event["thread"]["message_count"] == 1
    assert got.headers["x-tenant"] == "7"
    assert got.headers["svix-id"] == got.event["event_id"]


def test_a_delivery_says_what_the_receiver_answered(stack: Mailbox, inbox: str, webhook: str, receiver: LocalReceiver) -> None:
    arrive(stack, inbox)

    (made,) = settled(stack, webhook, "delivered")
    assert made["event_id"] == receiver.event_ids()[0]
    assert [(each["attempt"], each["status"], each["answer"]) for each in made["attempts"]] == [(1, 200, "ok")]


def test_a_failure_is_tried_again(stack: Mailbox, inbox: str, webhook: str, receiver: LocalReceiver) -> None:
    receiver.answers = [500, 302]
    arrive(stack, inbox)

    (made,) = settled(stack, webhook, "delivered")
    assert [each["status"] for each in made["attempts"]] == [500, 302, 200]
    assert len(set(receiver.event_ids())) == 1
    assert receiver.refused == []


def test_a_series_that_failed_can_be_begun_anew(stack: Mailbox, inbox: str, webhook: str, receiver: LocalReceiver) -> None:
    receiver.answers = [500, 500, 500, 500]
    arrive(stack, inbox)
    (made,) = settled(stack, webhook, "failed")

    again = stack.http.post(f"/webhooks/{webhook}/deliveries/{made['event_id']}/redeliver")

    assert (again.status_code, again.json()["status"]) == (200, "pending")
    (done,) = settled(stack, webhook, "delivered")
    assert [(each["attempt"], each["status"]) for each in done["attempts"]] == [(1, 500), (2, 500), (3, 500), (4, 500), (5, 200)]


def test_what_was_delivered_can_be_delivered_again(stack: Mailbox, inbox: str, webhook: str, receiver: LocalReceiver) -> None:
    arrive(stack, inbox)
    (made,) = settled(stack, webhook, "delivered")

    stack.http.post(f"/webhooks/{webhook}/deliveries/{made['event_id']}/redeliver")

    eventually(lambda: len(receiver.event_ids()) == 2)
    assert receiver.event_ids() == [made["event_id"]] * 2


def test_a_disabled_webhook_gets_nothing_again(stack: Mailbox, inbox: str, webhook: str) -> None:
    arrive(stack, inbox)
    (made,) = settled(stack, webhook, "delivered")
    stack.http.patch(f"/webhooks/{webhook}", {"enabled": False})

    answer = stack.http.post(f"/webhooks/{webhook}/deliveries/{made['event_id']}/redeliver")

    assert answer.status_code == 409


def test_deliveries_come_newest_first_in_pages(stack: Mailbox, inbox: str, webhook: str) -> None:
    for number in range(5):
        arrive(stack, inbox, f"number {number}")
        settled(stack, webhook, "delivered", number + 1)
    everything = [each["event_id"] for each in deliveries(stack, webhook)]

    paged: list[str] = []
    token = None
    while token != "":
        query = {"limit": "2", **({"page_token": token} if token else {})}
        page = stack.http.get(f"/webhooks/{webhook}/deliveries", params=query).json()
        paged += [each["event_id"] for each in page["deliveries"]]
        token = page.get("next_page_token", "")

    assert everything == sorted(everything, reverse=True)
    assert paged == everything
    assert [each["event_id"] for each in deliveries(stack, webhook, ascending="true")] == everything[::-1]


def test_a_status_that_is_none_is_refused(stack: Mailbox, webhook: str) -> None:
    assert stack.http.get(f"/webhooks/{webhook}/deliveries", params={"status": "lost"}).status_code == 400


def test_a_page_token_belongs_to_its_filter(stack: Mailbox, inbox: str, webhook: str) -> None:
    for _ in range(2):
        arrive(stack, inbox)
    settled(stack, webhook, "delivered", 2)
    token = stack.http.get(f"/webhooks/{webhook}/deliveries", params={"limit": "1"}).json()["next_page_token"]

    query = {"limit": "1", "status": "delivered", "page_token": token}
    assert stack.http.get(f"/webhooks/{webhook}/deliveries", params=query).status_code == 400


def test_a_webhook_can_be_tried(stack: Mailbox, webhook: str, receiver: LocalReceiver) -> None:
    answer = stack.http.post(f"/webhooks/{webhook}/test").json()

    (got,) = receiver.received
    assert receiver.refused == []
    assert (answer["delivered"], answer["event_type"], answer["attempt"]["status"]) == (True, "message.received", 200)
    assert got.event["event_id"] == answer["event_id"]
    assert deliveries(stack, webhook) == []


def test_a_trial_that_fails_says_how(stack: Mailbox, webhook: str, receiver: LocalReceiver) -> None:
    receiver.answers = [503]

    answer = stack.http.post(f"/webhooks/{webhook}/test").json()

    assert (answer["delivered"], answer["attempt"]["status"]) == (False, 503)


@pytest.mark.parametrize("prefix", ["", "/inboxes/{inbox}"])
def test_an_inbox_webhook_is_served_on_its_routes(stack: Mailbox, inbox: str, receiver: LocalReceiver, prefix: str) -> None:
    made = stack.http.post(f"/inboxes/{inbox}/webhooks", {"url": receiver.url, "event_types": ["message.received"]}).json()
    base = prefix.format(inbox=inbox) + f"/webhooks/{made['webhook_id']}"
    arrive(stack, inbox)
    settled(stack, made["webhook_id"], "delivered")

    (listed,) = stack.http.get(f"{base}/deliveries").json()["deliveries"]
    statuses = [
        stack.http.post(f"{base}/deliveries/{listed['event_id']}/redeliver").status_code,
        stack.http.post(f"{base}/test").status_code,
    ]
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", "deliveries"), ("POST", "test"), ("POST", "deliveries/evt_1/redeliver")], ids=str
)
@pytest.mark.parametrize("unknown", [False, True])
def test_another_organization_sees_no_webhook(stack: Mailbox, webhook: str, method: str, tail: str, unknown: bool) -> None:
    foreign = other_organization(stack)

    answer = foreign.request(method, f"/webhooks/{'ep_unknown' if unknown else webhook}/{tail}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_event_that_was_never_to_be_delivered_is_not_found(stack: Mailbox, webhook: str) -> None:
    assert stack.http.post(f"/webhooks/{webhook}/deliveries/evt_unknown/redeliver").status_code == 404
    assert stack.http.post(f"/webhooks/{webhook}/deliveries/{'x' * 3000}/redeliver").status_code == 404


@pytest.mark.parametrize(
    ("method", "tail", "permission"),
    [
        ("GET", "deliveries", "webhook_read"),
        ("POST", "test", "webhook_update"),
        ("POST", "deliveries/evt_1/redeliver", "webhook_update"),
    ],
)
def test_permissions_are_those_of_webhooks(stack: Mailbox, webhook: str, method: str, tail: str, permission: str) -> None:
    everything_else = using_key(stack, {"webhook_read": permission != "webhook_read", "webhook_create": True})

    assert everything_else.request(method, f"/webhooks/{webhook}/{tail}").json()["code"] == "missing_permission"
