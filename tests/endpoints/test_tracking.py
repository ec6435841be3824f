"""Open tracking over HTTP: the pixel in the mail that leaves, and what its load changes (spec: messages.md, `track_opens`)."""

from __future__ import annotations

import email
import email.policy
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from mailroom.store import keys
from mailroom.tracking.pixel import GIF
from tests.endpoints.conftest import UNLIMITED
from tests.support.backends import BACKENDS, mailbox
from tests.support.domain_rows import inbox_at, released_domain, verified_domain
from tests.support.identity import organization_id
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

LETTER = {"to": "bob@example.org", "subject": "Order", "html": "<html><body><p>One</p></body></html>", "track_opens": True}
IMAGE = re.compile(r'<img src="([^"]+)" width="1" height="1"')


@dataclass
class Tracked:
    """An inbox on a domain with open tracking."""

    stack: Mailbox
    domain: str
    inbox: str
    pod_id: str

    @property
    def messages(self) -> str:
        return f"/inboxes/{self.inbox}/messages"

    def post(self, tail: str = "send", **body: Any) -> dict[str, Any]:
        """The message that was sent."""
        answer = self.stack.http.post(f"{self.messages}/{tail}", body)
        assert answer.status_code == 200, answer.text
        return self.shown(answer.json()["message_id"])

    def shown(self, message_id: str) -> dict[str, Any]:
        return dict(self.stack.http.get(f"{self.messages}/{quote(message_id, safe='')}").json())

    def pixels(self) -> list[str]:
        """Addresses in the HTML of the mail that left last."""
        parsed = email.message_from_bytes(self.stack.sent()[-1], policy=email.policy.default)
        part = parsed.get_body(("html",))
        return IMAGE.findall(part.get_content()) if part is not None else []

    def load(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        """What stands behind `link.<domain>` hands on."""
        with httpx.Client(base_url=self.stack.backend.http, trust_env=False) as client:
            return client.request(method, urlsplit(url).path, headers=headers)

    def opened(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        page = self.stack.http.get("/events", params={"after": 0, "event_types": "message.opened", "limit": 250}).json()
        return [event for event in page["events"] if event["open"]["message_id"] == message["message_id"]]


@pytest.fixture(scope="module", params=BACKENDS)
def tracked(request: pytest.FixtureRequest) -> Iterator[Tracked]:
    with mailbox(request.param, UNLIMITED) as stack:
        o, domain = organization_id(stack.http), f"t{uuid.uuid4().hex[:12]}.example.com"
        verified_domain(stack.runtime, o, domain, tracking_enabled=True)
        pod_id = stack.http.get(f"/inboxes/{stack.http.post('/inboxes').json()['inbox_id']}").json()["pod_id"]
        yield Tracked(stack, domain, inbox_at(stack.runtime, o, f"agent@{domain}", pod_id=pod_id), pod_id)


def test_the_mail_that_leaves_has_the_pixel_and_what_is_stored_has_not(tracked: Tracked) -> None:
    message = tracked.post(**LETTER)

    (url,) = tracked.pixels()
    assert url.startswith(f"https://link.{tracked.domain}/v0/opens/")
    assert tracked.inbox not in url
    assert message["html"] == LETTER["html"]
    assert message["size"] == len(raw_of(tracked, message))
    assert "opened_at" not in message


def raw_of(tracked: Tracked, message: dict[str, Any]) -> bytes:
    answer = tracked.stack.http.get(f"{tracked.messages}/{quote(message['message_id'], safe='')}/raw").json()
    return httpx.get(answer["download_url"], trust_env=False).content


def test_its_load_is_told_of_once(tracked: Tracked) -> None:
    message = tracked.post(**LETTER)
    (url,) = tracked.pixels()

    first, second = tracked.load(url, Accept="image/gif"), tracked.load(url)

    for answer in (first, second):
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/gif", GIF)
        assert "no-store" in answer.headers["cache-control"]
    (event,) = eventually(lambda: tracked.opened(message))
    after = tracked.shown(message["message_id"])
    assert "opened" in after["labels"]
    assert after["opened_at"] == event["open"]["timestamp"]
    assert event["open"].keys() == {"inbox_id", "thread_id", "message_id", "timestamp"}
    listed = tracked.stack.http.get(tracked.messages, params={"labels": '["opened"]'}).json()["messages"]
    assert [each["opened_at"] for each in listed if each["message_id"] == message["message_id"]] == [after["opened_at"]]


def test_the_senders_own_reading_and_what_is_no_load_do_not_count(tracked: Tracked) -> None:
    message = tracked.post(**LETTER)
    (url,) = tracked.pixels()

    heads = tracked.load(url, "HEAD")
    posted = tracked.load(url, "POST")
    raw_of(tracked, message)
    tracked.stack.http.get(f"/inboxes/{tracked.inbox}/threads/{message['thread_id']}")
    other = tracked.post(**LETTER)
    tracked.load(tracked.pixels()[0])

    assert (heads.status_code, posted.status_code) == (405, 405)
    eventually(lambda: tracked.opened(other))
    assert tracked.opened(message) == []
    assert "opened" not in tracked.shown(message["message_id"])["labels"]


@pytest.mark.parametrize("token", ["x", "a" * 180, "%2E%2E", "a%20b", "%F0%9F%98%80", "%00", "a" * 4000])
def test_a_wrong_token_gets_the_same_image(tracked: Tracked, token: str) -> None:
    answer = tracked.load(f"https://link.example.com/v0/opens/{token}")

    assert (answer.status_code, answer.content) == (200, GIF)


def test_every_sending_route_tracks(tracked: Tracked) -> None:
    sent = tracked.post(**LETTER)
    at = quote(sent["message_id"], safe="")
    html = {"html": "<p>Two", "track_opens": True}

    found = []
    for tail, body in (("reply", {}), ("reply-all", {}), ("forward", {"to": "carl@example.org"})):
        tracked.post(f"{at}/{tail}", **html, **body)
        found.append(tracked.pixels())
    tracked.post(f"{at}/forward", to="carl@example.org", text="See below.", track_opens=True)
    found.append(tracked.pixels())

    assert [len(urls) for urls in found] == [1, 1, 1, 1]
    assert len({url for urls in found for url in urls}) == 4


def test_without_html_the_wish_is_ignored(tracked: Tracked) -> None:
    for body in ({"text": "One"}, {"text": "One", "html": ""}, {}):
        tracked.post(to="bob@example.org", track_opens=True, **body)
        assert tracked.pixels() == []


@pytest.mark.parametrize("where", ["the default domain", "a domain without tracking"])
def test_a_domain_without_tracking_is_a_malformed_field(tracked: Tracked, new_inbox_on: Callable[[str], str], where: str) -> None:
    http, inbox = tracked.stack.http, new_inbox_on(where)
    parent = http.post(f"/inboxes/{inbox}/messages/send", {"to": "bob@example.org", "html": "<p>One"}).json()["message_id"]
    at = quote(parent, safe="")

    for tail in ("send", f"{at}/reply", f"{at}/reply-all", f"{at}/forward"):
        body = {"html": "<p>One", "track_opens": True} | ({} if tail.endswith("reply-all") else {"to": "bob@example.org"})
        answer = http.post(f"/inboxes/{inbox}/messages/{tail}", body)
        assert answer.status_code == 400, tail
        assert [error["path"] for error in answer.json()["errors"]] == [["track_opens"]]
        assert http.post(f"/inboxes/{inbox}/messages/{tail}", body | {"track_opens": False}).status_code == 200


def test_of_a_deleted_domain_it_is_said_that_it_is_gone(tracked: Tracked) -> None:
    stack, o, domain = tracked.stack, organization_id(tracked.stack.http), f"t{uuid.uuid4().hex[:12]}.example.com"
    verified_domain(stack.runtime, o, domain, tracking_enabled=True)
    inbox = inbox_at(stack.runtime, o, f"agent@{domain}", pod_id=tracked.pod_id)
    released_domain(stack.runtime, domain)

    answer = stack.http.post(f"/inboxes/{inbox}/messages/send", LETTER)

    assert (answer.status_code, answer.json()["code"]) == (403, "domain_not_verified")


@pytest.fixture
def new_inbox_on(tracked: Tracked) -> Callable[[str], str]:
    def make(where: str) -> str:
        stack, name = tracked.stack, uuid.uuid4().hex[:12]
        inbox = stack.http.post("/inboxes", {"username": f"t{name}"}).json()
        if where == "the default domain":
            return str(inbox["inbox_id"])
        o = organization_id(stack.http)
        verified_domain(stack.runtime, o, f"t{name}.example.com")
        return inbox_at(stack.runtime, o, f"agent@t{name}.example.com", pod_id=inbox["pod_id"])

    return make


def test_a_draft_has_no_such_field_in_the_protocol(tracked: Tracked) -> None:
    path = f"/inboxes/{tracked.inbox}/drafts"
    draft = tracked.stack.http.post(path, {"to": "bob@example.org", "html": "<p>One", "track_opens": True}).json()

    answer = tracked.stack.http.post(f"{path}/{draft['draft_id']}/send", {"track_opens": True})

    assert answer.status_code == 200
    assert "track_opens" not in draft
    assert tracked.pixels() == []


@pytest.mark.parametrize("deleted", ["message", "thread", "inbox"])
def test_the_row_behind_the_pixel_goes_with_what_it_belongs_to(tracked: Tracked, deleted: str) -> None:
    stack, o = tracked.stack, organization_id(tracked.stack.http)
    inbox = inbox_at(stack.runtime, o, f"{deleted}@{tracked.domain}", pod_id=tracked.pod_id)
    own = Tracked(stack, tracked.domain, inbox, tracked.pod_id)
    message = own.post(**LETTER)
    (url,) = own.pixels()
    row = stack.runtime.items.get(keys.message(o, inbox, message["message_id"]))
    assert row is not None
    opening = keys.opening(o, inbox, row["uid"])
    assert stack.runtime.items.get(opening) is not None
    paths = {
        "message": f"{own.messages}/{quote(message['message_id'], safe='')}",
        "thread": f"/threads/{message['thread_id']}",
        "inbox": f"/inboxes/{inbox}",
    }

    assert stack.http.delete(paths[deleted]).status_code == 204

    assert own.load(url).content == GIF
    eventually(lambda: stack.runtime.items.get(opening) is None)
    assert own.opened(message) == []
