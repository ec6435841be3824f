"""Daily and monthly send limits over HTTP (spec: limits.md, "Organization plans"; messages.md, "Order of checks")."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from agentmail.core.api_error import ApiError

from mailroom.clock import now_ms, parse_instant, to_wire
from mailroom.config import Config
from mailroom.organizations.service import create_organization
from tests.support.backends import BACKENDS, mailbox
from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

LIMIT = 6
STARTED = parse_instant("2028-02-28T12:00:00Z") // 1000
"""Far from midnight, and the day before a leap day."""
AHEAD_MS = STARTED - now_ms()
DAILY = ("Daily", Config(rate_per_second=0, daily_send_limit=LIMIT), parse_instant("2028-02-29") // 1000)
MONTHLY = ("Monthly", Config(rate_per_second=0, monthly_send_limit=LIMIT), parse_instant("2028-03-01") // 1000)


class Limited(NamedTuple):
    stack: Mailbox
    name: str
    ends: int
    """Milliseconds."""


@pytest.fixture(
    scope="module",
    params=[(backend, limit) for backend in BACKENDS for limit in (DAILY, MONTHLY)],
    ids=lambda param: f"{param[0]}-{param[1][0].lower()}",
)
def limited(request: pytest.FixtureRequest) -> Iterator[Limited]:
    backend, (name, config, ends) = request.param
    with mailbox(backend, config) as opened:
        opened.runtime.clock = lambda: now_ms() + AHEAD_MS
        yield Limited(opened, name, ends)


class Sender:
    """A new organization with an inbox: nobody else uses up its limit."""

    def __init__(self, limited: Limited) -> None:
        self.limited, self.stack = limited, limited.stack
        self.api_key = create_organization(items=self.stack.runtime.items, clock=self.stack.runtime.clock)["api_key"]
        self.http: Strict = self.stack.strict(self.api_key)
        self.inbox = str(self.http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()["inbox_id"])

    def send(self, recipients: int = 1, *, key: str | None = None, **body: Any) -> httpx.Response:
        given = {"to": [f"r{number}@example.com" for number in range(recipients)], "text": "x", **body}
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post(f"/inboxes/{self.inbox}/messages/send", given, headers=headers)

    def answer(self, parent: str, how: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/inboxes/{self.inbox}/messages/{quote(parent, safe='')}/{how}", body)

    def received(self, **fields: str) -> str:
        message_id = f"<{uuid.uuid4().hex}@example.com>"
        self.stack.deliver(mail(message_id=message_id, to=self.inbox, **fields), self.inbox)
        path = f"/inboxes/{self.inbox}/messages/{quote(message_id, safe='')}"
        eventually(lambda: self.http.get(path).status_code == 200)
        return message_id


@pytest.fixture
def sender(limited: Limited) -> Sender:
    return Sender(limited)


def assert_exceeded(sender: Sender, refused: httpx.Response) -> None:
    left_s = (sender.limited.ends - STARTED) // 1000
    body = refused.json()
    assert (refused.status_code, body["code"], body["name"]) == (429, "rate_limit_exceeded", "RateLimitError")
    assert body["message"] == f"{sender.limited.name} send limit exceeded"
    assert f"begins anew on {to_wire(sender.limited.ends)[:10]} at 00:00 UTC" in body["fix"]
    assert left_s - 3600 < int(refused.headers["Retry-After"]) <= left_s


def test_recipients_count_over_to_cc_and_bcc(sender: Sender) -> None:
    within = sender.send(2, cc="c@example.com", bcc=["d@example.com", "R0@example.com"])

    too_many = sender.send(3)
    rest = sender.send(2)

    assert within.status_code == 200
    assert_exceeded(sender, too_many)
    assert rest.status_code == 200
    assert_exceeded(sender, sender.send(1))


@pytest.mark.parametrize("how", ["reply", "reply-all", "forward"])
def test_each_way_to_send_is_counted_and_refused(sender: Sender, how: str) -> None:
    parent = sender.received()
    body = {"to": "bob@example.com"} if how == "forward" else {}
    sender.send(LIMIT - 1)

    last, over = sender.answer(parent, how, **body), sender.answer(parent, how, **body)

    assert last.status_code == 200
    assert_exceeded(sender, over)


def test_a_draft_is_counted_and_refused(sender: Sender) -> None:
    client = sender.stack.sdk(sender.api_key)
    drafts = [client.inboxes.drafts.create(sender.inbox, to=["a@example.com"], text="x").draft_id for _ in range(2)]
    sender.send(LIMIT - 1)

    answers = [sender.http.post(f"/inboxes/{sender.inbox}/drafts/{each}/send", {}) for each in drafts]

    assert answers[0].status_code == 200
    assert_exceeded(sender, answers[1])
    assert client.inboxes.drafts.get(sender.inbox, drafts[1]).send_status is None


def test_organizations_do_not_share_a_limit(limited: Limited, sender: Sender) -> None:
    sender.send(LIMIT)

    assert_exceeded(sender, sender.send())
    assert Sender(limited).send(LIMIT).status_code == 200


def test_the_inboxes_of_an_organization_share_it(sender: Sender) -> None:
    sender.send(LIMIT)
    sender.inbox = str(sender.http.post("/inboxes").json()["inbox_id"])

    assert_exceeded(sender, sender.send())


def test_a_replay_needs_no_room_and_a_refusal_keeps_no_key(sender: Sender) -> None:
    key, other = uuid.uuid4().hex, uuid.uuid4().hex
    sent = sender.send(LIMIT, key=key)

    again = sender.send(LIMIT, key=key)
    refused = [sender.send(number, key=other) for number in (1, 2)]

    assert (again.status_code, again.json()) == (200, sent.json())
    for each in refused:
        assert_exceeded(sender, each)


def test_the_sdk_shows_what_the_limit_is(sender: Sender) -> None:
    client = sender.stack.sdk(sender.api_key)
    sender.send(LIMIT)

    with pytest.raises(ApiError) as raised:
        client.inboxes.messages.send(sender.inbox, to="a@example.com", text="x", request_options={"max_retries": 0})

    assert raised.value.status_code == 429
    assert raised.value.body["message"] == f"{sender.limited.name} send limit exceeded"


def test_what_speaks_against_a_send_for_good_is_said_before_the_limit(sender: Sender) -> None:
    parent = sender.received(Auto_Submitted="auto-replied")
    sender.http.post(f"/inboxes/{sender.inbox}/lists/send/block", {"entry": "blocked@example.com"})
    sender.send(LIMIT)

    nobody, blocked = sender.send(0), sender.send(to="blocked@example.com")
    invalid = sender.send(to="not an address")
    unfetched = sender.send(attachments=[{"url": "http://127.0.0.1:9/nothing"}])
    loop = sender.answer(parent, "reply")
    sender.http.patch(f"/inboxes/{sender.inbox}", {"status": "paused"})
    paused = sender.send()

    codes = [each.json()["code"] for each in (nobody, blocked, invalid, paused)]
    assert codes == ["unprocessable", "message_rejected", "validation_error", "inbox_paused"]
    assert_exceeded(sender, unfetched)
    assert_exceeded(sender, loop)


def test_mail_still_comes_in(sender: Sender) -> None:
    sender.send(LIMIT)

    assert sender.received()


def test_of_a_hundred_at_once_exactly_as_many_go_out_as_fit(sender: Sender) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: sender.send(), range(100)))

    assert sorted(answer.status_code for answer in answers) == [200] * LIMIT + [429] * (100 - LIMIT)
