"""Requests of a hostile tenant and of a sloppy client: a clear answer in the envelope, never our fault, nothing told of others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import contract
from tests.support.identity import other_organization, without_request_id
from tests.support.seed import seed
from tests.support.stacks import Mailbox

UNKNOWN = "01a2042d-a29a-7f93-9307-9a704dda0cac"
SCALARS: list[Any] = [True, 0, -1, 1.5, 10**40, "", "\x00", "a\x00b", "\r\nX: y", "\x85", "\u2028", "x" * 20_000]
NESTED: list[Any] = [None, [], [None], [[]], [""], ["\x00"], ["x"] * 600, {}, {"a": None}, {"a": {"b": [1]}}, {"": ""}, [{}]]
DEEP: Any = json.loads('{"a":' * 60 + "1" + "}" * 60)
BUILT = ("inboxes", "messages", "threads", "drafts", "api_keys", "inbox_events", "domains")
NOT_BUILT = ("/pods/", "/search")


def operations(part: str) -> Iterator[Any]:
    """Endpoints that have a body or a query, one field at a time."""
    for endpoint in contract.contract()["endpoints"]:
        if endpoint["family"] in BUILT and not any(text in endpoint["path"] for text in NOT_BUILT):
            for field in endpoint[part]:
                case = (endpoint["method"], endpoint["path"].removeprefix("/v0"), field["name"])
                yield pytest.param(*case, id=" ".join(case))


def made_targets(stack: Mailbox) -> dict[str, str]:
    """What fills the paths: one of each, so that no request is stopped by a missing target."""
    made = stack.http.post("/inboxes", {}).json()
    inbox = made["inbox_id"]
    o = stack.http.get("/auth/me").json()["organization_id"]
    record = seed(stack.runtime, o, inbox, message_id="<target@example.com>", to=[inbox])
    key = stack.http.post("/api-keys", {}).json()["api_key_id"]
    return {
        "inbox_id": inbox,
        "pod_id": made["pod_id"],
        "message_id": "%3Ctarget%40example.com%3E",
        "thread_id": record["thread_id"],
        "draft_id": stack.http.post(f"/inboxes/{inbox}/drafts", {}).json()["draft_id"],
        "api_key_id": key,
        "attachment_id": UNKNOWN,
        "domain_id": stack.http.post("/domains", {"domain": "hostile.example.net"}).json()["domain_id"],
    }


@pytest.fixture(scope="module")
def targets(stack: Mailbox) -> dict[str, str]:
    return made_targets(stack)


@pytest.fixture(scope="module")
def sqlite_targets(sqlite_stack: Mailbox) -> dict[str, str]:
    """For what is refused before a store is asked, on either."""
    return made_targets(sqlite_stack)


def required(path: str) -> dict[str, Any]:
    if "batch" in path:
        return {"message_ids": ["<target@example.com>"], "add_labels": ["x"]}
    if path.endswith("/domains"):
        return {"domain": f"{uuid.uuid4().hex}.example.com"}
    return {"to": "to@example.com"} if path.endswith("/send") or path.endswith("/forward") else {}


@pytest.mark.parametrize(("method", "path", "field"), [*operations("body_fields")])
def test_whatever_a_body_field_holds_is_taken_or_named(
    sqlite_stack: Mailbox, sqlite_targets: dict[str, str], method: str, path: str, field: str
) -> None:
    for value in (*SCALARS, *NESTED, DEEP):
        answer = sqlite_stack.http.request(method, path.format(**sqlite_targets), json={**required(path), field: value})

        assert answer.status_code in (200, 400, 404, 422)
        if answer.status_code == 400:
            assert any(error["path"][:1] == [field] for error in answer.json()["errors"]), (value, answer.json())


@pytest.mark.parametrize(("method", "path", "field"), [*operations("query")])
def test_whatever_a_query_parameter_holds_is_taken_or_named(
    sqlite_stack: Mailbox, sqlite_targets: dict[str, str], method: str, path: str, field: str
) -> None:
    wrong = [
        "",
        "abc",
        "-1",
        "0",
        "１",
        "1e3",
        "[1]",
        '["a"',
        '["\\ud800"]',
        "[" * 3000,
        "\x00",
        "9999-12-31T23:59:59-23:59",
        "x" * 9000,
    ]
    for value in wrong:
        answer = sqlite_stack.http.request(method, path.format(**sqlite_targets), params={field: value})

        assert answer.status_code in (200, 400)
        if answer.status_code == 400:
            assert [error["path"] for error in answer.json()["errors"]] == [[field]]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"to":"\\ud800"}',
        b'{"\\udc00":1}',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=range(12),
)
def test_a_body_that_is_no_json_object_is_refused_at_the_top(
    sqlite_stack: Mailbox, sqlite_targets: dict[str, str], body: bytes
) -> None:
    answer = sqlite_stack.http.request("POST", f"/inboxes/{sqlite_targets['inbox_id']}/messages/send", content=body)

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [[]]


FOREIGN = [
    ("GET", "/inboxes/{inbox_id}", None),
    ("PATCH", "/inboxes/{inbox_id}", {"display_name": "x"}),
    ("DELETE", "/inboxes/{inbox_id}", None),
    ("GET", "/inboxes/{inbox_id}/events", None),
    ("GET", "/inboxes/{inbox_id}/api-keys", None),
    ("POST", "/inboxes/{inbox_id}/api-keys", {}),
    ("GET", "/inboxes/{inbox_id}/messages", None),
    ("GET", "/inboxes/{inbox_id}/messages?limit=x", None),
    ("GET", "/inboxes/{inbox_id}/messages/{message_id}", None),
    ("GET", "/inboxes/{inbox_id}/messages/{message_id}/raw", None),
    ("PATCH", "/inboxes/{inbox_id}/messages/{message_id}", {"add_labels": ["x"]}),
    ("DELETE", "/inboxes/{inbox_id}/messages/{message_id}", None),
    ("POST", "/inboxes/{inbox_id}/messages/batch-get", {"message_ids": ["<target@example.com>"]}),
    ("POST", "/inboxes/{inbox_id}/messages/batch-update", {"message_ids": ["<target@example.com>"], "add_labels": ["x"]}),
    ("POST", "/inboxes/{inbox_id}/messages/send", {"to": "to@example.com"}),
    ("POST", "/inboxes/{inbox_id}/messages/send", {"to": "nobody"}),
    ("POST", "/inboxes/{inbox_id}/messages/{message_id}/reply", {"text": "x"}),
    ("POST", "/inboxes/{inbox_id}/messages/{message_id}/forward", {"to": "to@example.com"}),
    ("GET", "/inboxes/{inbox_id}/threads/{thread_id}", None),
    ("GET", "/threads/{thread_id}", None),
    ("PATCH", "/threads/{thread_id}", {"add_labels": ["x"]}),
    ("DELETE", "/threads/{thread_id}", None),
    ("GET", "/threads/{thread_id}/attachments/{attachment_id}", None),
    ("GET", "/inboxes/{inbox_id}/drafts", None),
    ("POST", "/inboxes/{inbox_id}/drafts", {"text": "x"}),
    ("POST", "/inboxes/{inbox_id}/drafts", {"in_reply_to": "<target@example.com>"}),
    ("POST", "/inboxes/{inbox_id}/drafts", {"to": 1}),
    ("GET", "/inboxes/{inbox_id}/drafts/{draft_id}", None),
    ("PATCH", "/inboxes/{inbox_id}/drafts/{draft_id}", {"text": "x"}),
    ("DELETE", "/inboxes/{inbox_id}/drafts/{draft_id}", None),
    ("POST", "/inboxes/{inbox_id}/drafts/{draft_id}/send", None),
    ("GET", "/inboxes/{inbox_id}/drafts/{draft_id}/attachments/{attachment_id}", None),
    ("GET", "/drafts/{draft_id}", None),
    ("GET", "/drafts/{draft_id}/attachments/{attachment_id}", None),
    ("GET", "/pods/{pod_id}/drafts", None),
    ("GET", "/pods/{pod_id}/drafts/{draft_id}", None),
    ("GET", "/api-keys/{api_key_id}", None),
    ("PATCH", "/api-keys/{api_key_id}", {"name": "x"}),
    ("DELETE", "/api-keys/{api_key_id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), FOREIGN)
def test_what_belongs_to_others_answers_like_what_does_not_exist(
    stack: Mailbox, targets: dict[str, str], method: str, path: str, body: Any
) -> None:
    nobodys = {**dict.fromkeys(targets, UNKNOWN), "inbox_id": "nobody@mailroom.local", "message_id": "%3Cnone%40example.com%3E"}
    other = other_organization(stack)

    theirs = other.request(method, path.format(**targets), json=body)
    missing = other.request(method, path.format(**nobodys), json=body)

    assert theirs.status_code in (400, 404)
    assert without_request_id(theirs) == without_request_id(missing)


@pytest.mark.parametrize(
    "path",
    [
        "//inboxes",
        "/inboxes/",
        "/%69nboxes",
        "/inboxes/%2e%2e/organizations",
        "/inboxes/%00",
        "/inboxes/%ff%fe",
        "/inboxes/%",
        "/inboxes/a%2Fb",
        "/inboxes;x=y",
        "/inboxes/" + "a" * 7000,
        "/threads/" + "%00" * 500,
        "/drafts/" + "%00" * 500,
        "/inboxes/{inbox_id}/drafts/" + "%23" * 900,
        "/api-keys/" + "%23" * 900,
        "/inboxes/{inbox_id}/messages/",
        "/inboxes/{inbox_id}/messages//",
        "/inboxes/{inbox_id}/messages//raw",
        "/inboxes/{inbox_id}/messages/x/attachments/",
        "/inboxes/{inbox_id}/messages/x/",
        "/inboxes/{inbox_id}/messages/x//attachments//y",
        "/inboxes/{inbox_id}/messages/x/y/agent-armor/feedback",
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(stack: Mailbox, targets: dict[str, str], path: str) -> None:
    assert stack.http.get(path.format(**targets)).json()["code"] == "not_found"


@pytest.mark.parametrize(
    "authorization", ["", "bearer {}", "Bearer  {}", "Bearer\t{}", "Bearer {} x", "{}", "Basic {}", "Bearer a.b.c"]
)
def test_a_malformed_credential_is_refused(sqlite_stack: Mailbox, authorization: str) -> None:
    header = authorization.format(sqlite_stack.backend.api_key)

    answer = sqlite_stack.strict(None).get("/auth/me", headers={"Authorization": header})

    assert answer.status_code == 401


def altered(token: str) -> Iterator[str]:
    yield from (token[:-1], token[:10], token + "=", token + "A", "A" * 9000, "\U0001f600", "%00")
    yield from (token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in (0, len(token) // 2))
    yield from (
        token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if last != token[-1]
    )


def test_a_page_token_is_only_what_was_issued(stack: Mailbox, targets: dict[str, str]) -> None:
    path = f"/inboxes/{targets['inbox_id']}/messages"
    o = stack.http.get("/auth/me").json()["organization_id"]
    seed(stack.runtime, o, targets["inbox_id"])
    token = stack.http.get(path, params={"limit": 1}).json()["next_page_token"]

    answers = [stack.http.get(path, params={"limit": 1, "page_token": each}) for each in altered(token)]

    assert {answer.status_code for answer in answers} == {400}
    assert stack.http.get(path, params={"limit": 1, "page_token": token}).status_code == 200


def test_a_body_over_the_limit_is_refused_however_it_is_announced(sqlite_stack: Mailbox) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 65_536

    headers = {"Authorization": f"Bearer {sqlite_stack.backend.api_key}"}
    for content in (b" " * (6 * 1024 * 1024 + 1), chunks()):
        answer = httpx.post(f"{sqlite_stack.backend.http}/v0/inboxes", content=content, headers=headers, timeout=60)

        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_thousands_of_attachments_are_refused_before_anything_is_stored(stack: Mailbox, targets: dict[str, str]) -> None:
    body = {"to": "to@example.com", "attachments": [{"content": ""}] * 20_000}
    before = len(stack.sent())

    answer = stack.http.post(f"/inboxes/{targets['inbox_id']}/messages/send", body)

    assert answer.json()["code"] == "unprocessable"
    assert len(stack.sent()) == before
